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

/** In the place of a table's position: the row is of no table of the source. */
export const NO_TABLE = 255;

/** Position in `source.tables` of each row's table, `NO_TABLE` for a name that is none's; undefined for a source of one table. */
export function tableIndexes(source: Source, batch: ColumnBatch): Uint8Array | undefined {
  if (source.tables === undefined) return undefined;
  const { values, offsets } = batch.columns[batch.names.indexOf(TABLE_COLUMN)];
  assert(offsets !== undefined, `expected the text column ${TABLE_COLUMN}`);
  const known = source.tables.map((table) => Buffer.from(table.name));
  const indexes = new Uint8Array(batch.rowCount);
  for (let row = 0, last = 0; row < batch.rowCount; row++) {
    // Rows of one file come together: mostly it is the table of the row before.
    if (!isText(known[last], values, offsets[row], offsets[row + 1])) {
      const found = known.findIndex((name) => isText(name, values, offsets[row], offsets[row + 1]));
      if (found < 0) {
        indexes[row] = NO_TABLE;
        continue;
      }
      last = found;
    }
    indexes[row] = last;
  }
  return indexes;
}

/**
 * Rows that are no records of their table: of none (`unknown-table`), or without a value that it requires, though the record would allow that
 * (`missing-<column>`). Files can't hold any, other producers may. Nothing for a source of one table.
 */
export function misfits(source: Source, batch: ColumnBatch): { readonly reason: string; readonly rows: Uint8Array }[] {
  const indexes = tableIndexes(source, batch);
  if (indexes === undefined) return [];
  const found: { reason: string; rows: Uint8Array }[] = [];
  if (indexes.includes(NO_TABLE)) found.push({ reason: 'unknown-table', rows: indexes.map((index) => index === NO_TABLE ? 1 : 0) });
  source.tables!.forEach(({ columns }, table) => {
    for (const { name, nullable } of columns) {
      const { nulls } = batch.columns[batch.names.indexOf(name)];
      if (nullable || nulls === undefined) continue;
      const rows = new Uint8Array(batch.rowCount);
      let any = false;
      for (let row = 0; row < batch.rowCount; row++) if (nulls[row] === 1 && indexes[row] === table) any = (rows[row] = 1) === 1;
      if (any) found.push({ reason: `missing-${name.replaceAll('_', '-')}`, rows });
    }
  });
  return found;
}

function isText(text: Uint8Array, values: Column['values'], start: number, end: number): boolean {
  if (end - start !== text.length) return false;
  for (let k = 0; k < text.length; k++) if (values[start + k] !== text[k]) return false;
  return true;
}

function sameText(text: string, rowCount: number): Column {
  const bytes = Buffer.from(text);
  const offsets = new Int32Array(rowCount + 1);
  const values = new Uint8Array(rowCount * bytes.length);
  for (let row = 0; row < rowCount; row++) {
    values.set(bytes, row * bytes.length);
    offsets[row + 1] = (row + 1) * bytes.length;
  }
  return { type: { name: 'string' }, values, offsets };
}

function nothing({ type }: SourceColumn, rowCount: number): Column {
  const nulls = new Uint8Array(rowCount).fill(1);
  if (type.name === 'string') return { type, values: new Uint8Array(0), offsets: new Int32Array(rowCount + 1), nulls };
  if (type.name === 'list') return { type, values: allocateValues(elementType(type), 0), offsets: new Int32Array(rowCount + 1), nulls };
  return { type, values: allocateValues(elementType(type), rowCount), nulls };
}
