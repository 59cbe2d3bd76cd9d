import type { Operation } from '../kernels/compute.ts';

/**
 * A row's weighted sum in float64: four partial sums by column modulo 4, added as (0 + 2) + (1 + 3), then the intercept, which `point`
 * holds behind the coefficients. Everything that needs a margin takes it from here, so fitting, single rows and batches agree to the bit.
 */
export function marginOfRow(X: Float32Array, offset: number, columnCount: number, point: Float64Array): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  let j = 0;
  for (; j + 4 <= columnCount; j += 4) {
    s0 += point[j]! * X[offset + j]!;
    s1 += point[j + 1]! * X[offset + j + 1]!;
    s2 += point[j + 2]! * X[offset + j + 2]!;
    s3 += point[j + 3]! * X[offset + j + 3]!;
  }
  if (j < columnCount) s0 += point[j]! * X[offset + j]!;
  if (j + 1 < columnCount) s1 += point[j + 1]! * X[offset + j + 1]!;
  if (j + 2 < columnCount) s2 += point[j + 2]! * X[offset + j + 2]!;
  return s0 + s2 + (s1 + s3) + point[columnCount]!;
}

const blockRows = 4096;

/** Fills `out` with the margins of all rows (rowCount x columnCount, row-major). WASM: i32 for both counts. */
export const linearMargins: Operation<[X: Float32Array, rowCount: number, columnCount: number, point: Float64Array, out: Float64Array]> = {
  name: 'linearMargins',
  *plain(thread, threadCount, X, rowCount, columnCount, point, out) {
    for (let start = thread * blockRows; start < rowCount; start += threadCount * blockRows) {
      const end = Math.min(start + blockRows, rowCount);
      for (let row = start; row < end; row++) out[row] = marginOfRow(X, row * columnCount, columnCount, point);
      yield (end - start) * columnCount;
    }
  },
};
