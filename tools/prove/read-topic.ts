import type { EventLog, PackedRecords, RecordBatch } from '#tideline/platform';

/** A partition's end may hold no record (a transaction's own marks): it is reached when this many patient reads find nothing. */
const EMPTY_READS = 3;
const PATIENCE_MS = 200;

/** Every batch of a partition, by reading it from its beginning; what offsets say is not believed. */
export async function readPartition(log: EventLog, topic: string, partition: number): Promise<readonly RecordBatch[]> {
  const { start } = await log.offsets(topic, partition);
  const found: RecordBatch[] = [];
  let offset = start;
  for (let empty = 0; empty < EMPTY_READS; ) {
    const { end } = await log.offsets(topic, partition);
    if (offset >= end) break;
    const batches = await log.read(topic, partition, offset, { maxWaitMs: empty === 0 ? 0 : PATIENCE_MS });
    empty = batches.length === 0 ? empty + 1 : 0;
    for (const batch of batches) {
      found.push(batch);
      offset = batch.baseOffset + batch.count;
    }
  }
  return found;
}

/** Every batch of a topic by partition; nothing for a topic that does not exist. */
export async function readTopic(log: EventLog, topic: string): Promise<ReadonlyMap<number, readonly RecordBatch[]>> {
  const description = (await log.describeTopics()).find((candidate) => candidate.topic === topic);
  const found = new Map<number, readonly RecordBatch[]>();
  for (const { partition } of description?.partitions ?? []) found.set(partition, await readPartition(log, topic, partition));
  return found;
}

/** One record of a batch, taken out of its columns. */
export interface PlainRecord {
  readonly key: string;
  /** Bytes as latin1 text, so that equal texts are equal bytes. */
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}

export function recordOf(batch: PackedRecords, row: number): PlainRecord {
  const { keys, keyOffsets, values, valueOffsets, headers, timestamps } = batch;
  const text = (bytes: Uint8Array, offsets: Uint32Array, encoding: 'utf8' | 'latin1'): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding, offsets[row], offsets[row + 1]);
  return {
    key: text(keys, keyOffsets, 'utf8'),
    value: text(values, valueOffsets, 'latin1'),
    headers: Object.fromEntries(headers.map(({ name, values: column }) => [name, typeof column === 'string' ? column : String(column[row])])),
    timestampMs: timestamps[row]!,
  };
}

export function recordsOf(batch: PackedRecords): PlainRecord[] {
  return Array.from({ length: batch.count }, (_, row) => recordOf(batch, row));
}
