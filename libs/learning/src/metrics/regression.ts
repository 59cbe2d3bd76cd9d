import { strict as assert } from 'node:assert';

/** Root of the mean squared error, in the target's unit. */
export function rmse(y: Float64Array, predictions: Float64Array): number {
  return Math.sqrt(meanOf(y, predictions, (residual) => residual * residual));
}

/** Mean absolute error, in the target's unit. */
export function mae(y: Float64Array, predictions: Float64Array): number {
  return meanOf(y, predictions, Math.abs);
}

/** Share of the target's variance explained; below 0 when worse than the mean, NaN for a constant target. */
export function r2(y: Float64Array, predictions: Float64Array): number {
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  const variance = y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / y.length;
  return variance === 0 ? NaN : 1 - meanOf(y, predictions, (residual) => residual * residual) / variance;
}

function meanOf(y: Float64Array, predictions: Float64Array, term: (residual: number) => number): number {
  assert(y.length === predictions.length, `expected a prediction for each of ${y.length} targets, found ${predictions.length}`);
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += term(predictions[i]! - y[i]!);
  return sum / y.length;
}
