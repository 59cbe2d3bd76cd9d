import type { Dataset } from './dataset.ts';
import type { Random } from './random.ts';

export type Task = 'classification' | 'regression';

/** What a fit is handed besides its data; an estimator reads no clock, no randomness and no scheduler of its own. */
export interface FitOptions {
  readonly random: Random;
  /** Aborting rejects the fit with the signal's reason at its next pause. */
  readonly signal?: AbortSignal | undefined;
  /** `done` rises from 0 to 1; `loss` is the training loss reached, where the method has one. */
  readonly onProgress?: ((done: number, loss?: number) => void) | undefined;
  /** Awaited about every 10 ms of work; hand in a `setImmediate` promise so that timers and signals get their turn. */
  readonly yieldToLoop?: (() => Promise<void>) | undefined;
}

/** An unfitted method: configuration alone, immutable, safe to fit many times and at once. */
export interface Estimator {
  readonly kind: string;
  readonly task: Task;
  /** Every parameter of the method, defaults filled in. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Leaves `data` as it is; rejects with `InvalidDatasetError` for data that the method can't learn from. */
  fit(data: Dataset, options: FitOptions): Promise<FittedModel>;
}

/** An immutable fitted model; rows hold the raw features in the order of `featureNames`, NaN for a missing value. */
export interface FittedModel {
  readonly kind: string;
  readonly task: Task;
  readonly parameters: Readonly<Record<string, number>>;
  readonly featureNames: readonly string[];
  /** Training loss by iteration (mean log loss, or mean squared error); one entry for methods without iterations. */
  readonly history: readonly number[];
  /** Probability of class 1, or the value, for each row of a row-major matrix; fills and returns `out` when given. */
  predict(X: Float64Array, rowCount: number, out?: Float64Array): Float64Array;
  predictRow(x: Float64Array): number;
  /**
   * Fills one additive contribution per feature and returns the base value; base plus contributions is the margin: log-odds
   * of class 1, or the value. Linear models: coefficient x (value - training mean). Trees: path attribution (Saabas 2014).
   */
  explainRow(x: Float64Array, contributions: Float64Array): number;
  /** `predictRow` and `explainRow` at once, for the price of one preparation: returns what the first, fills what the second does. */
  assessRow(x: Float64Array, contributions: Float64Array): number;
  /** The bytes that `loadModel` reads; the same model always gives the same bytes. */
  save(): Uint8Array;
}
