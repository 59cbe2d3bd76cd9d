import assert from 'node:assert';

import type { DelimitedFormat, SourceColumn } from '../sources/source.ts';
import type { Column, ScalarType } from './columns.ts';
import { NullMarks } from './field-reader.ts';
import type { FieldReader } from './field-reader.ts';
import { DecimalRun, IntegerRun } from './number-runs.ts';
import type { NumberRun } from './number-runs.ts';
import { allocateValues, elementType } from './physical-form.ts';
import { badTokenReason, storedAllowed, storedRange, tokenParser } from './scalar-readers.ts';
import type { TokenParser } from './scalar-readers.ts';

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
  /** Takes the usual tokens; undefined where the column knows none that can be read without a look at each value. */
  private readonly run: NumberRun | undefined;
  /** A pad would be no valid item here, so items are checked once it is known which tokens are items. */
  private readonly checksLater: boolean;
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
    this.run = this.runFor(type, format);
  }

  /** Runs hold every intermediate in 32 bits, see no negative values, take zeros without a look and know no pad but `0`. */
  private runFor(type: ScalarType, format: DelimitedFormat): NumberRun | undefined {
    const zeroIsFine = this.low <= 0 && this.high >= 0;
    if (!zeroIsFine || this.allowed !== undefined || (format.lists !== undefined && format.lists.pad !== '0')) return undefined;
    const { listSeparator, separator } = this;
    const bounds = { listSeparator, separator, high: Math.min(Math.floor(this.high), INT_HIGH) | 0 };
    if (type.name === 'int') return new IntegerRun(bounds);
    return type.name === 'decimal' && type.precision <= 9 && type.precision > type.scale ? new DecimalRun(bounds, type.precision, type.scale) : undefined;
  }

  read(bytes: Buffer, view: DataView, position: number, end: number, row: number): number {
    const start = this.offsets[row];
    const tokensAtMost = ((end - position) >> 1) + 2;
    if (start + tokensAtMost > this.values.length) this.grow(start + tokensAtMost);
    this.at = start;
    this.unpaddedEnd = start;
    let next = position;
    for (;;) {
      if (this.run !== undefined) next = this.readRun(this.run, bytes, view, next, end);
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

  private readRun(run: NumberRun, bytes: Buffer, view: DataView, position: number, end: number): number {
    run.at = this.at;
    run.unpaddedEnd = this.unpaddedEnd;
    // A column with a run is kept in 32 bits.
    const next = run.read(bytes, view, this.values as Int32Array, position, end);
    this.at = run.at;
    this.unpaddedEnd = run.unpaddedEnd;
    return next;
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
