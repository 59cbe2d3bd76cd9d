import { strict as assert } from 'node:assert';
import type { Pace } from '../pace.ts';

/**
 * Solves A x = b for a symmetric positive semidefinite A (row-major). A pivot below `relativeFloor` of its diagonal cell is rounding: the
 * direction has no curvature of its own and takes the floor instead, so that collinear columns still get an answer; a direction whose
 * diagonal is 0 gets 0.
 */
export class CholeskyFactor {
  readonly order: number;
  readonly #L: Float64Array;
  /** Pivots that had to be lifted to the floor, or were 0. */
  readonly deficient: number;

  private constructor(order: number, L: Float64Array, deficient: number) {
    this.order = order;
    this.#L = L;
    this.deficient = deficient;
  }

  static async of(A: Float64Array, order: number, relativeFloor: number, pace: Pace): Promise<CholeskyFactor> {
    assert(A.length === order * order, `expected a matrix of order ${order}, found ${A.length} cells`);
    const L = A.slice();
    let deficient = 0;
    for (let j = 0; j < order; j++) {
      let pivot = L[j * order + j]!;
      for (let k = 0; k < j; k++) pivot -= L[j * order + k]! ** 2;
      const diagonal = A[j * order + j]!;
      const floor = relativeFloor * diagonal;
      if (!(pivot > floor)) {
        deficient++;
        pivot = floor;
      }
      const root = diagonal > 0 ? Math.sqrt(pivot) : 0;
      L[j * order + j] = root;
      for (let i = j + 1; i < order; i++) L[i * order + j] = root > 0 ? (L[i * order + j]! - dotOfRows(L, i * order, j * order, j)) / root : 0;
      if (pace.spend((order - j) * j)) await pace.pause();
    }
    return new CholeskyFactor(order, L, deficient);
  }

  solve(b: Float64Array): Float64Array {
    const n = this.order;
    assert(b.length === n, `expected a right side of ${n} numbers, found ${b.length}`);
    const L = this.#L;
    const x = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const root = L[i * n + i]!;
      let sum = b[i]!;
      for (let k = 0; k < i; k++) sum -= L[i * n + k]! * x[k]!;
      x[i] = root > 0 ? sum / root : 0;
    }
    for (let i = n - 1; i >= 0; i--) {
      const root = L[i * n + i]!;
      x[i] = root > 0 ? x[i]! / root : 0;
      for (let k = 0; k < i; k++) x[k]! -= L[i * n + k]! * x[i]!;
    }
    return x;
  }
}

function dotOfRows(L: Float64Array, a: number, b: number, length: number): number {
  let sum0 = 0, sum1 = 0;
  let k = 0;
  for (; k + 2 <= length; k += 2) {
    sum0 += L[a + k]! * L[b + k]!;
    sum1 += L[a + k + 1]! * L[b + k + 1]!;
  }
  if (k < length) sum0 += L[a + k]! * L[b + k]!;
  return sum0 + sum1;
}
