import assert from 'node:assert';

import type { DelimitedFormat, SourceColumn } from '../sources/source.ts';
import type { Column, ScalarType } from './columns.ts';
import { ASCII_ZEROS, fourDigits, notDigits } from './digit-words.ts';
import { NullMarks } from './field-reader.ts';
import type { FieldReader } from './field-reader.ts';
import { POWERS_OF_TEN } from './numbers.ts';
import { allocateValues, elementType } from './physical-form.ts';
import { badTokenReason, storedAllowed, storedRange, tokenParser } from './scalar-readers.ts';
import type { TokenParser } from './scalar-readers.ts';

const ZERO = 48;
const POINT = 46;
const INT_HIGH = 2 ** 31 - 1;

/**
 * Lists of numbers of one column, all elements in one array. A padded list is read in full length; `unpaddedCount` says where its
 * trailing pad tokens begin (compared as text, since `0.0` is a value and `0` is none), and `keep` cuts it once the record's
 * real length is known, which may come from a later field.
 */
export class ListReader implements FieldReader {
  readonly column: SourceColumn;
  failure = '';
  /** Elements of the last read list, with and without its trailing pads. */
  count = 0;
  unpaddedCount = 0;
  private values: Int32Array | Float64Array | Uint8Array;
  private readonly offsets: Int32Array;
  private readonly nulls: NullMarks;
  private readonly separator: number;
  private readonly listSeparator: number;
  /** Fixed number of tokens, 0 when lists may have any. */
  readonly length: number;
  private readonly pad: Buffer;
  private readonly parse: TokenParser;
  private readonly badToken: string;
  private readonly low: number;
  private readonly high: number;
  private readonly allowed: readonly number[] | undefined;
  private readonly shape: 'digits' | 'decimal' | 'any';
  private readonly wholeDigits: number;
  private readonly scale: number;
  /** What one unit is worth in stored units after so many fraction digits. */
  private readonly units: Int32Array;
  /** Upper end of the range in whole stored units; the short paths see no negative values and are taken only where zero is in range. */
  private readonly highInt: number;
  /** A pad would be no valid item here, so items are checked once it is known which tokens are items. */
  private readonly checksLater: boolean;
  /** The text `0,0,` as a word. */
  private readonly twoZeros: number;
  /**
   * Fraction digits beyond the fourth, where full fractions are read as words (1 to 3, else 0); the word that follows the fourth digit
   * when those are zeros and a list separator comes after; what to add to each byte's difference from it, and the marks that then show.
   */
  private readonly farDigits: number;
  private readonly farText: number;
  private readonly farLimits: number;
  private readonly farMarks: number;
  /** Where the next element goes, and behind the last one that is no pad. */
  private at = 0;
  private unpaddedEnd = 0;

  constructor(column: SourceColumn, format: DelimitedFormat, rows: number) {
    const type = elementType(column.type);
    assert(format.listSeparator !== undefined, `expected a list separator for the list column ${column.name}, found none`);
    this.column = column;
    this.values = allocateValues(type, Math.max(64, rows * (format.lists?.length ?? 4)));
    this.offsets = new Int32Array(rows + 1);
    this.nulls = new NullMarks(column.nullable ? rows : 0);
    this.separator = format.separator.charCodeAt(0);
    this.listSeparator = format.listSeparator.charCodeAt(0);
    this.length = format.lists?.length ?? 0;
    this.parse = tokenParser(type, format.timeFormat, column.zeroFraction);
    this.pad = Buffer.from(format.lists?.pad ?? '');
    const padValue = format.lists === undefined ? 0 : this.parse(this.pad, 0, this.pad.length);
    assert(!Number.isNaN(padValue), `expected padding to be a ${type.name}, found ${this.pad.toString()} (${column.name})`);
    this.badToken = badTokenReason(type);
    [this.low, this.high] = storedRange(column);
    this.allowed = storedAllowed(column, this.parse);
    this.checksLater = format.lists !== undefined && !this.isItem(padValue);
    this.scale = type.name === 'decimal' ? type.scale : 0;
    this.wholeDigits = type.name === 'decimal' ? type.precision - type.scale : 9;
    this.units = Int32Array.from({ length: this.scale + 1 }, (_, digits) => POWERS_OF_TEN[this.scale - digits]);
    this.shape = this.shapeFor(type, format);
    this.highInt = Math.min(Math.floor(this.high), INT_HIGH) | 0;
    this.twoZeros = (this.listSeparator << 24) | (ZERO << 16) | (this.listSeparator << 8) | ZERO;
    this.farDigits = this.scale >= 5 && this.scale <= 7 ? this.scale - 4 : 0;
    const behind = 8 * this.farDigits;
    const below = (1 << behind) - 1;
    this.farText = (ASCII_ZEROS & below) | (this.listSeparator << behind);
    this.farLimits = (0x76767676 & below) | (0x7f << behind);
    this.farMarks = 0x80808080 & ((1 << behind) * 256 - 1);
  }

  /** The short paths hold every intermediate in 32 bits, take zeros without a look and know no pad but `0`. */
  private shapeFor(type: ScalarType, format: DelimitedFormat): 'digits' | 'decimal' | 'any' {
    const zeroIsFine = this.low <= 0 && this.high >= 0;
    if (!zeroIsFine || this.allowed !== undefined || (format.lists !== undefined && format.lists.pad !== '0')) return 'any';
    if (type.name === 'int') return 'digits';
    return type.name === 'decimal' && type.precision <= 9 && this.wholeDigits >= 1 ? 'decimal' : 'any';
  }

  read(bytes: Buffer, view: DataView, position: number, end: number, row: number): number {
    const start = this.offsets[row];
    const tokensAtMost = ((end - position) >> 1) + 2;
    if (start + tokensAtMost > this.values.length) this.grow(start + tokensAtMost);
    this.at = start;
    this.unpaddedEnd = start;
    let next = position;
    for (;;) {
      if (this.shape === 'decimal') next = this.runDecimals(bytes, view, next, end);
      else if (this.shape === 'digits') next = this.runDigits(bytes, view, next, end);
      if (next < 0) break;
      const stop = this.readToken(bytes, next, end);
      if (stop < 0) return -1;
      next = stop + 1;
      if (stop !== end && bytes[stop] === this.listSeparator) continue;
      next = ~stop;
      break;
    }
    this.count = this.at - start;
    this.unpaddedCount = this.unpaddedEnd - start;
    if (this.length > 0 && this.count !== this.length) return this.fail('list-length');
    this.offsets[row + 1] = this.at;
    if (this.column.nullable) this.nulls.clear(row);
    return ~next;
  }

  readMissing(row: number): void {
    this.count = 0;
    this.unpaddedCount = 0;
    this.offsets[row + 1] = this.offsets[row];
    this.nulls.mark(row);
  }

  /** Cuts the row's list to `count` items; false when a value stands where padding must be, or an item is out of range. */
  keep(row: number, count: number): boolean {
    // A missing list stays missing.
    if (this.count === 0) return true;
    if (this.unpaddedCount > count) return this.fail('list-length') === 0;
    const start = this.offsets[row];
    if (this.checksLater) {
      for (let index = start; index < start + count; index++) {
        if (!this.isItem(this.values[index])) return this.fail(this.refusal(this.values[index])) === 0;
      }
    }
    this.offsets[row + 1] = start + count;
    return true;
  }

  take(rowCount: number): Column {
    const offsets = this.offsets.slice(0, rowCount + 1);
    const values = this.values.slice(0, offsets[rowCount]);
    return { type: this.column.type, values, offsets, ...(this.column.nullable ? this.nulls.take(rowCount) : {}) };
  }

  /**
   * Reads tokens that are unsigned integers of at most nine digits, single digits two at a time. Gives the position of the first
   * other token, or, when the list is at its end, the complement of the end. Nothing is called inside, so that the loop stays tight.
   */
  private runDigits(bytes: Buffer, view: DataView, from: number, end: number): number {
    const { values, listSeparator, separator, highInt, twoZeros } = this;
    let { at, unpaddedEnd } = this;
    let position = from;
    let token = from;
    for (;;) {
      const pair = view.getInt32(position, true) ^ twoZeros;
      if (((pair | (pair + 0x00060006)) & 0xfff0fff0) === 0) {
        const first = pair & 15;
        const second = pair >>> 16;
        if (first <= highInt && second <= highInt) {
          values[at] = first;
          values[at + 1] = second;
          at += 2;
          if (pair !== 0) unpaddedEnd = second === 0 ? at - 1 : at;
          position += 4;
          continue;
        }
      }
      token = position;
      let value = 0;
      let byte = bytes[position];
      for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
        value = (Math.imul(value, 10) + digit) | 0;
        byte = bytes[++position];
      }
      const length = position - token;
      if ((length - 1) >>> 0 > 8 || value > highInt) break;
      if (byte !== listSeparator) {
        if (byte !== separator && position !== end) break;
        token = ~position;
      }
      values[at++] = value;
      if (value !== 0 || length > 1) unpaddedEnd = at;
      if (token < 0) break;
      position++;
    }
    this.at = at;
    this.unpaddedEnd = unpaddedEnd;
    return token;
  }

  /** The same for unsigned decimals of at most nine digits; a fraction in the scale's full length is read four digits at a time. */
  private runDecimals(bytes: Buffer, view: DataView, from: number, end: number): number {
    const { values, units, scale, wholeDigits, listSeparator, separator, highInt, twoZeros } = this;
    const { farDigits, farText, farLimits, farMarks } = this;
    const farMask = (1 << (8 * farDigits)) - 1;
    const farShift = 8 * (4 - farDigits);
    const farUnit = POWERS_OF_TEN[farDigits];
    let { at, unpaddedEnd } = this;
    let position = from;
    let token = from;
    for (;;) {
      const word = view.getInt32(position, true);
      if (word === twoZeros) {
        values[at] = 0;
        values[at + 1] = 0;
        at += 2;
        position += 4;
        continue;
      }
      token = position;
      let value = 0;
      if (farDigits > 0) {
        // `d.dddddd,` in one test: every byte that is not as expected sets its high bit (see `digit-words.ts`).
        const head = word ^ ((POINT << 8) | ZERO);
        const near = view.getInt32(position + 2, true) ^ ASCII_ZEROS;
        const far = view.getInt32(position + 6, true) ^ farText;
        const strange = ((head + 0x7f76) | head) & 0x8080;
        if ((strange | notDigits(near) | (((far + farLimits) | far) & farMarks)) === 0) {
          value = Math.imul(Math.imul(head & 15, 10_000) + fourDigits(near), farUnit) + fourDigits((far & farMask) << farShift);
          if (value > highInt) break;
          values[at++] = value;
          unpaddedEnd = at;
          position += 7 + farDigits;
          continue;
        }
      }
      let byte = bytes[position];
      for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
        value = (Math.imul(value, 10) + digit) | 0;
        byte = bytes[++position];
      }
      const wholeLength = position - token;
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
      if ((wholeLength - 1) >>> 0 >= wholeDigits || fraction > scale) break;
      value = Math.imul(value, units[fraction]);
      if (value > highInt) break;
      const length = position - token;
      if (byte !== listSeparator) {
        if (byte !== separator && position !== end) break;
        token = ~position;
      }
      values[at++] = value;
      if (value !== 0 || length > 1) unpaddedEnd = at;
      if (token < 0) break;
      position++;
    }
    this.at = at;
    this.unpaddedEnd = unpaddedEnd;
    return token;
  }

  /** Appends the token at `position`, in any form its type allows, and gives its end, or -1 with `failure` set. */
  private readToken(bytes: Buffer, position: number, end: number): number {
    let stop = position;
    while (stop < end && bytes[stop] !== this.listSeparator && bytes[stop] !== this.separator) stop++;
    const value = this.parse(bytes, position, stop);
    const isPad = this.isPad(bytes, position, stop);
    if (!isPad && !this.isItem(value)) return this.fail(this.refusal(value));
    this.values[this.at++] = value;
    if (!isPad) this.unpaddedEnd = this.at;
    return stop;
  }

  private isItem(value: number): boolean {
    return value >= this.low && value <= this.high && (this.allowed === undefined || this.allowed.includes(value));
  }

  private refusal(value: number): string {
    if (Number.isNaN(value)) return this.badToken;
    return value >= this.low && value <= this.high ? 'not-allowed' : 'out-of-range';
  }

  private isPad(bytes: Buffer, start: number, end: number): boolean {
    if (this.length === 0 || this.pad.length !== end - start) return false;
    for (let index = 0; index < this.pad.length; index++) if (bytes[start + index] !== this.pad[index]) return false;
    return true;
  }

  private grow(needed: number): void {
    const larger = allocateValues(elementType(this.column.type), Math.max(needed, this.values.length * 2));
    larger.set(this.values as never);
    this.values = larger;
  }

  private fail(reason: string): number {
    this.failure = reason;
    return -1;
  }
}
