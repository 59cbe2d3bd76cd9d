import assert from 'node:assert/strict';
import type { Source, SourceColumn } from '../sources/source.ts';
import { ALWAYS_MS, TABLE_COLUMN, tableOf } from '../sources/source-tables.ts';
import type { Column, ColumnBatch } from './columns.ts';
import { allocateValues, elementType } from './physical-form.ts';

/**
 * Makes batches of a table's file into batches of the source's record: `_table` and the time are filled in, columns of other tables are null. Rows of
 * a snapshot table get the moment from which they hold as their time. For a source of one table nothing changes.
 */
export function createWidener(source: Source, table: string | undefined): (batch: ColumnBatch) => ColumnBatch {
  if (source.tables === undefined) return (batch) => batch;
  const { name, kind, validFrom } = tableOf(source, table);
  const timeColumn = kind === 'events' ? source.time : validFrom;
  const names = source.columns.map((column) => column.name);
  return (batch) => {
    const { rowCount } = batch;
    const columnOf = (column: SourceColumn): Column => {
      if (column.name === TABLE_COLUMN) return sameText(name, rowCount);
      if (column.name === source.time && timeColumn === undefined) return { type: column.type, values: new Float64Array(rowCount).fill(ALWAYS_MS) };
      const at = batch.names.indexOf(column.name === source.time ? timeColumn ?? '' : column.name);
      return at < 0 ? nothing(column, rowCount) : batch.columns[at];
    };
    return { rowCount, names, columns: source.columns.map(columnOf) };
  };
}

/** Position in `source.tables` of each row's table; undefined for a source of one table. */
export function tableIndexes(source: Source, batch: ColumnBatch): Uint8Array | undefined {
  if (source.tables === undefined) return undefined;
  const { values, offsets } = batch.columns[batch.names.indexOf(TABLE_COLUMN)];
  assert(offsets !== undefined, `expected the text column ${TABLE_COLUMN}`);
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const known = new Map(source.tables.map((table, index) => [table.name, index]));
  const indexes = new Uint8Array(batch.rowCount);
  let last = '';
  for (let row = 0, index = 0; row < batch.rowCount; row++) {
    const text = bytes.toString('latin1', offsets[row], offsets[row + 1]);
    if (text !== last) {
      last = text;
      const found = known.get(text);
      assert(found !== undefined, `expected a table of ${source.name} (${[...known.keys()].join(', ')}), found ${text}`);
      index = found;
    }
    indexes[row] = index;
  }
  return indexes;
}

function sameText(text: string, rowCount: number): Column {
  const bytes = Buffer.from(text);
  const offsets = new Int32Array(rowCount + 1);
  for (let row = 1; row <= rowCount; row++) offsets[row] = row * bytes.length;
  return { type: { name: 'string' }, values: Buffer.alloc(rowCount * bytes.length, bytes), offsets };
}

function nothing({ type }: SourceColumn, rowCount: number): Column {
  const nulls = new Uint8Array(rowCount).fill(1);
  if (type.name === 'string') return { type, values: new Uint8Array(0), offsets: new Int32Array(rowCount + 1), nulls };
  if (type.name === 'list') return { type, values: allocateValues(elementType(type), 0), offsets: new Int32Array(rowCount + 1), nulls };
  return { type, values: allocateValues(elementType(type), rowCount), nulls };
}
