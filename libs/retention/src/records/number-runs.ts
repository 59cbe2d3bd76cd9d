/**
 * The usual tokens of lists, read many in one loop: unsigned numbers of at most nine digits, within the range. Where a token is in
 * another form, a run stops in front of it and the exact reader of its type decides; what a run takes, that reader would read the same.
 *
 * How the loops get their pace, measured: lengths of tokens are random, so a branch on each digit is mispredicted once a token, and that
 * costs more than all the rest; a length is found by bits of a whole word of text instead. A loop without a loop inside is one whose
 * checks the compiler moves out of it. What it reads over and over is a local integer (`| 0`), no field and no import.
 */
import { POWERS_OF_TEN } from './numbers.ts';

const ZERO = 48;
const POINT = 46;
/**
 * A little-endian word of text, xor this, has the digit's value in each byte that is one and at least 10 in each that is none (Lemire,
 * "Parsing series of integers with SIMD", 2018, in scalar form).
 */
const ASCII_ZEROS = 0x30303030;
const POINT_FROM_ZERO = POINT ^ ZERO;

export interface NumberRun {
  /** Where the next element goes, and behind the last one that is no pad; set before `read`, moved by it. */
  at: number;
  unpaddedEnd: number;
  /**
   * Reads from `from` on into `values`. Gives the position of the first token it can't take, or, when the list is at its end, the
   * complement of the end. Words of text behind the line's end are loaded, never used.
   */
  read(bytes: Buffer, view: DataView, values: Int32Array, from: number, end: number): number;
}

/** The characters between elements and between fields, and the greatest stored value within the column's range. */
export interface RunBounds {
  readonly listSeparator: number;
  readonly separator: number;
  readonly high: number;
}

/** Lists of integers; single digits are read two at a time, up to three digits without a branch on their number. */
export class IntegerRun implements NumberRun {
  at = 0;
  unpaddedEnd = 0;
  private readonly bounds: RunBounds;
  /** The text `0,0,` as a word, and that text twice. */
  private readonly twoZeros: number;
  private readonly fourZeros: number;

  constructor(bounds: RunBounds) {
    this.bounds = bounds;
    this.twoZeros = textOfTwoZeros(bounds.listSeparator);
    this.fourZeros = asDouble(this.twoZeros);
  }

  read(bytes: Buffer, view: DataView, values: Int32Array, from: number, end: number): number {
    let position = from;
    for (;;) {
      position = this.readShort(view, values, position, end);
      if (position < 0) return position;
      const next = this.readOne(bytes, values, position, end);
      if (next < 0 || next === position) return next;
      position = next;
    }
  }

  private readShort(view: DataView, values: Int32Array, from: number, end: number): number {
    const { bounds } = this;
    const high = bounds.high | 0;
    const between = (bounds.listSeparator ^ ZERO) | 0;
    const behind = (bounds.separator ^ ZERO) | 0;
    const twoZeros = this.twoZeros | 0;
    const { fourZeros } = this;
    const lineEnd = end | 0;
    let at = this.at | 0;
    let unpaddedEnd = this.unpaddedEnd | 0;
    let position = from | 0;
    for (;;) {
      if (view.getFloat64(position, true) === fourZeros) {
        values[at] = 0;
        values[at + 1] = 0;
        values[at + 2] = 0;
        values[at + 3] = 0;
        at = (at + 4) | 0;
        position = (position + 8) | 0;
        continue;
      }
      const word = view.getInt32(position, true);
      const pair = word ^ twoZeros;
      if (((pair | (pair + 0x00060006)) & 0xfff0fff0) === 0) {
        const first = pair & 15;
        const second = pair >>> 16;
        if (first > high || second > high) break;
        values[at] = first;
        values[at + 1] = second;
        // How many of the two belong in front of the pads: the place of the last one that is not 0.
        const counted = (47 - Math.clz32(pair)) >> 4;
        const some = -counted >> 31;
        unpaddedEnd = (unpaddedEnd & ~some) | ((at + counted) & some);
        at = (at + 2) | 0;
        position = (position + 4) | 0;
        continue;
      }
      const digits = word ^ ASCII_ZEROS;
      const length = digitCount(digits);
      if ((length & 3) === 0) break;
      const value = fourDigits(digits << (32 - 8 * length));
      const stop = (position + length) | 0;
      const after = (digits >>> (8 * length)) & 255;
      if (value > high || (after !== between && after !== behind && stop !== lineEnd)) break;
      values[at] = value;
      at = (at + 1) | 0;
      if (value !== 0 || length > 1) unpaddedEnd = at;
      position = (stop + 1) | 0;
      if (after === between) continue;
      position = ~stop;
      break;
    }
    this.at = at;
    this.unpaddedEnd = unpaddedEnd;
    return position;
  }

  /** One token of any length, digit by digit. Gives the position of the next, the complement of the list's end, or `from` for what it can't take. */
  private readOne(bytes: Buffer, values: Int32Array, from: number, end: number): number {
    const { listSeparator, separator, high } = this.bounds;
    let position = from;
    let value = 0;
    let byte = bytes[position];
    for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
      value = (Math.imul(value, 10) + digit) | 0;
      byte = bytes[++position];
    }
    const length = position - from;
    if ((length - 1) >>> 0 > 8 || value > high || (byte !== listSeparator && byte !== separator && position !== end)) return from;
    values[this.at++] = value;
    if (value !== 0 || length > 1) this.unpaddedEnd = this.at;
    return byte === listSeparator ? position + 1 : ~position;
  }
}

/** Lists of decimals of at most nine digits. */
export class DecimalRun implements NumberRun {
  at = 0;
  unpaddedEnd = 0;
  private readonly bounds: RunBounds;
  private readonly scale: number;
  private readonly wholeDigits: number;
  /** Which tokens the scale makes usual: `0.123456` for rates, `129.9` for amounts. */
  private readonly shape: 'rates' | 'amounts' | 'any';
  /** What one unit is worth in stored units after so many fraction digits. */
  private readonly units: Int32Array;
  /** The texts `0,0,` and `0.0,` as words, and the second twice. */
  private readonly twoZeros: number;
  private readonly zero: number;
  private readonly zeroTwice: number;

  constructor(bounds: RunBounds, precision: number, scale: number) {
    this.bounds = bounds;
    this.twoZeros = textOfTwoZeros(bounds.listSeparator);
    this.zero = textOfZero(bounds.listSeparator);
    this.zeroTwice = asDouble(this.zero);
    this.scale = scale;
    this.wholeDigits = precision - scale;
    this.shape = scale >= 5 && scale <= 7 ? 'rates' : scale >= 1 && scale <= 4 ? 'amounts' : 'any';
    this.units = Int32Array.from({ length: scale + 1 }, (_, digits) => POWERS_OF_TEN[scale - digits]);
  }

  read(bytes: Buffer, view: DataView, values: Int32Array, from: number, end: number): number {
    let position = from;
    for (;;) {
      if (this.shape === 'rates') position = this.readRates(view, values, position, end);
      else if (this.shape === 'amounts') position = this.readAmounts(view, values, position, end);
      if (position < 0) return position;
      const next = this.readOne(bytes, values, position, end);
      if (next < 0 || next === position) return next;
      position = next;
    }
  }

  /** Tokens of one digit, a point and four digits or more, as many as there are on end; and zeros. */
  private readRates(view: DataView, values: Int32Array, from: number, end: number): number {
    const { bounds, scale, units } = this;
    const high = bounds.high | 0;
    const between = (bounds.listSeparator ^ ZERO) | 0;
    const behind = (bounds.separator ^ ZERO) | 0;
    const twoZeros = this.twoZeros | 0;
    const zero = this.zero | 0;
    const lineEnd = end | 0;
    const farDigits = (scale - 4) | 0;
    const farUnit = units[4] | 0;
    const farShift = (8 * (8 - scale)) | 0;
    let at = this.at | 0;
    let unpaddedEnd = this.unpaddedEnd | 0;
    let position = from | 0;
    for (;;) {
      const word = view.getInt32(position, true);
      if (word === twoZeros) {
        values[at] = 0;
        values[at + 1] = 0;
        at = (at + 2) | 0;
        position = (position + 4) | 0;
        continue;
      }
      if (word === zero) {
        values[at] = 0;
        at = (at + 1) | 0;
        unpaddedEnd = at;
        position = (position + 4) | 0;
        continue;
      }
      // `d.dddd` in one test: a high bit for every byte that is not as expected.
      const head = word ^ ((POINT << 8) | ZERO);
      const near = view.getInt32(position + 2, true) ^ ASCII_ZEROS;
      const far = view.getInt32(position + 6, true) ^ ASCII_ZEROS;
      if (((((head + 0x7f76) | head) & 0x8080) | notDigits(near)) !== 0) break;
      const further = digitCount(far);
      if (further > farDigits) break;
      const stop = (position + 6 + further) | 0;
      const after = (far >>> (8 * further)) & 255;
      if (after !== between && after !== behind && stop !== lineEnd) break;
      // What follows the fraction is masked away: zero digits, as many as the scale still has.
      const rest = fourDigits((far & ((1 << (8 * further)) - 1)) << farShift);
      const value = (Math.imul(Math.imul(head & 15, 10_000) + fourDigits(near), farUnit) + rest) | 0;
      if (value > high) break;
      values[at] = value;
      at = (at + 1) | 0;
      unpaddedEnd = at;
      position = (stop + 1) | 0;
      if (after === between) continue;
      position = ~stop;
      break;
    }
    this.at = at;
    this.unpaddedEnd = unpaddedEnd;
    return position;
  }

  /** Tokens of one to three digits, a point and a fraction, as many as there are on end; and zeros. */
  private readAmounts(view: DataView, values: Int32Array, from: number, end: number): number {
    const { bounds, units } = this;
    const high = bounds.high | 0;
    const between = (bounds.listSeparator ^ ZERO) | 0;
    const behind = (bounds.separator ^ ZERO) | 0;
    const twoZeros = this.twoZeros | 0;
    const zero = this.zero | 0;
    const { zeroTwice } = this;
    const lineEnd = end | 0;
    const scale = this.scale | 0;
    const wholeDigits = this.wholeDigits | 0;
    const unit = units[0] | 0;
    const fractionShift = (8 * (4 - scale)) | 0;
    let at = this.at | 0;
    let unpaddedEnd = this.unpaddedEnd | 0;
    let position = from | 0;
    for (;;) {
      if (view.getFloat64(position, true) === zeroTwice) {
        values[at] = 0;
        values[at + 1] = 0;
        at = (at + 2) | 0;
        unpaddedEnd = at;
        position = (position + 8) | 0;
        continue;
      }
      const word = view.getInt32(position, true);
      if (word === zero) {
        values[at] = 0;
        at = (at + 1) | 0;
        unpaddedEnd = at;
        position = (position + 4) | 0;
        continue;
      }
      if (word === twoZeros) {
        values[at] = 0;
        values[at + 1] = 0;
        at = (at + 2) | 0;
        position = (position + 4) | 0;
        continue;
      }
      const digits = word ^ ASCII_ZEROS;
      const whole = digitCount(digits);
      if ((whole & 3) === 0 || whole > wholeDigits || ((digits >>> (8 * whole)) & 255) !== POINT_FROM_ZERO) break;
      const fraction = view.getInt32(position + whole + 1, true) ^ ASCII_ZEROS;
      const length = digitCount(fraction);
      if ((length & 3) === 0 || length > scale) break;
      const stop = (position + whole + 1 + length) | 0;
      const after = (fraction >>> (8 * length)) & 255;
      if (after !== between && after !== behind && stop !== lineEnd) break;
      const rest = fourDigits((fraction & ((1 << (8 * length)) - 1)) << fractionShift);
      const value = (Math.imul(fourDigits(digits << (32 - 8 * whole)), unit) + rest) | 0;
      if (value > high) break;
      values[at] = value;
      at = (at + 1) | 0;
      unpaddedEnd = at;
      position = (stop + 1) | 0;
      if (after === between) continue;
      position = ~stop;
      break;
    }
    this.at = at;
    this.unpaddedEnd = unpaddedEnd;
    return position;
  }

  /** One token of any length, digit by digit. Gives the position of the next, the complement of the list's end, or `from` for what it can't take. */
  private readOne(bytes: Buffer, values: Int32Array, from: number, end: number): number {
    const { listSeparator, separator, high } = this.bounds;
    let position = from;
    let value = 0;
    let byte = bytes[position];
    for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
      value = (Math.imul(value, 10) + digit) | 0;
      byte = bytes[++position];
    }
    const whole = position - from;
    let fraction = 0;
    if (byte === POINT) {
      const first = position + 1;
      byte = bytes[++position];
      for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
        value = (Math.imul(value, 10) + digit) | 0;
        byte = bytes[++position];
      }
      fraction = position - first;
    }
    if ((whole - 1) >>> 0 >= this.wholeDigits || fraction > this.scale) return from;
    value = Math.imul(value, this.units[fraction]);
    if (value > high || (byte !== listSeparator && byte !== separator && position !== end)) return from;
    values[this.at++] = value;
    if (value !== 0 || position - from > 1) this.unpaddedEnd = this.at;
    return byte === listSeparator ? position + 1 : ~position;
  }
}

/** The text `0,0,` as a word. */
function textOfTwoZeros(listSeparator: number): number {
  return (listSeparator << 24) | (ZERO << 16) | (listSeparator << 8) | ZERO;
}

/** The text `0.0,` as a word. */
function textOfZero(listSeparator: number): number {
  return (listSeparator << 24) | (ZERO << 16) | (POINT << 8) | ZERO;
}

/** The double whose eight bytes are the word twice: compared as a double, eight bytes of text are one test. */
function asDouble(word: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, word, true);
  view.setInt32(4, word, true);
  return view.getFloat64(0, true);
}

/**
 * A high bit for bytes of a word xor `ASCII_ZEROS` that are no digit; 0 when all four are digits. The lowest mark is always right;
 * a digit right above a marked byte may be marked too, by a carry.
 */
function notDigits(word: number): number {
  return ((word + 0x76767676) | word) & 0x80808080;
}

/** How many digits a word xor `ASCII_ZEROS` begins with, 0 to 4: the bytes below the lowest mark. */
function digitCount(word: number): number {
  const marks = notDigits(word);
  return (32 - Math.clz32((marks - 1) & ~marks)) >> 3;
}

/** The number that the four digits of a word xor `ASCII_ZEROS` spell, the low byte being the first digit. */
function fourDigits(word: number): number {
  const pairs = (Math.imul(word, 10) + (word >>> 8)) & 0x00ff00ff;
  return Math.imul(pairs, 6_553_601) >>> 16;
}
