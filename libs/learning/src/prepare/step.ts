import type { ModelFile, Section } from '../model-file.ts';
import type { Pace } from '../pace.ts';

/** Rows as one step of a preparation receives them while it is fitted; every pass makes them anew from the data set. */
export interface StepInput {
  readonly rowCount: number;
  readonly names: readonly string[];
  /** Labels of the columns that hold categories, as far as no step before has turned them into numbers. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** One per row, or undefined where every row weighs 1. */
  readonly weights: Float64Array | undefined;
  /** Calls back with every row, in order; the array is overwritten by the next. */
  eachRow(visit: (row: Float64Array, index: number) => void, pace: Pace): Promise<void>;
}

/** One fitted step: turns a row of `inputCount` numbers into one of `names.length`. */
export interface FittedStep {
  /** Which step this is in a model file. */
  readonly kind: string;
  readonly inputCount: number;
  readonly names: readonly string[];
  /** The input column that each output column comes from; undefined when outputs mix columns. */
  readonly sourceOf: Int32Array | undefined;
  /** Reads the row from `input` and writes it to `output`, which is another array. */
  apply(input: Float64Array, output: Float64Array): void;
  sections(): Record<string, Section>;
}

/** One kind of step. */
export interface StepFamily {
  readonly kind: string;
  fit(input: StepInput, except: readonly string[], pace: Pace): Promise<FittedStep>;
  /** `file` shows this step's sections alone, without their prefix, and the names it received as `featureNames`. */
  load(file: ModelFile): FittedStep;
}
