import type { Column } from './columns.ts';

/** Bytes behind the last value that writers may write over: they store words of which a value needs only the beginning. */
export const SPARE_BYTES = 4;

/** A buffer as bytes and for words at any position. */
export interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Writes the value of one row as Avro and gives the position behind it; the caller has made room for `bytesAtMost` and `SPARE_BYTES` more.
 * What lies behind the value may be written over.
 */
export interface ColumnWriter {
  write(row: number, target: Target, position: number): number;
  /** Room that all rows of the column can need together. */
  readonly bytesAtMost: number;
}

/** The writer for a column's type; nulls come first in the union. */
export function columnWriter(column: Column, nullable: boolean, rowCount: number): ColumnWriter {
  const plain = plainWriter(column, rowCount);
  return nullable ? new NullableWriter(plain, column.nulls, rowCount) : plain;
}

function plainWriter(column: Column, rowCount: number): ColumnWriter {
  const { values, offsets } = column;
  if (column.type.name === 'string') return new StringWriter(values as Uint8Array, offsets!, rowCount);
  if (column.type.name === 'list') {
    if (values instanceof Int32Array) return new IntListWriter(values, offsets!, rowCount);
    return new ListWriter(scalarWriter(column.type.of.name, values, values.length), offsets!, rowCount);
  }
  return scalarWriter(column.type.name, values, rowCount);
}

function scalarWriter(type: string, values: Column['values'], count: number): ColumnWriter {
  if (values instanceof Int32Array) return new IntWriter(values, count);
  if (values instanceof Uint8Array) return new ByteWriter(values, count);
  return type === 'double' ? new DoubleWriter(values, count) : new LongWriter(values, count);
}

/** A zigzag varint of 32 bits, 1 to 5 bytes. */
export function writeInt(value: number, target: Uint8Array, position: number): number {
  let rest = (value << 1) ^ (value >> 31);
  while ((rest & ~0x7f) !== 0) {
    target[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[position++] = rest;
  return position;
}

/** A zigzag varint of an integer within +-(2^53 - 1), 1 to 8 bytes. */
export function writeLong(value: number, target: Uint8Array, position: number): number {
  // The sign bit is split off first: doubling a value near 2^53 would lose its last bit.
  const magnitude = value < 0 ? -value - 1 : value;
  let byte = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
  let rest = Math.floor(magnitude / 64);
  while (rest > 0) {
    target[position++] = byte | 0x80;
    byte = rest % 128;
    rest = Math.floor(rest / 128);
  }
  target[position++] = byte;
  return position;
}

class IntWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Int32Array;

  constructor(values: Int32Array, count: number) {
    this.values = values;
    this.bytesAtMost = count * 5;
  }

  write(row: number, { bytes }: Target, position: number): number {
    return writeInt(this.values[row], bytes, position);
  }
}

class LongWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Float64Array;

  constructor(values: Float64Array, count: number) {
    this.values = values;
    this.bytesAtMost = count * 8;
  }

  write(row: number, { bytes }: Target, position: number): number {
    return writeLong(this.values[row], bytes, position);
  }
}

class DoubleWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Float64Array;

  constructor(values: Float64Array, count: number) {
    this.values = values;
    this.bytesAtMost = count * 8;
  }

  write(row: number, { view }: Target, position: number): number {
    view.setFloat64(position, this.values[row], true);
    return position + 8;
  }
}

class ByteWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Uint8Array;

  constructor(values: Uint8Array, count: number) {
    this.values = values;
    this.bytesAtMost = count;
  }

  write(row: number, { bytes }: Target, position: number): number {
    bytes[position] = this.values[row];
    return position + 1;
  }
}

class StringWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Uint8Array;
  private readonly offsets: Int32Array;

  constructor(values: Uint8Array, offsets: Int32Array, rowCount: number) {
    this.values = values;
    this.offsets = offsets;
    this.bytesAtMost = values.length + rowCount * 5;
  }

  write(row: number, { bytes }: Target, position: number): number {
    const { values } = this;
    const start = this.offsets[row];
    const end = this.offsets[row + 1];
    let next = writeInt(end - start, bytes, position);
    for (let index = start; index < end; index++) bytes[next++] = values[index];
    return next;
  }
}

/** Lists of any scalar: one block, then the empty block that ends an array. */
class ListWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly elements: ColumnWriter;
  private readonly offsets: Int32Array;

  constructor(elements: ColumnWriter, offsets: Int32Array, rowCount: number) {
    this.elements = elements;
    this.offsets = offsets;
    this.bytesAtMost = elements.bytesAtMost + rowCount * 6;
  }

  write(row: number, target: Target, position: number): number {
    const start = this.offsets[row];
    const end = this.offsets[row + 1];
    let next = position;
    if (end > start) next = writeInt(end - start, target.bytes, next);
    for (let index = start; index < end; index++) next = this.elements.write(index, target, next);
    target.bytes[next++] = 0;
    return next;
  }
}

/** Lists of 32-bit integers, where nearly all the bytes of a wide record are. */
class IntListWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Int32Array;
  private readonly offsets: Int32Array;

  constructor(values: Int32Array, offsets: Int32Array, rowCount: number) {
    this.values = values;
    this.offsets = offsets;
    this.bytesAtMost = values.length * 5 + rowCount * 6;
  }

  write(row: number, { bytes, view }: Target, position: number): number {
    const { values } = this;
    const end = this.offsets[row + 1] | 0;
    let index = this.offsets[row] | 0;
    let next = position | 0;
    if (end > index) next = writeInt(end - index, bytes, next) | 0;
    for (; index < end; index++) {
      const value = values[index];
      const bits = (value << 1) ^ (value >> 31);
      if (bits >>> 0 < 0x80) {
        bytes[next] = bits;
        next = (next + 1) | 0;
      } else if (bits >>> 28 === 0) {
        // How many bytes a value needs is random, so that a branch for each is mispredicted: all four go out at once.
        const size = ((38 - Math.clz32(bits)) * 37) >> 8;
        const groups = (bits & 0x7f) | ((bits & 0x3f80) << 1) | ((bits & 0x1fc000) << 2) | ((bits & 0xfe00000) << 3);
        view.setInt32(next, groups | (0x80808080 & ((1 << (8 * (size - 1))) - 1)), true);
        next = (next + size) | 0;
      } else next = writeInt(value, bytes, next) | 0;
    }
    bytes[next] = 0;
    return next + 1;
  }
}

class NullableWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly value: ColumnWriter;
  private readonly nulls: Uint8Array | undefined;

  constructor(value: ColumnWriter, nulls: Uint8Array | undefined, rowCount: number) {
    this.value = value;
    this.nulls = nulls;
    this.bytesAtMost = value.bytesAtMost + rowCount;
  }

  write(row: number, target: Target, position: number): number {
    if (this.nulls !== undefined && this.nulls[row] === 1) {
      target.bytes[position] = 0;
      return position + 1;
    }
    target.bytes[position] = 2;
    return this.value.write(row, target, position + 1);
  }
}
