import type { Dataset } from './dataset.ts';
import type { Kernels } from './kernels/compute.ts';
import type { Random } from './random.ts';

export type Task = 'classification' | 'regression';

/** A parameter of a method: a number, one of a few words, or a list of numbers (layer sizes). */
export type ParameterValue = number | string | readonly number[];
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Row-major feature values; whatever is handed in, a model reads it rounded to float32. */
export type Rows = Float32Array | Float64Array;

/** What a fit is handed besides its data; an estimator reads no clock, no randomness and no scheduler of its own. */
export interface FitOptions {
  readonly random: Random;
  /** Where heavy loops run; typed arrays on the caller's thread unless given. */
  readonly kernels?: Kernels | undefined;
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
  readonly parameters: Parameters;
  /** Leaves `data` as it is; rejects with `InvalidDatasetError` for data that the method can't learn from. */
  fit(data: Dataset, options: FitOptions): Promise<FittedModel>;
}

/** A probability was asked of a model that has none. */
export class NoProbabilityError extends Error {
  override readonly name = 'NoProbabilityError';
}

/** Reasons were asked of a model that has none. */
export class NoReasonsError extends Error {
  override readonly name = 'NoReasonsError';
}

/** How a model's numbers were made: the same for every backend that is exact, so it does not tell plain arrays from WASM or one thread from four. */
export interface Arithmetic {
  readonly kernelVersion: number;
  /** False where a graphics adapter did part of the sums. */
  readonly exact: boolean;
  readonly adapter?: string | undefined;
}

/** An immutable fitted model; rows hold the raw features in the order of `featureNames`, NaN for a missing value. */
export interface FittedModel {
  readonly kind: string;
  readonly task: Task;
  readonly parameters: Parameters;
  readonly featureNames: readonly string[];
  /** Labels of the columns that hold categories, by name: a cell holds the place of its label in the list. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Training loss by iteration (mean log loss, or mean squared error); one entry for methods without iterations. */
  readonly history: readonly number[];
  /** The same of rows held out to stop early by; empty where none are. */
  readonly heldOutHistory: readonly number[];
  readonly arithmetic: Arithmetic;
  /** False for classifiers that only tell sides (perceptron, support vectors) unless calibrated, and for regression. */
  readonly hasProbability: boolean;
  /** What turned decision values into probabilities, where something did. */
  readonly calibration: 'none' | 'platt' | 'isotonic';
  /** True when `explainRow` and `assessRow` can be asked. */
  readonly hasReasons: boolean;
  /** The label (0 or 1), or the value, for each row of a row-major matrix; fills and returns `out` when given. */
  predict(X: Rows, rowCount: number, out?: Float64Array): Float64Array;
  /** Probability of class 1 of each row; throws `NoProbabilityError` where there is none. */
  predictProbability(X: Rows, rowCount: number, out?: Float64Array): Float64Array;
  /** What to rank rows by: the probability of class 1, or the decision value where there is none, or the value. */
  score(X: Rows, rowCount: number, out?: Float64Array): Float64Array;
  scoreRow(x: Rows): number;
  /** `score` on all threads of `kernels`, giving way to the caller's loop: the same numbers to the bit, unless a GPU made them. */
  scoreInBatch(X: Float32Array, rowCount: number, options: Pick<FitOptions, 'kernels' | 'signal' | 'yieldToLoop'>): Promise<Float64Array>;
  /**
   * Fills one additive contribution per feature and returns the base value; base plus contributions is the margin: log-odds
   * or probability of class 1, or the value. Linear models: coefficient x (value - training mean). Throws `NoReasonsError`.
   */
  explainRow(x: Rows, contributions: Float64Array): number;
  /** `scoreRow` and `explainRow` at once, for the price of one preparation: returns what the first, fills what the second does. */
  assessRow(x: Rows, contributions: Float64Array): number;
  /** The bytes that `loadModel` reads; the same model always gives the same bytes. */
  save(): Uint8Array;
}
