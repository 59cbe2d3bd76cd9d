import type { Dataset } from '../dataset.ts';
import { takeRows } from '../dataset.ts';
import type { Estimator, FitOptions, FittedModel } from '../estimator.ts';
import type { Split } from './splits.ts';

export interface CrossValidation {
  /** Prediction of each row by a model that did not see it; NaN for rows in no test. */
  readonly predictions: Float64Array;
  /** Predictions of each split's test rows, in the split's order, and the model they come from. */
  readonly folds: readonly { readonly split: Split; readonly predictions: Float64Array; readonly model: FittedModel }[];
}

/** Fits once per split, one after the other; progress runs over all of them. */
export async function crossValidate(estimator: Estimator, data: Dataset, splits: readonly Split[], options: FitOptions): Promise<CrossValidation> {
  const predictions = new Float64Array(data.rowCount).fill(NaN);
  const folds: CrossValidation['folds'][number][] = [];
  for (const [index, split] of splits.entries()) {
    const onProgress = (done: number, loss?: number): void => options.onProgress?.((index + done) / splits.length, loss);
    const model = await estimator.fit(takeRows(data, split.train), { ...options, onProgress });
    const test = takeRows(data, split.test);
    const predicted = model.score(test.X, test.rowCount);
    split.test.forEach((row, i) => { predictions[row] = predicted[i]!; });
    folds.push({ split, predictions: predicted, model });
  }
  return { predictions, folds };
}
