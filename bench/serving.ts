import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { createEstimator, Random } from '#tideline/learning';
import { openExperimentTracker } from '#tideline/platform';
import { root, scratch } from './inputs.ts';
import { report } from './report.ts';
import { source } from './sources.ts';

// The api as it runs, its champion a boosting model on 18 features, load from another process: 50 connections, one row a request.
const PORT = 39_217;
const retail = await source('online-retail');
const folder = join(scratch, 'serving');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
symlinkSync(join(root, 'sources'), join(folder, 'sources'));
process.chdir(folder);
await registerChampion();

const server = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'dist/apps/api/src/main.js')], {
  cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TIDELINE_PORT: String(PORT), TIDELINE_LOG_LEVEL: 'error' },
});
try {
  await ready();
  const features = Object.fromEntries(retail.models.features.map((name, i) => [name, (i * 37) % 11]));
  const plain = await load('/sources/online-retail/predict?reasons=false', features);
  const explained = await load('/sources/online-retail/predict', features);
  report([
    { name: 'POST predict, boosting, reasons off', value: plain.requests.average, unit: 'requests/s', floor: 8000, aim: 12_000 },
    { name: 'POST predict, boosting, reasons off, p99', value: plain.latency.p99, unit: 'ms', floor: 10, aim: 8, lowerIsBetter: true },
    { name: 'POST predict, boosting, with reasons', value: explained.requests.average, unit: 'requests/s', floor: 3000, aim: 5000 },
    { name: 'POST predict, boosting, with reasons, p99', value: explained.latency.p99, unit: 'ms' },
    { name: 'POST predict, answers that were errors', value: plain.non2xx + explained.non2xx + plain.errors + explained.errors, unit: '' },
  ]);
} finally {
  server.kill('SIGTERM');
}

async function registerChampion(): Promise<void> {
  const tracker = await openExperimentTracker('file:./data/mlruns');
  const featureNames = retail.models.features;
  const random = new Random(1);
  const rowCount = 4000;
  const X = Float32Array.from({ length: rowCount * featureNames.length }, () => random.uniform() * 10);
  const y = Float64Array.from({ length: rowCount }, (_, i) => (X[i * featureNames.length]! + 3 * random.normal() > 5 ? 1 : 0));
  const estimator = createEstimator({ kind: 'gradient-boosting', task: 'classification', parameters: { trees: 100, leaves: 31 }, prepare: [] });
  const model = await estimator.fit({ rowCount, columnCount: featureNames.length, X, y, featureNames }, { random });
  const experiment = await tracker.ensureExperiment('bench');
  const run = await tracker.startRun(experiment.id, 'bench');
  await tracker.putArtifact(run.id, 'model/model.bin', model.save());
  await tracker.endRun(run.id, 'FINISHED');
  const { version } = await tracker.registerVersion('churn-online-retail', run.id, 'model');
  await tracker.setAlias('churn-online-retail', 'champion', version);
  await tracker.close();
}

async function ready(): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const ok = await fetch(`http://127.0.0.1:${PORT}/ready`).then((response) => response.ok, () => false);
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the api did not become ready');
}

async function load(path: string, features: Readonly<Record<string, number>>): Promise<autocannon.Result> {
  const request = { url: `http://127.0.0.1:${PORT}${path}`, method: 'POST' as const, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ features }), connections: 50 };
  await autocannon({ ...request, duration: 3 });
  return autocannon({ ...request, duration: 10 });
}
