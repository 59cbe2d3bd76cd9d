/** A fitted model as `learning` gives it: rows of doubles in the order of `featureNames`, NaN for a missing value. */
export interface LoadedModel {
  readonly kind: string;
  readonly task: 'classification' | 'regression';
  readonly featureNames: readonly string[];
  scoreRow(x: Float64Array): number;
  /** Writes additive contributions (log-odds for classification) and gives the base value. */
  explainRow(x: Float64Array, contributions: Float64Array): number;
}

/** A registered version that answers requests. */
export interface ServedModel {
  /** `churn-<source>`. */
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly target: string;
  readonly runId: string;
  readonly loadedAtMs: number;
  readonly byteCount: number;
  readonly model: LoadedModel;
  readonly featureIndex: ReadonlyMap<string, number>;
}

/** The registered name of a source's churn model. */
export function churnModelName(source: string): string {
  return `churn-${source}`;
}

/** The registered name of a source's visit values. */
export function visitValuesName(source: string): string {
  return `visit-values-${source}`;
}
