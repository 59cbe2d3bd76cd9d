import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { eachRow } from './each-row.ts';
import type { LeastSquares } from './linear-regression.ts';

/** Least squares on one column alone, the others' coefficients 0. Two passes: means, then sums of products around them. */
export async function lineThrough(prepared: PreparedRows, column: number, l2: number, context: FitContext): Promise<LeastSquares> {
  const { columnCount, y, weights } = prepared;
  const weightOf = (row: number): number => (weights === undefined ? 1 : weights[row]!);
  const mean = new Float64Array(columnCount);
  let total = 0, meanOfTarget = 0, low = Infinity, high = -Infinity;
  await eachRow(prepared, context, (X, offset, row) => {
    const weight = weightOf(row);
    if (weight === 0) return;
    total += weight;
    meanOfTarget += weight * y[row]!;
    for (let j = 0; j < columnCount; j++) mean[j]! += weight * X[offset + j]!;
    low = Math.min(low, X[offset + column]!);
    high = Math.max(high, X[offset + column]!);
  });
  meanOfTarget /= total;
  for (let j = 0; j < columnCount; j++) mean[j]! /= total;
  // Rounding may move the mean of equal values off them.
  if (low === high) mean[column] = low;
  context.progress(0.5);
  let squares = 0, products = 0, targetSquares = 0;
  await eachRow(prepared, context, (X, offset, row) => {
    const weight = weightOf(row);
    const x = X[offset + column]! - mean[column]!;
    const t = y[row]! - meanOfTarget;
    squares += weight * x * x;
    products += weight * x * t;
    targetSquares += weight * t * t;
  });
  const slope = squares > 0 ? products / (squares + l2) : 0;
  const coefficients = new Float64Array(columnCount);
  coefficients[column] = slope;
  const error = targetSquares - 2 * slope * products + slope * slope * squares;
  return { coefficients, intercept: meanOfTarget - slope * mean[column]!, mean, loss: Math.max(0, error) / total };
}
