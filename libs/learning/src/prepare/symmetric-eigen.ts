import { strict as assert } from 'node:assert';
import type { Pace } from '../pace.ts';

export interface SymmetricEigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** Row k is the unit eigenvector of value k; its sign is arbitrary. */
  readonly vectors: Float64Array;
}

/**
 * All eigenvalues and eigenvectors of a symmetric matrix (`size` x `size`, row-major), which is left as it is: Householder reduction to
 * tridiagonal form, then implicit QR steps with Wilkinson's shift (Golub and Van Loan, Matrix Computations, 8.3), to the last bits.
 */
export async function symmetricEigen(matrix: Float64Array, size: number, pace: Pace): Promise<SymmetricEigen> {
  assert(matrix.length === size * size, `expected ${size} x ${size} values, found ${matrix.length}`);
  const { diagonal, offDiagonal, basis } = await tridiagonal(matrix.slice(), size, pace);
  await diagonalize(diagonal, offDiagonal, basis, pace);
  const order = Array.from(diagonal.keys()).sort((a, b) => diagonal[b] - diagonal[a] || a - b);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => vectors.set(basis.subarray(from * size, (from + 1) * size), to * size));
  return { values: Float64Array.from(order, (k) => diagonal[k]), vectors };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Element k stands between diagonal elements k and k + 1. */
  readonly offDiagonal: Float64Array;
  /** Orthogonal; row k is the k-th basis vector in which the matrix is tridiagonal. */
  readonly basis: Float64Array;
}

/** Overwrites `A`: step k reflects rows and columns behind k so that only the next element of column k remains. */
async function tridiagonal(A: Float64Array, n: number, pace: Pace): Promise<Tridiagonal> {
  const offDiagonal = new Float64Array(Math.max(n - 1, 0));
  const reflectors: { readonly v: Float64Array; readonly first: number }[] = [];
  for (let k = 0; k + 2 < n; k++) {
    const first = k + 1;
    const v = Float64Array.from({ length: n - first }, (_, i) => A[(first + i) * n + k]);
    const norm = Math.hypot(...v);
    offDiagonal[k] = v[0] > 0 ? -norm : norm;
    v[0] -= offDiagonal[k];
    const length = Math.hypot(...v);
    if (length === 0) continue;
    for (let i = 0; i < v.length; i++) v[i] /= length;
    reflectors.push({ v, first });
    reflectBothSides(A, n, v, first);
    if (pace.spend(2 * v.length ** 2)) await pace.pause();
  }
  if (n > 1) offDiagonal[n - 2] = A[(n - 1) * n + n - 2];
  const basis = new Float64Array(n * n);
  for (let j = 0; j < n; j++) basis[j * n + j] = 1;
  // The product of all reflections, from the last on: rows before a reflector's first are still those of the identity.
  for (const { v, first } of reflectors.reverse()) {
    for (let row = first; row < n; row++) {
      const offset = row * n + first;
      let along = 0;
      for (let i = 0; i < v.length; i++) along += v[i] * basis[offset + i];
      for (let i = 0; i < v.length; i++) basis[offset + i] -= 2 * along * v[i];
    }
    if (pace.spend(v.length ** 2)) await pace.pause();
  }
  return { diagonal: Float64Array.from({ length: n }, (_, j) => A[j * n + j]), offDiagonal, basis };
}

/** A becomes H A H for H = 1 - 2 v v', in the square from `first` on. */
function reflectBothSides(A: Float64Array, n: number, v: Float64Array, first: number): void {
  const count = v.length;
  const w = new Float64Array(count);
  let overlap = 0;
  for (let i = 0; i < count; i++) {
    const offset = (first + i) * n + first;
    let sum = 0;
    for (let j = 0; j < count; j++) sum += A[offset + j] * v[j];
    w[i] = 2 * sum;
    overlap += v[i] * sum;
  }
  for (let i = 0; i < count; i++) w[i] -= 2 * overlap * v[i];
  for (let i = 0; i < count; i++) {
    const offset = (first + i) * n + first;
    for (let j = 0; j < count; j++) A[offset + j] -= v[i] * w[j] + w[i] * v[j];
  }
}

/** Overwrites `d` with the eigenvalues and the rows of `basis` with their vectors; `e` becomes 0. */
async function diagonalize(d: Float64Array, e: Float64Array, basis: Float64Array, pace: Pace): Promise<void> {
  const n = d.length;
  let steps = 0;
  for (let high = n - 1; high > 0;) {
    if (isNegligible(e[high - 1], d[high - 1], d[high])) {
      e[--high] = 0;
      continue;
    }
    let low = high - 1;
    while (low > 0 && !isNegligible(e[low - 1], d[low - 1], d[low])) low--;
    if (low > 0) e[low - 1] = 0;
    qrStep(d, e, basis, low, high);
    assert(++steps <= 60 * n, `expected QR steps to converge, found ${steps} for ${n} rows`);
    if (pace.spend(2 * (high - low) * n)) await pace.pause();
  }
}

function isNegligible(e: number, d: number, next: number): boolean {
  return Math.abs(e) <= Number.EPSILON * (Math.abs(d) + Math.abs(next)) || Math.abs(e) < 1e-290;
}

/** One implicitly shifted step on the unreduced block [low, high]: rotations chase the bulge down, and turn the basis along. */
function qrStep(d: Float64Array, e: Float64Array, basis: Float64Array, low: number, high: number): void {
  const n = d.length;
  const half = (d[high - 1] - d[high]) / 2;
  const last = e[high - 1];
  const shift = d[high] - (last * last) / (half + (half < 0 ? -1 : 1) * Math.hypot(half, last));
  let x = d[low] - shift;
  let bulge = e[low];
  for (let k = low; k < high; k++) {
    const r = Math.hypot(x, bulge);
    const c = r > 0 ? x / r : 1;
    const s = r > 0 ? bulge / r : 0;
    if (k > low) e[k - 1] = r;
    const [a, b, f] = [d[k], e[k], d[k + 1]];
    d[k] = c * c * a + 2 * c * s * b + s * s * f;
    d[k + 1] = s * s * a - 2 * c * s * b + c * c * f;
    e[k] = c * s * (f - a) + (c * c - s * s) * b;
    x = e[k];
    if (k + 1 < high) {
      bulge = s * e[k + 1];
      e[k + 1] *= c;
    }
    for (let at = k * n, below = at + n, end = below; at < end; at++, below++) {
      const upper = basis[at];
      const lower = basis[below];
      basis[at] = c * upper + s * lower;
      basis[below] = c * lower - s * upper;
    }
  }
}
