import assert from 'node:assert';

import type { Source } from '../sources/source.ts';
import type { Column, ColumnBatch } from './columns.ts';
import { writeScaled } from './integer-text.ts';
import type { Rejection } from './log-scanner.ts';
import { partitionOf } from './murmur2.ts';
import type { RecordCodec } from './record-codec.ts';
import { tableIndexes } from './union-batch.ts';
import { isUtf8 } from './utf8.ts';

/** Records of one partition in columns of bytes; the fields are those of the event log's own `PackedRecords`. */
export interface PackedRecords {
  readonly count: number;
  readonly keyOffsets: Uint32Array;
  readonly keys: Uint8Array;
  readonly valueOffsets: Uint32Array;
  readonly values: Uint8Array;
  readonly timestamps: Float64Array;
  readonly headers: readonly { readonly name: string; readonly values: string | Float64Array }[];
}

/** Rows to put on the topic: the source's columns and the entity column, and where each row's line starts. */
export interface RowsToPack {
  readonly batch: ColumnBatch;
  /** By row of `batch`, or by row of the chunk when `kept` says which of its rows the batch holds. */
  readonly byteOffsets: Float64Array;
  readonly kept?: Int32Array;
}

/** Which file and pass the rows come from; `createdAtMs` dates records of sources without time. */
export interface PackOrigin {
  readonly fileId: string;
  readonly loop: number;
  readonly createdAtMs: number;
  /** Partitions of the topic; the source's deployment by default. */
  readonly partitions?: number;
}

/**
 * Splits rows over partitions by the entity's text, as Kafka's default partitioner would, and encodes them, in row order within each
 * partition. Partitions without rows are left out. (file, loop, offset) in the headers is a record's identity.
 */
export function packRecords(
  source: Source,
  codec: RecordCodec,
  rows: RowsToPack,
  origin: PackOrigin,
): { partition: number; records: PackedRecords }[] {
  const { batch } = rows;
  const partitions = origin.partitions ?? source.deployment.partitions;
  const { keys, keyOffsets } = entityKeys(columnNamed(batch, source.entity), batch.rowCount, source.entity);
  const packed: { partition: number; records: PackedRecords }[] = [];
  rowsByPartition(keys, keyOffsets, batch.rowCount, partitions).forEach((chosen, partition) => {
    if (chosen !== undefined) packed.push({ partition, records: packPartition(source, codec, rows, origin, chosen, keys, keyOffsets) });
  });
  return packed;
}

/** When and in which pass rejected lines were read; for dead letters. */
export interface DeadLetterOrigin {
  readonly loop?: number;
  readonly createdAtMs?: number;
  /** Which table of the source the lines were read for, where it has several. */
  readonly table?: string | undefined;
}

/**
 * Rejected lines as records for the dead-letter topic, without keys: JSON with source, table where it has several, file, byteOffset, reason, detail and original,
 * which is base64 where `encoding` says so, because its bytes are no UTF-8 text.
 */
export function deadLetterRecords(
  source: Source,
  fileId: string,
  rejections: readonly Rejection[],
  origin: DeadLetterOrigin = {},
): PackedRecords {
  const count = rejections.length;
  const valueOffsets = new Uint32Array(count + 1);
  const offsets = new Float64Array(count);
  const parts = rejections.map(({ byteOffset, reason, detail, original }, index) => {
    const encoding = isUtf8(original, 0, original.length) ? 'utf8' : 'base64';
    const text = Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString(encoding);
    const value = Buffer.from(
      JSON.stringify({ source: source.name, table: origin.table, file: fileId, byteOffset, reason, detail, original: text, encoding }),
    );
    valueOffsets[index + 1] = valueOffsets[index] + value.length;
    offsets[index] = byteOffset;
    return value;
  });
  return {
    count,
    keyOffsets: new Uint32Array(count + 1),
    keys: new Uint8Array(0),
    valueOffsets,
    values: Buffer.concat(parts),
    timestamps: new Float64Array(count).fill(origin.createdAtMs ?? 0),
    headers: identityHeaders(fileId, origin.loop ?? 0, offsets),
  };
}

function packPartition(
  source: Source,
  codec: RecordCodec,
  rows: RowsToPack,
  origin: PackOrigin,
  chosen: Int32Array,
  keys: Uint8Array,
  keyOffsets: Uint32Array,
): PackedRecords {
  const { batch, byteOffsets, kept } = rows;
  const count = chosen.length;
  const whole = count === batch.rowCount;
  const encoded = codec.encode(batch, whole ? undefined : chosen);
  const times = source.time === undefined ? undefined : columnNamed(batch, source.time).values;
  const tables = tableIndexes(source, batch);
  const timestamps = new Float64Array(count);
  const offsets = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const row = chosen[index];
    // The moment from which a snapshot table's row holds is not when anything happened, and may lie before what logs can date.
    const isEvent = times !== undefined && (tables === undefined || source.tables![tables[row]].kind === 'events');
    timestamps[index] = isEvent ? times[row] : origin.createdAtMs;
    offsets[index] = byteOffsets[kept === undefined ? row : kept[row]];
  }
  const picked = whole ? { keys, keyOffsets } : pickKeys(keys, keyOffsets, chosen);
  return { ...encoded, ...picked, timestamps, headers: identityHeaders(origin.fileId, origin.loop, offsets) };
}

function identityHeaders(fileId: string, loop: number, offsets: Float64Array): PackedRecords['headers'] {
  return [
    { name: 'file', values: fileId },
    { name: 'loop', values: String(loop) },
    { name: 'offset', values: offsets },
  ];
}

function columnNamed(batch: ColumnBatch, name: string): Column {
  const index = batch.names.indexOf(name);
  assert(index >= 0, `expected the column ${name} in the batch, found ${batch.names.join(', ')}`);
  return batch.columns[index];
}

/** The entity of every row as UTF-8 text: integers and decimals in plain digits. */
function entityKeys(column: Column, rowCount: number, name: string): { keys: Uint8Array; keyOffsets: Uint32Array } {
  const { type, values, offsets } = column;
  if (type.name === 'string') return { keys: values as Uint8Array, keyOffsets: Uint32Array.from(offsets!) };
  const isKey = type.name === 'int' || type.name === 'bigint' || type.name === 'decimal';
  assert(isKey, `expected text, an integer or a decimal as entity, found ${type.name} (${name})`);
  const scale = type.name === 'decimal' ? type.scale : 0;
  const keys = new Uint8Array(rowCount * 19);
  const keyOffsets = new Uint32Array(rowCount + 1);
  let position = 0;
  for (let row = 0; row < rowCount; row++) {
    position = writeScaled(values[row], scale, keys, position);
    keyOffsets[row + 1] = position;
  }
  return { keys: keys.slice(0, position), keyOffsets };
}

/** Row numbers of each partition, ascending; undefined where there are none. */
function rowsByPartition(keys: Uint8Array, keyOffsets: Uint32Array, rowCount: number, partitions: number): (Int32Array | undefined)[] {
  const partitionByRow = new Int32Array(rowCount);
  const counts = new Int32Array(partitions);
  for (let row = 0; row < rowCount; row++) {
    const partition = partitions === 1 ? 0 : partitionOf(keys, keyOffsets[row], keyOffsets[row + 1], partitions);
    partitionByRow[row] = partition;
    counts[partition]++;
  }
  const rows = Array.from(counts, (count) => (count === 0 ? undefined : new Int32Array(count)));
  const filled = new Int32Array(partitions);
  for (let row = 0; row < rowCount; row++) rows[partitionByRow[row]]![filled[partitionByRow[row]]++] = row;
  return rows;
}

function pickKeys(keys: Uint8Array, keyOffsets: Uint32Array, rows: Int32Array): { keys: Uint8Array; keyOffsets: Uint32Array } {
  const pickedOffsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, index) => {
    pickedOffsets[index + 1] = pickedOffsets[index] + keyOffsets[row + 1] - keyOffsets[row];
  });
  const picked = new Uint8Array(pickedOffsets[rows.length]);
  rows.forEach((row, index) => {
    let target = pickedOffsets[index];
    for (let at = keyOffsets[row]; at < keyOffsets[row + 1]; at++) picked[target++] = keys[at];
  });
  return { keys: picked, keyOffsets: pickedOffsets };
}
