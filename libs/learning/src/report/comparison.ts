import { strict as assert } from 'node:assert';
import type { Task } from '../estimator.ts';
import { bootstrap } from '../metrics/bootstrap.ts';
import { delongPaired } from '../metrics/delong.ts';
import type { Random } from '../random.ts';

/** A value between the bounds of its 95 % interval. */
export interface Bounds {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A model that was judged on the rows that all others were judged on. */
export interface JudgedModel {
  readonly name: string;
  readonly kind: string;
  /** A trivial model that the others have to beat. */
  readonly isBaseline: boolean;
  /** By name, among them the task's main metric: `rocAuc`, or `rmse`. */
  readonly metrics: Readonly<Record<string, Bounds>>;
  /** What it says of each test row: probability or decision value, or the predicted value. */
  readonly scores: Float64Array;
  readonly fitSeconds: number;
  /** For all test rows. */
  readonly predictSeconds: number;
  /** Of the model file. */
  readonly bytes: number;
}

export interface ComparedModel extends Omit<JudgedModel, 'scores'> {
  /** How far the best is ahead of this one in the main metric, paired on the same rows; positive is ahead. Undefined for the best itself. */
  readonly behind: Bounds | undefined;
  /** True where the interval of the difference holds 0: these rows don't tell this model from the best. */
  readonly withinNoise: boolean;
}

export interface Comparison {
  readonly task: Task;
  readonly metric: 'rocAuc' | 'rmse';
  readonly testRows: number;
  /** The model with the best value, baselines aside. */
  readonly best: string;
  /** What may be said of it, in words. */
  readonly verdict: string;
  /** Best first, by the main metric. */
  readonly models: readonly ComparedModel[];
}

export interface ComparisonInput {
  readonly task: Task;
  /** Labels or targets of the test rows. */
  readonly y: Float64Array;
  readonly models: readonly JudgedModel[];
  readonly random: Random;
}

const RESAMPLES = 500;
const MAX_RESAMPLED_ROWS = 10_000;

/**
 * Every model beside the best on the same rows: DeLong's paired difference in ROC AUC for classifiers, a paired bootstrap of RMSE for
 * regression. Expects at least one model that is no baseline; one without a value (one class among the rows) comes last.
 */
export function compareModels({ task, y, models, random }: ComparisonInput): Comparison {
  const metric = task === 'classification' ? 'rocAuc' : 'rmse';
  const goodness = (model: JudgedModel): number => {
    const value = model.metrics[metric]?.value ?? NaN;
    if (Number.isNaN(value)) return -Infinity;
    return metric === 'rmse' ? -value : value;
  };
  // Equal goodness keeps the order given, which runs from simple to elaborate.
  const ranked = models.toSorted((a, b) => (goodness(b) === goodness(a) ? 0 : goodness(b) - goodness(a)));
  const best = ranked.find((model) => !model.isBaseline);
  assert(best !== undefined, 'expected a model that is no baseline to compare');
  const compared = ranked.map((model): ComparedModel => {
    const { scores, ...facts } = model;
    const behind = model === best ? undefined : leadOf(task, y, best.scores, scores, random);
    return { ...facts, behind, withinNoise: behind !== undefined && behind.low <= 0 && behind.high >= 0 };
  });
  return { task, metric, testRows: y.length, best: best.name, verdict: verdictOf(best, compared), models: compared };
}

/** How far `first` is ahead of `second`. */
function leadOf(task: Task, y: Float64Array, first: Float64Array, second: Float64Array, random: Random): Bounds {
  if (task === 'classification') {
    const { value, low, high } = delongPaired(y, first, second);
    return { value, low, high };
  }
  const [errors, ofBest] = [squaredErrors(y, second), squaredErrors(y, first)];
  const lead = (rows: Int32Array): number => rootMean(errors, rows) - rootMean(ofBest, rows);
  const every = Int32Array.from(y, (_, row) => row);
  const stride = Math.ceil(y.length / MAX_RESAMPLED_ROWS);
  const spread = every.filter((row) => row % stride === 0);
  const { low, high } = bootstrap(spread.length, (rows) => lead(rows.map((row) => spread[row]!)), { random, repeats: RESAMPLES });
  return { value: lead(every), low, high };
}

const squaredErrors = (y: Float64Array, predicted: Float64Array): Float64Array => y.map((target, row) => (predicted[row]! - target) ** 2);

function rootMean(values: Float64Array, rows: Int32Array): number {
  let sum = 0;
  for (const row of rows) sum += values[row]!;
  return Math.sqrt(sum / rows.length);
}

/** Like `0.0123 (0.0045 to 0.0201)`. */
export function describeBounds({ value, low, high }: Bounds): string {
  return `${value.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`;
}

function verdictOf(best: JudgedModel, models: readonly ComparedModel[]): string {
  const rivals = models.filter((model) => !model.isBaseline && model.behind !== undefined);
  const close = rivals.filter((model) => model.withinNoise);
  const [second] = rivals;
  const sentences = [
    second === undefined ? `${best.name} is the only model.`
    : close.length > 0 ? `${best.name} has the best value, but ${listed(close.map(({ name, behind }) => `${name} (${describeBounds(behind!)})`))} ${close.length === 1 ? 'is' : 'are'} within noise: these rows do not show which is better.`
    : `${best.name} is the best: ahead of ${second.name} by ${describeBounds(second.behind!)}.`,
    ...models.filter((model) => model.isBaseline && model.behind !== undefined).map(({ name, behind }) =>
      behind!.low > 0 ? `It is ahead of the baseline ${name} by ${describeBounds(behind!)}.` : `It is NOT shown to be better than the baseline ${name}: ${describeBounds(behind!)}.`),
  ];
  return sentences.join(' ');
}

function listed(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}
