// A small world in memory on which all apps work through unreliable doors, and everything that they leave behind.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommitConflict, Lake, SqlError, type Sql } from '#tideline/lake';
import {
  isPlatformError, MemoryEventLog, MemoryExperimentTracker, MemoryObjectStore, MemorySchemaRegistry, Metrics, packTexts, type ObjectStore,
} from '#tideline/platform';
import { tableNames, type Source, type SourceProcessor } from '#tideline/retention';
import { describeError, runPartition, type PartitionWork } from '#tideline/streaming';
import { readTable } from '../../apps/batch-layer/src/batch-fixtures.ts';
import { BatchLayer } from '../../apps/batch-layer/src/batch-layer.ts';
import { verifySource } from '../../apps/batch-layer/src/verify.ts';
import { replayFile } from '../../apps/ingestor/src/replay.ts';
import { SpeedLayerMetrics } from '../../apps/speed-layer/src/speed-layer-metrics.ts';
import { GROUP, SpeedLayer } from '../../apps/speed-layer/src/speed-layer.ts';
import { Trainer } from '../../apps/trainer/src/trainer.ts';
import { BadConnection, Life, SleepingClock, type Doors } from './unreliable-doors.ts';

type Draw = () => number;

/** What the storm is like: undefined for the undisturbed run. */
export interface Storm {
  readonly seed: number;
  readonly draw: Draw;
  /**
   * Share of calls that go wrong for apps that wait and try again. For those that begin a whole step anew (a landing, a training) it is
   * an eighth of it: they would never come to its end.
   */
  readonly rate: number;
}

/** Input of a world: the same for the undisturbed and every disturbed run of a source. */
export interface Input {
  readonly source: Source;
  /** Two logs of the source, replayed one after the other. */
  readonly files: readonly [string, string];
  /** The first champion, as a model file. */
  readonly champion: Uint8Array;
  readonly folder: string;
}

/** Lives before an app is spared, so that every run ends. */
const MOST_DEATHS = 5;
const MOST_LIVES = 100;
const PATIENT: ReadonlySet<string> = new Set(['ingestor', 'speed-layer']);

/** A store that shows whichever world is looked at, so that one SQL session serves all of them. */
export class CurrentStore {
  store: ObjectStore = new MemoryObjectStore();
  readonly shown: ObjectStore = new Proxy(this.store, {
    get: (_, name) => {
      const member: unknown = Reflect.get(this.store, name);
      return typeof member === 'function' ? (member.bind(this.store) as unknown) : member;
    },
  });
}

export class UnreliableWorld {
  readonly #input: Input;
  readonly #storm: Storm | undefined;
  readonly #sql: Sql;
  readonly #clock = new SleepingClock();
  readonly inner: Doors = { log: new MemoryEventLog(), store: new MemoryObjectStore(), tracker: new MemoryExperimentTracker(), registry: new MemorySchemaRegistry() };
  readonly #connections = new Map<string, BadConnection>();
  #locks = 0;
  /** Ends of lives: deaths, and failures that an app did not survive. */
  deaths = 0;
  failures = 0;
  /** Snapshots of tables that a reader saw while they were being written. */
  snapshotsRead = 0;
  readonly #seen = new Map<string, number>();

  constructor(input: Input, sql: Sql, current: CurrentStore, storm?: Storm) {
    this.#input = input;
    this.#storm = storm;
    this.#sql = sql;
    current.store = this.inner.store;
  }

  get faults(): number {
    return [...this.#connections.values()].reduce((sum, { faults }) => sum + faults.count, 0);
  }

  /** One log is replayed, scored and landed. */
  async begin(): Promise<void> {
    await this.#prepare();
    await this.#stream(this.#input.files[0]);
    await this.#app('batch-layer', (doors) => this.#landAll(doors));
    for (const { faults } of this.#connections.values()) await faults.settle();
  }

  /** Gold is built, another champion learns from it, and a second log is replayed and scored by it. */
  async goOn(): Promise<void> {
    await this.#app('batch-layer', async (doors) => void (await this.#batchLayer(doors).build(this.#input.source)));
    await this.#app('trainer', async (doors) => void (await new Trainer({ ...doors, lake: new Lake(doors.store), sql: this.#sql, clock: this.#clock }).train(this.#input.source, { seed: 42 })));
    // What is still on its way arrives before the next speed layer looks for its champion.
    for (const { faults } of this.#connections.values()) await faults.settle();
    await this.#stream(this.#input.files[1]);
    await this.#app('batch-layer', (doors) => this.#landAll(doors));
    for (const { faults } of this.#connections.values()) await faults.settle();
  }

  /** Schemas and the first champion come in the same order everywhere: their numbers are part of the records. */
  async #prepare(): Promise<void> {
    const { source, champion } = this.#input;
    const { tracker, log } = this.inner;
    const layer = this.#speedLayer(this.inner);
    await layer.prepare();
    await layer.stop();
    const run = await tracker.startRun((await tracker.ensureExperiment(source.name)).id, 'first');
    await tracker.putArtifact(run.id, 'model/model.bin', champion);
    const { name, version } = await tracker.registerVersion(`churn-${source.name}`, run.id, 'model');
    await tracker.setAlias(name, 'champion', version);
    const update = { source: source.name, kind: 'model', name, version, runId: run.id, artifactPath: 'model', alias: 'champion' };
    const writer = await log.openWriter('first-champion');
    await writer.commit({ appends: [{ topic: 'model-updates', records: packTexts([{ key: source.name, value: JSON.stringify(update), timestampMs: 0 }]) }] });
  }

  /** Replay, speed layer and landings side by side, until one log is on the topic and scored. */
  async #stream(file: string): Promise<void> {
    let isReplayed = false;
    const replay = this.#app('ingestor', (doors) => this.#replay(doors, file)).then(() => void (isReplayed = true));
    const isDone = async (): Promise<boolean> => isReplayed && (await this.#committed()) === Infinity;
    const landings = (async () => {
      for (let landing = 1; landing < 3; landing++) {
        while (!isReplayed && (await this.#committed()) < landing * 30) await new Promise((resolve) => setTimeout(resolve, 1));
        await this.#app('batch-layer', async (doors) => void (await this.#batchLayer(doors).land(this.#input.source)));
        if (this.#storm !== undefined) await this.#readTables();
      }
    })();
    await Promise.all([replay, landings, this.#app('speed-layer', (doors, life) => this.#score(doors, life, isDone))]);
  }

  /** Lives of one app, one after the other, until one of them comes to its end in order. */
  async #app(name: string, work: (doors: Doors, life: Life) => Promise<void>): Promise<void> {
    const storm = this.#storm;
    if (storm === undefined) return work(this.inner, new Life(this.inner, Infinity, false));
    let connection = this.#connections.get(name);
    if (connection === undefined) this.#connections.set(name, (connection = new BadConnection(this.inner, Math.floor(storm.draw() * 2 ** 32), PATIENT.has(name) ? storm.rate : storm.rate / 8, this.#clock)));
    for (let lives = 1; lives <= MOST_LIVES; lives++) {
      const dies = lives <= MOST_DEATHS && storm.draw() < 0.7;
      const life = new Life(connection.doors, dies ? 1 + Math.floor(storm.draw() ** 2 * 120) : Infinity, storm.draw() < 0.5, name === 'ingestor');
      try {
        if ((await life.live((doors) => work(doors, life))) !== 'died') return;
        this.deaths++;
      } catch (error) {
        if (!isPlatformError(error) && !(error instanceof CommitConflict) && !(error instanceof SqlError)) throw error;
        this.failures++;
      }
      life.end();
    }
    throw new Error(`${name} did not come to an end in ${MOST_LIVES} lives`);
  }

  async #replay({ log, registry }: Doors, path: string): Promise<void> {
    const lockFolder = join(this.#input.folder, 'locks', `${this.#storm?.seed ?? 'calm'}-${this.#locks++}`);
    mkdirSync(lockFolder, { recursive: true });
    await replayFile({ source: this.#input.source, path, log, registry, clock: this.#clock, lockFolder, chunkRows: 30 });
  }

  #speedLayer(doors: Doors): SpeedLayer {
    const draw = this.#storm?.draw ?? ((): number => 0.5);
    // None of this changes what is computed.
    const limits = { checkpointRecords: 1 + Math.floor(draw() * 150), transactionRecords: 1 + Math.floor(draw() * 80), transactionBytes: 1 + Math.floor(draw() * 4_000), idleMs: 1 };
    return new SpeedLayer({ ...doors, clock: this.#clock }, [this.#input.source], new SpeedLayerMetrics({ metrics: new Metrics('simulation'), clock: this.#clock }), { info: () => undefined, warn: () => undefined }, limits);
  }

  async #score(doors: Doors, life: Life, isDone: () => Promise<boolean>): Promise<void> {
    const layer = this.#speedLayer(doors);
    await layer.prepare();
    const { open, topics, ...group } = layer.group();
    const stop = new AbortController();
    const runs = Array.from({ length: this.#input.source.deployment.partitions }, async (_, partition) => {
      const at = { topic: topics[0]!, partition };
      return runPartition({ ...group, ...at, ...(await open(at)), signal: stop.signal });
    });
    let isOver = false;
    const watch = (async () => {
      while (!isOver && !life.isDead && !(await isDone())) await new Promise((resolve) => setTimeout(resolve, 1));
      stop.abort();
    })();
    try {
      await Promise.all(runs);
    } finally {
      // One partition's failure ends the process; the others go no further.
      isOver = true;
      if (!stop.signal.aborted) life.end();
      void layer.stop().catch(() => undefined);
      for (const run of runs) run.catch(() => undefined);
    }
    await watch;
  }

  /** Records that the speed layer has scored, or Infinity when they are all that there are. */
  async #committed(): Promise<number> {
    const topic = `raw.${this.#input.source.name}`;
    let [committed, records] = [0, 0];
    for (let partition = 0; partition < this.#input.source.deployment.partitions; partition++) {
      records += (await this.inner.log.offsets(topic, partition)).end;
      committed += (await this.inner.log.committed(GROUP, topic, partition))?.offset ?? 0;
    }
    return committed === records && records > 0 ? Infinity : committed;
  }

  #batchLayer(doors: Doors): BatchLayer {
    return new BatchLayer({ ...doors, lake: new Lake(doors.store), sql: this.#sql, clock: this.#clock });
  }

  async #landAll(doors: Doors): Promise<void> {
    for (;;) {
      const { bronzeRows, silverRows, rejects } = await this.#batchLayer(doors).land(this.#input.source);
      if (bronzeRows === 0 && silverRows === 0 && rejects === 0) return;
    }
  }

  /** I5: what a reader finds while others write is whole, and what it found before is still there. */
  async #readTables(): Promise<void> {
    const lake = new Lake(this.inner.store);
    for (const table of await lake.tables()) {
      const snapshot = await table.current();
      if (snapshot === undefined || this.#seen.get(table.name) === snapshot.version) continue;
      const rows = await readTable(this.inner.store, table, snapshot);
      if (rows.length !== snapshot.rowCount) throw new Error(`${table.name} version ${snapshot.version}: expected ${snapshot.rowCount} rows, found ${rows.length}`);
      if (table.name === tableNames(this.#input.source).bronze) {
        const found = rows.map((row) => `${row['_partition']}/${row['_offset']}`).sort();
        const covered = Object.entries(snapshot.offsets).flatMap(([partition, [start, end]]) => Array.from({ length: end - start }, (_, k) => `${partition}/${start + k}`)).sort();
        if (found.join() !== covered.join()) throw new Error(`${table.name} version ${snapshot.version}: expected the offsets it says it covers, found ${found.length} of ${covered.length}`);
      }
      this.#seen.set(table.name, snapshot.version);
      this.snapshotsRead++;
    }
  }

  /** Counts from file to lake, and every feature of speed and batch, as the command says it. */
  async verify(): Promise<readonly string[]> {
    const { log, store, registry } = this.inner;
    const { problems } = await verifySource(this.#input.source, { log, store, registry, lake: new Lake(store), sql: this.#sql });
    return problems;
  }

  /** Everything that must be equal to the undisturbed run's, as text: long contents as their hash. */
  async leftBehind(): Promise<Record<string, unknown>> {
    const { tracker } = this.inner;
    const { source } = this.#input;
    const champion = (await tracker.versionByAlias(`churn-${source.name}`, 'champion'))!;
    return {
      ...(await this.#topics()),
      ...(await this.#states()),
      ...(await this.#tables()),
      champion: hashOf(await tracker.getArtifact(champion.runId, 'model/model.bin')),
      trained: champion.version !== '1',
    };
  }

  async #topics(): Promise<Record<string, unknown>> {
    const { log } = this.inner;
    const found: Record<string, unknown> = {};
    for (const { topic, partitions } of await log.describeTopics()) {
      // How often a training was begun, and so the version of its model, may differ: attempts stay in the registry.
      if (topic === 'model-updates') continue;
      for (const { partition } of partitions) {
        const batches = await log.read(topic, partition, 0, { maxBytes: Infinity });
        const contents = batches.map(({ baseOffset, count, keys, values, valueOffsets, keyOffsets, headers }) => {
          const text = topic === 'churn-scores' ? masked(values, valueOffsets) : [Buffer.from(values).toString('latin1'), ...valueOffsets];
          const heads = headers.map(({ name, values: column }) => [name, typeof column === 'string' ? column : [...column]]);
          return [baseOffset, count, Buffer.from(keys).toString('latin1'), [...keyOffsets], text, heads];
        });
        found[`${topic}/${partition}`] = { batches: batches.length, records: batches.reduce((sum, { count }) => sum + count, 0), content: hashOf(JSON.stringify(contents)) };
      }
    }
    return found;
  }

  /** States as a speed layer that starts again holds them, from checkpoint and replay. */
  async #states(): Promise<Record<string, unknown>> {
    const layer = this.#speedLayer(this.inner);
    await layer.prepare();
    await layer.stop();
    const { open, topics, ...group } = layer.group();
    const found: Record<string, unknown> = {};
    for (let partition = 0; partition < this.#input.source.deployment.partitions; partition++) {
      const at = { topic: topics[0]!, partition };
      const stop = new AbortController();
      const work: PartitionWork = await open(at);
      const observer = { recovered: () => stop.abort() };
      await runPartition({ ...group, ...at, ...work, observer, signal: stop.signal });
      found[`state ${partition}`] = hashOf((work.processor as SourceProcessor).snapshot());
    }
    return found;
  }

  async #tables(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for (const table of await new Lake(this.inner.store).tables()) {
      const rows = await readTable(this.inner.store, table);
      const texts = rows.map(({ _arrived_at: _, ...row }) => JSON.stringify(row, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))).sort();
      found[table.name] = { rows: rows.length, content: hashOf(texts.join('\n')) };
    }
    return found;
  }
}

function masked(values: Uint8Array, offsets: Uint32Array): string {
  const text = Buffer.from(values).toString('utf8');
  return `${offsets.length} ${text.replaceAll(/"version":"\d+"/g, (version) => (version === '"version":"1"' ? version : '"version":"later"'))}`;
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** What an error of a run is told with. */
export function told(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${describeError(error)}\n${error.stack ?? ''}` : String(error);
}
