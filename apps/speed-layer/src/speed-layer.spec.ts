// The speed layer on doors in memory: it scores without a model, takes a champion at a batch border, and says in the commit what was in force.
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { createEstimator, Random } from '#tideline/learning';
import {
  MemoryEventLog, MemoryExperimentTracker, MemoryObjectStore, MemorySchemaRegistry, Metrics, packTexts, readTextFolders, unpackTexts, type RecordBatch,
} from '#tideline/platform';
import { createRefiner, generate, LogScanner, packRecords, registeredCodec, SOURCE_FILE_NAMES, sourcesOrThrow, type ModelUpdate, type Source } from '#tideline/retention';
import { readCommitMetadata, runGroup } from '#tideline/streaming';
import { seeded, SimulatedClock } from '../../../libs/streaming/src/fixtures.ts';
import { serveMetrics } from './serve-metrics.ts';
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
  const layer = new SpeedLayer({ log, store, tracker, registry, clock: new SimulatedClock() }, [source], new SpeedLayerMetrics(new Metrics('test')), {
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
  const X = Float64Array.from({ length: 100 * features.length }, () => random() * 10);
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

test('records and lag are served as Prometheus metrics', async () => {
  const metrics = new Metrics('test');
  const ours = new SpeedLayerMetrics(metrics);
  const layer = new SpeedLayer({ log, store: new MemoryObjectStore(), tracker, registry, clock: new SimulatedClock() }, [source], ours, { info: () => undefined, warn: () => undefined });
  await layer.prepare();
  await feed(8, 200);
  await runToEnd(layer);
  await feed(9, 100);
  const server = await serveMetrics(0, metrics, ours, log);
  const text = await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)).text();
  server.close();
  const { end } = await log.offsets(topic, 0);
  const { offset } = (await log.committed(GROUP, topic, 0))!;
  expect(text).toMatch(new RegExp(`tideline_speed_records_total{[^}]*} ${offset}\\n`));
  expect(text).toMatch(new RegExp(`tideline_speed_lag_records{[^}]*} ${end - offset}\\n`));
  expect(end - offset).toBeGreaterThan(0);
});
