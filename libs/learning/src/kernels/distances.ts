import type { Operation } from './compute.ts';
import { exp32 } from './exponential.ts';

const { fround } = Math;

/**
 * D[i][j] = squared distance of row i of A to row j of B, in float32, differences first, so that near rows lose nothing to cancellation. Rows
 * have columnCount cells; four partial sums over whole groups of four columns, added as (0 + 1) + (2 + 3), then the columns that are left.
 */
export const squaredDistances: Operation<[rowCountOfA: number, rowCountOfB: number, columnCount: number, A: Float32Array, B: Float32Array, D: Float32Array]> = {
  name: 'squaredDistances',
  *plain(_thread, _threads, rowCountOfA, rowCountOfB, columnCount, A, B, D) {
    for (let i = 0; i < rowCountOfA; i++) {
      for (let j = 0; j < rowCountOfB; j++) D[i * rowCountOfB + j] = squaredDistance(columnCount, A, i * columnCount, B, j * columnCount);
      yield rowCountOfB * columnCount;
    }
  },
};

/** K[i][j] = exp(-gamma |a_i - b_j|^2) likewise, gamma rounded to float32, by `exp32`: rows of a radial basis kernel. */
export const rbfKernelRows: Operation<[rowCountOfA: number, rowCountOfB: number, columnCount: number, A: Float32Array, B: Float32Array, gamma: number, K: Float32Array]> = {
  name: 'rbfKernelRows',
  *plain(_thread, _threads, rowCountOfA, rowCountOfB, columnCount, A, B, gamma, K) {
    const factor = fround(-gamma);
    for (let i = 0; i < rowCountOfA; i++) {
      for (let j = 0; j < rowCountOfB; j++) K[i * rowCountOfB + j] = exp32(fround(factor * squaredDistance(columnCount, A, i * columnCount, B, j * columnCount)));
      yield rowCountOfB * (columnCount + 10);
    }
  },
};

/** The one distance of both operations, also for a single pair; float32. */
export function squaredDistance(columnCount: number, A: Float32Array, a: number, B: Float32Array, b: number): number {
  const grouped = columnCount - (columnCount % 4);
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (let j = 0; j < grouped; j += 4) {
    const d0 = fround(A[a + j]! - B[b + j]!), d1 = fround(A[a + j + 1]! - B[b + j + 1]!);
    const d2 = fround(A[a + j + 2]! - B[b + j + 2]!), d3 = fround(A[a + j + 3]! - B[b + j + 3]!);
    s0 = fround(s0 + fround(d0 * d0));
    s1 = fround(s1 + fround(d1 * d1));
    s2 = fround(s2 + fround(d2 * d2));
    s3 = fround(s3 + fround(d3 * d3));
  }
  let sum = fround(fround(s0 + s1) + fround(s2 + s3));
  for (let j = grouped; j < columnCount; j++) {
    const d = fround(A[a + j]! - B[b + j]!);
    sum = fround(sum + fround(d * d));
  }
  return sum;
}
