import assert from 'node:assert';

import type { DelimitedFormat, SourceColumn } from '../sources/source.ts';
import type { Column } from './columns.ts';
import { fieldEnd, NullMarks } from './field-reader.ts';
import type { FieldReader } from './field-reader.ts';
import { POWERS_OF_TEN } from './numbers.ts';
import { allocateValues, badTokenReason, elementType, storedAllowed, storedRange, tokenParser } from './scalar-readers.ts';
import type { TokenParser } from './scalar-readers.ts';

const ZERO = 48;
const POINT = 46;

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
  private readonly length: number;
  private readonly pad: Buffer;
  private readonly padValue: number;
  private readonly parse: TokenParser;
  private readonly badToken: string;
  private readonly low: number;
  private readonly high: number;
  private readonly allowed: readonly number[] | undefined;
  private readonly shape: 'digits' | 'decimal' | 'any';
  private readonly pointDigits: number;
  private readonly scale: number;
  private readonly scales: Int32Array;
  /** The range in whole stored units, for the short paths. */
  private readonly lowInt: number;
  private readonly highInt: number;
  /** A pad would be no valid item here, so items are checked once it is known which tokens are items. */
  private readonly checksLater: boolean;

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
    this.padValue = format.lists === undefined ? 0 : this.parse(this.pad, 0, this.pad.length);
    assert(!Number.isNaN(this.padValue), `expected padding to be a ${type.name}, found ${this.pad.toString()} (${column.name})`);
    this.badToken = badTokenReason(type);
    [this.low, this.high] = storedRange(column);
    this.allowed = storedAllowed(column, this.parse);
    // The short paths know the pad `0` alone, and values whose every intermediate fits 32 bits.
    const plain = this.allowed === undefined && (format.lists === undefined || format.lists.pad === '0');
    this.scale = type.name === 'decimal' ? type.scale : 0;
    this.pointDigits = type.name === 'decimal' ? type.precision - type.scale : 9;
    const narrow = type.name === 'decimal' && type.precision <= 9 && this.pointDigits >= 1;
    this.shape = !plain ? 'any' : type.name === 'int' ? 'digits' : narrow ? 'decimal' : 'any';
    this.scales = Int32Array.from({ length: this.scale + 1 }, (_, digits) => POWERS_OF_TEN[this.scale - digits]);
    this.checksLater = format.lists !== undefined && !this.isItem(this.padValue);
    this.lowInt = this.checksLater ? -(2 ** 31) : Math.max(Math.ceil(this.low), -(2 ** 31));
    this.highInt = this.checksLater ? 2 ** 31 - 1 : Math.min(Math.floor(this.high), 2 ** 31 - 1);
  }

  read(bytes: Buffer, position: number, end: number, row: number): number {
    const start = this.offsets[row];
    const tokensAtMost = ((end - position) >> 1) + 1;
    if (start + tokensAtMost > this.values.length) this.grow(start + tokensAtMost);
    this.unpaddedCount = 0;
    const next =
      this.shape === 'decimal'
        ? this.readDecimals(bytes, position, end, start)
        : this.shape === 'digits'
          ? this.readDigits(bytes, position, end, start)
          : this.readTokens(bytes, position, end, start, start);
    if (next < 0) return -1;
    if (this.length > 0 && this.count !== this.length) return this.fail('list-length');
    this.offsets[row + 1] = start + this.count;
    if (this.column.nullable) this.nulls.clear(row);
    return next;
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

  /** Lists of short unsigned integers; hands over to `readTokens` at the first token of another form. */
  private readDigits(bytes: Buffer, from: number, end: number, start: number): number {
    const { values, listSeparator, separator, lowInt, highInt } = this;
    let position = from;
    let at = start;
    let unpadded = start;
    for (;;) {
      const token = position;
      let value = bytes[position] - ZERO;
      if (value >>> 0 > 9) return this.readTokens(bytes, token, end, start, at, unpadded);
      let byte = bytes[++position];
      for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
        value = (Math.imul(value, 10) + digit) | 0;
        byte = bytes[++position];
      }
      const last = byte !== listSeparator;
      if (position - token > 9 || value > highInt || value < lowInt || (last && byte !== separator && position !== end)) {
        return this.readTokens(bytes, token, end, start, at, unpadded);
      }
      values[at++] = value;
      if (value !== 0 || position - token > 1) unpadded = at;
      if (last) break;
      position++;
    }
    this.count = at - start;
    this.unpaddedCount = unpadded - start;
    return position;
  }

  /** Lists of unsigned decimals of at most nine digits; hands over to `readTokens` at the first token of another form. */
  private readDecimals(bytes: Buffer, from: number, end: number, start: number): number {
    const { values, scales, scale, pointDigits, listSeparator, separator, lowInt, highInt } = this;
    let position = from;
    let at = start;
    let unpadded = start;
    for (;;) {
      const token = position;
      let value = bytes[position] - ZERO;
      if (value === 0 && bytes[position + 1] === listSeparator) {
        values[at++] = 0;
        position += 2;
        continue;
      }
      if (value >>> 0 > 9) return this.readTokens(bytes, token, end, start, at, unpadded);
      let byte = bytes[++position];
      for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
        value = (Math.imul(value, 10) + digit) | 0;
        byte = bytes[++position];
      }
      let fraction = 0;
      const wholeDigits = position - token;
      if (byte === POINT) {
        const point = position;
        byte = bytes[++position];
        for (let digit = byte - ZERO; digit >>> 0 <= 9; digit = byte - ZERO) {
          value = (Math.imul(value, 10) + digit) | 0;
          byte = bytes[++position];
        }
        fraction = position - point - 1;
      }
      const last = byte !== listSeparator;
      if (wholeDigits > pointDigits || fraction > scale || (last && byte !== separator && position !== end)) {
        return this.readTokens(bytes, token, end, start, at, unpadded);
      }
      value = Math.imul(value, scales[fraction]);
      if (value > highInt || value < lowInt) return this.readTokens(bytes, token, end, start, at, unpadded);
      values[at++] = value;
      if (value !== 0 || position - token > 1) unpadded = at;
      if (last) break;
      position++;
    }
    this.count = at - start;
    this.unpaddedCount = unpadded - start;
    return position;
  }

  /** Any list: from the token at `from`, whose element goes to `at`, on to the end of the field. */
  private readTokens(bytes: Buffer, from: number, end: number, start: number, at: number, unpadded = start): number {
    const stop = fieldEnd(bytes, from, end, this.separator);
    let position = from;
    for (;;) {
      const tokenEnd = fieldEnd(bytes, position, stop, this.listSeparator);
      const isPad = this.isPad(bytes, position, tokenEnd);
      const value = this.parse(bytes, position, tokenEnd);
      if (!isPad && !this.isItem(value)) return this.fail(this.refusal(value));
      this.values[at++] = value;
      if (!isPad) unpadded = at;
      if (tokenEnd === stop) break;
      position = tokenEnd + 1;
    }
    this.count = at - start;
    this.unpaddedCount = unpadded - start;
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
