import { takeRows, type Column, type ColumnBatch, type ColumnType } from '#tideline/retention';
import type { RecordBatch } from '#tideline/platform';

const string: ColumnType = { name: 'string' };
const int: ColumnType = { name: 'int' };
const bigint: ColumnType = { name: 'bigint' };
const timestamp: ColumnType = { name: 'timestamp' };
const boolean: ColumnType = { name: 'boolean' };

/** Where a row came from: the file it stood in and its place on the log; `_late` is decided once, in offset order. */
export const provenanceColumns: readonly { readonly name: string; readonly type: ColumnType; readonly nullable: boolean }[] = [
  { name: '_file', type: string, nullable: false },
  { name: '_loop', type: int, nullable: false },
  { name: '_byte_offset', type: bigint, nullable: false },
  { name: '_topic', type: string, nullable: false },
  { name: '_partition', type: int, nullable: false },
  { name: '_offset', type: bigint, nullable: false },
  { name: '_arrived_at', type: timestamp, nullable: false },
  { name: '_late', type: boolean, nullable: false },
];

/**
 * The rows followed by `provenanceColumns`; records without a file (other producers) get file '' and byte offset -1. `kept` names the
 * records of the batch that the rows are, all of them when undefined.
 */
export function withProvenance(columns: ColumnBatch, batch: RecordBatch, late: Uint8Array, kept?: Int32Array): ColumnBatch {
  const whole = provenanceOf(batch, late);
  const provenance = kept === undefined ? whole : takeRows(whole, kept);
  return { rowCount: columns.rowCount, names: [...columns.names, ...provenance.names], columns: [...columns.columns, ...provenance.columns] };
}

function provenanceOf(batch: RecordBatch, late: Uint8Array): ColumnBatch {
  const rows = batch.count;
  const header = (name: string): string | Float64Array | undefined => batch.headers.find((column) => column.name === name)?.values;
  const file = header('file');
  const loop = header('loop');
  const byteOffsets = header('offset');
  const offsets = new Float64Array(rows);
  for (let i = 0; i < rows; i++) offsets[i] = batch.baseOffset + i;
  const columns: Column[] = [
    sameText(typeof file === 'string' ? file : '', rows),
    typeof loop === 'object' ? { type: int, values: Int32Array.from(loop) } : { type: int, values: new Int32Array(rows).fill(Number(loop ?? 0)) },
    { type: bigint, values: typeof byteOffsets === 'object' ? byteOffsets : new Float64Array(rows).fill(-1) },
    sameText(batch.topic, rows),
    { type: int, values: new Int32Array(rows).fill(batch.partition) },
    { type: bigint, values: offsets },
    { type: timestamp, values: new Float64Array(rows).fill(batch.appendedAtMs) },
    { type: boolean, values: late },
  ];
  return { rowCount: rows, names: provenanceColumns.map((column) => column.name), columns };
}

function sameText(text: string, rows: number): Column {
  const bytes = Buffer.from(text, 'utf8');
  const values = new Uint8Array(bytes.length * rows);
  const offsets = new Int32Array(rows + 1);
  for (let i = 0; i < rows; i++) {
    values.set(bytes, i * bytes.length);
    offsets[i + 1] = (i + 1) * bytes.length;
  }
  return { type: string, values, offsets };
}
