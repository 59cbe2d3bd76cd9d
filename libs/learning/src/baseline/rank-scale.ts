import { firstAtLeast } from '../weighted-distribution.ts';
import type { WeightedDistribution } from '../weighted-distribution.ts';

/** Distinct training values kept at most; with more, those at evenly spaced ranks are kept, the extremes always. */
const knotsMax = 1024;

/**
 * A strictly increasing map from all numbers to (0, 1): the weighted mid-rank of a training value as a share, linear between
 * known values, and beyond the extremes rising ever more slowly toward 0 or 1. Order is all that it keeps of a feature.
 */
export class RankScale {
  readonly knots: Float64Array;
  readonly shares: Float64Array;

  constructor(knots: Float64Array, shares: Float64Array) {
    this.knots = knots;
    this.shares = shares;
  }

  /** The distribution holds at least one value. */
  static of({ values, weightUpTo }: WeightedDistribution): RankScale {
    const total = weightUpTo[weightUpTo.length - 1]!;
    const midrank = (k: number): number => ((k === 0 ? 0 : weightUpTo[k - 1]!) + weightUpTo[k]!) / 2;
    const kept = keptIndices(values.length);
    return new RankScale(Float64Array.from(kept, (k) => values[k]!), Float64Array.from(kept, (k) => midrank(k) / total));
  }

  at(value: number): number {
    const { knots, shares } = this;
    const last = knots.length - 1;
    if (value <= knots[0]!) return shares[0]! * tail(knots[0]! - value, this.#spread());
    if (value >= knots[last]!) return 1 - (1 - shares[last]!) * tail(value - knots[last]!, this.#spread());
    const high = firstAtLeast(knots, value);
    const low = high - 1;
    const along = (value - knots[low]!) / (knots[high]! - knots[low]!);
    return (1 - along) * shares[low]! + along * shares[high]!;
  }

  #spread(): number {
    const spread = this.knots[this.knots.length - 1]! - this.knots[0]!;
    return spread > 0 && spread < Infinity ? spread : Math.max(1, Math.abs(this.knots[0]!));
  }
}

/** 1 at distance 0, falling toward 0. */
function tail(distance: number, spread: number): number {
  return spread / (spread + distance);
}

function keptIndices(count: number): number[] {
  if (count <= knotsMax) return Array.from({ length: count }, (_, k) => k);
  return Array.from({ length: knotsMax }, (_, k) => Math.round((k * (count - 1)) / (knotsMax - 1)));
}
