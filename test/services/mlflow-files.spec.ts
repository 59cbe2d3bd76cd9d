// Goal: the folder that the embedded tracker writes is MLflow's own. Method (differential): MLflow's Python client reads it through its file
// store, and sees exactly what our tracker sees.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileExperimentTracker } from '#tideline/platform';
import { fillTracker } from './mlflow-fixtures.ts';
import { mlflowPython } from './mlflow-server.ts';
import { viewOfMlflow, viewOfTracker } from './mlflow-view.ts';

const python = mlflowPython();
if (python === undefined) console.warn('skipped: expected a Python with MLflow in TIDELINE_SERVICES_PYTHON or .services, found none');
const folder = mkdtempSync(join(tmpdir(), 'tideline-mlruns-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.skipIf(python === undefined)('differential: MLflow reads the embedded folder and sees what we see', async () => {
  const tracker = await FileExperimentTracker.open(folder);
  const { model } = await fillTracker(tracker, 'files');
  const ours = await viewOfTracker(tracker);
  const theirs = await viewOfMlflow(python!, `file://${folder}`);
  expect(theirs).toEqual(ours);
  expect(ours.experiments.map(({ runs }) => runs.length)).toEqual([3, 3]);
  expect(ours.models).toMatchObject([{ name: model, aliases: { champion: '2', baseline: '1' }, versions: [{ version: '1' }, { version: '2' }] }]);
});
