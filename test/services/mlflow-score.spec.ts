// Goal: a Python user scores a pandas frame with the champion by name. Method (differential): a training logged to the embedded folder and to a
// server of our own; MLflow's `pyfunc` flavour loads `models:/<name>@champion` from each, and its scores are held against ours.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEstimator, Random, type Dataset, type FittedModel } from '#tideline/learning';
import { FileExperimentTracker, openExperimentTracker, type ExperimentTracker } from '#tideline/platform';
import { mlflowModel } from '../../apps/trainer/src/mlflow-flavours.ts';
import { mlflowPython, OwnMlflow } from './mlflow-server.ts';

const program = fileURLToPath(new URL('./mlflow-score.py', import.meta.url));
const python = mlflowPython('onnxruntime');
if (python === undefined) console.warn('skipped: expected a Python with MLflow and onnxruntime in TIDELINE_SERVICES_PYTHON or .services, found none');

const featureNames = ['recency', 'mean basket', 'größe "x"'];
const random = new Random(9);
const data: Dataset = {
  rowCount: 400, columnCount: 3, featureNames,
  X: Float32Array.from({ length: 1200 }, () => (random.uniform() < 0.1 ? NaN : 10 * random.normal())),
  y: Float64Array.from({ length: 400 }, () => random.int(2)),
};

describe.skipIf(python === undefined)('a champion in Python', () => {
  let server: OwnMlflow;
  const folder = mkdtempSync(join(tmpdir(), 'tideline-score-'));
  beforeAll(async () => {
    server = await OwnMlflow.start(python!);
  });
  afterAll(async () => {
    await server?.dispose();
    rmSync(folder, { recursive: true });
  });

  async function registered(tracker: ExperimentTracker): Promise<{ model: FittedModel; runId: string }> {
    const definition = { kind: 'gradient-boosting', task: 'classification', parameters: { trees: 20 }, prepare: [{ step: 'signed_log1p', except: ['recency'] }] } as const;
    const model = await createEstimator(definition).fit(data, { random: new Random(1) });
    const run = await tracker.startRun((await tracker.ensureExperiment('scores')).id, 'boosting');
    for (const [path, bytes] of Object.entries(mlflowModel(model, data, { id: run.id, nowMs: Date.now() }).files)) await tracker.putArtifact(run.id, path, bytes);
    await tracker.logRun(run.id, { params: { kind: model.kind }, metrics: [{ name: 'rocAuc', value: 0.5, step: 0, timestampMs: Date.now() }] });
    await tracker.endRun(run.id, 'FINISHED');
    const { version } = await tracker.registerVersion('churn-scores', run.id, 'model');
    await tracker.setAlias('churn-scores', 'champion', version);
    return { model, runId: run.id };
  }

  function scoreInPython(uri: string): { answer: Record<string, number[]>; graphOutputs: string[]; example: number[]; runId: string } {
    const rows = Array.from({ length: data.rowCount }, (_, row) => [...data.X.subarray(3 * row, 3 * row + 3)].map((value) => (Number.isNaN(value) ? null : value)));
    const done = spawnSync(python!, [program, uri, 'models:/churn-scores@champion'], {
      input: JSON.stringify({ columns: featureNames, rows }), encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, DO_NOT_TRACK: 'true', MLFLOW_DISABLE_TELEMETRY: 'true' },
    });
    expect(done.status, done.stderr).toBe(0);
    return JSON.parse(done.stdout) as ReturnType<typeof scoreInPython>;
  }

  test.each(['folder', 'server'])('differential: pandas rows, some with missing values, get our scores from the %s', async (where) => {
    const uri = where === 'server' ? server.address : `file://${folder}`;
    const { model, runId } = await registered(where === 'server' ? await openExperimentTracker(uri) : await FileExperimentTracker.open(folder));
    const { answer, graphOutputs, example, runId: seen } = scoreInPython(uri);
    expect(graphOutputs).toEqual(['score', 'label', 'probability']);
    expect(seen).toBe(runId);
    const expected = model.score(data.X, data.rowCount);
    expect(answer['score']).toHaveLength(data.rowCount);
    answer['score']!.forEach((score, row) => expect(score).toBeCloseTo(expected[row]!, 5));
    expect(answer['label']).toEqual([...model.predict(data.X, data.rowCount)]);
    example.forEach((score, row) => expect(score).toBeCloseTo(expected[row]!, 5));
  }, 300_000);
});
