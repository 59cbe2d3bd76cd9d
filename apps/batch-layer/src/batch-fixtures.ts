// Test material: the project's sources, logs in a source's own format put on an event log as the ingestor does it, and tables read back.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Lake, ParquetFile, Sql, valueAt, type JsonValue, type Snapshot, type Table } from '#tideline/lake';
import {
  ManualClock, MemoryEventLog, MemoryExperimentTracker, MemoryObjectStore, MemorySchemaRegistry, type EventLog, type ObjectStore,
} from '#tideline/platform';
import { createRefiner, fileSource, LogScanner, parseSource, registeredCodec, SOURCE_FILE_NAMES, SourceProcessor, type RecordCodec, type Source, type SourceFile } from '#tideline/retention';
import { Checkpoints, systemTopics, writeCommitMetadata } from '#tideline/streaming';
import { packChunk } from '../../ingestor/src/pack-chunk.ts';
import { BatchLayer, type BatchLayerDoors } from './batch-layer.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** One of the project's sources; `edit` may change the text of its files, `schema.yaml` and so on, before they are read. */
export function sourceNamed(name: string, edit: (fileName: string, text: string) => string = (_, text) => text): Source {
  const read = (fileName: (typeof SOURCE_FILE_NAMES)[number]): SourceFile => {
    const path = join('sources', name, fileName);
    return { path, text: edit(fileName, readFileSync(join(root, path), 'utf8')) };
  };
  const { source, problems } = parseSource({
    schema: read('schema.yaml'), features: read('features.yaml'), models: read('models.yaml'), deployment: read('deployment.yaml'),
    checks: existsSync(join(root, 'sources', name, 'checks.yaml')) ? read('checks.yaml') : undefined,
  });
  if (source === undefined) throw new Error(JSON.stringify(problems));
  return source;
}

/** Doors in memory with engines on them, and the batch layer of one test. */
export class BatchWorld {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly lake: Lake;
  readonly tracker = new MemoryExperimentTracker();
  readonly registry = new MemorySchemaRegistry();
  readonly clock = new ManualClock(1_600_000_000_000);
  #sql: Sql | undefined;

  constructor(doors: { readonly log?: EventLog; readonly store?: ObjectStore } = {}) {
    this.log = doors.log ?? new MemoryEventLog();
    this.store = doors.store ?? new MemoryObjectStore();
    this.lake = new Lake(this.store);
  }

  async sql(): Promise<Sql> {
    return (this.#sql ??= await Sql.open(this.store, { threads: 1 }));
  }

  async doors(): Promise<BatchLayerDoors & { readonly store: ObjectStore }> {
    const { log, store, lake, tracker, registry, clock } = this;
    return { log, store, lake, tracker, registry, clock, sql: await this.sql() };
  }

  async layer(): Promise<BatchLayer> {
    return new BatchLayer(await this.doors());
  }

  codec(source: Source): Promise<RecordCodec> {
    return registeredCodec(source, this.registry);
  }

  /** Rows of a statement over tables, each bound as it is now. */
  async query(statement: string, ...tables: readonly string[]): Promise<Record<string, JsonValue>[]> {
    const sql = await this.sql();
    for (const name of tables) await sql.bind(this.lake.table(name));
    return sql.rows(statement);
  }

  async close(): Promise<void> {
    await this.#sql?.close();
  }
}

/** How text goes on the log. */
export interface Appending {
  readonly chunkRows?: number;
  readonly fileId?: string;
  /** Of a source of several tables. */
  readonly table?: string;
  /** Another producer, which knows nothing of the source's rules: refused rows go on the topic too. */
  readonly unruly?: boolean;
}

/** What a replay of a text did, as a replay's own progress has it. */
export interface Appended {
  readonly rows: number;
  readonly accepted: number;
  readonly rejected: number;
}

/** Puts a log's text on the source's topic as the ingestor does: records, dead letters and progress of a chunk are one transaction. */
export async function appendText(world: BatchWorld, source: Source, text: string, { chunkRows = 500, fileId = 'file-1', table, unruly = false }: Appending = {}): Promise<Appended> {
  const { log } = world;
  await log.ensureTopics(systemTopics([{ name: source.name, partitions: source.deployment.partitions }]));
  const file = fileSource(source, table);
  const scanner = new LogScanner(file, { chunkRows, byteOffset: 0, skipHeader: file.format.header });
  const obedient = createRefiner(source);
  const permissive = createRefiner({ ...source, rejects: [] });
  const packing = { source, table, codec: await world.codec(source), refine: unruly ? permissive : obedient, fileId, loop: 0 };
  const group = `replay-${fileId}`;
  const before = JSON.parse((await log.committed(group, `raw.${source.name}`, 0))?.metadata ?? '{}') as Partial<Appended>;
  const done = { rows: before.rows ?? 0, accepted: before.accepted ?? 0, rejected: before.rejected ?? 0 };
  const start = (await log.committed(group, `raw.${source.name}`, 0))?.offset ?? 0;
  const writer = await log.openWriter(`replay-${source.name}-${fileId}`);
  const bytes = Buffer.from(text);
  const last = (): ReturnType<LogScanner['push']> => { const chunk = scanner.end(); return chunk === undefined ? [] : [chunk]; };
  for (const chunk of [...scanner.push(bytes), ...last()]) {
    const packed = packChunk(chunk, packing, 5);
    done.rows += packed.rowsRead;
    done.accepted += packed.accepted;
    done.rejected += packed.rowsRead - packed.accepted;
    const offsets = [{ group, topic: `raw.${source.name}`, partition: 0, offset: start + packed.byteOffsetEnd, metadata: JSON.stringify(done) }];
    await writer.commit({ appends: packed.appends, offsets });
  }
  await writer.close();
  return done;
}

/** Blocks of synthetic bytes as one text. */
export function textOf(blocks: Iterable<Uint8Array>): string {
  return Buffer.concat([...blocks].map((block) => Buffer.from(block))).toString('utf8');
}

type Cell = ReturnType<typeof valueAt>;

/** Every row of a table's snapshot, the current one by default, as plain values in physical units; no row for no table. */
export async function readTable(store: ObjectStore, table: Table, snapshot?: Snapshot): Promise<Record<string, Cell>[]> {
  const of = snapshot ?? (await table.current());
  if (of === undefined) return [];
  const { columns } = await table.schema(of);
  const rows: Record<string, Cell>[] = [];
  for (const file of await table.files(of)) {
    const parquet = await ParquetFile.open({ byteLength: file.byteCount, read: (start, end) => store.get(file.key, { start, end }) });
    const batch = await parquet.read(columns);
    for (let row = 0; row < batch.rowCount; row++) rows.push(Object.fromEntries(batch.names.map((name, k) => [name, valueAt(batch.columns[k]!, row)])));
  }
  return rows;
}

/** Lets a speed layer of its own process what is on the topic, and saves its states; gives the offset that each partition's covers. */
export async function saveStates(world: BatchWorld, source: Source, options: { readonly lineage?: string; readonly records?: number; readonly except?: readonly number[] } = {}): Promise<Record<string, number>> {
  const { log, store } = world;
  const { lineage = 'first', records = Infinity, except = [] } = options;
  const topic = `raw.${source.name}`;
  const codec = await world.codec(source);
  const covered: Record<string, number> = {};
  for (let partition = 0; partition < source.deployment.partitions; partition++) {
    if (except.includes(partition)) continue;
    const processor = new SourceProcessor(source, { partition, codec, transitionSchemaId: 0 });
    let offset = 0;
    while (offset < records) {
      const [batch] = await log.read(topic, partition, offset, { maxBytes: 1 });
      if (batch === undefined) break;
      processor.process(batch, false);
      offset = batch.baseOffset + batch.count;
    }
    const identity = { group: 'speed-layer', topic, partition };
    const writer = await log.openWriter(`speed-layer-${topic}-${partition}`);
    await writer.commit({ appends: [], offsets: [{ ...identity, offset, metadata: writeCommitMetadata({ lineage, facts: {} }) }] });
    await writer.close();
    await new Checkpoints(store, identity).save({ offset, processorVersion: processor.version, lineage, state: processor.snapshot() });
    covered[partition] = offset;
  }
  return covered;
}
