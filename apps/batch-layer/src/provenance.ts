import type { Column, ColumnBatch, ColumnType } from '#tideline/retention';
import type { ColumnDefinition } from '#tideline/lake';
import type { RecordBatch } from '#tideline/platform';

const string: ColumnType = { name: 'string' };
const int: ColumnType = { name: 'int' };
const bigint: ColumnType = { name: 'bigint' };

/** Where a row came from: the file that it stood in and its place on the log. */
export const provenanceColumns: readonly ColumnDefinition[] = [
  { name: '_file', type: string, nullable: false },
  { name: '_loop', type: int, nullable: false },
  { name: '_byte_offset', type: bigint, nullable: false },
  { name: '_topic', type: string, nullable: false },
  { name: '_partition', type: int, nullable: false },
  { name: '_offset', type: bigint, nullable: false },
  { name: '_arrived_at', type: { name: 'timestamp' }, nullable: false },
];

/** `provenanceColumns` of a batch's records; a record without a file (another producer's) gets file '' and byte offset -1. */
export function provenanceOf(batch: RecordBatch): ColumnBatch {
  const rows = batch.count;
  const header = (name: string): string | Float64Array | undefined => batch.headers.find((column) => column.name === name)?.values;
  const file = header('file');
  const loop = header('loop');
  const byteOffsets = header('offset');
  const offsets = new Float64Array(rows);
  for (let row = 0; row < rows; row++) offsets[row] = batch.baseOffset + row;
  const columns: Column[] = [
    sameText(typeof file === 'string' ? file : '', rows),
    { type: int, values: typeof loop === 'object' ? Int32Array.from(loop) : new Int32Array(rows).fill(Number(loop ?? 0)) },
    { type: bigint, values: typeof byteOffsets === 'object' ? byteOffsets : new Float64Array(rows).fill(-1) },
    sameText(batch.topic, rows),
    { type: int, values: new Int32Array(rows).fill(batch.partition) },
    { type: bigint, values: offsets },
    { type: { name: 'timestamp' }, values: new Float64Array(rows).fill(batch.appendedAtMs) },
  ];
  return { rowCount: rows, names: provenanceColumns.map((column) => column.name), columns };
}

/** The columns of both, side by side; they have the same rows. */
export function besideEachOther(left: ColumnBatch, right: ColumnBatch): ColumnBatch {
  return { rowCount: left.rowCount, names: [...left.names, ...right.names], columns: [...left.columns, ...right.columns] };
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
