import type { StepChain } from './step-chain.ts';

/**
 * Contributions of raw features to a weighted sum of prepared columns when a step mixes columns, as PCA does: seen from that step's
 * inputs the sum is again a weighted one, so input j contributes weight_j x (value_j - training mean_j), exactly.
 */
export class MixedReasons {
  readonly #chain: StepChain;
  /** The first step that mixes columns. */
  readonly #at: number;
  readonly #weights: Float64Array;
  readonly #center: Float64Array;
  /** Raw feature of each input of that step. */
  readonly #sourceOf: Int32Array;

  private constructor(chain: StepChain, at: number, weights: Float64Array, center: Float64Array, sourceOf: Int32Array) {
    this.#chain = chain;
    this.#at = at;
    this.#weights = weights;
    this.#center = center;
    this.#sourceOf = sourceOf;
  }

  /** Undefined where no step mixes columns, or one from there on is not linear. */
  static of(chain: StepChain, coefficients: Float64Array): MixedReasons | undefined {
    const { steps, rawCount } = chain;
    const at = steps.findIndex(({ sourceOf }) => sourceOf === undefined);
    const center = at < 0 ? undefined : steps[at].linear?.center;
    if (center === undefined) return undefined;
    let weights = coefficients;
    for (let i = steps.length - 1; i >= at; i--) {
      const { linear } = steps[i];
      if (linear === undefined) return undefined;
      weights = linear.pullBack(weights);
    }
    const sourceOf = steps.slice(0, at).reduce((source, step) => step.sourceOf!.map((column) => source[column]), Int32Array.from({ length: rawCount }, (_, j) => j));
    return new MixedReasons(chain, at, weights, center, sourceOf);
  }

  /** Fills one contribution per raw feature for the row that the chain transformed last; they add up to `total`. */
  explain(contributions: Float64Array, total: number): void {
    const x = this.#chain.stage(this.#at);
    const [weights, center, sourceOf] = [this.#weights, this.#center, this.#sourceOf];
    contributions.fill(0);
    let rest = total;
    for (let j = 0; j < weights.length; j++) {
      // A missing value counts as the mean.
      const part = x[j] === x[j] ? weights[j] * (x[j] - center[j]) : 0;
      contributions[sourceOf[j]] += part;
      rest -= part;
    }
    // What rounding to float32 between the steps and the model leaves over is shared out.
    for (let j = 0; j < contributions.length; j++) contributions[j] += rest / contributions.length;
  }
}
