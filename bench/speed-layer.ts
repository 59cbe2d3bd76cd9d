import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createEstimator, Random, type FittedModel } from '#tideline/learning';
import { openEventLog, openObjectStore, openSchemaRegistry, SystemClock, type RecordBatch } from '#tideline/platform';
import { registeredCodec, SourceProcessor, transitionSchema, type LiveModel } from '#tideline/retention';
import { runPartition, type Processor } from '#tideline/streaming';
import { root, scratch, tideline } from './inputs.ts';
import { report } from './report.ts';
import { source } from './sources.ts';

// The whole speed layer on one core, from the embedded log to the embedded log: read, decode, state, score with reasons by a logistic model,
// transitions, publish, commit, checkpoint. All partitions side by side in one process, as the app runs them.
const ROWS = 1_000_000;
const folder = join(scratch, 'speed');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
symlinkSync(join(root, 'sources'), join(folder, 'sources'));
process.chdir(folder);
tideline(folder, ['generate', 'user-behavior', '--out', 'log.csv', '--rows', String(ROWS), '--seed', '3']);
tideline(folder, ['replay', 'log.csv', '--source', 'user-behavior']);

const clicks = await source('user-behavior');
const log = await openEventLog('file:./data/log', { app: 'speed-layer' });
const store = await openObjectStore('file:./data/lake');
const registry = await openSchemaRegistry('file:./data/schemas');
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
report([
  { name: 'whole speed layer, records', value: records / seconds, unit: 'events/s', floor: 100_000, aim: 300_000 },
  { name: 'whole speed layer, scores in that', value: scores / seconds, unit: 'scores/s' },
]);

async function run(partition: number): Promise<void> {
  const processor = new SourceProcessor(clicks, { partition, codec, transitionSchemaId });
  processor.useModel(model);
  const { end } = await log.offsets(`raw.${clicks.name}`, partition);
  const stop = new AbortController();
  await runPartition({
    log, store, clock, group: 'speed-layer', topic: `raw.${clicks.name}`, partition, processor: counting(processor), signal: stop.signal,
    observer: { committed: ({ offset }) => void (offset >= end && stop.abort()) },
  });
}

async function fitOnNoise(): Promise<FittedModel> {
  const featureNames = clicks.models.features;
  const rowCount = 2000;
  const random = new Random(1);
  const X = Float64Array.from({ length: rowCount * featureNames.length }, () => random.int(20));
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
