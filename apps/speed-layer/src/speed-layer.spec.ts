// The speed layer on doors in memory: it scores without a model, takes a champion at a batch border, and says in the commit what was in force.
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createEstimator, Random } from '#tideline/learning';
import {
  Liveness, MemoryEventLog, MemoryExperimentTracker, MemoryObjectStore, MemorySchemaRegistry, Metrics, packTexts, readTextFolders, unpackTexts, type RecordBatch, type SpanFacts,
} from '#tideline/platform';
import { createRefiner, generate, LogScanner, packRecords, registeredCodec, SOURCE_FILE_NAMES, sourcesOrThrow, type ModelUpdate, type Source } from '#tideline/retention';
import { readCommitMetadata, runGroup } from '#tideline/streaming';
import { seeded, SimulatedClock } from '../../../libs/streaming/src/fixtures.ts';
import { SpeedLayerMetrics } from './speed-layer-metrics.ts';
import { GROUP, SpeedLayer } from './speed-layer.ts';

const sources = sourcesOrThrow(await readTextFolders(join(import.meta.dirname, '..', '..', '..', 'sources'), SOURCE_FILE_NAMES));
const all = sources.find(({ name }) => name === 'user-behavior')!;
/** One partition, so that batches have one order. */
const source: Source = { ...all, deployment: { ...all.deployment, partitions: 1 } };
const topic = `raw.${source.name}`;

let log: MemoryEventLog;
let tracker: MemoryExperimentTracker;
let warnings: string[];
const registry = new MemorySchemaRegistry();
const store = new MemoryObjectStore();

beforeEach(() => {
  log = new MemoryEventLog();
  tracker = new MemoryExperimentTracker();
  warnings = [];
});

async function openLayer(): Promise<SpeedLayer> {
  const layer = new SpeedLayer({ log, store, tracker, registry, clock: new SimulatedClock() }, [source], new SpeedLayerMetrics({ metrics: new Metrics('test'), clock: new SimulatedClock() }), {
    info: () => undefined,
    warn: (message) => warnings.push(message),
  });
  await layer.prepare();
  return layer;
}

/** Runs the group until everything on the topic is committed. */
async function runToEnd(layer: SpeedLayer): Promise<void> {
  const stop = new AbortController();
  const { end } = await log.offsets(topic, 0);
  const running = runGroup({ ...layer.group(), limits: { idleMs: 1 }, signal: stop.signal });
  while (((await log.committed(GROUP, topic, 0))?.offset ?? 0) < end) await new Promise((resolve) => setTimeout(resolve, 2));
  stop.abort();
  await running;
  await layer.stop();
}

/** Synthetic clicks, 200 a batch. */
async function feed(seed: number, rows: number): Promise<void> {
  const codec = await registeredCodec(source, registry);
  const refine = createRefiner(source);
  const scanner = new LogScanner(source, { chunkRows: 200, byteOffset: 0, skipHeader: false });
  const chunks = [...generate(source.name, { seed, rows })].flatMap((bytes) => scanner.push(bytes));
  const last = scanner.end();
  const writer = await log.openWriter('feeder');
  for (const chunk of last === undefined ? chunks : [...chunks, last]) {
    const { batch, kept } = refine(chunk.batch);
    const appends = packRecords(source, codec, { batch, kept, byteOffsets: chunk.byteOffsets }, { fileId: 'synthetic', loop: 0, createdAtMs: 0 });
    await writer.commit({ appends: appends.map(({ partition, records }) => ({ topic, partition, records })) });
  }
}

async function register(seed: number, bytes?: Uint8Array): Promise<ModelUpdate> {
  const { features } = source.models;
  const random = seeded(seed);
  const X = Float32Array.from({ length: 100 * features.length }, () => random() * 10);
  const y = Float64Array.from({ length: 100 }, (_, row) => (X[row * features.length] > 5 ? 1 : 0));
  const estimator = createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: { l2: 1 }, prepare: [{ step: 'standardize', except: [] }] });
  const fitted = await estimator.fit({ rowCount: 100, columnCount: features.length, X, y, featureNames: features }, { random: new Random(seed) });
  const run = await tracker.startRun((await tracker.ensureExperiment('e')).id, 'r');
  await tracker.putArtifact(run.id, 'model/model.bin', bytes ?? fitted.save());
  const { version } = await tracker.registerVersion('churn', run.id, 'model');
  return { source: source.name, kind: 'model', name: 'churn', version, runId: run.id, artifactPath: 'model', alias: 'champion' };
}

async function announce(update: ModelUpdate | string): Promise<void> {
  const writer = await log.openWriter('trainer');
  const value = typeof update === 'string' ? update : JSON.stringify(update);
  await writer.commit({ appends: [{ topic: 'model-updates', records: packTexts([{ key: source.name, value, timestampMs: 0 }]) }] });
}

interface Score {
  readonly churnProbability: number | null;
  readonly model: { readonly version: string } | null;
  readonly reasons: readonly unknown[];
}

async function scores(): Promise<Score[]> {
  const batches: readonly RecordBatch[] = await log.read('churn-scores', 0, 0);
  return batches.flatMap((batch) => unpackTexts(batch).map(({ value }) => JSON.parse(value) as Score));
}

async function modelInForce(): Promise<unknown> {
  return readCommitMetadata((await log.committed(GROUP, topic, 0))!.metadata)?.facts['model'];
}

test('without a model there are scores without probability; a champion takes over at a border; a restart goes on with it', async () => {
  const first = await openLayer();
  await feed(1, 600);
  await runToEnd(first);
  const before = await scores();
  expect(before.length).toBeGreaterThan(0);
  expect(before.every(({ churnProbability, model }) => churnProbability === null && model === null)).toBe(true);
  expect(await modelInForce()).toBeNull();

  const update = await register(1);
  await announce(update);
  await feed(2, 400);
  await runToEnd(await openLayer());
  const after = (await scores()).slice(before.length);
  expect(after.length).toBeGreaterThan(0);
  for (const { churnProbability, model, reasons } of after) {
    expect(model?.version).toBe('1');
    expect(churnProbability).toBeGreaterThanOrEqual(0);
    expect(reasons.length).toBeGreaterThan(0);
  }
  expect(await modelInForce()).toEqual({ name: 'churn', version: '1', runId: update.runId, artifactPath: 'model' });
});

test('a champion announced while running is taken, and nothing is lost or repeated for it', async () => {
  const layer = await openLayer();
  const stop = new AbortController();
  const running = runGroup({ ...layer.group(), limits: { idleMs: 1, transactionRecords: 1 }, signal: stop.signal });
  await feed(3, 200);
  await announce(await register(2));
  for (let seed = 4; (await scores()).at(-1)?.model?.version !== '1'; seed++) {
    await feed(seed, 200);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stop.abort();
  const [summary] = await running;
  await layer.stop();
  expect((await log.committed(GROUP, topic, 0))?.offset).toBe(summary.offset);
  const versions = (await scores()).map(({ model }) => model?.version);
  const taken = versions.indexOf('1');
  expect(taken).toBeGreaterThan(0);
  expect(versions.slice(taken).every((version) => version === '1')).toBe(true);
});

test('what does not load or does not parse is passed over with a warning', async () => {
  const layer = await openLayer();
  await layer.stop();
  await announce(await register(5));
  await announce(await register(6, Buffer.from('not a model')));
  await announce('{"source": 1}');
  await feed(7, 200);
  await runToEnd(await openLayer());
  expect(warnings.join('\n')).toContain('version 2 does not load');
  expect(warnings.join('\n')).toContain('expected "source" to be text');
});

test('records, lag, watermark delay and state are metrics of the partitions that are held, and of no others', async () => {
  const metrics = new Metrics('test');
  const liveness = new Liveness();
  const ours = new SpeedLayerMetrics({ metrics, clock: { nowMs: () => 5_000 }, liveness });
  const said: string[] = [];
  const at = { topic, partition: 0 };
  const observer = ours.observerOf({ at, state: { watermarkMs: 2_000, entityCount: 3 }, report: { info: (message) => said.push(message), warn: (message) => said.push(message) } });
  expect(ours.readiness()).toEqual({ name: 'partitions', ok: false, found: '0 of 1 recovered' });
  observer.recovered?.({ offset: 100, checkpointOffset: undefined, replayedRecords: 100, ms: 20 });
  expect(ours.readiness().ok).toBe(true);
  observer.committed?.({ offset: 150, batches: 1, records: 50, startedAtMs: 0, readMs: 1, processMs: 2, commitMs: 3 });
  observer.checkpointed?.({ offset: 150, byteCount: 77, ms: 1 });
  observer.warned?.('slow');
  await ours.measure(async () => 180);
  const { text } = await metrics.render();
  const labels = `{topic="${topic}",partition="0",app="test"}`;
  for (const line of [
    `tideline_speed_records_total${labels} 50`, `tideline_speed_lag_records${labels} 30`, `tideline_speed_watermark_delay_seconds${labels} 3`,
    `tideline_speed_state_entities${labels} 3`, `tideline_speed_checkpoint_bytes${labels} 77`, `tideline_speed_warnings_total${labels} 1`,
  ]) expect(text).toContain(`${line}\n`);
  expect(said).toContain('slow');
  observer.ended?.();
  await ours.measure(() => Promise.reject(new Error('asked for a partition that is not held')));
  expect((await metrics.render()).text).not.toContain('tideline_speed_lag_records{');
});

test('a step is one span with its parts, and nothing is put together without an endpoint', () => {
  const spans: SpanFacts[] = [];
  const traces = { record: (span: SpanFacts) => void spans.push(span), close: () => Promise.resolve() };
  const report = { info: () => undefined, warn: () => undefined };
  const partition = { at: { topic, partition: 0 }, state: { watermarkMs: NaN, entityCount: 0 }, report };
  const facts = { offset: 20, batches: 2, records: 20, startedAtMs: 1_000, readMs: 5, processMs: 7, commitMs: 11 };
  new SpeedLayerMetrics({ metrics: new Metrics('test'), clock: { nowMs: () => 0 }, traces }).observerOf(partition).committed?.(facts);
  expect(spans).toMatchObject([{ name: 'speed step', startMs: 995, endMs: 1_018, parts: [{ name: 'read', endMs: 1_000 }, { name: 'process', endMs: 1_007 }, { name: 'commit', endMs: 1_018 }] }]);
  new SpeedLayerMetrics({ metrics: new Metrics('test'), clock: { nowMs: () => 0 } }).observerOf(partition).committed?.(facts);
  expect(spans).toHaveLength(1);
});

test('a record under a foreign schema id stops its partition in front of it: what came before is committed, nothing is passed over', async () => {
  const layer = await openLayer();
  await feed(10, 600);
  const { end } = await log.offsets(topic, 0);
  const writer = await log.openWriter('stranger');
  await writer.commit({ appends: [{ topic, partition: 0, records: packTexts([{ key: 'x', value: '\0\0\0\x01\x2cbody', timestampMs: 0 }]) }] });
  const running = runGroup({ ...layer.group(), limits: { idleMs: 1 }, signal: new AbortController().signal });
  await expect(running).rejects.toMatchObject({ code: 'UNREADABLE_RECORD', topic, partition: 0, offset: end, schemaId: 300 });
  expect((await log.committed(GROUP, topic, 0))?.offset).toBe(end);
  await layer.stop();
});
