import type { Column } from './columns.ts';

/** Writes the value of one row as Avro and gives the position behind it; the caller has made room for `bytesAtMost`. */
export interface ColumnWriter {
  write(row: number, target: Uint8Array, position: number): number;
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

  write(row: number, target: Uint8Array, position: number): number {
    return writeInt(this.values[row], target, position);
  }
}

class LongWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Float64Array;

  constructor(values: Float64Array, count: number) {
    this.values = values;
    this.bytesAtMost = count * 8;
  }

  write(row: number, target: Uint8Array, position: number): number {
    return writeLong(this.values[row], target, position);
  }
}

class DoubleWriter implements ColumnWriter {
  readonly bytesAtMost: number;
  private readonly values: Float64Array;
  private readonly one = new Float64Array(1);
  private readonly bytes = new Uint8Array(this.one.buffer);

  constructor(values: Float64Array, count: number) {
    this.values = values;
    this.bytesAtMost = count * 8;
  }

  write(row: number, target: Uint8Array, position: number): number {
    this.one[0] = this.values[row];
    target.set(this.bytes, position);
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

  write(row: number, target: Uint8Array, position: number): number {
    target[position] = this.values[row];
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

  write(row: number, target: Uint8Array, position: number): number {
    const { values } = this;
    const start = this.offsets[row];
    const end = this.offsets[row + 1];
    let next = writeInt(end - start, target, position);
    for (let index = start; index < end; index++) target[next++] = values[index];
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

  write(row: number, target: Uint8Array, position: number): number {
    const start = this.offsets[row];
    const end = this.offsets[row + 1];
    let next = position;
    if (end > start) next = writeInt(end - start, target, next);
    for (let index = start; index < end; index++) next = this.elements.write(index, target, next);
    target[next++] = 0;
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

  write(row: number, target: Uint8Array, position: number): number {
    const { values } = this;
    const end = this.offsets[row + 1];
    let index = this.offsets[row];
    let next = position;
    if (end > index) next = writeInt(end - index, target, next);
    for (; index < end; index++) {
      const value = values[index];
      let rest = (value << 1) ^ (value >> 31);
      while ((rest & ~0x7f) !== 0) {
        target[next++] = (rest & 0x7f) | 0x80;
        rest >>>= 7;
      }
      target[next++] = rest;
    }
    target[next++] = 0;
    return next;
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

  write(row: number, target: Uint8Array, position: number): number {
    if (this.nulls !== undefined && this.nulls[row] === 1) {
      target[position] = 0;
      return position + 1;
    }
    target[position] = 2;
    return this.value.write(row, target, position + 1);
  }
}
