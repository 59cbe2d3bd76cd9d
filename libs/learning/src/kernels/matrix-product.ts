import type { Operation } from './compute.ts';

const { fround } = Math;
const innerBlock = 256;

type ProductArguments = [rowCount: number, innerCount: number, columnCount: number, A: Float32Array, B: Float32Array, C: Float32Array];

/**
 * C = A B in float32; A is rowCount x innerCount, B innerCount x columnCount, all row-major. A cell sums over the inner index in order, in
 * blocks of 256 whose sums are added in order.
 */
export const matrixProduct: Operation<ProductArguments> = {
  name: 'matrixProduct',
  plain: (_thread, _threads, rowCount, innerCount, columnCount, A, B, C) => product(rowCount, innerCount, columnCount, A, innerCount, 1, B, C),
};

/** C = A^T B likewise; A is innerCount x rowCount. */
export const transposedProduct: Operation<ProductArguments> = {
  name: 'transposedProduct',
  plain: (_thread, _threads, rowCount, innerCount, columnCount, A, B, C) => product(rowCount, innerCount, columnCount, A, 1, rowCount, B, C),
};

/** Rows of C stay in the cache while B passes by: twice as fast as cell by cell, in the same order of each cell's sum. */
function* product(rowCount: number, innerCount: number, columnCount: number, A: Float32Array, rowStep: number, innerStep: number, B: Float32Array, C: Float32Array): Iterable<number> {
  C.fill(0, 0, rowCount * columnCount);
  const sums = new Float32Array(columnCount);
  for (let i = 0; i < rowCount; i++) {
    const out = i * columnCount;
    for (let from = 0; from < innerCount; from += innerBlock) {
      const to = Math.min(from + innerBlock, innerCount);
      sums.fill(0);
      for (let p = from; p < to; p++) {
        const a = A[i * rowStep + p * innerStep]!;
        const row = p * columnCount;
        for (let j = 0; j < columnCount; j++) sums[j] = fround(sums[j]! + fround(a * B[row + j]!));
      }
      if (from === 0) C.set(sums, out);
      else for (let j = 0; j < columnCount; j++) C[out + j] = fround(C[out + j]! + sums[j]!);
    }
    yield innerCount * columnCount;
  }
}

/**
 * y = A x in float32; A is rowCount x columnCount, row-major. A row has four partial sums over whole groups of four columns, added as
 * (0 + 1) + (2 + 3); then the columns that are left, in order.
 */
export const matrixVector: Operation<[rowCount: number, columnCount: number, A: Float32Array, x: Float32Array, y: Float32Array]> = {
  name: 'matrixVector',
  *plain(_thread, _threads, rowCount, columnCount, A, x, y) {
    const grouped = columnCount - (columnCount % 4);
    for (let i = 0; i < rowCount; i++) {
      const row = i * columnCount;
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let j = 0; j < grouped; j += 4) {
        s0 = fround(s0 + fround(A[row + j]! * x[j]!));
        s1 = fround(s1 + fround(A[row + j + 1]! * x[j + 1]!));
        s2 = fround(s2 + fround(A[row + j + 2]! * x[j + 2]!));
        s3 = fround(s3 + fround(A[row + j + 3]! * x[j + 3]!));
      }
      let sum = fround(fround(s0 + s1) + fround(s2 + s3));
      for (let j = grouped; j < columnCount; j++) sum = fround(sum + fround(A[row + j]! * x[j]!));
      y[i] = sum;
      if ((i & 1023) === 1023) yield 1024 * columnCount;
    }
  },
};
