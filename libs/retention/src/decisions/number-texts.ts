const CELLS = 8192;
/** Bytes that a number takes at most (`-2.2250738585072014e-308` is the longest), whole words of them. */
export const NUMBER_BYTES = 24;

const NULL = Buffer.from('null');

/**
 * Writes numbers as JSON does: the shortest decimal that reads back the same; what is not finite is `null`. Small whole numbers are
 * written digit by digit. Other numbers come back often (minutes since a record, contributions of small counts), so that their texts
 * are kept, the newest of each hash.
 */
export class NumberTexts {
  readonly #numbers = new Float64Array(CELLS);
  readonly #lengths = new Uint8Array(CELLS);
  readonly #cells = Buffer.from(new ArrayBuffer(CELLS * NUMBER_BYTES));
  readonly #words = new DataView(this.#cells.buffer);
  readonly #one = new Float64Array(1);
  readonly #halves = new Int32Array(this.#one.buffer);

  /** Writes at `position` and gives the position behind; up to `NUMBER_BYTES` from `position` on may be written over. */
  write(value: number, bytes: Buffer, view: DataView, position: number): number {
    if ((value | 0) === value && value >= 0) return writeDigits(value, bytes, position);
    if (value - value !== 0) {
      bytes.set(NULL, position);
      return position + NULL.length;
    }
    this.#one[0] = value;
    const hash = Math.imul(this.#halves[0] ^ Math.imul(this.#halves[1], -1640531535), -2048144789) >>> 19;
    // An empty cell has the number 0, which never comes here.
    if (this.#numbers[hash] !== value) this.#keep(hash, value);
    const words = this.#words;
    const from = hash * NUMBER_BYTES;
    const length = this.#lengths[hash];
    for (let at = 0; at < length; at += 4) view.setInt32(position + at, words.getInt32(from + at, true), true);
    return position + length;
  }

  #keep(hash: number, value: number): void {
    this.#numbers[hash] = value;
    this.#lengths[hash] = this.#cells.write(`${value}`, hash * NUMBER_BYTES, 'latin1');
  }
}

/** A whole number from 0 to 2^31 - 1. */
function writeDigits(value: number, bytes: Buffer, position: number): number {
  if (value < 10) {
    bytes[position] = 48 + value;
    return position + 1;
  }
  let size = 2;
  for (let power = 100; power <= value; power *= 10) size++;
  for (let at = position + size - 1, rest = value; at >= position; at--) {
    const tens = (rest / 10) | 0;
    bytes[at] = 48 + rest - tens * 10;
    rest = tens;
  }
  return position + size;
}
