import type { Operation } from '../kernels/compute.ts';
import { marginOfRow } from './margins.ts';

/** Places in the state of `hingeDescent`: bounds on the projected gradient from the last round, this round's, and how many rows are active. */
export const hingeState = { boundHigh: 0, boundLow: 1, high: 2, low: 3, active: 4, length: 5 } as const;

/**
 * One round of dual coordinate descent for the L2-regularised hinge loss (Hsieh et al. 2008, algorithm 3, with shrinking), one row after the
 * other in the order given, in float64: alpha_i moves to where the dual objective is least along it, within [0, factor_i], and the point with
 * it. The intercept counts as one more coefficient, of a column of ones. Rows held at a bound by more than the last round's range leave the
 * active ones, which stand first in `order`. `squares` keeps each row's squared length plus 1, 0 until it was needed.
 *
 * Sequential by nature: one thread does it all. WASM: i32 for `columnCount` and `weighted`, f64 for the factors.
 */
export const hingeDescent: Operation<[
  X: Float32Array, columnCount: number, y: Float64Array, weights: Float64Array, weighted: number, positive: number, negative: number,
  order: Int32Array, alpha: Float64Array, squares: Float64Array, point: Float64Array, state: Float64Array,
]> = {
  name: 'linearHingeDescent',
  *plain(thread, _threadCount, X, columnCount, y, weights, weighted, positive, negative, order, alpha, squares, point, state) {
    if (thread > 0) return;
    let active = state[hingeState.active]!;
    const boundHigh = state[hingeState.boundHigh]!;
    const boundLow = state[hingeState.boundLow]!;
    let high = -Infinity, low = Infinity;
    for (let s = 0, steps = 1; s < active; s++, steps++) {
      if ((steps & 255) === 0) yield 256 * 2 * columnCount;
      const row = order[s]!;
      const offset = row * columnCount;
      const side = y[row]! + y[row]! - 1;
      const most = (side > 0 ? positive : negative) * (weighted === 0 ? 1 : weights[row]!);
      const slope = side * marginOfRow(X, offset, columnCount, point) - 1;
      const before = alpha[row]!;
      let projected = slope;
      if (before === 0) {
        if (slope > boundHigh) {
          active--;
          order[s] = order[active]!;
          order[active] = row;
          s--;
          continue;
        }
        if (slope > 0) projected = 0;
      } else if (before === most) {
        if (slope < boundLow) {
          active--;
          order[s] = order[active]!;
          order[active] = row;
          s--;
          continue;
        }
        if (slope < 0) projected = 0;
      }
      if (projected > high) high = projected;
      if (projected < low) low = projected;
      if (Math.abs(projected) <= 1e-12) continue;
      if (squares[row] === 0) squares[row] = squaredLength(X, offset, columnCount) + 1;
      let after = before - slope / squares[row]!;
      if (after < 0) after = 0;
      if (after > most) after = most;
      alpha[row] = after;
      addRow(X, offset, columnCount, (after - before) * side, point);
    }
    state[hingeState.high] = high;
    state[hingeState.low] = low;
    state[hingeState.active] = active;
  },
};

/** Four partial sums by column modulo 4, added as (0 + 2) + (1 + 3). */
function squaredLength(X: Float32Array, offset: number, columnCount: number): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (let j = 0; j < columnCount; j++) {
    const x = X[offset + j]!;
    const square = x * x;
    if ((j & 3) === 0) s0 += square;
    else if ((j & 3) === 1) s1 += square;
    else if ((j & 3) === 2) s2 += square;
    else s3 += square;
  }
  return s0 + s2 + (s1 + s3);
}

/** point += factor x (row, 1). */
export function addRow(X: Float32Array, offset: number, columnCount: number, factor: number, point: Float64Array): void {
  for (let j = 0; j < columnCount; j++) point[j]! += factor * X[offset + j]!;
  point[columnCount]! += factor;
}
