import type { Pace } from '../pace.ts';

/**
 * Least squares by orthogonal transformations, rows in any number: the triangle R of all rows so far, the right side as its last column,
 * absorbs more rows by Householder reflections (Golub & Van Loan 2013, 5.2 and 6.5). Twice the digits that a Gram matrix keeps.
 */
export class TriangleOfRows {
  readonly #columnCount: number;
  readonly #pace: Pace;
  /** Rows taken in at once. */
  readonly blockRows: number;
  /** Column-major, (columns + 1 + blockRows) x (columns + 1): the triangle on top, new rows below. */
  readonly #A: Float64Array;
  readonly #height: number;
  #filled = 0;

  constructor(columnCount: number, pace: Pace) {
    this.#columnCount = columnCount;
    this.#pace = pace;
    this.blockRows = Math.max(64, 4 * columnCount);
    this.#height = columnCount + 1 + this.blockRows;
    this.#A = new Float64Array(this.#height * (columnCount + 1));
  }

  /** Adds a row of `columnCount` values and its right side, all times `factor`. */
  async add(row: Float64Array, right: number, factor: number): Promise<void> {
    const d = this.#columnCount;
    const at = d + 1 + this.#filled;
    for (let j = 0; j < d; j++) this.#A[j * this.#height + at] = factor * row[j]!;
    this.#A[d * this.#height + at] = factor * right;
    this.#filled++;
    if (this.#filled === this.blockRows) await this.#absorb();
  }

  /** Row-major triangle of order columns + 1; the last column holds the right side, the last cell the root of the residual's squares. */
  async triangle(): Promise<Float64Array> {
    await this.#absorb();
    const n = this.#columnCount + 1;
    return Float64Array.from({ length: n * n }, (_, at) => (at % n >= Math.floor(at / n) ? this.#A[(at % n) * this.#height + Math.floor(at / n)]! : 0));
  }

  async #absorb(): Promise<void> {
    const n = this.#columnCount + 1;
    const height = this.#height;
    const rows = this.#filled;
    const A = this.#A;
    // Column k of the triangle is 0 below row k, so only its own cell and the new rows take part.
    for (let k = 0; k < n; k++) {
      const column = k * height;
      const reflection = reflect(A, column + k, column + n, rows);
      if (reflection !== 0) for (let j = k + 1; j < n; j++) applyReflection(A, column + n, j * height + k, j * height + n, rows, reflection);
      A.fill(0, column + n, column + n + rows);
      if (this.#pace.spend(2 * rows * (n - k))) await this.#pace.pause();
    }
    this.#filled = 0;
  }
}

/** Makes the vector (A[head], A[tail …]) a multiple of the first axis: keeps v in the tail with v's head as 1; returns tau. */
function reflect(A: Float64Array, head: number, tail: number, length: number): number {
  let squares = 0;
  for (let i = 0; i < length; i++) squares += A[tail + i]! ** 2;
  if (squares === 0) return 0;
  const alpha = A[head]!;
  const norm = Math.sqrt(alpha * alpha + squares);
  const beta = alpha > 0 ? -norm : norm;
  const scale = 1 / (alpha - beta);
  for (let i = 0; i < length; i++) A[tail + i]! *= scale;
  A[head] = beta;
  return (beta - alpha) / beta;
}

function applyReflection(A: Float64Array, v: number, head: number, tail: number, length: number, tau: number): void {
  let sum = A[head]!;
  for (let i = 0; i < length; i++) sum += A[v + i]! * A[tail + i]!;
  sum *= tau;
  A[head]! -= sum;
  for (let i = 0; i < length; i++) A[tail + i]! -= sum * A[v + i]!;
}

/**
 * The least-squares solution of smallest norm for the triangle of `TriangleOfRows`: columns are taken in the order of what the others leave of
 * them (QR with column pivoting), and one of which less than `rankTolerance` of its length is left depends on the others; a second factorisation
 * of the rows that remain gives the smallest of all solutions (complete orthogonal decomposition, Golub & Van Loan 2013, 5.5).
 */
export async function solveTriangle(triangle: Float64Array, columnCount: number, rankTolerance: number, pace: Pace): Promise<{ solution: Float64Array; rank: number }> {
  const d = columnCount;
  const n = d + 1;
  // Column-major with the right side behind, columns of length 1.
  const A = Float64Array.from({ length: n * d }, (_, at) => triangle[(at % d) * n + Math.floor(at / d)]!);
  const lengths = Float64Array.from({ length: d }, (_, j) => Math.sqrt(A.subarray(j * d, j * d + d).reduce((sum, value) => sum + value * value, 0)));
  for (let j = 0; j < d; j++) if (lengths[j]! > 0) for (let i = 0; i < d; i++) A[j * d + i]! /= lengths[j]!;
  const order = Int32Array.from({ length: d }, (_, j) => j);
  let rank = 0;
  for (; rank < d; rank++) {
    const k = rank;
    const [best, left] = longestRemainder(A, d, k);
    if (!(left > rankTolerance)) break;
    swapColumns(A, d, k, best);
    [order[k], order[best]] = [order[best]!, order[k]!];
    const tau = reflect(A, k * d + k, k * d + k + 1, d - k - 1);
    if (tau !== 0) for (let j = k + 1; j < n; j++) applyReflection(A, k * d + k + 1, j * d + k, j * d + k + 1, d - k - 1, tau);
    if (pace.spend(3 * (d - k) ** 2)) await pace.pause();
  }
  const solution = new Float64Array(d);
  if (rank === 0) return { solution, rank };
  // Rows of the triangle by the original columns, in their own units, as columns of B: solution = smallest w with B' w = c.
  const B = new Float64Array(d * rank);
  for (let i = 0; i < rank; i++) for (let j = i; j < d; j++) B[i * d + order[j]!] = A[j * d + i]! * lengths[order[j]!]!;
  const right = A.subarray(d * d, d * d + rank);
  await smallestSolution(B, d, rank, right, solution, pace);
  return { solution, rank };
}

/** Column (k or later) of which most is left below row k, and how much. */
function longestRemainder(A: Float64Array, d: number, k: number): [column: number, length: number] {
  let best = k;
  let most = -1;
  for (let j = k; j < d; j++) {
    let squares = 0;
    for (let i = k; i < d; i++) squares += A[j * d + i]! ** 2;
    if (squares > most) [best, most] = [j, squares];
  }
  return [best, Math.sqrt(most)];
}

function swapColumns(A: Float64Array, d: number, a: number, b: number): void {
  if (a === b) return;
  const held = A.slice(a * d, a * d + d);
  A.copyWithin(a * d, b * d, b * d + d);
  A.set(held, b * d);
}

/** w of smallest norm with B' w = c, B (d x rank, column-major) of full rank: B = Q T, T' u = c, w = Q u. Overwrites B. */
async function smallestSolution(B: Float64Array, d: number, rank: number, c: Float64Array, w: Float64Array, pace: Pace): Promise<void> {
  const taus = new Float64Array(rank);
  for (let k = 0; k < rank; k++) {
    taus[k] = reflect(B, k * d + k, k * d + k + 1, d - k - 1);
    if (taus[k] !== 0) for (let j = k + 1; j < rank; j++) applyReflection(B, k * d + k + 1, j * d + k, j * d + k + 1, d - k - 1, taus[k]!);
    if (pace.spend(2 * (d - k) * (rank - k))) await pace.pause();
  }
  for (let k = 0; k < rank; k++) {
    let sum = c[k]!;
    for (let i = 0; i < k; i++) sum -= B[k * d + i]! * w[i]!;
    w[k] = sum / B[k * d + k]!;
  }
  for (let k = rank - 1; k >= 0; k--) if (taus[k] !== 0) applyToVector(B, k * d + k + 1, w, k, d - k - 1, taus[k]!);
}

function applyToVector(B: Float64Array, v: number, w: Float64Array, head: number, length: number, tau: number): void {
  let sum = w[head]!;
  for (let i = 0; i < length; i++) sum += B[v + i]! * w[head + 1 + i]!;
  sum *= tau;
  w[head]! -= sum;
  for (let i = 0; i < length; i++) w[head + 1 + i]! -= sum * B[v + i]!;
}
