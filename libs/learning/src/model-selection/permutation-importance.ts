import { strict as assert } from 'node:assert';
import type { Dataset } from '../dataset.ts';
import type { FitOptions, FittedModel } from '../estimator.ts';
import type { Interval } from '../metrics/delong.ts';
import { studentQuantile } from '../metrics/student.ts';
import { Pace } from '../pace.ts';

/** Higher is better, of the model's scores (see `FittedModel.score`). */
export type ScoreMetric = (y: Float64Array, scores: Float64Array, weights?: Float64Array) => number;

export interface ImportanceOptions extends Omit<FitOptions, 'onProgress'> {
  readonly metric: ScoreMetric;
  /** Shuffles of each column; 5 unless told. */
  readonly repeats?: number;
  readonly level?: number;
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Mean fall of the metric, with its t interval over the shuffles: how certain the mean is, not how much data vary. */
export interface FeatureImportance extends Interval {
  readonly name: string;
  /** Fall of the metric at each shuffle. */
  readonly falls: readonly number[];
}

/**
 * How much worse the metric gets when one raw feature is shuffled among the rows (Breiman 2001), every feature in its turn, in the order of
 * `featureNames`. Features that tell the same share their importance: each alone may then show none.
 */
export async function permutationImportance(model: FittedModel, data: Dataset, options: ImportanceOptions): Promise<readonly FeatureImportance[]> {
  const { metric, repeats = 5, level = 0.95, random } = options;
  assert(Number.isInteger(repeats) && repeats >= 2, `expected at least 2 repeats, found ${repeats}`);
  const { rowCount, columnCount, y, weights } = data;
  const pace = new Pace(options.signal, options.yieldToLoop);
  const judge = async (X: Float32Array): Promise<number> => metric(y, await model.scoreInBatch(X, rowCount, options), weights);
  const whole = await judge(data.X);
  const X = data.X.slice();
  const found: FeatureImportance[] = [];
  for (let column = 0; column < columnCount; column++) {
    const falls: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (let i = rowCount - 1; i > 0; i--) {
        const [at, other] = [i * columnCount + column, random.int(i + 1) * columnCount + column];
        const held = X[at]!;
        X[at] = X[other]!;
        X[other] = held;
        if (pace.spend(10)) await pace.pause();
      }
      falls.push(whole - await judge(X));
      options.onProgress?.((column * repeats + repeat + 1) / (columnCount * repeats));
    }
    for (let i = 0; i < rowCount; i++) X[i * columnCount + column] = data.X[i * columnCount + column]!;
    found.push({ name: data.featureNames[column]!, falls, ...meanWithInterval(falls, level) });
  }
  return found;
}

function meanWithInterval(values: readonly number[], level: number): Interval {
  const value = values.reduce((sum, fall) => sum + fall, 0) / values.length;
  const variance = values.reduce((sum, fall) => sum + (fall - value) ** 2, 0) / (values.length - 1);
  const standardError = Math.sqrt(variance / values.length);
  const reach = studentQuantile((1 + level) / 2, values.length - 1) * standardError;
  return { value, low: value - reach, high: value + reach, standardError };
}
