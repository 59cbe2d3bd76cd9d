import assert from 'node:assert';

import type { Column, ColumnBatch } from './columns.ts';

/** The rows of batches with the same columns, one after the other, in new arrays. At least one batch is needed. */
export function concatenateBatches(batches: readonly ColumnBatch[]): ColumnBatch {
  assert(batches.length > 0, 'expected at least one batch');
  const [{ names }] = batches;
  const columns = names.map((name, index) => {
    assert(batches.every((batch) => batch.names[index] === name), `expected the column ${name} in every batch`);
    return concatenateColumns(batches.map((batch) => batch.columns[index]), batches.map((batch) => batch.rowCount));
  });
  return { rowCount: batches.reduce((sum, batch) => sum + batch.rowCount, 0), names, columns };
}

function concatenateColumns(parts: readonly Column[], rowCounts: readonly number[]): Column {
  const rowCount = rowCounts.reduce((sum, rows) => sum + rows, 0);
  const length = parts.reduce((sum, part) => sum + part.values.length, 0);
  const Values = parts[0].values.constructor as Int32ArrayConstructor;
  const values = new Values(length);
  const offsets = parts[0].offsets === undefined ? undefined : new Int32Array(rowCount + 1);
  const nulls = parts.some((part) => part.nulls !== undefined) ? new Uint8Array(rowCount) : undefined;
  let row = 0;
  let element = 0;
  parts.forEach((part, index) => {
    values.set(part.values as Int32Array, element);
    if (part.nulls !== undefined) nulls!.set(part.nulls, row);
    if (offsets !== undefined) for (let at = 0; at <= rowCounts[index]; at++) offsets[row + at] = element + part.offsets![at];
    row += rowCounts[index];
    element += part.values.length;
  });
  return { type: parts[0].type, values, ...(offsets && { offsets }), ...(nulls && { nulls }) };
}
