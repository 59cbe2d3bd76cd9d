import { batchFromRows, nextOffset, type ColumnDefinition, type Lake, type Table } from '#tideline/lake';
import type { EventLog } from '#tideline/platform';
import { tableNames, takeRows, type Source } from '#tideline/retention';
import { DEAD_LETTER_TOPIC, readDeadLetters } from './dead-letters.ts';
import { besideEachOther, provenanceColumns, provenanceOf } from './provenance.ts';
import { takingTurns } from './taking-turns.ts';

const string = { name: 'string' } as const;

export const letterColumns: readonly ColumnDefinition[] = [
  { name: 'reason', type: string, nullable: false },
  { name: 'detail', type: string, nullable: false },
  { name: 'original', type: string, nullable: false },
  { name: 'encoding', type: string, nullable: false },
];

/** Lands new dead letters of the source as `silver.<source>_rejects`, one commit a partition; returns how many. */
export async function landRejects(source: Source, { log, lake }: { log: EventLog; lake: Lake }): Promise<number> {
  const topic = (await log.describeTopics()).find((description) => description.topic === DEAD_LETTER_TOPIC);
  if (topic === undefined) return 0;
  const table = lake.table(tableNames(source).rejects);
  await table.ensure([...letterColumns, ...provenanceColumns]);
  let landed = 0;
  await takingTurns(async () => {
    const covered = (await table.current())?.offsets;
    for (const { partition, end } of topic.partitions) landed += await landPartition(source, log, table, partition, nextOffset(covered, partition), end);
  });
  return landed;
}

async function landPartition(source: Source, log: EventLog, table: Table, partition: number, start: number, end: number): Promise<number> {
  if (start >= end) return 0;
  const writer = await table.writer();
  let offset = start;
  let landed = 0;
  let files;
  try {
    for await (const { batch, letters, next } of readDeadLetters(log, source, partition, start, end)) {
      const provenance = takeRows(provenanceOf(batch), Int32Array.from(letters, ({ row }) => row));
      await writer.write(besideEachOther(batchFromRows(letterColumns, letters.map((letter) => ({ ...letter }))), provenance));
      landed += letters.length;
      offset = next;
    }
    files = await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => undefined);
    throw error;
  }
  // A commit that fails without an answer may stand: its files stay then too.
  if (offset > start) await table.append(files, { offsets: { [partition]: [start, offset] } });
  return landed;
}
