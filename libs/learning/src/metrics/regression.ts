import { strict as assert } from 'node:assert';

/** Root of the mean squared error, in the target's unit. */
export function rmse(y: Float64Array, predictions: Float64Array, weights?: Float64Array): number {
  return Math.sqrt(meanOf(y, predictions, weights, (residual) => residual * residual));
}

/** Mean absolute error, in the target's unit. */
export function mae(y: Float64Array, predictions: Float64Array, weights?: Float64Array): number {
  return meanOf(y, predictions, weights, Math.abs);
}

/** Mean absolute error as a share of the target's size; a target of 0 counts as 2.2e-16, so such rows drown all others. */
export function mape(y: Float64Array, predictions: Float64Array, weights?: Float64Array): number {
  return meanOf(y, predictions, weights, (residual, target) => Math.abs(residual) / Math.max(Math.abs(target), Number.EPSILON));
}

/** Share of the target's variance explained; below 0 when worse than the mean, NaN for a constant target. */
export function r2(y: Float64Array, predictions: Float64Array, weights?: Float64Array): number {
  const mean = meanOf(y, predictions, weights, (_, target) => target);
  const variance = meanOf(y, predictions, weights, (_, target) => (target - mean) ** 2);
  return variance === 0 ? NaN : 1 - meanOf(y, predictions, weights, (residual) => residual * residual) / variance;
}

/** Mean over rows, each counted by its weight. */
function meanOf(y: Float64Array, predictions: Float64Array, weights: Float64Array | undefined, term: (residual: number, target: number) => number): number {
  assert(y.length === predictions.length, `expected a prediction for each of ${y.length} targets, found ${predictions.length}`);
  assert(weights === undefined || weights.length === y.length, `expected a weight for each of ${y.length} targets, found ${weights?.length}`);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = weights?.[i] ?? 1;
    sum += weight * term(predictions[i]! - y[i]!, y[i]!);
    total += weight;
  }
  return sum / total;
}
