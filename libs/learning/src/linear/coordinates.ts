import type { Compute } from '../kernels/compute.ts';

/**
 * Coordinates in which a linear model's loss is well conditioned: v_j is the coefficient of (x_j - shift_j) x factor_j, and v's last number
 * is the margin at the shift. Points and gradients are carried over in float64 and rows are never copied; shift and factor are float32, so that Gram
 * matrices are taken of exactly these columns.
 */
export class Coordinates {
  readonly columnCount: number;
  readonly shift: Float32Array;
  /** 0 for a column that gets no coefficient: a constant can't be told from the intercept. */
  readonly factor: Float32Array;

  /** Columns are divided by sqrt(variance + `extra`), where they vary at all. */
  constructor(mean: Float64Array, variance: Float64Array, extra: number, compute: Compute) {
    this.columnCount = mean.length;
    this.shift = compute.float32(mean.length);
    this.factor = compute.float32(mean.length);
    this.shift.set(mean);
    variance.forEach((v, j) => {
      const factor = Math.fround(1 / Math.sqrt(v + extra));
      this.factor[j] = v > 0 && Number.isFinite(factor) ? factor : 0;
    });
  }

  /** The point in the data's own coordinates. */
  unscale(v: Float64Array): { coefficients: Float64Array; intercept: number } {
    const d = this.columnCount;
    const coefficients = new Float64Array(d);
    let intercept = v[d]!;
    for (let j = 0; j < d; j++) {
      coefficients[j] = v[j]! * this.factor[j]!;
      intercept -= coefficients[j]! * this.shift[j]!;
    }
    return { coefficients, intercept };
  }

  /** Gradient by v from the gradient by coefficients and, last, intercept. */
  scaleGradient(raw: Float64Array, gradient: Float64Array): void {
    const d = this.columnCount;
    for (let j = 0; j < d; j++) gradient[j] = this.factor[j]! * (raw[j]! - this.shift[j]! * raw[d]!);
    gradient[d] = raw[d]!;
  }

  /** Adds to a Hessian by v that of half the squared coefficients, times `penalty`, the intercept among them where asked. */
  addPenalty(H: Float64Array, penalty: number, penalizesIntercept: boolean): void {
    const d = this.columnCount;
    const n = d + 1;
    for (let j = 0; j < d; j++) H[j * n + j]! += penalty * this.factor[j]! ** 2;
    if (!penalizesIntercept) return;
    const toIntercept = Float64Array.from({ length: n }, (_, j) => (j === d ? 1 : -this.shift[j]! * this.factor[j]!));
    for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) H[j * n + k]! += penalty * toIntercept[j]! * toIntercept[k]!;
  }
}
