import {
  accuracy, bootstrapAll, brier, delongInterval, delongPaired, f1, logLoss, mae, prAuc, precision, r2, Random, recall, rmse, rocAuc, type Task,
} from '#tideline/learning';
import type { Interval } from './gate.ts';

/** Metrics of one model on the test rows, by name, each with a 95 % interval. */
export type Metrics = Readonly<Record<string, Interval>>;

const RESAMPLES = 200;
/** An interval from this many evenly spread rows is narrow enough; resampling more only takes longer. */
const MAX_RESAMPLED_ROWS = 10_000;

type Metric = (y: Float64Array, scores: Float64Array) => number;
const classificationMetrics: Readonly<Record<string, Metric>> = { prAuc, logLoss, brier, accuracy, precision, recall, f1 };
const regressionMetrics: Readonly<Record<string, Metric>> = { rmse, mae, r2 };

/** What only a probability can be held to. */
const probabilityMetrics: readonly string[] = ['logLoss', 'brier'];

/**
 * DeLong's interval for the area under the ROC curve, seeded bootstrap intervals for the others; values are of all rows. Scores of a
 * classifier without probabilities are signed distances: they rank and decide, but have no log loss.
 */
export function judge(task: Task, y: Float64Array, scored: Float64Array, seed: number, areProbabilities = true): Metrics {
  const metrics: Record<string, Interval> = {};
  if (task === 'classification') metrics['rocAuc'] = pick(delongInterval(y, scored));
  // Any rising map keeps ranks; this one puts the border between the sides at one half.
  const scores = areProbabilities ? scored : scored.map((distance) => 0.5 + (0.5 * distance) / (1 + Math.abs(distance)));
  const resampler = new Resampler(y, scores);
  const others = Object.entries(task === 'classification' ? classificationMetrics : regressionMetrics).filter(([name]) => areProbabilities || !probabilityMetrics.includes(name));
  const measureAll = (rows: Int32Array): number[] => resampler.measure(rows, others.map(([, metric]) => metric));
  const intervals = bootstrapAll(resampler.rowCount, measureAll, { random: new Random(seed), repeats: RESAMPLES });
  for (const [k, [name, metric]] of others.entries()) metrics[name] = { value: metric(y, scores), low: intervals[k]!.low, high: intervals[k]!.high };
  return metrics;
}

/** Measures resamples of rows, each handed to the metrics in the order of its scores: what a metric has to sort is sorted already. */
class Resampler {
  readonly rowCount: number;
  readonly #y: Float64Array;
  readonly #scores: Float64Array;
  readonly #times: Int32Array;
  readonly #pickedY: Float64Array;
  readonly #pickedScores: Float64Array;

  constructor(y: Float64Array, scores: Float64Array) {
    // Not every k-th row: where each time has as many entities as k divides, that would be the same entities every time.
    const spread = Math.min(y.length, MAX_RESAMPLED_ROWS);
    const rows = Int32Array.from({ length: spread }, (_, i) => Math.floor((i * y.length) / spread)).sort((a, b) => scores[b]! - scores[a]!);
    this.rowCount = rows.length;
    this.#y = Float64Array.from(rows, (row) => y[row]!);
    this.#scores = Float64Array.from(rows, (row) => scores[row]!);
    this.#times = new Int32Array(rows.length);
    this.#pickedY = new Float64Array(rows.length);
    this.#pickedScores = new Float64Array(rows.length);
  }

  /** `rows` are drawn with replacement, in any order. */
  measure(rows: Int32Array, metrics: readonly Metric[]): number[] {
    const times = this.#times.fill(0);
    for (const row of rows) times[row]!++;
    let at = 0;
    for (let row = 0; row < times.length; row++) {
      for (let left = times[row]!; left > 0; left--) {
        this.#pickedY[at] = this.#y[row]!;
        this.#pickedScores[at++] = this.#scores[row]!;
      }
    }
    return metrics.map((metric) => metric(this.#pickedY, this.#pickedScores));
  }
}

/** One metric by its name, of all rows, without an interval; undefined for a name that is none. */
export function measure(metric: string, y: Float64Array, scores: Float64Array): number | undefined {
  if (metric === 'rocAuc') return rocAuc(y, scores);
  return (classificationMetrics[metric] ?? regressionMetrics[metric])?.(y, scores);
}

/** Difference first minus second in the area under the ROC curve with its paired interval; undefined for regression. */
export function pairedDifference(task: Task, y: Float64Array, first: Float64Array, second: Float64Array): Interval | undefined {
  return task === 'classification' ? pick(delongPaired(y, first, second)) : undefined;
}

function pick({ value, low, high }: Interval): Interval {
  return { value, low, high };
}
