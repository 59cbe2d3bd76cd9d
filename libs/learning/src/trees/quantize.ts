/** Smallest power of two that is at least `value`; 1 for 0. */
export function powerOfTwoAbove(value: number): number {
  if (!(value > 0)) return 1;
  let power = 2 ** Math.floor(Math.log2(value));
  while (power < value) power *= 2;
  while (power / 2 >= value) power /= 2;
  return power;
}

/**
 * Adding and taking away this number rounds to the nearest multiple of 2^-24 x scale (a power of two), for magnitudes up to
 * 2^27 x scale. Sums of such multiples below 2^29 x scale are exact in float64, so their order can't matter: equal models for any
 * order of rows, and parent minus child equals sibling to the bit.
 */
export function rounderFor(scale: number): number {
  return 1.5 * 2 ** 28 * scale;
}

/** Weights as exact summands: integers stay as they are, fractions are rounded to 2^-24 of the largest weight's binade. */
export function quantizeWeights(weights: Float64Array): { weights: Float64Array; rounder: number } {
  let largest = 0;
  let total = 0;
  for (const weight of weights) {
    largest = Math.max(largest, weight);
    total += weight;
  }
  const scale = total > 2 ** 28 ? powerOfTwoAbove(total / 2 ** 28) : Math.min(1, powerOfTwoAbove(largest));
  const rounder = rounderFor(scale);
  return { weights: weights.map((weight) => weight + rounder - rounder), rounder };
}

/** Weighted mean that is the same for any order of rows: terms are rounded so finely that their sum is exact. */
export function orderFreeMean(values: Float64Array, weights: Float64Array | undefined): number {
  let largest = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    largest = Math.max(largest, Math.abs(values[i]!));
    total += weights === undefined ? 1 : weights[i]!;
  }
  const quantum = (powerOfTwoAbove(largest) * powerOfTwoAbove(total)) / 2 ** 52;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const rounded = Math.round(values[i]! / quantum) * quantum;
    sum += weights === undefined ? rounded : rounded * weights[i]!;
  }
  return sum / total;
}
