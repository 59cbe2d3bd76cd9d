import type { WeightedDistribution } from '../weighted-distribution.ts';

/** Cut points between neighbouring distinct values: every border if there are few, else those at weighted quantiles. */
export function findCuts(distribution: WeightedDistribution, binsMax: number): Float64Array {
  const { values, weightUpTo } = distribution;
  const total = weightUpTo.at(-1) ?? 0;
  const every = values.length <= binsMax;
  const cuts: number[] = [];
  let quantile = 1;
  for (let k = 0; k + 1 < values.length && cuts.length < binsMax - 1; k++) {
    if (!every && weightUpTo[k]! * binsMax < quantile * total) continue;
    cuts.push(between(values[k]!, values[k + 1]!));
    while (weightUpTo[k]! * binsMax >= quantile * total) quantile++;
  }
  return Float64Array.from(cuts);
}

/** The middle of two neighbours, or the lower where rounding would reach the upper: `low <= cut < high` always. */
function between(low: number, high: number): number {
  const middle = low / 2 + high / 2;
  return middle >= low && middle < high ? middle : low;
}
