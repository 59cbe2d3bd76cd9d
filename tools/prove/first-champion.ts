import { modelNameOf, MODEL_ARTIFACT_FOLDER, modelFileIn } from '../../apps/trainer/src/model-artifact.ts';
import { createEstimator, Random } from '#tideline/learning';
import { packTexts, type EventLog, type ExperimentTracker } from '#tideline/platform';
import type { Source } from '#tideline/retention';

const ROWS = 200;

/**
 * Registers a small model fitted to made-up numbers and announces it as champion, so that scores have probabilities and reasons from the
 * first record on; a trainer replaces it as soon as it has learned something better.
 */
export async function announceFirstChampion(source: Source, tracker: ExperimentTracker, log: EventLog, seed: number): Promise<void> {
  const { features } = source.models;
  const random = new Random(seed);
  const X = Float32Array.from({ length: ROWS * features.length }, () => random.uniform() * 10);
  const y = Float64Array.from({ length: ROWS }, (_, row) => (X[row * features.length]! + random.uniform() > 5 ? 1 : 0));
  const estimator = createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: { l2: 1 }, prepare: [{ step: 'standardize', except: [] }] });
  const fitted = await estimator.fit({ rowCount: ROWS, columnCount: features.length, X, y, featureNames: features }, { random });
  const run = await tracker.startRun((await tracker.ensureExperiment(source.name)).id, 'made-up', { source: source.name });
  await tracker.putArtifact(run.id, modelFileIn(MODEL_ARTIFACT_FOLDER), fitted.save());
  await tracker.endRun(run.id, 'FINISHED');
  const name = modelNameOf(source.name);
  const { version } = await tracker.registerVersion(name, run.id, MODEL_ARTIFACT_FOLDER, { source: source.name, model: 'made-up', kind: fitted.kind });
  await tracker.setAlias(name, 'champion', version);
  await log.ensureTopics({ 'model-updates': { partitions: 1, shared: true } });
  const writer = await log.openWriter(`trainer-${source.name}`);
  const update = { source: source.name, kind: 'model', name, version, runId: run.id, artifactPath: MODEL_ARTIFACT_FOLDER, alias: 'champion' };
  await writer.commit({ appends: [{ topic: 'model-updates', records: packTexts([{ key: source.name, value: JSON.stringify(update), timestampMs: 0 }]) }] });
  await writer.close();
}
