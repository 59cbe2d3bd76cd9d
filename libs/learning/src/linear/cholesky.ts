import { strict as assert } from 'node:assert';

/**
 * Solves A x = b for a symmetric positive semidefinite A (row-major, order b.length). A pivot at rounding's level means a direction
 * without curvature; its unknown is set to 0, so collinear columns without a penalty still get an answer.
 */
export function solvePositiveDefinite(A: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  assert(A.length === n * n, `expected a matrix of order ${n}, found ${A.length} cells`);
  const L = A.slice();
  const usable = new Uint8Array(n);
  for (let j = 0; j < n; j++) {
    let pivot = L[j * n + j]!;
    for (let k = 0; k < j; k++) pivot -= L[j * n + k]! ** 2;
    usable[j] = pivot > 1e-13 * A[j * n + j]! ? 1 : 0;
    const root = usable[j] ? Math.sqrt(pivot) : 1;
    L[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = L[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= L[i * n + k]! * L[j * n + k]!;
      L[i * n + j] = usable[j] ? sum / root : 0;
    }
  }
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = b[i]!;
    for (let k = 0; k < i; k++) sum -= L[i * n + k]! * x[k]!;
    x[i] = usable[i] ? sum / L[i * n + i]! : 0;
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i]!;
    for (let k = i + 1; k < n; k++) sum -= L[k * n + i]! * x[k]!;
    x[i] = usable[i] ? sum / L[i * n + i]! : 0;
  }
  return x;
}
