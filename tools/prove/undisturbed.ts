import { join } from 'node:path';
import { landRejects } from '../../apps/batch-layer/src/rejects.ts';
import { buildGold } from '../../apps/batch-layer/src/gold.ts';
import { landSource } from '../../apps/batch-layer/src/land.ts';
import { replayFile, type ReplaySummary } from '../../apps/ingestor/src/index.ts';
import { Lake, Sql } from '#tideline/lake';
import { FileObjectStore, MemoryEventLog, SystemClock, type EventLog, type SchemaRegistry } from '#tideline/platform';
import { registeredCodec, type Source } from '#tideline/retention';

/** The same work done once, in one process, with nothing killed. */
export interface Undisturbed {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly summary: ReplaySummary;
  close(): Promise<void>;
}

/** Replays the file into a log in memory, in chunks as large as those of the replay that will be disturbed. */
export async function replayUndisturbed(source: Source, file: string, chunkRows: number, registry: SchemaRegistry, folder: string): Promise<Undisturbed> {
  const log = new MemoryEventLog();
  const summary = await replayFile({ source, path: file, log, registry, clock: new SystemClock(), lockFolder: join(folder, 'locks'), chunkRows });
  const store = await FileObjectStore.open(join(folder, 'lake'));
  const sql = await Sql.open(store, { memoryLimit: '1GB', threads: 1 });
  const close = async (): Promise<void> => {
    await sql.close();
    await store.close();
    await log.close();
  };
  return { log, lake: new Lake(store), sql, summary, close };
}

/** Lands its log as bronze and silver and builds gold, to compare tables with. */
export async function buildUndisturbed(source: Source, { log, lake, sql }: Undisturbed, registry: SchemaRegistry): Promise<void> {
  await landSource({ source, log, lake, codec: await registeredCodec(source, registry) });
  await landRejects(source, { log, lake });
  await buildGold({ source, lake, sql });
}
