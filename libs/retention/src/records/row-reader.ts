import assert from 'node:assert';

import type { Source } from '../sources/source.ts';
import type { Column } from './columns.ts';
import { fieldEnd, READABLE_BEYOND_END } from './field-reader.ts';
import type { FieldReader } from './field-reader.ts';
import { ListReader } from './list-readers.ts';
import { NumberReader, StringReader } from './scalar-readers.ts';

/** Longest part of a field that a rejection's detail quotes. */
const QUOTED_LENGTH = 80;

/** Why a line was refused: a stable reason and a sentence with what was expected and found. */
export interface Refusal {
  readonly reason: string;
  readonly detail: string;
}

/**
 * Reads lines of a source into columns, one reader a field, in the file's field order. Reasons take precedence in this order:
 * `nul-byte`, `field-count`, then the first field that fails, then `list-length` across fields.
 */
export class RowReader {
  private readonly readers: readonly FieldReader[];
  private readonly inSchemaOrder: readonly FieldReader[];
  private readonly lists: readonly ListReader[];
  private readonly lengthGiver: ListReader | undefined;
  private readonly separator: number;
  private readonly quote: number;
  private scratch = Buffer.alloc(256);
  private scratchLength = 0;
  private scratchView = viewOf(this.scratch);
  private viewed: Buffer | undefined;
  private view = this.scratchView;
  private quotedFailure = '';

  constructor(source: Source, fields: readonly string[], rows: number) {
    const { format } = source;
    const byName = new Map<string, FieldReader>();
    for (const column of source.columns) {
      const Reader = column.type.name === 'list' ? ListReader : column.type.name === 'string' ? StringReader : NumberReader;
      byName.set(column.name, new Reader(column, format, rows));
    }
    this.inSchemaOrder = [...byName.values()];
    this.readers = fields.map((name) => {
      const reader = byName.get(name);
      assert(reader !== undefined, `expected fields that are columns of ${source.name}, found ${name}`);
      return reader;
    });
    assert(new Set(fields).size === byName.size, `expected each of ${byName.size} columns once, found ${fields.join(', ')}`);
    this.lists = this.readers.filter((reader) => reader instanceof ListReader);
    this.lengthGiver = format.lists === undefined ? undefined : this.lists.find((list) => list.column.name === format.lists?.by);
    assert(format.lists === undefined || this.lengthGiver !== undefined, `expected a list column ${format.lists?.by}`);
    this.separator = format.separator.charCodeAt(0);
    this.quote = format.quote === undefined ? -1 : format.quote.charCodeAt(0);
  }

  /** Reads the line `[start, end)` into `row`; `bytes[end]` is its terminator, as readers of fields expect it. Gives the refusal, or undefined when it was taken. */
  read(bytes: Buffer, start: number, end: number, row: number): Refusal | undefined {
    const { readers, separator, quote } = this;
    if (bytes !== this.viewed) {
      this.viewed = bytes;
      this.view = viewOf(bytes);
    }
    const { view } = this;
    const lastIndex = readers.length - 1;
    let position = start;
    for (let index = 0; index <= lastIndex; index++) {
      const reader = readers[index];
      const first = position < end ? bytes[position] : separator;
      if (first === separator) {
        if (!reader.column.nullable) return this.refuse(bytes, start, end, index, missingReason(reader));
        reader.readMissing(row);
      } else if (first === quote) {
        position = this.readQuoted(reader, bytes, position, end, row);
        if (position < 0) return this.refuse(bytes, start, end, index, this.quotedFailure);
      } else {
        position = reader.read(bytes, view, position, end, row);
        if (position < 0) return this.refuse(bytes, start, end, index, reader.failure);
      }
      if (index < lastIndex ? position >= end : position !== end) return this.refuse(bytes, start, end, index, 'field-count');
      position++;
    }
    if (this.lengthGiver !== undefined) {
      const count = this.lengthGiver.unpaddedCount;
      for (const list of this.lists) {
        if (!list.keep(row, count)) return this.refuse(bytes, start, end, readers.indexOf(list), list.failure);
      }
    }
    return undefined;
  }

  /** The first `rowCount` rows as columns in schema order. */
  take(rowCount: number): Column[] {
    return this.inSchemaOrder.map((reader) => reader.take(rowCount));
  }

  /** RFC 4180: a quoted field ends at a quote that is not doubled, and only a separator or the line's end may follow. */
  private readQuoted(reader: FieldReader, bytes: Buffer, position: number, end: number, row: number): number {
    const close = this.unquote(bytes, position, end);
    if (close < 0) {
      this.quotedFailure = 'unclosed-quote';
      return -1;
    }
    const length = this.scratchLength;
    this.scratch[length] = 10;
    let taken = true;
    if (length === 0) {
      if (!reader.column.nullable) {
        this.quotedFailure = missingReason(reader);
        return -1;
      }
      reader.readMissing(row);
    } else if (reader instanceof StringReader) taken = reader.readUnquoted(this.scratch, length, row);
    else {
      const next = reader.read(this.scratch, this.scratchView, 0, length, row);
      taken = next === length;
      this.quotedFailure = next < 0 ? reader.failure : reader.column.type.name === 'timestamp' ? 'bad-timestamp' : 'bad-number';
    }
    if (!taken && reader instanceof StringReader) this.quotedFailure = reader.failure;
    return taken ? close : -1;
  }

  /** Undoes quotes into `scratch`; gives the position behind the closing quote, or -1 when no separator or end follows it. */
  private unquote(bytes: Buffer, position: number, end: number): number {
    if (this.scratch.length < end - position + READABLE_BEYOND_END) {
      this.scratch = Buffer.alloc((end - position + READABLE_BEYOND_END) * 2);
      this.scratchView = viewOf(this.scratch);
    }
    const { scratch, quote } = this;
    let length = 0;
    let next = position + 1;
    for (; next < end; next++) {
      if (bytes[next] === quote) {
        if (next + 1 >= end || bytes[next + 1] !== quote) break;
        next++;
      }
      scratch[length++] = bytes[next];
    }
    this.scratchLength = length;
    if (next >= end) return -1;
    next++;
    return next === end || bytes[next] === this.separator ? next : -1;
  }

  private refuse(bytes: Buffer, start: number, end: number, index: number, reason: string): Refusal {
    const bounds = fieldBounds(bytes, start, end, this.separator, this.quote);
    const found = bounds.length / 2;
    const expected = this.readers.length;
    if (found !== expected) return { reason: 'field-count', detail: `expected ${expected} fields, found ${found}` };
    const { column } = this.readers[index];
    const text = bytes.toString('utf8', bounds[index * 2], Math.min(bounds[index * 2 + 1], bounds[index * 2] + QUOTED_LENGTH));
    const cut = bounds[index * 2 + 1] - bounds[index * 2] > QUOTED_LENGTH ? '…' : '';
    return { reason, detail: `expected ${this.expectation(index, reason)} in ${column.name}, found ${JSON.stringify(text + cut)}` };
  }

  private expectation(index: number, reason: string): string {
    const { column } = this.readers[index];
    const type = typeText(column.type);
    if (reason === 'out-of-range' && column.range !== undefined) return `${type} from ${column.range[0]} to ${column.range[1]}`;
    if (reason === 'not-allowed' && column.allowed !== undefined) return `one of ${column.allowed.join(', ')}`;
    if (reason === 'unclosed-quote') return 'a closing quote before the separator';
    if (reason === 'invalid-utf8') return 'UTF-8 text';
    if (reason.startsWith('missing-')) return `a value of type ${type}`;
    if (reason !== 'list-length' || this.lengthGiver === undefined) return type;
    const list = this.readers[index] as ListReader;
    if (list.count !== list.length) return `${type} of ${list.length} entries`;
    return `padding after the ${this.lengthGiver.unpaddedCount} items of ${this.lengthGiver.column.name}`;
  }
}

/** A type as the schema language writes it: `list<decimal(7,6)>`. */
export function typeText(type: Column['type']): string {
  if (type.name === 'list') return `list<${typeText(type.of)}>`;
  return type.name === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.name;
}

/** Start and end of every field of a line, one after the other; quotes are heeded when `quote` is not -1. */
export function fieldBounds(bytes: Uint8Array, start: number, end: number, separator: number, quote: number): number[] {
  const bounds: number[] = [];
  let position = start;
  for (;;) {
    let next = position;
    if (next < end && bytes[next] === quote) {
      for (next++; next < end; next++) {
        if (bytes[next] !== quote) continue;
        if (next + 1 < end && bytes[next + 1] === quote) next++;
        else break;
      }
    }
    next = fieldEnd(bytes, Math.min(next, end), end, separator);
    bounds.push(position, next);
    if (next >= end) return bounds;
    position = next + 1;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function missingReason(reader: FieldReader): string {
  return `missing-${reader.column.name.replaceAll('_', '-')}`;
}
