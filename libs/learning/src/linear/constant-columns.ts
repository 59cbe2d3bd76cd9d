import type { PreparedRows } from '../prepared-rows.ts';
import type { Moments } from './column-moments.ts';
import { LinearCore } from './linear-core.ts';

/** A core from coefficients and, last, intercept. What a constant column gave goes to the intercept: training margins stay, and no reason names it. */
export function foldConstants(point: Float64Array, moments: Moments): LinearCore {
  const columnCount = moments.mean.length;
  const coefficients = point.slice(0, columnCount);
  let intercept = point[columnCount]!;
  for (let j = 0; j < columnCount; j++) {
    if (moments.variance[j] !== 0) continue;
    intercept += coefficients[j]! * moments.mean[j]!;
    coefficients[j] = 0;
  }
  return new LinearCore(coefficients, intercept, moments.mean);
}

/** Where one class alone was seen, a distance of 1 to its side, whatever the row. */
export function constantSide({ y, weights, columnCount }: Pick<PreparedRows, 'y' | 'weights' | 'columnCount'>, moments: Moments): LinearCore {
  const label = y.find((_, i) => weights === undefined || weights[i]! > 0);
  return new LinearCore(new Float64Array(columnCount), label === 1 ? 1 : -1, moments.mean);
}
