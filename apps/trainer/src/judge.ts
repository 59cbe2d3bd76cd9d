import {
  accuracy, bootstrap, brier, delongInterval, delongPaired, f1, logLoss, mae, prAuc, precision, r2, Random, recall, rmse, rocAuc, type Task,
} from '#tideline/learning';
import type { Interval } from './gate.ts';

/** Metrics of one model on the test rows, by name, each with a 95 % interval. */
export type Metrics = Readonly<Record<string, Interval>>;

const RESAMPLES = 200;
/** An interval from this many evenly spread rows is narrow enough; resampling more only takes longer. */
const MAX_RESAMPLED_ROWS = 20_000;

type Metric = (y: Float64Array, scores: Float64Array) => number;
const classificationMetrics: Readonly<Record<string, Metric>> = { prAuc, logLoss, brier, accuracy, precision, recall, f1 };
const regressionMetrics: Readonly<Record<string, Metric>> = { rmse, mae, r2 };

/** DeLong's interval for the area under the ROC curve, seeded bootstrap intervals for the others; values are of all rows. */
export function judge(task: Task, y: Float64Array, scores: Float64Array, seed: number): Metrics {
  const metrics: Record<string, Interval> = {};
  if (task === 'classification') metrics['rocAuc'] = pick(delongInterval(y, scores));
  const stride = Math.max(1, Math.ceil(y.length / MAX_RESAMPLED_ROWS));
  const count = Math.floor((y.length - 1) / stride) + 1;
  for (const [name, metric] of Object.entries(task === 'classification' ? classificationMetrics : regressionMetrics)) {
    const pickedY = new Float64Array(count);
    const pickedScores = new Float64Array(count);
    const statistic = (rows: Int32Array): number => {
      for (let i = 0; i < count; i++) {
        pickedY[i] = y[rows[i]! * stride]!;
        pickedScores[i] = scores[rows[i]! * stride]!;
      }
      return metric(pickedY, pickedScores);
    };
    const interval = bootstrap(count, statistic, { random: new Random(seed), repeats: RESAMPLES });
    metrics[name] = { value: metric(y, scores), low: interval.low, high: interval.high };
  }
  return metrics;
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
