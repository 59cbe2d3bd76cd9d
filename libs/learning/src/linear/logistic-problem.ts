import type { Dataset } from '../dataset.ts';
import type { Pace } from '../pace.ts';
import { logLossOfMargin, sigmoid } from './log-loss.ts';

const blockRows = 4096;

/**
 * The penalised mean log loss of logistic regression in coordinates where it is well conditioned. Column j is centred and
 * divided by t_j = sqrt(variance_j + 4 l2 / n), about the square root of the Hessian's diagonal; the intercept is free, so centring
 * changes nothing, and the penalty l2/2 |w|^2 becomes l2/2 sum (v_j / t_j)^2. Point v = (scaled coefficients, intercept).
 */
export class LogisticProblem {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly #Z: Float64Array;
  readonly #y: Float64Array;
  readonly #weights: Float64Array;
  readonly #penalty: Float64Array;
  readonly #scale: Float64Array;
  readonly #mean: Float64Array;
  readonly #curvature: Float64Array;
  readonly #pace: Pace;

  private constructor(columnCount: number, Z: Float64Array, y: Float64Array, weights: Float64Array, penalty: Float64Array, scale: Float64Array, mean: Float64Array, pace: Pace) {
    this.columnCount = columnCount;
    this.rowCount = y.length;
    this.#Z = Z;
    this.#y = y;
    this.#weights = weights;
    this.#penalty = penalty;
    this.#scale = scale;
    this.#mean = mean;
    this.#curvature = new Float64Array(y.length);
    this.#pace = pace;
  }

  /** `l2` weighs half the squared norm against the *sum* of the rows' losses, as 1/C does in scikit-learn. */
  static async of(data: Dataset, l2: number, pace: Pace): Promise<LogisticProblem> {
    const { rowCount, columnCount, X } = data;
    const raw = data.weights ?? new Float64Array(rowCount).fill(1);
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    const weights = raw.map((weight) => weight / total);
    const mean = new Float64Array(columnCount);
    const variance = new Float64Array(columnCount);
    for (let i = 0; i < rowCount; i++) {
      for (let j = 0; j < columnCount; j++) mean[j]! += weights[i]! * X[i * columnCount + j]!;
      if (pace.spend(columnCount)) await pace.pause();
    }
    for (let i = 0; i < rowCount; i++) {
      for (let j = 0; j < columnCount; j++) variance[j]! += weights[i]! * (X[i * columnCount + j]! - mean[j]!) ** 2;
      if (pace.spend(columnCount)) await pace.pause();
    }
    // A constant column can't be told from the intercept, so it gets no coefficient; rounding may hide that from its variance.
    const scale = variance.map((v, j) => (isConstant(data, j) ? 0 : Math.sqrt(v + (4 * l2) / total)));
    const penalty = scale.map((t) => (t > 0 ? l2 / total / (t * t) : 0));
    const Z = new Float64Array(rowCount * columnCount);
    for (let i = 0; i < rowCount; i++) {
      const offset = i * columnCount;
      for (let j = 0; j < columnCount; j++) Z[offset + j] = scale[j]! > 0 ? (X[offset + j]! - mean[j]!) / scale[j]! : 0;
      if (pace.spend(columnCount)) await pace.pause();
    }
    return new LogisticProblem(columnCount, Z, data.y, weights, penalty, scale, mean, pace);
  }

  /** Objective at `v`; overwrites `gradient` (columnCount + 1 long). */
  async evaluate(v: Float64Array, gradient: Float64Array): Promise<number> {
    const d = this.columnCount;
    gradient.fill(0);
    let value = 0;
    for (let start = 0; start < this.rowCount; start += blockRows) {
      const end = Math.min(start + blockRows, this.rowCount);
      value += this.#evaluateRows(start, end, v, gradient);
      if (this.#pace.spend((end - start) * (d + 8))) await this.#pace.pause();
    }
    for (let j = 0; j < d; j++) {
      value += 0.5 * this.#penalty[j]! * v[j]! * v[j]!;
      gradient[j]! += this.#penalty[j]! * v[j]!;
    }
    return value;
  }

  /** Four rows a turn: independent sums fill the pipeline, and each gradient cell is read and written once for four rows. */
  #evaluateRows(start: number, end: number, v: Float64Array, gradient: Float64Array): number {
    const d = this.columnCount;
    const Z = this.#Z;
    const intercept = v[d]!;
    let value = 0;
    let gradientOfIntercept = 0;
    let i = start;
    for (; i + 4 <= end; i += 4) {
      const a = i * d, b = a + d, c = b + d, e = c + d;
      let ma = intercept, mb = intercept, mc = intercept, me = intercept;
      for (let j = 0; j < d; j++) {
        const vj = v[j]!;
        ma += Z[a + j]! * vj;
        mb += Z[b + j]! * vj;
        mc += Z[c + j]! * vj;
        me += Z[e + j]! * vj;
      }
      value += this.#lossOfRow(i, ma) + this.#lossOfRow(i + 1, mb) + this.#lossOfRow(i + 2, mc) + this.#lossOfRow(i + 3, me);
      const ra = this.#residualOfRow(i, ma), rb = this.#residualOfRow(i + 1, mb), rc = this.#residualOfRow(i + 2, mc), re = this.#residualOfRow(i + 3, me);
      for (let j = 0; j < d; j++) gradient[j]! += ra * Z[a + j]! + rb * Z[b + j]! + rc * Z[c + j]! + re * Z[e + j]!;
      gradientOfIntercept += ra + rb + rc + re;
    }
    for (; i < end; i++) {
      let margin = intercept;
      for (let j = 0; j < d; j++) margin += Z[i * d + j]! * v[j]!;
      value += this.#lossOfRow(i, margin);
      const residual = this.#residualOfRow(i, margin);
      for (let j = 0; j < d; j++) gradient[j]! += residual * Z[i * d + j]!;
      gradientOfIntercept += residual;
    }
    gradient[d]! += gradientOfIntercept;
    return value;
  }

  #lossOfRow(i: number, margin: number): number {
    return this.#weights[i]! * logLossOfMargin(this.#y[i]!, margin);
  }

  /** First derivative of the row's loss; keeps the second for `hessian`. */
  #residualOfRow(i: number, margin: number): number {
    const p = sigmoid(margin);
    this.#curvature[i] = this.#weights[i]! * p * (1 - p);
    return this.#weights[i]! * (p - this.#y[i]!);
  }

  /** Full symmetric Hessian, row-major (d + 1)^2, at the point of the last `evaluate`. */
  async hessian(): Promise<Float64Array> {
    const d = this.columnCount;
    const n = d + 1;
    const H = new Float64Array(n * n);
    for (let start = 0; start < this.rowCount; start += blockRows / 8) {
      const end = Math.min(start + blockRows / 8, this.rowCount);
      this.#addCurvature(start, end, H);
      if (this.#pace.spend((end - start) * d * d * 0.2)) await this.#pace.pause();
    }
    for (let j = 0; j < d; j++) H[j * n + j]! += this.#penalty[j]!;
    for (let j = 0; j < n; j++) for (let k = 0; k < j; k++) H[j * n + k] = H[k * n + j]!;
    return H;
  }

  #addCurvature(start: number, end: number, H: Float64Array): void {
    const d = this.columnCount;
    const n = d + 1;
    const Z = this.#Z;
    const curvature = this.#curvature;
    let i = start;
    for (; i + 4 <= end; i += 4) {
      const a = i * d, b = a + d, c = b + d, e = c + d;
      const ha = curvature[i]!, hb = curvature[i + 1]!, hc = curvature[i + 2]!, he = curvature[i + 3]!;
      for (let j = 0; j < d; j++) {
        const za = ha * Z[a + j]!, zb = hb * Z[b + j]!, zc = hc * Z[c + j]!, ze = he * Z[e + j]!;
        for (let k = j; k < d; k++) H[j * n + k]! += za * Z[a + k]! + zb * Z[b + k]! + zc * Z[c + k]! + ze * Z[e + k]!;
        H[j * n + d]! += za + zb + zc + ze;
      }
      H[d * n + d]! += ha + hb + hc + he;
    }
    for (; i < end; i++) {
      for (let j = 0; j < d; j++) {
        const z = curvature[i]! * Z[i * d + j]!;
        for (let k = j; k < d; k++) H[j * n + k]! += z * Z[i * d + k]!;
        H[j * n + d]! += z;
      }
      H[d * n + d]! += curvature[i]!;
    }
  }

  /** The point in the data's own coordinates. */
  unscale(v: Float64Array): { coefficients: Float64Array; intercept: number; mean: Float64Array } {
    const coefficients = this.#scale.map((t, j) => (t > 0 ? v[j]! / t : 0));
    const intercept = coefficients.reduce((sum, coefficient, j) => sum - coefficient * this.#mean[j]!, v[this.columnCount]!);
    return { coefficients, intercept, mean: this.#mean };
  }
}

function isConstant({ rowCount, columnCount, X }: Dataset, column: number): boolean {
  for (let i = 1; i < rowCount; i++) if (X[i * columnCount + column] !== X[column]) return false;
  return true;
}
