import { createEstimator, plainKernels, Random, takeRows, type Dataset, type FitOptions, type FittedModel, type Kernels, type Parameters } from '#tideline/learning';
import type { Clock, ExperimentTracker } from '#tideline/platform';
import type { ModelDefinition, Source } from '#tideline/retention';
import { logComparison } from './comparison.ts';
import { decide, type Decision } from './decide.ts';
import type { Interval } from './gate.ts';
import { judge, pairedDifference, type Metrics } from './judge.ts';
import { mlflowModel } from './mlflow-flavours.ts';
import { MODEL_CARD_FILE, MODEL_FILE } from './model-artifact.ts';
import { judgeOtherSplits, type OtherSplit } from './other-splits.ts';
import { runCard } from './run-card.ts';
import { runNote } from './run-note.ts';
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

export interface TrainReport extends Decision {
  readonly source: string;
  readonly target: string;
  readonly split: { readonly description: string; readonly trainRows: number; readonly testRows: number; readonly testPositives: number };
  readonly models: readonly TrainedModel[];
  /** Name of the one-feature baseline, or undefined when the source names none. */
  readonly baseline: string | undefined;
  /** The best model of this training and what may be said of it; undefined when only baselines were trained. */
  readonly comparison: { readonly best: string; readonly verdict: string } | undefined;
  /** What the same models reach on other cuts, where the source asks for them; never what decides. */
  readonly otherSplits?: readonly OtherSplit[];
}

export interface TrainingContext {
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
  readonly seed: number;
  /** Where heavy loops run; typed arrays on this thread unless given. */
  readonly kernels?: Kernels | undefined;
  /** Only these of the source's models; all when undefined. */
  readonly only?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((model: string, done: number) => void) | undefined;
  /** Facts about the training data that every run is tagged with: table version, synthetic or not. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** A trained model with what it said of the test rows. */
export interface Candidate extends TrainedModel {
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
  refuseUselessSplit(source, train, test, split.description);
  const experiment = await context.tracker.ensureExperiment(source.name);
  const judged: Candidate[] = [];
  for (const definition of wantedModels(source, context.only)) {
    const baseline = judged.find((model) => model.kind === 'one-feature');
    judged.push(await fitAndLog(source, definition, { train, test, description: split.description, experimentId: experiment.id, baseline }, context));
  }
  const baseline = judged.find((model) => model.kind === 'one-feature');
  const decision = await decide(source, judged, test, context);
  const fitAgain = async (definition: ModelDefinition, earlier: Dataset, later: Dataset): Promise<Float64Array> =>
    (await fitAndScore(source, definition, { train: earlier, test: later }, context)).scores;
  const otherSplits = await judgeOtherSplits(source, frame, { train, test, models: judged, description: split.description }, fitAgain);
  const facts = { description: split.description, trainRows: train.rowCount, testRows: test.rowCount, testPositives: test.y.reduce((sum, label) => sum + label, 0) };
  const comparison = await logComparison({ source, judged, train, test, split: facts, decision }, context);
  return {
    source: source.name,
    target: source.models.target,
    split: facts,
    models: judged.map(({ scores: _scores, definition: _definition, ...model }) => model),
    baseline: baseline?.name,
    comparison: comparison && { best: comparison.best, verdict: comparison.verdict },
    ...(otherSplits.length > 0 && { otherSplits }),
    ...decision,
  };
}

/** The baseline first, as the others are held against it, wherever the source lists it; it is trained even when not asked for. */
function wantedModels(source: Source, only: readonly string[] | undefined): readonly ModelDefinition[] {
  const isBaseline = ({ kind }: ModelDefinition): boolean => kind === 'one-feature';
  const { models } = source.models;
  return [...models.filter(isBaseline), ...models.filter((model) => !isBaseline(model) && (only === undefined || only.includes(model.name)))];
}

function refuseUselessSplit(source: Source, train: Dataset, test: Dataset, description: string): void {
  if (train.rowCount === 0 || test.rowCount === 0) {
    throw new NothingToLearnError(`expected labelled rows before and after the split, found ${train.rowCount} to train and ${test.rowCount} to test (${description})`);
  }
  if (source.models.task === 'classification' && train.y.every((label) => label === train.y[0])) {
    throw new NothingToLearnError(`expected both classes among the ${train.rowCount} rows to train, found only ${source.models.target} = ${train.y[0]} (${description})`);
  }
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
    source: source.name, target: source.models.target, split: input.description, 'source.version': source.version, 'mlflow.source.name': 'tideline train', ...context.tags,
  });
  try {
    const { model, scores, fitSeconds, predictSeconds } = await fitAndScore(source, definition, input, context);
    const metrics = judge(task, input.test.y, scores, seed, task === 'regression' || model.hasProbability);
    const overBaseline = input.baseline && pairedDifference(task, input.test.y, scores, input.baseline.scores);
    const bytes = model.save();
    const candidate = { name: definition.name, kind: definition.kind, metrics, overBaseline, definition, scores, bytes: bytes.byteLength, fitSeconds, predictSeconds };
    const { files, problem } = mlflowModel(model, input.test, { id: run.id, nowMs: clock.nowMs() });
    const card = runCard({ source, model, judged: candidate, baseline: input.baseline, train: input.train, test: input.test, split: input.description }, context);
    const artifacts = { [MODEL_FILE]: bytes, ...files, [MODEL_CARD_FILE]: Buffer.from(card) };
    for (const [path, content] of Object.entries(artifacts)) await tracker.putArtifact(run.id, path, content);
    const { backend, kernelVersion, threadCount, adapter, reason } = (context.kernels ?? plainKernels).facts;
    await tracker.logRun(run.id, {
      params: {
        ...toText(model.parameters), kind: definition.kind, seed: String(seed), features: model.featureNames.join(','), trainRows: String(input.train.rowCount), testRows: String(input.test.rowCount),
        backend, kernelVersion: String(kernelVersion), threads: String(threadCount),
      },
      metrics: runMetrics(metrics, input.baseline?.metrics, overBaseline, model.history, clock.nowMs()),
      tags: {
        'backend.reason': reason, ...(adapter !== undefined && { 'backend.adapter': adapter }), ...(problem !== undefined && { onnx: problem }),
        // What MLflow's page shows as the run's description.
        'mlflow.note.content': runNote({ definition, target: source.models.target, metrics, baseline: input.baseline, overBaseline, trainRows: input.train.rowCount, testRows: input.test.rowCount }),
      },
    });
    await tracker.endRun(run.id, 'FINISHED');
    return { ...candidate, runId: run.id };
  } catch (error) {
    await tracker.endRun(run.id, context.signal?.aborted ? 'KILLED' : 'FAILED').catch(() => undefined);
    throw error;
  }
}

interface Scored {
  readonly model: FittedModel;
  /** Of the test rows. */
  readonly scores: Float64Array;
  readonly fitSeconds: number;
  readonly predictSeconds: number;
}

async function fitAndScore(source: Source, definition: ModelDefinition, { train, test }: Pick<FitInput, 'train' | 'test'>, { clock, seed, signal, kernels, onProgress }: TrainingContext): Promise<Scored> {
  const estimator = createEstimator({
    kind: definition.kind, task: source.models.task, parameters: definition.parameters, prepare: definition.prepare, feature: definition.feature, calibrate: definition.calibrate,
  });
  const options: FitOptions = {
    random: new Random(seed), kernels, signal,
    onProgress: (done) => onProgress?.(definition.name, done),
    yieldToLoop: () => new Promise((resolve) => setImmediate(resolve)),
  };
  const fitStartMs = clock.nowMs();
  const model = await estimator.fit(train, options);
  const predictStartMs = clock.nowMs();
  const scores = await model.scoreInBatch(test.X, test.rowCount, options);
  return { model, scores, fitSeconds: (predictStartMs - fitStartMs) / 1000, predictSeconds: (clock.nowMs() - predictStartMs) / 1000 };
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

const toText = (parameters: Parameters): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
