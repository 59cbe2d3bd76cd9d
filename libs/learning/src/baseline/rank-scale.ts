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

  /** `values` hold no NaN and at least one has a positive weight. */
  static fit(values: Float64Array, weights: Float64Array | undefined): RankScale {
    const order = Int32Array.from({ length: values.length }, (_, i) => i).filter((i) => weights === undefined || weights[i]! > 0);
    order.sort((a, b) => values[a]! - values[b]!);
    const distinct: number[] = [];
    const weightOf: number[] = [];
    let total = 0;
    for (const i of order) {
      const weight = weights === undefined ? 1 : weights[i]!;
      total += weight;
      if (distinct.at(-1) === values[i]) weightOf[weightOf.length - 1]! += weight;
      else {
        distinct.push(values[i]!);
        weightOf.push(weight);
      }
    }
    let below = 0;
    const shares = weightOf.map((weight) => {
      below += weight;
      return (below - weight / 2) / total;
    });
    const kept = keptIndices(distinct.length);
    return new RankScale(Float64Array.from(kept, (k) => distinct[k]!), Float64Array.from(kept, (k) => shares[k]!));
  }

  at(value: number): number {
    const { knots, shares } = this;
    const last = knots.length - 1;
    if (value <= knots[0]!) return shares[0]! * tail(knots[0]! - value, this.#spread());
    if (value >= knots[last]!) return 1 - (1 - shares[last]!) * tail(value - knots[last]!, this.#spread());
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (value >= knots[middle]!) low = middle;
      else high = middle;
    }
    const along = (value - knots[low]!) / (knots[high]! - knots[low]!);
    return shares[low]! + along * (shares[high]! - shares[low]!);
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
