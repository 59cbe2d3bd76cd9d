// Goal: eigenvalues and vectors of any symmetric matrix, to rounding. Method: A v = lambda v and orthogonality on random, degenerate and
// diagonal matrices, and matrices made from known eigenvalues.
import { describe, expect, it } from 'vitest';
import { Pace } from '../pace.ts';
import { Random } from '../random.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

const pace = new Pace(undefined, undefined);

function randomSymmetric(size: number, rank: number, random: Random): Float64Array {
  const factors = Float64Array.from({ length: rank * size }, () => random.normal());
  return Float64Array.from({ length: size * size }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += factors[k * size + (at % size)] * factors[k * size + Math.floor(at / size)];
    return sum;
  });
}

async function checkEigen(matrix: Float64Array, size: number): Promise<Float64Array> {
  const before = matrix.slice();
  const { values, vectors } = await symmetricEigen(matrix, size, pace);
  expect(matrix).toEqual(before);
  const scale = Math.max(...matrix.map(Math.abs), 1e-300) * size;
  let [residual, skew] = [0, 0];
  for (let k = 0; k < size; k++) {
    if (k > 0) expect(values[k]).toBeLessThanOrEqual(values[k - 1]);
    const v = vectors.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) {
      const product = v.reduce((sum, x, j) => sum + matrix[i * size + j] * x, 0);
      residual = Math.max(residual, Math.abs(product - values[k] * v[i]) / scale);
    }
    for (let other = 0; other <= k; other++) {
      const dot = v.reduce((sum, x, j) => sum + x * vectors[other * size + j], 0);
      skew = Math.max(skew, Math.abs(dot - (other === k ? 1 : 0)));
    }
  }
  expect(residual).toBeLessThan(1e-14);
  expect(skew).toBeLessThan(1e-13);
  return values;
}

describe('symmetricEigen', () => {
  it('oracle: A v = lambda v with orthonormal vectors, for random matrices of any rank', async () => {
    const random = new Random(5);
    for (const [size, rank] of [[1, 1], [2, 2], [3, 1], [5, 5], [12, 4], [30, 40], [30, 3]]) await checkEigen(randomSymmetric(size, rank, random), size);
  });

  it('takes zero, diagonal and repeated eigenvalues', async () => {
    expect(await checkEigen(new Float64Array(16), 4)).toEqual(new Float64Array(4));
    const diagonal = new Float64Array(25);
    [3, -1, 3, 0, 7].forEach((value, j) => { diagonal[6 * j] = value; });
    expect(await checkEigen(diagonal, 5)).toEqual(Float64Array.of(7, 3, 3, 0, -1));
    expect([...(await checkEigen(Float64Array.of(2, 1, 1, 1, 2, 1, 1, 1, 2), 3))]).toEqual([expect.closeTo(4, 14), expect.closeTo(1, 14), expect.closeTo(1, 14)]);
  });

  it('spans many orders of magnitude', async () => {
    const values = await checkEigen(Float64Array.of(1e12, 1, 0, 1, 1, 1e-6, 0, 1e-6, 1e-9), 3);
    expect(values[0]).toBeCloseTo(1e12, 0);
    expect(values[1]).toBeCloseTo(1, 6);
  });
});
