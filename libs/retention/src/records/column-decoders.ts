import type { Column, ColumnType } from './columns.ts';
import { allocateValues, elementType } from './physical-form.ts';

/** A position in Avro bytes; reading past `end` makes `position` larger than `end`, which the caller checks once a record. */
export interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  position: number;
}

/** Appends one decoded value per row to a growing column. */
export interface ColumnDecoder {
  read(cursor: Cursor, row: number): void;
  take(rowCount: number): Column;
}

/** The decoder for a column's type; nulls come first in the union. */
export function columnDecoder(type: ColumnType, nullable: boolean, rows: number): ColumnDecoder {
  const Decoder = type.name === 'string' ? StringDecoder : type.name === 'list' ? ListDecoder : ScalarDecoder;
  const plain = new Decoder(type, rows);
  return nullable ? new NullableDecoder(plain, rows) : plain;
}

/** A zigzag varint as a double; integers past +-(2^53 - 1) lose precision. */
export function readLong(cursor: Cursor): number {
  const { bytes } = cursor;
  let { position } = cursor;
  let byte = bytes[position++];
  const negative = (byte & 1) === 1;
  let magnitude = (byte >> 1) & 63;
  for (let weight = 64; byte >= 128; weight *= 128) {
    byte = bytes[position++];
    magnitude += (byte & 127) * weight;
  }
  cursor.position = position;
  return negative ? -magnitude - 1 : magnitude;
}

function readInt(cursor: Cursor): number {
  const { bytes } = cursor;
  let { position } = cursor;
  let byte = bytes[position++];
  let bits = byte & 127;
  for (let shift = 7; byte >= 128; shift += 7) {
    byte = bytes[position++];
    bits |= (byte & 127) << shift;
  }
  cursor.position = position;
  return (bits >>> 1) ^ -(bits & 1);
}

/** Marks of four bytes that each end a value. */
const ALL_END = 0x80808080 | 0;

type ValueReader = (cursor: Cursor) => number;

function readDouble(cursor: Cursor): number {
  const { position } = cursor;
  cursor.position = position + 8;
  return position + 8 <= cursor.bytes.length ? cursor.view.getFloat64(position, true) : 0;
}

function readByte(cursor: Cursor): number {
  return cursor.bytes[cursor.position++];
}

function valueReader(type: ColumnType, values: Column['values']): ValueReader {
  if (values instanceof Int32Array) return readInt;
  if (values instanceof Uint8Array) return readByte;
  return elementType(type).name === 'double' ? readDouble : readLong;
}

class ScalarDecoder implements ColumnDecoder {
  private readonly type: ColumnType;
  private readonly values: Column['values'];
  private readonly readValue: ValueReader;

  constructor(type: ColumnType, rows: number) {
    this.type = type;
    this.values = allocateValues(elementType(type), rows);
    this.readValue = valueReader(type, this.values);
  }

  read(cursor: Cursor, row: number): void {
    this.values[row] = this.readValue(cursor);
  }

  take(rowCount: number): Column {
    return { type: this.type, values: this.values.subarray(0, rowCount) };
  }
}

class StringDecoder implements ColumnDecoder {
  private readonly type: ColumnType;
  private bytes: Uint8Array;
  private readonly offsets: Int32Array;

  constructor(type: ColumnType, rows: number) {
    this.type = type;
    this.bytes = new Uint8Array(Math.max(64, rows * 16));
    this.offsets = new Int32Array(rows + 1);
  }

  read(cursor: Cursor, row: number): void {
    const length = readInt(cursor);
    const start = this.offsets[row];
    const from = cursor.position;
    cursor.position += Math.max(0, length);
    this.offsets[row + 1] = start + Math.max(0, length);
    // A length that the bytes do not hold is found out by the caller; nothing is copied for it.
    if (length < 0 || cursor.position > cursor.bytes.length) cursor.position = Infinity;
    else this.copy(cursor.bytes, from, start, length);
  }

  take(rowCount: number): Column {
    return { type: this.type, values: this.bytes.slice(0, this.offsets[rowCount]), offsets: this.offsets.subarray(0, rowCount + 1) };
  }

  private copy(bytes: Uint8Array, from: number, start: number, length: number): void {
    if (start + length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(start + length, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    for (let index = 0; index < length; index++) this.bytes[start + index] = bytes[from + index];
  }
}

class ListDecoder implements ColumnDecoder {
  private readonly type: ColumnType;
  private values: Column['values'];
  private readonly offsets: Int32Array;
  private readonly readValue: ValueReader;

  constructor(type: ColumnType, rows: number) {
    this.type = type;
    this.values = allocateValues(elementType(type), Math.max(64, rows * 8));
    this.offsets = new Int32Array(rows + 1);
    this.readValue = valueReader(type, this.values);
  }

  read(cursor: Cursor, row: number): void {
    let at = this.offsets[row];
    for (let count = readInt(cursor); count !== 0; count = readInt(cursor)) {
      if (count < 0) {
        // A negative count announces the block's size in bytes, for readers that skip it (Avro 1.12, "Arrays").
        count = -count;
        readLong(cursor);
      }
      if (!(count <= cursor.bytes.length - cursor.position)) {
        cursor.position = Infinity;
        return;
      }
      if (at + count > this.values.length) this.grow(at + count);
      if (this.values instanceof Int32Array) this.readInts(cursor, at, count);
      else for (let index = 0; index < count; index++) this.values[at + index] = this.readValue(cursor);
      at += count;
    }
    this.offsets[row + 1] = at;
  }

  take(rowCount: number): Column {
    const values = this.values.slice(0, this.offsets[rowCount]);
    return { type: this.type, values, offsets: this.offsets.subarray(0, rowCount + 1) };
  }

  private readInts(cursor: Cursor, at: number, count: number): void {
    const values = this.values as Int32Array;
    const { bytes } = cursor;
    const end = at + count;
    let index = this.readShortInts(cursor, at, end);
    let { position } = cursor;
    for (; index < end; index++) {
      let byte = bytes[position++];
      let bits = byte & 127;
      for (let shift = 7; byte >= 128; shift += 7) {
        byte = bytes[position++];
        bits |= (byte & 127) << shift;
      }
      values[index] = (bits >>> 1) ^ -(bits & 1);
    }
    cursor.position = position;
  }

  /**
   * Values of at most four bytes, as long as words can be loaded; gives the index of the first that it left. Sizes are random, so a value's
   * end is found by bits, not by a branch on each byte; four values of one byte are read at once.
   */
  private readShortInts(cursor: Cursor, from: number, to: number): number {
    const values = this.values as Int32Array;
    const { view } = cursor;
    const end = to | 0;
    const lastWord = (view.byteLength - 4) | 0;
    let position = cursor.position | 0;
    let index = from | 0;
    for (; index < end && position <= lastWord; ) {
      const word = view.getInt32(position, true);
      const ends = ~word & 0x80808080;
      if (ends === ALL_END && index + 4 <= end) {
        values[index] = ((word & 127) >> 1) ^ -(word & 1);
        values[index + 1] = ((word >> 9) & 63) ^ -((word >> 8) & 1);
        values[index + 2] = ((word >> 17) & 63) ^ -((word >> 16) & 1);
        values[index + 3] = (word >>> 25) ^ -((word >> 24) & 1);
        index = (index + 4) | 0;
        position = (position + 4) | 0;
        continue;
      }
      if (ends === 0) break;
      const below = (ends - 1) & ~ends;
      const used = word & (below | (below << 1));
      const bits = (used & 0x7f) | ((used >> 1) & 0x3f80) | ((used >> 2) & 0x1fc000) | ((used >> 3) & 0xfe00000);
      values[index] = (bits >>> 1) ^ -(bits & 1);
      index = (index + 1) | 0;
      position = (position + ((40 - Math.clz32(below)) >> 3)) | 0;
    }
    cursor.position = position;
    return index;
  }

  private grow(needed: number): void {
    const larger = allocateValues(elementType(this.type), Math.max(needed, this.values.length * 2));
    larger.set(this.values as never);
    this.values = larger;
  }
}

class NullableDecoder implements ColumnDecoder {
  private readonly value: ColumnDecoder;
  private readonly nulls: Uint8Array;
  private readonly empty: Cursor = { bytes: new Uint8Array(16), view: new DataView(new ArrayBuffer(16)), position: 0 };

  constructor(value: ColumnDecoder, rows: number) {
    this.value = value;
    this.nulls = new Uint8Array(rows);
  }

  read(cursor: Cursor, row: number): void {
    const branch = readInt(cursor);
    if (branch === 1) {
      this.value.read(cursor, row);
      return;
    }
    // Zero bytes decode as 0, an empty string and an empty list: what a null row holds.
    this.nulls[row] = 1;
    this.empty.position = 0;
    this.value.read(this.empty, row);
    if (branch !== 0) cursor.position = Infinity;
  }

  take(rowCount: number): Column {
    const column = this.value.take(rowCount);
    const nulls = this.nulls.subarray(0, rowCount);
    return nulls.includes(1) ? { ...column, nulls } : column;
  }
}
