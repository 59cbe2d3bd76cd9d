import type { Compute } from '../kernels/compute.ts';
import type { Pace } from '../pace.ts';
import { CholeskyFactor } from './cholesky.ts';
import { momentsOf, type Moments } from './column-moments.ts';
import { Coordinates } from './coordinates.ts';
import { evaluateRows, lossCodes, scratchLength, shardCount, sumsPerShard, type LinearLoss } from './evaluate-rows.ts';
import { GramSum } from './gram-block.ts';

/** What a linear model is fitted to. `X` is row-major where `compute`'s operations read it. */
export interface LinearProblem {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly X: Float32Array;
  readonly y: Float64Array;
  readonly weights: Float64Array | undefined;
  readonly loss: LinearLoss;
  /** What a row with y = 1, and any other row, counts besides its weight. */
  readonly positive: number;
  readonly negative: number;
  /** Weighs half the squared coefficients against the *sum* of losses, as 1/C does in scikit-learn. */
  readonly l2: number;
  readonly penalizesIntercept: boolean;
}

/** Up to this many visits of a cell of the Hessian, rows x columns^2, it is summed in float64 over all rows. */
const exactHessianMost = 1e7;
/** Beyond, a sample stands for all rows: at least this many, and 64 for each column. */
const sampledRowsLeast = 32_768;

/** The penalised mean loss of a linear model over rows that lie in `compute`'s memory, in coordinates where its Hessian's diagonal is near 1. */
export class LinearObjective {
  readonly moments: Moments;
  readonly #problem: LinearProblem;
  readonly #compute: Compute;
  readonly #pace: Pace;
  readonly #total: number;
  readonly #coordinates: Coordinates;
  readonly #raw: Float64Array;
  readonly #point: Float64Array;
  readonly #scratch: Float64Array;
  readonly #curvature: Float32Array;
  readonly #sums: Float64Array;
  readonly #y: Float64Array;
  readonly #weights: Float64Array | undefined;
  #gram: GramSum | undefined;

  private constructor(problem: LinearProblem, moments: Moments, weights: Float64Array | undefined, compute: Compute, pace: Pace) {
    const { rowCount, columnCount, l2 } = problem;
    this.#problem = problem;
    this.moments = moments;
    // Balancing the classes leaves the sum of all weights as it is.
    this.#total = moments.total;
    this.#compute = compute;
    this.#pace = pace;
    this.#coordinates = new Coordinates(moments.mean, moments.variance, (4 * l2) / moments.total, compute);
    this.#raw = new Float64Array(columnCount + 1);
    this.#point = compute.float64(columnCount + 1);
    this.#scratch = compute.float64(scratchLength);
    this.#curvature = compute.float32(rowCount);
    this.#sums = compute.float64(shardCount * sumsPerShard(columnCount));
    this.#y = compute.adopt(problem.y);
    this.#weights = weights;
  }

  static async of(problem: LinearProblem, compute: Compute, pace: Pace): Promise<LinearObjective> {
    const weights = problem.weights === undefined ? undefined : compute.adopt(problem.weights);
    const moments = await momentsOf(problem.X, problem.rowCount, problem.columnCount, weights, compute);
    return new LinearObjective(problem, moments, weights, compute, pace);
  }

  /** Objective at `v`; overwrites `gradient` (columnCount + 1 long). */
  async evaluate(v: Float64Array, gradient: Float64Array): Promise<number> {
    const { X, rowCount, columnCount: d, loss, positive, negative } = this.#problem;
    const { coefficients, intercept } = this.unscale(v);
    this.#point.set(coefficients);
    this.#point[d] = intercept;
    await this.#compute.run(evaluateRows, X, rowCount, d, this.#y, this.#weights ?? this.#y, this.#weights === undefined ? 0 : 1, lossCodes[loss],
      positive / this.#total, negative / this.#total, this.#point, this.#scratch, this.#curvature, this.#sums);
    const sums = addShards(this.#sums, sumsPerShard(d));
    const { l2, penalizesIntercept } = this.#problem;
    const penalty = l2 / this.#total;
    let squares = penalizesIntercept ? intercept * intercept : 0;
    for (let j = 0; j < d; j++) {
      squares += coefficients[j]! ** 2;
      this.#raw[j] = sums[j]! + penalty * coefficients[j]!;
    }
    this.#raw[d] = sums[d]! + (penalizesIntercept ? penalty * intercept : 0);
    this.#coordinates.scaleGradient(this.#raw, gradient);
    return sums[d + 1]! + 0.5 * penalty * squares;
  }

  /** True when `hessianFactor` is of all rows and exact to float64. */
  get hessianIsExact(): boolean {
    const { rowCount, columnCount } = this.#problem;
    return rowCount * columnCount ** 2 + columnCount ** 3 <= exactHessianMost;
  }

  /** The Hessian at the point of the last `evaluate`: over all rows, or over a fixed sample of many, in float32. */
  async hessianFactor(): Promise<CholeskyFactor> {
    const { columnCount: d } = this.#problem;
    const H = this.hessianIsExact ? await this.#exactHessian() : await this.#sampledHessian();
    this.#coordinates.addPenalty(H, this.#problem.l2 / this.#total, this.#problem.penalizesIntercept);
    return CholeskyFactor.of(H, d + 1, this.hessianIsExact ? 1e-13 : 1e-6, this.#pace);
  }

  async #sampledHessian(): Promise<Float64Array> {
    const { X, rowCount, columnCount: d } = this.#problem;
    const wanted = Math.max(sampledRowsLeast, 64 * d);
    const step = Math.max(1, Math.floor(rowCount / wanted));
    const count = Math.ceil(rowCount / step);
    const gram = this.#gram ??= new GramSum(this.#compute, this.#coordinates);
    gram.clear();
    await gram.add(X, count, step, this.#curvature);
    return gram.matrix(rowCount / count);
  }

  async #exactHessian(): Promise<Float64Array> {
    const { X, rowCount, columnCount: d } = this.#problem;
    const n = d + 1;
    const H = new Float64Array(n * n);
    const { shift, factor } = this.#coordinates;
    const z = new Float64Array(n);
    z[d] = 1;
    for (let row = 0; row < rowCount; row++) {
      const h = this.#curvature[row]!;
      for (let j = 0; j < d; j++) z[j] = (X[row * d + j]! - shift[j]!) * factor[j]!;
      for (let j = 0; j < n; j++) {
        const part = h * z[j]!;
        for (let k = j; k < n; k++) H[j * n + k]! += part * z[k]!;
      }
      if (this.#pace.spend(0.3 * d * d + 2 * d)) await this.#pace.pause();
    }
    for (let j = 0; j < n; j++) for (let k = 0; k < j; k++) H[j * n + k] = H[k * n + j]!;
    return H;
  }

  /** The point in the data's own coordinates. */
  unscale(v: Float64Array): { coefficients: Float64Array; intercept: number } {
    return this.#coordinates.unscale(v);
  }
}

/** Sums of all shards, added in order. */
export function addShards(sums: Float64Array, width: number): Float64Array {
  const total = sums.slice(0, width);
  for (let at = width; at < sums.length; at++) total[at % width]! += sums[at]!;
  return total;
}
