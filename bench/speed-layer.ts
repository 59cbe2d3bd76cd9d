import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createEstimator, Random, type FittedModel } from '#tideline/learning';
import { openEventLog, openObjectStore, openSchemaRegistry, SystemClock, type RecordBatch } from '#tideline/platform';
import { registeredCodec, SourceProcessor, transitionSchema, type LiveModel } from '#tideline/retention';
import { runPartition, type Processor } from '#tideline/streaming';
import { freshWorkplace } from './fresh-workplace.ts';
import { root, scratch, tideline } from './inputs.ts';
import { serverSettings } from './real-servers.ts';
import { report } from './report.ts';
import { source } from './sources.ts';

// The whole speed layer, from the log to the log: read, decode, state, score with reasons by a logistic model,
// transitions, publish, commit, checkpoint. All partitions side by side in one process, as the app runs them; on embedded doors, or on Kafka, MinIO and a registry.
const ROWS = 1_000_000;
const onServers = process.argv[2] === 'kafka-speed-layer';
const { folder, name } = onServers ? freshWorkplace('user-behavior') : embeddedWorkplace();
process.chdir(folder);
const EMBEDDED = { EVENT_LOG: 'file:./data/log', OBJECT_STORE: 'file:./data/lake', SCHEMA_REGISTRY: 'file:./data/schemas', S3_ACCESS_KEY: '', S3_SECRET_KEY: '' };
const settings = onServers ? serverSettings(name) : EMBEDDED;
tideline(root, ['generate', 'user-behavior', '--out', join(folder, 'log.csv'), '--rows', String(ROWS), '--seed', '3']);
tideline(folder, ['replay', 'log.csv', '--source', name], settings);

const clicks = await source(name, folder);
const log = await openEventLog(settings.EVENT_LOG, { app: 'speed-layer' });
const store = await openObjectStore(settings.OBJECT_STORE, { login: { username: settings.S3_ACCESS_KEY, password: settings.S3_SECRET_KEY } });
const registry = await openSchemaRegistry(settings.SCHEMA_REGISTRY);
const codec = await registeredCodec(clicks, registry);
const transitionSchemaId = await registry.register(`transitions.${clicks.name}-value`, transitionSchema(clicks), 'AVRO');
const model = asLive(await fitOnNoise());

let records = 0;
let scores = 0;
const counting = (processor: SourceProcessor): Processor => ({
  version: processor.version,
  process: (batch: RecordBatch, emit: boolean) => {
    const { appends, counts } = processor.process(batch, emit);
    records += counts.read;
    scores += counts.scores;
    return { appends };
  },
  snapshot: () => processor.snapshot(),
  restore: (bytes) => processor.restore(bytes),
});

const clock = new SystemClock();
const started = performance.now();
await Promise.all(Array.from({ length: clicks.deployment.partitions }, (_, partition) => run(partition)));
const seconds = (performance.now() - started) / 1000;
await log.close();
process.stderr.write(`${records} records, ${scores} scores\n`);
const where = onServers ? ' on Kafka' : '';
report([
  { name: `whole speed layer${where}, records`, value: records / seconds, unit: 'events/s', ...(onServers ? { floor: 60_000 } : { floor: 100_000, aim: 300_000 }) },
  { name: `whole speed layer${where}, scores in that`, value: scores / seconds, unit: 'scores/s' },
]);

function embeddedWorkplace(): { folder: string; name: string } {
  const own = join(scratch, 'speed');
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own, { recursive: true });
  symlinkSync(join(root, 'sources'), join(own, 'sources'));
  return { folder: own, name: 'user-behavior' };
}

async function run(partition: number): Promise<void> {
  const processor = new SourceProcessor(clicks, { partition, codec, transitionSchemaId });
  processor.useModel(model);
  const { end } = await log.offsets(`raw.${clicks.name}`, partition);
  const stop = new AbortController();
  await runPartition({
    log, store, clock, group: `speed-layer-${name}`, topic: `raw.${clicks.name}`, partition, processor: counting(processor), signal: stop.signal,
    observer: { committed: ({ offset }) => void (offset >= end && stop.abort()) },
  });
}

async function fitOnNoise(): Promise<FittedModel> {
  const featureNames = clicks.models.features;
  const rowCount = 2000;
  const random = new Random(1);
  const X = Float32Array.from({ length: rowCount * featureNames.length }, () => random.int(20));
  const y = Float64Array.from({ length: rowCount }, () => random.int(2));
  const definition = clicks.models.models.find(({ kind }) => kind === 'logistic-regression')!;
  const estimator = createEstimator({ kind: definition.kind, task: 'classification', parameters: definition.parameters, prepare: definition.prepare });
  return estimator.fit({ rowCount, columnCount: featureNames.length, X, y, featureNames }, { random });
}

function asLive(fitted: FittedModel): LiveModel {
  return {
    name: 'bench', version: '1', kind: fitted.kind, target: 'churn', featureNames: fitted.featureNames,
    assess: (features, contributions) => fitted.assessRow(features, contributions),
  };
}
