import type { HeaderColumn, PackedRecords, RecordBatch } from './event-log.ts';

/** A record whose key and value are text. */
export interface TextRecord {
  readonly key: string;
  readonly value: string;
  readonly timestampMs: number;
}

/** Packs plainly written records: for messages of JSON text and for tests, where speed does not matter. */
export function packTexts(records: readonly TextRecord[], headers: readonly HeaderColumn[] = []): PackedRecords {
  const keys = records.map(({ key }) => Buffer.from(key));
  const values = records.map(({ value }) => Buffer.from(value));
  return {
    count: records.length,
    keyOffsets: offsetsOf(keys),
    keys: Buffer.concat(keys),
    valueOffsets: offsetsOf(values),
    values: Buffer.concat(values),
    timestamps: Float64Array.from(records, ({ timestampMs }) => timestampMs),
    headers,
  };
}

/** The records of a batch, plainly; the inverse of `packTexts`. */
export function unpackTexts(batch: PackedRecords): TextRecord[] {
  const text = (bytes: Uint8Array, offsets: Uint32Array, i: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + offsets[i], offsets[i + 1] - offsets[i]).toString();
  return Array.from({ length: batch.count }, (_, i) => ({
    key: text(batch.keys, batch.keyOffsets, i),
    value: text(batch.values, batch.valueOffsets, i),
    timestampMs: batch.timestamps[i],
  }));
}

/** The values of several batches, in order. */
export function valuesOf(batches: readonly RecordBatch[]): string[] {
  return batches.flatMap((batch) => unpackTexts(batch).map(({ value }) => value));
}

function offsetsOf(parts: readonly Uint8Array[]): Uint32Array {
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => (offsets[i + 1] = offsets[i] + part.byteLength));
  return offsets;
}
