import { InvalidDatasetError } from '../dataset.ts';
import type { ParameterValue } from '../estimator.ts';
import type { ParameterRule } from '../family.ts';
import type { Compute } from '../kernels/compute.ts';
import type { ModelFile, Section } from '../model-file.ts';
import type { Pace } from '../pace.ts';
import type { ReadOnThreads } from '../prepared-rows.ts';

/** One step of a preparation as a definition names it: the step, the columns it works on, and its options by name. */
export interface PrepareStep {
  readonly step: string;
  /** Columns that pass unchanged; columns of categories always pass a step that works on numbers. */
  readonly except?: readonly string[] | undefined;
  /** The only columns that the step works on; not together with `except`. */
  readonly columns?: readonly string[] | undefined;
  readonly [option: string]: StepOption | readonly string[] | undefined;
}

export type StepOption = ParameterValue | boolean;
export type StepOptions = Readonly<Record<string, StepOption>>;

/** True or false. */
export interface FlagRule {
  readonly default: boolean;
  readonly meaning: string;
}

export type StepRule = ParameterRule | FlagRule;

/** Rows as one step of a preparation receives them while it is fitted; every pass makes them anew from the data set. */
export interface StepInput {
  readonly rowCount: number;
  readonly names: readonly string[];
  /** Labels of the columns that hold categories, as far as no step before has turned them into numbers. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** One per row, or undefined where every row weighs 1. */
  readonly weights: Float64Array | undefined;
  /** Writes rows [start, end), row-major in float32, to the beginning of `out`. */
  read(start: number, end: number, out: Float32Array): void;
  /** The same into an array of `compute`, where the threads make rows faster than `read` does. */
  readonly readOnThreads?: ReadOnThreads | undefined;
  /** Visits of a cell that making one row costs. */
  readonly workPerRow: number;
  /** Calls back with blocks of rows, in order, row-major: `count` rows from `start` on; the array is overwritten by the next. */
  eachBlock(visit: (rows: Float64Array, start: number, count: number) => void, pace: Pace): Promise<void>;
}

/** What fitting a step may use. */
export interface StepContext {
  readonly compute: Compute;
  readonly pace: Pace;
}

/** Which columns a step was told to work on; `applies` holds 1 for those. */
export interface StepColumns {
  readonly applies: Uint8Array;
  readonly options: StepOptions;
}

/** One fitted step: turns rows of `inputCount` numbers into rows of `names.length`. */
export interface FittedStep {
  /** Which step this is in a model file. */
  readonly kind: string;
  readonly inputCount: number;
  /** Output columns' names, distinct. A column of categories that the step lets pass keeps its name. */
  readonly names: readonly string[];
  /** The input column that each output column comes from; undefined when outputs mix columns. */
  readonly sourceOf: Int32Array | undefined;
  /** True where the step leaves the very rows that it was fitted on as they are. */
  readonly unchanged?: boolean;
  /** Visits of a cell that a row costs, where it is not about four a column. */
  readonly work?: number;
  /** Reads `rowCount` rows from the start of `input`, row-major, and writes as many to `output`, which is another array. */
  apply(input: Float64Array, rowCount: number, output: Float64Array | Float32Array): void;
  /** The same for float32 rows on all threads, for steps that make many columns; arrays are `compute`'s. */
  applyOnThreads?(input: Float32Array, rowCount: number, output: Float32Array, compute: Compute): Promise<void>;
  /** Steps whose outputs are sums of multiples of their inputs: see `LinearParts`. */
  readonly linear?: LinearParts;
  sections(): Record<string, Section>;
}

/** How a weighted sum of a step's outputs reads as a weighted sum of its inputs. */
export interface LinearParts {
  /** Steps that mix columns: the value of each input (its training mean) at which it adds nothing to any output. */
  readonly center?: Float64Array;
  /** Weights of the inputs for weights of the outputs. */
  pullBack(outputWeights: Float64Array): Float64Array;
}

/** One kind of step. */
export interface StepFamily {
  readonly kind: string;
  readonly options: Readonly<Record<string, StepRule>>;
  /** Which columns the step takes when not told which: numbers, or categories. */
  readonly takes: 'numbers' | 'categories';
  /** Whether a step on numbers also takes columns of categories that its definition names. */
  mayTakeCategories?(options: StepOptions): boolean;
  /** What is wrong with options that each keep to their rule, or undefined. */
  problem?(options: StepOptions): string | undefined;
  fit(input: StepInput, columns: StepColumns, context: StepContext): Promise<FittedStep>;
  /**
   * `file` shows this step's sections alone, without their prefix, the names it received as `featureNames` and the categories among
   * them.
   */
  load(file: ModelFile): FittedStep;
}

export function numberOption(options: StepOptions, name: string): number {
  const value = options[name];
  if (typeof value !== 'number') throw new TypeError(`expected option ${name} to be a number, found ${String(value)}`);
  return value;
}

export function wordOption(options: StepOptions, name: string): string {
  const value = options[name];
  if (typeof value !== 'string') throw new TypeError(`expected option ${name} to be a word, found ${String(value)}`);
  return value;
}

export function flagOption(options: StepOptions, name: string): boolean {
  return options[name] === true;
}

/** Throws `InvalidDatasetError` where two columns would have one name. */
export function checkDistinct(step: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new InvalidDatasetError(`expected distinct names of the columns that ${step} makes, found ${name} twice: rename the feature`);
    seen.add(name);
  }
}

/** Indices of the columns that the step works on. */
export function chosenColumns(applies: Uint8Array): Int32Array {
  return Int32Array.from(applies.keys().filter((j) => applies[j] === 1));
}
