import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { experimentTrackerContract } from './experiment-tracker.contract.ts';
import { FileExperimentTracker } from './file-experiment-tracker.ts';
import { MemoryExperimentTracker } from './memory-experiment-tracker.ts';
import { openExperimentTracker } from './open-experiment-tracker.ts';
import { UnreliableExperimentTracker } from './unreliable-experiment-tracker.ts';

experimentTrackerContract('MemoryExperimentTracker', async () => {
  const tracker = new MemoryExperimentTracker();
  return { tracker, dispose: () => tracker.close() };
});

experimentTrackerContract('UnreliableExperimentTracker without faults', async () => {
  const tracker = new UnreliableExperimentTracker(new MemoryExperimentTracker(), { seed: 2, answerLate: 0.2, lateMsMax: 2 });
  return { tracker, dispose: () => tracker.close() };
});

experimentTrackerContract('FileExperimentTracker', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-runs-'));
  const tracker = await FileExperimentTracker.open(folder);
  return { tracker, address: `file:${folder}`, dispose: async () => rmSync(folder, { recursive: true }) };
});

describe('the folder of experiments', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tideline-runs-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('has the layout that MLflow reads', async () => {
    const tracker = await FileExperimentTracker.open(folder);
    const experiment = await tracker.ensureExperiment('churn');
    const run = await tracker.startRun(experiment.id, 'first');
    await tracker.logRun(run.id, {
      metrics: [{ name: 'auc', value: 0.75, step: 3, timestampMs: 1_700_000_000_000.4 }, { name: 'worst', value: -Infinity, step: 0, timestampMs: 1 }],
      params: { rate: '0.1' },
    });
    await tracker.putArtifact(run.id, 'model/m.bin', new Uint8Array(1));
    await tracker.registerVersion('churn', run.id, 'model');
    await tracker.setAlias('churn', 'champion', '1');
    await tracker.endRun(run.id, 'FINISHED');
    const read = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');
    const meta = (...path: string[]): unknown => parse(read(...path, 'meta.yaml'));
    expect(meta('1')).toMatchObject({ experiment_id: '1', name: 'churn', lifecycle_stage: 'active', artifact_location: `file://${folder}/1` });
    expect(meta('1', run.id)).toMatchObject({ run_id: run.id, run_uuid: run.id, run_name: 'first', experiment_id: '1', status: 3, lifecycle_stage: 'active' });
    expect(meta('1', run.id)).toMatchObject({ artifact_uri: `file://${folder}/1/${run.id}/artifacts` });
    expect(read('1', run.id, 'metrics', 'auc')).toBe('1700000000000 0.75 3\n');
    expect(read('1', run.id, 'metrics', 'worst')).toBe('1 -inf 0\n');
    expect(read('1', run.id, 'params', 'rate')).toBe('0.1');
    expect(read('1', run.id, 'tags', 'mlflow.runName')).toBe('first');
    expect(existsSync(join(folder, '1', run.id, 'artifacts', 'model', 'm.bin'))).toBe(true);
    expect(meta('models', 'churn')).toMatchObject({ name: 'churn' });
    expect(meta('models', 'churn', 'version-1')).toMatchObject({
      version: 1, run_id: run.id, source: `runs:/${run.id}/model`, status: 'READY', current_stage: 'None',
    });
    expect(read('models', 'churn', 'aliases', 'champion')).toBe('1');
    // MLflow takes any other folder here for an experiment.
    const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(['.staging.trash', '1', 'models']);
    expect(readdirSync(join(folder, '.staging.trash'))).toEqual([]);
  });

  test('experiments that MLflow itself made are found, and damage is named', async () => {
    const tracker = await openExperimentTracker(`file:${folder}`);
    const { id } = await tracker.ensureExperiment('a');
    const run = await tracker.startRun(id, 'r');
    writeFileSync(join(folder, id, 'meta.yaml'), 'artifact_location: file:///x\nexperiment_id: \'1\'\nname: renamed elsewhere\nlifecycle_stage: active\n');
    expect(await tracker.ensureExperiment('renamed elsewhere')).toEqual({ id, name: 'renamed elsewhere' });
    writeFileSync(join(folder, id, run.id, 'meta.yaml'), 'status: 9\n');
    await expect(tracker.getRun(run.id)).rejects.toMatchObject({ code: 'CORRUPT' });
    writeFileSync(join(folder, id, run.id, 'meta.yaml'), ': [');
    await expect(tracker.getRun(run.id)).rejects.toThrow(join(folder, id, run.id, 'meta.yaml'));
  });

  test('versions from elsewhere are listed', async () => {
    const tracker = await FileExperimentTracker.open(folder);
    const run = await tracker.startRun((await tracker.ensureExperiment('a')).id, 'r');
    await tracker.registerVersion('m', run.id, 'model');
    const path = join(folder, 'models', 'm', 'version-1', 'meta.yaml');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/source: .*/, 'source: s3://bucket/model'));
    expect(await tracker.listVersions('m')).toMatchObject([{ version: '1', runId: run.id, artifactPath: 's3://bucket/model' }]);
  });

  test('unknown addresses are refused', async () => {
    await expect(openExperimentTracker('sqlite:x')).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
  });
});

test('an unreliable tracker fails as told', async () => {
  const tracker = new UnreliableExperimentTracker(new MemoryExperimentTracker(), { seed: 1, failBefore: 0.5, failAfter: 0.5 });
  await expect(tracker.ensureExperiment('x')).rejects.toMatchObject({ name: 'PlatformError' });
});
