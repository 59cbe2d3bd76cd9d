import assert from 'node:assert';

import type { DelimitedFormat, SourceColumn } from '../sources/source.ts';
import type { Column, ScalarType } from './columns.ts';
import { fieldEnd, NullMarks } from './field-reader.ts';
import type { FieldReader } from './field-reader.ts';
import { parseBoolean, parseDecimal, parseDouble, parseInteger, POWERS_OF_TEN } from './numbers.ts';
import { allocateValues, elementType } from './physical-form.ts';
import { parseDateOnly, timestampParser } from './timestamps.ts';
import { isUtf8 } from './utf8.ts';

const ZERO = 48;
const INT_LIMIT = 2 ** 31;

/** Reads bytes `[start, end)` as the number that a column of the type stores (a decimal scaled), or NaN. */
export type TokenParser = (bytes: Uint8Array, start: number, end: number) => number;

/** The parser of one scalar type; strings have none. */
export function tokenParser(type: ScalarType, timeFormat: string, zeroFraction: boolean): TokenParser {
  switch (type.name) {
    case 'int':
      return (bytes, start, end) => {
        const value = parseInteger(bytes, start, end, zeroFraction);
        return value >= -INT_LIMIT && value < INT_LIMIT ? value : NaN;
      };
    case 'bigint':
      return (bytes, start, end) => parseInteger(bytes, start, end, zeroFraction);
    case 'decimal': {
      const { precision, scale } = type;
      assert(precision >= 1 && precision <= 15 && scale >= 0 && scale <= precision, `decimal(${precision},${scale}) is not supported`);
      return (bytes, start, end) => parseDecimal(bytes, start, end, precision, scale);
    }
    case 'double':
      return parseDouble;
    case 'boolean':
      return parseBoolean;
    case 'timestamp':
      return timestampParser(timeFormat);
    case 'date':
      return parseDateOnly;
    case 'string':
      throw new assert.AssertionError({ message: 'strings are not parsed as numbers' });
  }
}

/** The reason for a token that its type cannot read. */
export function badTokenReason(type: ScalarType): string {
  if (type.name === 'timestamp' || type.name === 'date') return 'bad-timestamp';
  return type.name === 'boolean' ? 'not-allowed' : 'bad-number';
}

/** Inclusive bounds in stored units (decimals scaled); infinite without a range. */
export function storedRange(column: SourceColumn): readonly [number, number] {
  if (column.range === undefined) return [-Infinity, Infinity];
  const type = elementType(column.type);
  const unit = type.name === 'decimal' ? POWERS_OF_TEN[type.scale] : 1;
  return [column.range[0] * unit, column.range[1] * unit];
}

/** The allowed values as stored numbers, or undefined when every value is. */
export function storedAllowed(column: SourceColumn, parse: TokenParser): readonly number[] | undefined {
  return column.allowed?.map((text) => {
    const value = parse(Buffer.from(text), 0, Buffer.byteLength(text));
    assert(!Number.isNaN(value), `expected an allowed value of type ${column.type.name}, found ${text} (${column.name})`);
    return value;
  });
}

/** Numbers, times and booleans; plain runs of digits take a short path, everything else its type's parser. */
export class NumberReader implements FieldReader {
  readonly column: SourceColumn;
  failure = '';
  private readonly values: Int32Array | Float64Array | Uint8Array;
  private readonly nulls: NullMarks;
  private readonly separator: number;
  private readonly parse: TokenParser;
  private readonly badToken: string;
  private readonly low: number;
  private readonly high: number;
  private readonly allowed: readonly number[] | undefined;
  /** Longest run of digits that the short path takes, 0 for none, and what one unit of it is worth. */
  private readonly digits: number;
  private readonly unit: number;

  constructor(column: SourceColumn, format: DelimitedFormat, rows: number) {
    const type = elementType(column.type);
    this.column = column;
    this.values = allocateValues(type, rows);
    this.nulls = new NullMarks(column.nullable ? rows : 0);
    this.separator = format.separator.charCodeAt(0);
    this.parse = tokenParser(type, format.timeFormat, column.zeroFraction);
    this.badToken = badTokenReason(type);
    [this.low, this.high] = storedRange(column);
    this.allowed = storedAllowed(column, this.parse);
    this.unit = 1;
    this.digits = 0;
    if (type.name === 'int') this.digits = 9;
    if (type.name === 'bigint') this.digits = 15;
    if (type.name === 'timestamp' && format.timeFormat === 'unix-seconds') [this.digits, this.unit] = [12, 1000];
    if (type.name === 'timestamp' && format.timeFormat === 'unix-millis') this.digits = 15;
  }

  read(bytes: Buffer, _view: DataView, position: number, end: number, row: number): number {
    let next = position;
    let value = 0;
    for (let digit = bytes[next] - ZERO; digit >>> 0 <= 9; digit = bytes[next] - ZERO) {
      value = value * 10 + digit;
      next++;
    }
    if (next - position > this.digits || next === position || (next !== end && bytes[next] !== this.separator)) {
      next = fieldEnd(bytes, next, end, this.separator);
      value = this.parse(bytes, position, next);
    } else value *= this.unit;
    if (!(value >= this.low && value <= this.high)) return this.fail(Number.isNaN(value) ? this.badToken : 'out-of-range');
    if (this.allowed !== undefined && !this.allowed.includes(value)) return this.fail('not-allowed');
    this.values[row] = value;
    if (this.column.nullable) this.nulls.clear(row);
    return next;
  }

  readMissing(row: number): void {
    this.values[row] = 0;
    this.nulls.mark(row);
  }

  take(rowCount: number): Column {
    const values = this.values.slice(0, rowCount);
    return { type: this.column.type, values, ...(this.column.nullable ? this.nulls.take(rowCount) : {}) };
  }

  private fail(reason: string): number {
    this.failure = reason;
    return -1;
  }
}

/** Text, copied as UTF-8 after its quotes are undone. */
export class StringReader implements FieldReader {
  readonly column: SourceColumn;
  failure = '';
  private bytes: Uint8Array;
  private readonly offsets: Int32Array;
  private readonly nulls: NullMarks;
  private readonly separator: number;
  private readonly allowed: readonly Buffer[] | undefined;

  constructor(column: SourceColumn, format: DelimitedFormat, rows: number) {
    this.column = column;
    this.bytes = new Uint8Array(Math.max(64, rows * 8));
    this.offsets = new Int32Array(rows + 1);
    this.nulls = new NullMarks(column.nullable ? rows : 0);
    this.separator = format.separator.charCodeAt(0);
    this.allowed = column.allowed?.map((text) => Buffer.from(text));
  }

  read(bytes: Buffer, _view: DataView, position: number, end: number, row: number): number {
    const start = this.offsets[row];
    if (start + (end - position) > this.bytes.length) this.grow(start + (end - position));
    const target = this.bytes;
    let next = position;
    let at = start;
    let seen = 0;
    for (; next < end; next++) {
      const byte = bytes[next];
      if (byte === this.separator) break;
      seen |= byte;
      target[at++] = byte;
    }
    if (seen >= 0x80 && !isUtf8(target, start, at)) return this.fail('invalid-utf8');
    if (this.allowed !== undefined && !this.isAllowed(start, at)) return this.fail('not-allowed');
    this.offsets[row + 1] = at;
    if (this.column.nullable) this.nulls.clear(row);
    return next;
  }

  /** Reads a whole field that may hold separators, because its quotes have been undone. */
  readUnquoted(bytes: Buffer, length: number, row: number): boolean {
    const start = this.offsets[row];
    if (start + length > this.bytes.length) this.grow(start + length);
    bytes.copy(this.bytes, start, 0, length);
    if (!isUtf8(bytes, 0, length)) return this.fail('invalid-utf8') === 0;
    if (this.allowed !== undefined && !this.isAllowed(start, start + length)) return this.fail('not-allowed') === 0;
    this.offsets[row + 1] = start + length;
    if (this.column.nullable) this.nulls.clear(row);
    return true;
  }

  readMissing(row: number): void {
    this.offsets[row + 1] = this.offsets[row];
    this.nulls.mark(row);
  }

  take(rowCount: number): Column {
    const offsets = this.offsets.slice(0, rowCount + 1);
    const values = this.bytes.slice(0, offsets[rowCount]);
    return { type: this.column.type, values, offsets, ...(this.column.nullable ? this.nulls.take(rowCount) : {}) };
  }

  private isAllowed(start: number, end: number): boolean {
    next: for (const text of this.allowed!) {
      if (text.length !== end - start) continue;
      for (let index = 0; index < text.length; index++) if (text[index] !== this.bytes[start + index]) continue next;
      return true;
    }
    return false;
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  private fail(reason: string): number {
    this.failure = reason;
    return -1;
  }
}
