import { createEstimator, loadModel, Random, takeRows, type Dataset, type FittedModel } from '#tideline/learning';
import { isPlatformError, type Clock, type ExperimentTracker } from '#tideline/platform';
import type { ModelDefinition, Source } from '#tideline/retention';
import { gateReasons, type Interval } from './gate.ts';
import { judge, pairedDifference, type Metrics } from './judge.ts';
import { splitFrame, type TrainingFrame } from './training-frame.ts';

/** One trained and judged model. */
export interface TrainedModel {
  readonly name: string;
  readonly kind: string;
  readonly metrics: Metrics;
  /** Area under the ROC curve above the one-feature baseline on the same rows, paired; undefined for the baseline itself. */
  readonly overBaseline: Interval | undefined;
  readonly fitSeconds: number;
  readonly predictSeconds: number;
  /** Size of the model file. */
  readonly bytes: number;
  readonly runId: string;
}

export interface TrainReport {
  readonly source: string;
  readonly target: string;
  readonly split: { readonly description: string; readonly trainRows: number; readonly testRows: number; readonly testPositives: number };
  readonly models: readonly TrainedModel[];
  /** Name of the one-feature baseline, or undefined when the source names none. */
  readonly baseline: string | undefined;
  /** The model that the gate looked at, and why it was or wasn't let through. */
  readonly candidate: { readonly model: string; readonly promoted: boolean; readonly reasons: readonly string[]; readonly remark: string } | undefined;
  readonly champion: { readonly name: string; readonly version: string; readonly model: string } | undefined;
}

export interface TrainingContext {
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
  readonly seed: number;
  /** Only these of the source's models; all when undefined. */
  readonly only?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((model: string, done: number) => void) | undefined;
  /** Facts about the training data that every run is tagged with: table version, synthetic or not. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

export const modelNameOf = (source: string): string => `churn-${source}`;
export const MODEL_ARTIFACT_FOLDER = 'model';
const MODEL_FILE = `${MODEL_ARTIFACT_FOLDER}/model.bin`;

interface Candidate extends TrainedModel {
  readonly scores: Float64Array;
  readonly definition: ModelDefinition;
}

/** A training frame that holds nothing to learn from; the message says what was expected and found. */
export class NothingToLearnError extends Error {
  override readonly name = 'NothingToLearnError';
}

/**
 * Fits every model of the source on the early part, judges all on the same later rows, logs each as a run, and moves the alias
 * `champion` to the best candidate when the gate lets it.
 */
export async function trainSource(source: Source, frame: TrainingFrame, context: TrainingContext): Promise<TrainReport> {
  const split = splitFrame(frame, source);
  const train = takeRows(frame.data, split.train);
  const test = takeRows(frame.data, split.test);
  if (train.rowCount === 0 || test.rowCount === 0) {
    throw new NothingToLearnError(`expected labelled rows before and after the split, found ${train.rowCount} to train and ${test.rowCount} to test (${split.description})`);
  }
  const experiment = await context.tracker.ensureExperiment(source.name);
  const definitions = source.models.models.filter((model) => context.only === undefined || context.only.includes(model.name) || model.kind === 'one-feature');
  const judged: Candidate[] = [];
  for (const definition of definitions) {
    const baseline = judged.find((model) => model.kind === 'one-feature');
    judged.push(await fitAndLog(source, definition, { train, test, description: split.description, experimentId: experiment.id, baseline }, context));
  }
  const baseline = judged.find((model) => model.kind === 'one-feature');
  const champion = await currentChampion(source, context.tracker);
  const decision = await decide(source, judged, champion, test, context);
  return {
    source: source.name,
    target: source.models.target,
    split: {
      description: split.description,
      trainRows: train.rowCount,
      testRows: test.rowCount,
      testPositives: test.y.reduce((sum, label) => sum + label, 0),
    },
    models: judged.map(({ scores: _scores, definition: _definition, ...model }) => model),
    baseline: baseline?.name,
    ...decision,
  };
}

interface FitInput {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly description: string;
  readonly experimentId: string;
  readonly baseline: Candidate | undefined;
}

async function fitAndLog(source: Source, definition: ModelDefinition, input: FitInput, context: TrainingContext): Promise<Candidate> {
  const { tracker, clock, seed } = context;
  const { task } = source.models;
  const run = await tracker.startRun(input.experimentId, definition.name, {
    source: source.name, target: source.models.target, split: input.description, 'source.version': source.version, ...context.tags,
  });
  try {
    const estimator = createEstimator({ kind: definition.kind, task, parameters: definition.parameters, prepare: definition.prepare, feature: definition.feature });
    const fitStartMs = clock.nowMs();
    const model = await estimator.fit(input.train, {
      random: new Random(seed),
      signal: context.signal,
      onProgress: (done) => context.onProgress?.(definition.name, done),
      yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)),
    });
    const predictStartMs = clock.nowMs();
    const scores = model.predict(input.test.X, input.test.rowCount);
    const endMs = clock.nowMs();
    const metrics = judge(task, input.test.y, scores, seed);
    const overBaseline = input.baseline && pairedDifference(task, input.test.y, scores, input.baseline.scores);
    const bytes = model.save();
    await tracker.putArtifact(run.id, MODEL_FILE, bytes);
    await tracker.logRun(run.id, {
      params: { ...toText(estimator.parameters), kind: definition.kind, seed: String(seed), features: model.featureNames.join(','), trainRows: String(input.train.rowCount), testRows: String(input.test.rowCount) },
      metrics: runMetrics(metrics, input.baseline?.metrics, overBaseline, model.history, endMs),
    });
    await tracker.endRun(run.id, 'FINISHED');
    return {
      name: definition.name, kind: definition.kind, metrics, overBaseline, definition, scores, runId: run.id, bytes: bytes.byteLength,
      fitSeconds: (predictStartMs - fitStartMs) / 1000, predictSeconds: (endMs - predictStartMs) / 1000,
    };
  } catch (error) {
    await tracker.endRun(run.id, context.signal?.aborted ? 'KILLED' : 'FAILED').catch(() => undefined);
    throw error;
  }
}

function runMetrics(metrics: Metrics, baseline: Metrics | undefined, overBaseline: Interval | undefined, history: readonly number[], timestampMs: number): { name: string; value: number; step: number; timestampMs: number }[] {
  const flat: [string, number][] = [];
  const add = (prefix: string, values: Metrics): void => {
    for (const [name, { value, low, high }] of Object.entries(values)) flat.push([`${prefix}${name}`, value], [`${prefix}${name}_low`, low], [`${prefix}${name}_high`, high]);
  };
  add('', metrics);
  if (baseline !== undefined) add('baseline_', baseline);
  if (overBaseline !== undefined) add('', { rocAucOverBaseline: overBaseline });
  return [
    ...flat.filter(([, value]) => Number.isFinite(value)).map(([name, value]) => ({ name, value, step: 0, timestampMs })),
    ...history.map((value, step) => ({ name: 'trainingLoss', value, step, timestampMs })),
  ];
}

const toText = (parameters: Readonly<Record<string, number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]));

interface Champion {
  readonly version: string;
  readonly model: FittedModel;
  readonly modelName: string;
}

async function currentChampion(source: Source, tracker: ExperimentTracker): Promise<Champion | undefined> {
  try {
    const version = await tracker.versionByAlias(modelNameOf(source.name), 'champion');
    if (version === undefined) return undefined;
    const model = loadModel(await tracker.getArtifact(version.runId, `${version.artifactPath}/model.bin`));
    return { version: version.version, model, modelName: version.tags['model'] ?? model.kind };
  } catch (error) {
    if (isPlatformError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

type Decision = Pick<TrainReport, 'candidate' | 'champion'>;

async function decide(source: Source, judged: readonly Candidate[], champion: Champion | undefined, test: Dataset, context: TrainingContext): Promise<Decision> {
  const { gate } = source.deployment;
  const name = modelNameOf(source.name);
  const standing = champion && { name, version: champion.version, model: champion.modelName };
  const ranked = judged.filter((model) => model.kind !== 'one-feature').sort((a, b) => scoreOf(b, gate.metric) - scoreOf(a, gate.metric));
  const best = ranked[0];
  if (best === undefined) return { candidate: undefined, champion: standing };
  const { chosen, remark } = simplestWithinNoise(source, judged, ranked, test.y);
  const comparable = champion !== undefined && champion.model.featureNames.join() === test.featureNames.join();
  const reasons = gateReasons({
    gate,
    candidate: chosen.metrics,
    champion: comparable ? judge(source.models.task, test.y, champion.model.predict(test.X, test.rowCount), context.seed) : undefined,
    overBaseline: chosen.overBaseline,
  });
  if (reasons.length > 0) return { candidate: { model: chosen.name, promoted: false, reasons, remark }, champion: standing };
  const version = await context.tracker.registerVersion(name, chosen.runId, MODEL_ARTIFACT_FOLDER, {
    source: source.name, model: chosen.name, kind: chosen.kind, target: source.models.target, ...context.tags,
  });
  await context.tracker.setAlias(name, 'champion', version.version);
  return { candidate: { model: chosen.name, promoted: true, reasons: [], remark }, champion: { name, version: version.version, model: chosen.name } };
}

const scoreOf = (model: TrainedModel, metric: string): number => model.metrics[metric]?.value ?? -Infinity;

/** The earliest model of the source's list that is not worse than the best beyond noise: a tie goes to the simpler one. */
function simplestWithinNoise(source: Source, judged: readonly Candidate[], ranked: readonly Candidate[], y: Float64Array): { chosen: Candidate; remark: string } {
  const best = ranked[0]!;
  for (const model of judged) {
    if (model === best) break;
    if (model.kind === 'one-feature') continue;
    const behind = pairedDifference(source.models.task, y, best.scores, model.scores);
    if (behind !== undefined && behind.low <= 0) {
      return { chosen: model, remark: `${best.name} is ahead by ${behind.value.toFixed(4)} (${behind.low.toFixed(4)} to ${behind.high.toFixed(4)}), within noise; the simpler ${model.name} is preferred` };
    }
  }
  const second = ranked[1];
  const ahead = second && pairedDifference(source.models.task, y, best.scores, second.scores);
  return { chosen: best, remark: ahead === undefined ? `${best.name} is the only candidate` : `${best.name} is ahead of ${second.name} by ${ahead.value.toFixed(4)} (${ahead.low.toFixed(4)} to ${ahead.high.toFixed(4)})` };
}
