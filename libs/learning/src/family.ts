import type { Parameters, Task } from './estimator.ts';
import type { Compute } from './kernels/compute.ts';
import type { ModelFile, Section } from './model-file.ts';
import type { Pace } from './pace.ts';
import type { PreparedRows } from './prepared-rows.ts';
import type { Random } from './random.ts';

/** What one parameter may be. */
export type ParameterRule = NumberRule | ChoiceRule | NumbersRule;

/** `integer` refuses fractions. */
export interface NumberRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  readonly meaning: string;
}

/** One of a few words. */
export interface ChoiceRule {
  readonly default: string;
  readonly choices: readonly string[];
  readonly meaning: string;
}

/** A list of numbers, each within bounds. */
export interface NumbersRule {
  readonly default: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  readonly mostItems: number;
  readonly meaning: string;
}

/**
 * What a classifier's margin is: log-odds of class 1, the probability itself, or a signed distance that tells only the side and
 * gives no probability. Regression's margin is the value.
 */
export type MarginScale = 'log-odds' | 'probability' | 'distance';

/** The learned part of a model, on prepared rows: everything but names, preparation, calibration and the link to a probability. */
export interface Core {
  /** The margin of the prepared row that starts at `offset`. */
  margin(X: Float32Array, offset: number): number;
  /** Margins of all rows on `compute`'s threads, bit for bit those of `margin`; left out where one thread row by row will do. */
  margins?(X: Float32Array, rowCount: number, compute: Compute, out: Float64Array): Promise<void>;
  /** Linear cores: weight of each prepared column in the margin; with it reasons reach through steps that mix columns. */
  readonly coefficients?: Float64Array;
  /** Fills additive contributions of a prepared row to its margin and returns the base value; left out by methods without reasons. */
  explain?(x: Float32Array, contributions: Float64Array): number;
  /** Everything learned, by section name; `Family.load` reads it back. */
  sections(): Record<string, Section>;
}

export interface FitSettings {
  readonly task: Task;
  /** Checked against the family's rules, defaults filled in; `numberOf` and its like read them. */
  readonly parameters: Parameters;
  /** Index of the one column that the definition names, -1 where it names none. */
  readonly featureIndex: number;
}

export interface FitContext {
  readonly random: Random;
  readonly compute: Compute;
  readonly pace: Pace;
  /** May be called with any share in [0, 1]; what callers see never falls and ends at 1. */
  readonly progress: (done: number, loss?: number) => void;
}

export interface FitOutcome {
  readonly core: Core;
  /** Training loss by iteration. */
  readonly history: readonly number[];
  /** Loss of rows held out of learning, by the same iterations; left out where there are none. */
  readonly heldOutHistory?: readonly number[];
}

/** One method of learning. Listing it in the catalog makes it creatable, loadable and subject to every estimator check. */
export interface Family {
  readonly kind: string;
  readonly tasks: readonly Task[];
  readonly parameters: Readonly<Record<string, ParameterRule>>;
  /** How a classifier's margins read; left out: log-odds. */
  readonly scale?: MarginScale;
  /** True when the preparation must replace missing values by training means before `fit` sees them. */
  readonly imputesMissing: boolean;
  readonly needsFeature: boolean;
  /** Set where one feature may be named, to be learned from alone. */
  readonly takesFeature?: boolean;
  /** True when `fit` reads columns of categories (`prepared.categories`) as such; other families are never handed any. */
  readonly takesCategories?: boolean;
  /** How far predictions may move when rows are reordered, or a weight becomes repeats: 0 promises equal bits. */
  readonly orderTolerance: number;
  /** Set for methods that draw at random or go row by row, so that another order of rows is another model. */
  readonly dependsOnRowOrder?: boolean;
  /** Set likewise where another order of columns is another model. */
  readonly dependsOnColumnOrder?: boolean;
  /** Set where a weight is not the same as repeats, or weights are refused. */
  readonly weights?: 'repeats' | 'approximate' | 'refused';
  /** Parameters that keep the battery of checks quick; left out: the defaults. */
  readonly quickParameters?: Parameters;
  fit(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<FitOutcome>;
  load(file: ModelFile): Core;
}

export function numberOf(parameters: Parameters, name: string): number {
  const value = parameters[name];
  if (typeof value !== 'number') throw new TypeError(`expected parameter ${name} to be a number, found ${String(value)}`);
  return value;
}

export function choiceOf(parameters: Parameters, name: string): string {
  const value = parameters[name];
  if (typeof value !== 'string') throw new TypeError(`expected parameter ${name} to be a word, found ${String(value)}`);
  return value;
}

export function numbersOf(parameters: Parameters, name: string): readonly number[] {
  const value = parameters[name];
  if (!Array.isArray(value)) throw new TypeError(`expected parameter ${name} to be a list of numbers, found ${String(value)}`);
  return value as readonly number[];
}
