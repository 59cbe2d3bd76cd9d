import type { Dataset } from './dataset.ts';
import type { Task } from './estimator.ts';
import type { ModelFile, Section } from './model-file.ts';
import type { Pace } from './pace.ts';
import type { Random } from './random.ts';

/** What one parameter may be; `integer` refuses fractions. */
export interface ParameterRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  readonly meaning: string;
}

/** The learned part of a model, on prepared rows: everything but names, preparation and the link from margin to probability. */
export interface Core {
  /** Log-odds of class 1, or the value, of the prepared row that starts at `offset`. */
  margin(X: Float64Array, offset: number): number;
  /** Fills additive contributions of a prepared row and returns the base value. */
  explain(x: Float64Array, contributions: Float64Array): number;
  /** Everything learned, by section name; `Family.load` reads it back. */
  sections(): Record<string, Section>;
}

export interface FitSettings {
  readonly task: Task;
  readonly parameters: Readonly<Record<string, number>>;
  /** Column index, for families that use one feature alone; 0 otherwise. */
  readonly featureIndex: number;
}

export interface FitContext {
  readonly random: Random;
  readonly pace: Pace;
  /** May be called with any share in [0, 1]; what callers see never falls and ends at 1. */
  readonly progress: (done: number, loss?: number) => void;
}

/** One method of learning. Listing it in the catalog makes it creatable, loadable and subject to every estimator check. */
export interface Family {
  readonly kind: string;
  readonly tasks: readonly Task[];
  readonly parameters: Readonly<Record<string, ParameterRule>>;
  /** True when the preparation must replace missing values by training means before `fit` sees them. */
  readonly imputesMissing: boolean;
  readonly needsFeature: boolean;
  /** How far predictions may move when rows are reordered, or a weight becomes repeats: 0 promises equal bits. */
  readonly orderTolerance: number;
  fit(prepared: Dataset, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }>;
  load(file: ModelFile): Core;
}
