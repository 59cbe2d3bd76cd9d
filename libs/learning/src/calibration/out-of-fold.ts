import { InvalidDatasetError, takeRows, type Dataset } from '../dataset.ts';
import type { FitOptions } from '../estimator.ts';
import { stratifiedFolds, type Split } from '../model-selection/splits.ts';
import type { Random } from '../random.ts';

/** Parts of the data, each judged by a model fitted to the others. */
const foldsAtMost = 5;

type ScoringOptions = Pick<FitOptions, 'kernels' | 'signal' | 'yieldToLoop'>;

/** What a calibration asks of the model within it. */
interface DecisionMaker {
  /** Log-odds, probability or distance, row by row. */
  decisionValues(X: Float32Array, rowCount: number, options: ScoringOptions): Promise<Float64Array>;
}

/** Stratified folds for a calibration: five, or as many as the rarer class has rows; two of each class are needed. */
export function calibrationFolds(data: Dataset, random: Random): readonly Split[] {
  const { y, weights } = data;
  const counts = [0, 0];
  for (let i = 0; i < y.length; i++) if (weights === undefined || weights[i]! > 0) counts[y[i]!]!++;
  const rarer = Math.min(...counts);
  if (rarer < 2) throw new InvalidDatasetError(`expected at least 2 rows of each class to calibrate with, found ${counts[0]} of class 0 and ${counts[1]} of class 1`);
  return stratifiedFolds(y, Math.min(foldsAtMost, rarer), random);
}

/** Each row's decision value by a model that did not see it; `fit` is told which fold it fits, from 0. */
export async function outOfFoldValues(data: Dataset, folds: readonly Split[], fit: (train: Dataset, fold: number) => Promise<DecisionMaker>, options: ScoringOptions): Promise<Float64Array> {
  const values = new Float64Array(data.rowCount);
  for (const [fold, { train, test }] of folds.entries()) {
    const model = await fit(takeRows(data, train), fold);
    const judged = takeRows(data, test);
    const found = await model.decisionValues(judged.X, judged.rowCount, options);
    test.forEach((row, i) => { values[row] = found[i]!; });
  }
  return values;
}
