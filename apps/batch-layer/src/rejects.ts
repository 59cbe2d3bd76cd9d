import { nextOffset, type ColumnDefinition, type Lake } from '#tideline/lake';
import type { EventLog, RecordBatch } from '#tideline/platform';
import type { Column, Source } from '#tideline/retention';
import { tableNames } from './table-names.ts';

const TOPIC = 'dead-letter';
const string = { name: 'string' } as const;
const bigint = { name: 'bigint' } as const;
const int = { name: 'int' } as const;

const columns: readonly ColumnDefinition[] = [
  { name: 'reason', type: string, nullable: false },
  { name: 'detail', type: string, nullable: false },
  { name: 'original', type: string, nullable: false },
  { name: '_file', type: string, nullable: false },
  { name: '_byte_offset', type: bigint, nullable: false },
  { name: '_partition', type: int, nullable: false },
  { name: '_offset', type: bigint, nullable: false },
];

interface DeadLetter {
  readonly source: string;
  readonly file: string;
  readonly byteOffset: number;
  readonly reason: string;
  readonly detail: string;
  /** As text, or base64 where its bytes are no UTF-8. */
  readonly original: string;
}

/** Lands new dead letters of the source as `silver.<source>_rejects`; returns how many. Bytes that are no UTF-8 stand as base64. */
export async function landRejects(source: Source, { log, lake }: { log: EventLog; lake: Lake }): Promise<number> {
  const topic = (await log.describeTopics()).find((description) => description.topic === TOPIC);
  if (topic === undefined) return 0;
  const table = lake.table(tableNames(source).rejects);
  await table.ensure(columns);
  let landed = 0;
  for (const { partition, end } of topic.partitions) {
    const start = nextOffset((await table.current())?.offsets, partition);
    let offset = start;
    const writer = await table.writer();
    try {
      while (offset < end) {
        const batches = await log.read(TOPIC, partition, offset, { maxWaitMs: 0 });
        if (batches.length === 0) break;
        for (const batch of batches) {
          const letters = lettersOf(source.name, batch);
          if (letters.length > 0) await writer.write({ rowCount: letters.length, names: columns.map(({ name }) => name), columns: toColumns(letters, partition) });
          landed += letters.length;
          offset = batch.baseOffset + batch.count;
        }
      }
      if (offset > start) await table.append(await writer.finish(), { offsets: { [partition]: [start, offset] } });
      else await writer.abort();
    } catch (error) {
      await writer.abort().catch(() => undefined);
      throw error;
    }
  }
  return landed;
}

function lettersOf(source: string, batch: RecordBatch): (DeadLetter & { readonly offset: number })[] {
  const values = Buffer.from(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
  const letters: (DeadLetter & { offset: number })[] = [];
  for (let i = 0; i < batch.count; i++) {
    const letter = JSON.parse(values.toString('utf8', batch.valueOffsets[i], batch.valueOffsets[i + 1])) as DeadLetter;
    if (letter.source === source) letters.push({ ...letter, offset: batch.baseOffset + i });
  }
  return letters;
}

function toColumns(letters: readonly (DeadLetter & { readonly offset: number })[], partition: number): Column[] {
  return [
    texts(letters.map((letter) => letter.reason)),
    texts(letters.map((letter) => letter.detail)),
    texts(letters.map((letter) => letter.original)),
    texts(letters.map((letter) => letter.file)),
    { type: bigint, values: Float64Array.from(letters, (letter) => letter.byteOffset) },
    { type: int, values: new Int32Array(letters.length).fill(partition) },
    { type: bigint, values: Float64Array.from(letters, (letter) => letter.offset) },
  ];
}

function texts(values: readonly string[]): Column {
  const bytes = values.map((value) => Buffer.from(value, 'utf8'));
  const offsets = new Int32Array(values.length + 1);
  bytes.forEach((value, i) => (offsets[i + 1] = offsets[i]! + value.length));
  return { type: string, values: Buffer.concat(bytes), offsets };
}
