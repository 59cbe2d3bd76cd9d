import { allocateValues, physicalTypeOf, type Column, type ColumnBatch, type ColumnType, type ScalarType } from './column-batch.ts';
import type { ColumnDefinition } from './table-schema.ts';

/** A value as a plain JavaScript value in the column's own unit (scaled integers, days, milliseconds); texts as string or UTF-8. */
export type PlainScalar = number | bigint | boolean | string | Uint8Array | null | undefined;
export type PlainValue = PlainScalar | readonly PlainScalar[];

/** A column from plain values, one a row; slow, for small reads and tests. */
export function columnFromValues(type: ColumnType, values: readonly PlainValue[]): Column {
  const nulls = new Uint8Array(values.length);
  let anyNull = false;
  values.forEach((value, row) => {
    if (value !== null && value !== undefined) return;
    nulls[row] = 1;
    anyNull = true;
  });
  return { ...withoutNulls(type, values), ...(anyNull ? { nulls } : {}) };
}

/** A batch from rows of plain values by column name. */
export function batchFromRows(columns: readonly Pick<ColumnDefinition, 'name' | 'type'>[], rows: readonly Readonly<Record<string, PlainValue>>[]): ColumnBatch {
  return {
    rowCount: rows.length,
    names: columns.map((column) => column.name),
    columns: columns.map(({ name, type }) => columnFromValues(type, rows.map((row) => row[name]))),
  };
}

/** The plain value of a row: number, boolean, string, array of numbers, or null. The reverse of `columnFromValues`. */
export function valueAt(column: Column, row: number): number | boolean | string | null | (number | boolean)[] {
  if (column.nulls !== undefined && column.nulls[row] !== 0) return null;
  const { type, values, offsets } = column;
  if (type.name === 'string') return Buffer.from((values as Uint8Array).subarray(offsets![row], offsets![row + 1])).toString();
  if (type.name !== 'list') return scalarAt(type, values[row]!);
  return Array.from(values.subarray(offsets![row], offsets![row + 1]), (value) => scalarAt(type.of, value));
}

function scalarAt(type: ScalarType, value: number): number | boolean {
  return type.name === 'boolean' ? value !== 0 : value;
}

function withoutNulls(type: ColumnType, values: readonly PlainValue[]): Column {
  if (type.name === 'string') return stringColumn(values as readonly PlainScalar[]);
  if (type.name !== 'list') {
    const result = allocateValues(physicalTypeOf(type), values.length);
    values.forEach((value, row) => (result[row] = Number(value ?? 0)));
    return { type, values: result };
  }
  const offsets = new Int32Array(values.length + 1);
  const lists = values as readonly (readonly PlainScalar[] | null | undefined)[];
  lists.forEach((list, row) => (offsets[row + 1] = offsets[row]! + (list?.length ?? 0)));
  const result = allocateValues(physicalTypeOf(type), offsets[values.length]!);
  lists.forEach((list, row) => list?.forEach((value, index) => (result[offsets[row]! + index] = Number(value))));
  return { type, values: result, offsets };
}

function stringColumn(values: readonly PlainScalar[]): Column {
  const parts = values.map((value) => (value instanceof Uint8Array ? value : Buffer.from(value === null || value === undefined ? '' : String(value))));
  const offsets = new Int32Array(values.length + 1);
  parts.forEach((part, row) => (offsets[row + 1] = offsets[row]! + part.length));
  const bytes = new Uint8Array(offsets[values.length]!);
  parts.forEach((part, row) => bytes.set(part, offsets[row]));
  return { type: { name: 'string' }, values: bytes, offsets };
}
