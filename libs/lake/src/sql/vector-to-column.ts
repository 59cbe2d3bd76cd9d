import assert from 'node:assert/strict';
import { DuckDBListVector, DuckDBTypeId, type DuckDBDecimalType, type DuckDBVector } from '@duckdb/node-api';
import { allocateValues, physicalTypeOf, type Column, type ColumnType, type ScalarType } from '../columns/column-batch.ts';

// The vectors' own `getItem` makes a JavaScript value each; the typed arrays behind it have no public name. The dependency is
// pinned and the assertions say when a version moves them.
interface VectorMemory {
  readonly items?: Exclude<NodeJS.TypedArray, Float16Array>;
  readonly dataView?: DataView;
  readonly validity: { readonly data: BigUint64Array | null; readonly offset: number };
}

/** Copies the first `rowCount` slots of a DuckDB vector into a column of `type`; `name` is for errors. */
export function vectorToColumn(vector: DuckDBVector, type: ColumnType, rowCount: number, name: string): Column {
  const nulls = nullsOf(vector, rowCount);
  const column = type.name === 'list' ? listColumn(vector, type.of, nulls, rowCount, name) : scalarColumn(vector, type, nulls, rowCount, name);
  return nulls === undefined ? column : { ...column, nulls };
}

function memoryOf(vector: DuckDBVector): VectorMemory {
  return vector as unknown as VectorMemory;
}

function nullsOf(vector: DuckDBVector, rowCount: number): Uint8Array | undefined {
  const { validity } = memoryOf(vector);
  assert(validity !== undefined && 'data' in validity, 'expected validity bits behind a DuckDB vector');
  if (validity.data === null || rowCount === 0) return undefined;
  const words = new Uint32Array(validity.data.buffer, validity.data.byteOffset, validity.data.length * 2);
  const nulls = new Uint8Array(rowCount);
  let any = 0;
  for (let i = 0; i < rowCount; i++) {
    const bit = validity.offset + i;
    any |= nulls[i] = ~(words[bit >>> 5]! >>> (bit & 31)) & 1;
  }
  return any === 0 ? undefined : nulls;
}

function listColumn(vector: DuckDBVector, of: ScalarType, nulls: Uint8Array | undefined, rowCount: number, name: string): Column {
  assert(vector instanceof DuckDBListVector);
  const child = vector.childVector;
  const offsets = new Int32Array(rowCount + 1);
  const starts = new Int32Array(rowCount);
  let dense = true;
  let at = 0;
  for (let i = 0; i < rowCount; i++) {
    if (nulls === undefined || nulls[i] === 0) {
      starts[i] = vector.getEntryOffset(i);
      const length = vector.getEntryLength(i);
      dense &&= length === 0 || starts[i] === at;
      at += length;
    }
    offsets[i + 1] = at;
  }
  const childNulls = nullsOf(child, child.itemCount);
  const all = scalarColumn(child, of, childNulls, child.itemCount, name).values;
  const type: ColumnType = { name: 'list', of };
  const values = dense ? all.subarray(0, at) : gather(all, of, offsets, starts, rowCount, at);
  if (childNulls !== undefined) assertNoNullInside(childNulls, offsets, starts, rowCount, name);
  return { type, values, offsets };
}

function gather(all: Column['values'], of: ScalarType, offsets: Int32Array, starts: Int32Array, rowCount: number, count: number): Column['values'] {
  const values = allocateValues(physicalTypeOf(of), count);
  for (let i = 0; i < rowCount; i++) values.set(all.subarray(starts[i], starts[i]! + offsets[i + 1]! - offsets[i]!), offsets[i]);
  return values;
}

function assertNoNullInside(childNulls: Uint8Array, offsets: Int32Array, starts: Int32Array, rowCount: number, name: string): void {
  for (let i = 0; i < rowCount; i++) {
    const length = offsets[i + 1]! - offsets[i]!;
    if (length > 0 && childNulls.subarray(starts[i], starts[i]! + length).includes(1)) {
      throw new RangeError(`expected lists without nulls inside in column "${name}"; filter them out in SQL`);
    }
  }
}

function scalarColumn(vector: DuckDBVector, type: ScalarType, nulls: Uint8Array | undefined, rowCount: number, name: string): Column {
  if (type.name === 'string') return stringColumn(vector, nulls, rowCount);
  const values = allocateValues(physicalTypeOf(type), rowCount);
  const { items, dataView } = memoryOf(vector);
  if (vector.type.typeId === DuckDBTypeId.SQLNULL) return { type, values };
  if (items instanceof BigInt64Array || items instanceof BigUint64Array) {
    const [multiplier, divisor] = unitOf(vector.type.typeId);
    copyInt64(new Int32Array(items.buffer, items.byteOffset, rowCount * 2), items, values as Float64Array, nulls, { multiplier, divisor, name });
  } else if (items !== undefined) {
    values.set((items as Int32Array).subarray(0, rowCount));
  } else {
    assert(dataView !== undefined, `expected memory behind the vector of column "${name}"`);
    copyFromView(vector, dataView, values, nulls, rowCount, name);
  }
  if (nulls !== undefined) for (let i = 0; i < rowCount; i++) if (nulls[i] !== 0) values[i] = 0;
  return { type, values };
}

// What an engine's unit is in milliseconds, as a quotient; 1 for plain integers.
function unitOf(typeId: DuckDBTypeId): [multiplier: number, divisor: number] {
  switch (typeId) {
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_TZ:
      return [1, 1000];
    case DuckDBTypeId.TIMESTAMP_NS:
      return [1, 1_000_000];
    case DuckDBTypeId.TIMESTAMP_S:
      return [1000, 1];
    default:
      return [1, 1];
  }
}

interface Int64Unit {
  readonly multiplier: number;
  readonly divisor: number;
  readonly name: string;
}

function copyInt64(words: Int32Array, items: BigInt64Array | BigUint64Array, values: Float64Array, nulls: Uint8Array | undefined, unit: Int64Unit): void {
  const { multiplier, divisor, name } = unit;
  for (let i = 0; i < values.length; i++) {
    if (nulls !== undefined && nulls[i] !== 0) continue;
    const high = words[i * 2 + 1]!;
    if (high < 0x200000 && high >= -0x200000) {
      const value = high * 4294967296 + (words[i * 2]! >>> 0);
      values[i] = divisor === 1 ? value * multiplier : Math.floor(value / divisor);
    } else {
      // Beyond 2^53 a double would round before the division.
      const scaled = (items[i]! - mod(items[i]!, BigInt(divisor))) / BigInt(divisor);
      values[i] = Number(scaled) * multiplier;
    }
    if (!Number.isSafeInteger(values[i])) throw new RangeError(`expected integers within +-(2^53 - 1) in column "${name}", found ${items[i]}`);
  }
}

function mod(value: bigint, divisor: bigint): bigint {
  return ((value % divisor) + divisor) % divisor;
}

function copyFromView(vector: DuckDBVector, view: DataView, values: Column['values'], nulls: Uint8Array | undefined, rowCount: number, name: string): void {
  const { typeId } = vector.type;
  const width = typeId === DuckDBTypeId.BOOLEAN ? 1 : typeId === DuckDBTypeId.DECIMAL ? decimalBytes((vector.type as DuckDBDecimalType).width) : 16;
  for (let i = 0; i < rowCount; i++) {
    if (nulls !== undefined && nulls[i] !== 0) continue;
    if (width === 1) values[i] = view.getUint8(i) === 0 ? 0 : 1;
    else if (width === 2) values[i] = view.getInt16(i * 2, true);
    else if (width === 4) values[i] = view.getInt32(i * 4, true);
    else {
      const low = view.getUint32(i * width, true);
      const high = view.getInt32(i * width + 4, true);
      const value = high * 4294967296 + low;
      // A 128-bit value is within 64 bits when its upper half only repeats the sign.
      const sign = high < 0 ? -1 : 0;
      const fits = width === 8 || (view.getInt32(i * 16 + 8, true) === sign && view.getInt32(i * 16 + 12, true) === sign);
      if (!fits || !Number.isSafeInteger(value)) throw new RangeError(`expected scaled integers within +-(2^53 - 1) in column "${name}", found more`);
      values[i] = value;
    }
  }
}

function decimalBytes(width: number): number {
  return width <= 4 ? 2 : width <= 9 ? 4 : width <= 18 ? 8 : 16;
}

// DuckDB keeps up to 12 bytes inside its 16-byte string header; longer texts lie behind a pointer that only `getItem` follows.
function stringColumn(vector: DuckDBVector, nulls: Uint8Array | undefined, rowCount: number): Column {
  const { dataView } = memoryOf(vector);
  const inline = vector.type.typeId === DuckDBTypeId.VARCHAR ? dataView : undefined;
  const offsets = new Int32Array(rowCount + 1);
  let bytes = new Uint8Array(rowCount * 12);
  let at = 0;
  for (let i = 0; i < rowCount; i++) {
    if (nulls === undefined || nulls[i] === 0) {
      const length = inline?.getUint32(i * 16, true) ?? 13;
      if (length <= 12) {
        if (at + 12 > bytes.length) bytes = grow(bytes, at + 12);
        for (let k = 0, from = i * 16 + 4; k < length; k++) bytes[at + k] = inline!.getUint8(from + k);
        at += length;
      } else {
        const text = String(vector.getItem(i));
        if (at + text.length * 3 > bytes.length) bytes = grow(bytes, at + text.length * 3);
        at += Buffer.from(bytes.buffer).write(text, at);
      }
    }
    offsets[i + 1] = at;
  }
  return { type: { name: 'string' }, values: bytes.subarray(0, at), offsets };
}

function grow(bytes: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(needed, bytes.length * 2));
  grown.set(bytes);
  return grown;
}
