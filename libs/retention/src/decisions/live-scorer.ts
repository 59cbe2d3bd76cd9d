import assert from 'node:assert/strict';

/** A fitted model as the live path sees it; retention knows no learning library. */
export interface LiveModel {
  readonly name: string;
  readonly version: string;
  readonly kind: string;
  readonly target: string;
  readonly featureNames: readonly string[];
  /** Probability for values by `featureNames` (NaN stands for null); fills their additive contributions in log-odds. */
  assess(features: Float64Array, contributions: Float64Array): number;
}

/** Reasons given with a score. */
const REASONS = 3;

/** Runs a model on feature vectors: picks its features out of the source's, and keeps the largest contributions. */
export class LiveScorer {
  readonly #names: readonly string[];
  #model: LiveModel | undefined;
  #positions = new Int32Array(0);
  #features = new Float64Array(0);
  #contributions = new Float64Array(0);
  /** Of the last scored vector: positions in `names` of the features that moved it most, largest contribution first. */
  readonly reasons: number[] = [];
  readonly reasonContributions: number[] = [];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  get model(): LiveModel | undefined {
    return this.#model;
  }

  use(model: LiveModel | undefined): void {
    this.#model = model;
    if (model === undefined) return;
    const positions = model.featureNames.map((name) => this.#names.indexOf(name));
    const missing = model.featureNames.filter((_, k) => positions[k] < 0);
    assert(missing.length === 0, `expected a model on features ${this.#names.join(', ')}, found ${missing.join(', ')} in ${model.name} version ${model.version}`);
    this.#positions = Int32Array.from(positions);
    this.#features = new Float64Array(positions.length);
    this.#contributions = new Float64Array(positions.length);
  }

  /** Probability for a vector of all the source's features, or NaN without a model; fills `reasons`. */
  score(features: Float64Array): number {
    this.reasons.length = 0;
    this.reasonContributions.length = 0;
    const model = this.#model;
    if (model === undefined || this.#positions.length === 0) return NaN;
    for (let k = 0; k < this.#positions.length; k++) this.#features[k] = features[this.#positions[k]];
    this.#contributions.fill(0);
    const probability = model.assess(this.#features, this.#contributions);
    for (let k = 0; k < this.#contributions.length; k++) this.#consider(k);
    return probability;
  }

  /** Puts a contribution among the largest by size; equal ones stay in feature order, zero is no reason. */
  #consider(k: number): void {
    const contribution = this.#contributions[k];
    const size = Math.abs(contribution);
    if (!(size > 0 && size < Infinity)) return;
    const { reasons, reasonContributions } = this;
    let at = reasons.length;
    while (at > 0 && Math.abs(reasonContributions[at - 1]) < size) at--;
    if (at === REASONS) return;
    if (reasons.length === REASONS) {
      reasons.pop();
      reasonContributions.pop();
    }
    for (let i = reasons.length; i > at; i--) {
      reasons[i] = reasons[i - 1];
      reasonContributions[i] = reasonContributions[i - 1];
    }
    reasons[at] = this.#positions[k];
    reasonContributions[at] = contribution;
  }
}
