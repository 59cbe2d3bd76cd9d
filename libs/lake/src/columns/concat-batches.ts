import assert from 'node:assert/strict';
import { allocateValues, physicalTypeOf, type Column, type ColumnBatch } from './column-batch.ts';

/** One batch with the rows of all, in order; they must have the same columns. */
export function concatBatches(batches: readonly ColumnBatch[]): ColumnBatch {
  assert(batches.length > 0, 'expected at least one batch');
  const [first] = batches;
  if (batches.length === 1) return first!;
  const rowCount = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  const columns = first!.columns.map((_, index) =>
    concatColumns(batches.map((batch) => ({ column: batch.columns[index]!, rowCount: batch.rowCount })), rowCount),
  );
  return { rowCount, names: first!.names, columns };
}

function concatColumns(parts: readonly { column: Column; rowCount: number }[], rowCount: number): Column {
  const { type } = parts[0]!.column;
  const variable = parts[0]!.column.offsets !== undefined;
  const ranges = parts.map(({ column, rowCount: rows }) =>
    column.offsets === undefined ? ([0, rows] as const) : ([column.offsets[0]!, column.offsets[rows]!] as const),
  );
  const values = allocateValues(physicalTypeOf(type), ranges.reduce((sum, [start, end]) => sum + end - start, 0));
  const offsets = variable ? new Int32Array(rowCount + 1) : undefined;
  const nulls = parts.some(({ column }) => column.nulls !== undefined) ? new Uint8Array(rowCount) : undefined;
  let row = 0;
  let at = 0;
  parts.forEach(({ column, rowCount: rows }, index) => {
    const [start, end] = ranges[index]!;
    values.set(column.values.subarray(start, end), at);
    if (offsets !== undefined) for (let i = 0; i < rows; i++) offsets[row + i] = column.offsets![i]! - start + at;
    if (column.nulls !== undefined) nulls!.set(column.nulls.subarray(0, rows), row);
    row += rows;
    at += end - start;
  });
  if (offsets !== undefined) offsets[rowCount] = at;
  return { type, values, ...(offsets === undefined ? {} : { offsets }), ...(nulls === undefined ? {} : { nulls }) };
}
