import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { BlockReader, rowsPerBlock } from './blocks.ts';
import { CholeskyFactor } from './cholesky.ts';
import { Coordinates } from './coordinates.ts';
import { evaluateRows, lossCodes, scratchLength, shardCount, sumsPerShard } from './evaluate-rows.ts';
import { GramSum } from './gram-block.ts';
import { addShards } from './linear-objective.ts';
import type { LeastSquares } from './linear-regression.ts';

/** Steps have become small enough when the last moved predictions by this share of the target's deviation: what it left is far smaller. */
const stepTolerance = 1e-6;
const stepsMost = 12;
const sampledRows = 2048;

/**
 * By the Gram matrix of shifted and scaled columns, summed in float32 by blocks, and refined: the gradient of all rows is exact to float64, so each
 * step through the Gram matrix's Cholesky factor takes off all but its own rounding. Undefined where columns depend on each other too nearly, or
 * where steps do not shrink.
 */
export async function solveByGram(prepared: PreparedRows, l2: number, context: FitContext): Promise<LeastSquares | undefined> {
  const { columnCount: d, y, weights } = prepared;
  const target = targetMoments(y, weights);
  const normal = await NormalEquations.of(prepared, target.total, l2, context);
  const v = new Float64Array(d + 1);
  const gradient = new Float64Array(d + 1);
  v[d] = target.mean;
  let before = await normal.evaluate(v, gradient, true);
  const gram = normal.gramMatrix();
  if (!gram.every(Number.isFinite)) return undefined;
  const factor = await normal.factor(gram);
  if (factor === undefined) return undefined;
  const scale = stepTolerance * Math.sqrt(target.variance);
  let last = Infinity;
  for (let step = 1; step <= stepsMost; step++) {
    const change = factor.solve(gradient.map((g) => -g));
    for (let j = 0; j <= d; j++) v[j]! += change[j]!;
    // |change| in the metric of the Gram matrix: how far predictions move.
    const fall = -change.reduce((sum, c, j) => sum + c * gradient[j]!, 0);
    const moved = Math.sqrt(Math.max(0, fall));
    context.progress(0.7 + (0.3 * step) / stepsMost);
    if ((moved <= scale && step > 1) || fall === 0) return normal.solution(v, before - 0.5 * Math.max(0, fall), gram);
    if (moved > 0.5 * last) return undefined;
    last = moved;
    before = await normal.evaluate(v, gradient, false);
  }
  return undefined;
}

/** Half the mean squared error with its penalty, its gradient and its Hessian, by passes over blocks of rows. */
class NormalEquations {
  readonly #prepared: PreparedRows;
  readonly #context: FitContext;
  readonly #blocks: BlockReader;
  readonly #coordinates: Coordinates;
  readonly #gram: GramSum;
  readonly #total: number;
  readonly #penalty: number;
  readonly #y: Float64Array;
  readonly #weights: Float64Array | undefined;
  readonly #point: Float64Array;
  readonly #scratch: Float64Array;
  readonly #curvature: Float32Array;
  readonly #sums: Float64Array;

  private constructor(prepared: PreparedRows, coordinates: Coordinates, total: number, l2: number, context: FitContext) {
    const { compute } = context;
    const { columnCount, y, weights } = prepared;
    this.#prepared = prepared;
    this.#context = context;
    this.#coordinates = coordinates;
    this.#total = total;
    this.#penalty = l2 / total;
    this.#blocks = new BlockReader(prepared, context);
    this.#gram = new GramSum(compute, coordinates);
    this.#y = compute.adopt(y);
    this.#weights = weights === undefined ? undefined : compute.adopt(weights);
    this.#point = compute.float64(columnCount + 1);
    this.#scratch = compute.float64(scratchLength);
    this.#curvature = compute.float32(rowsPerBlock(columnCount));
    this.#sums = compute.float64(shardCount * sumsPerShard(columnCount));
  }

  /** Columns are shifted and scaled by the moments of a sample: any will do that leaves the Gram matrix well conditioned. */
  static async of(prepared: PreparedRows, total: number, l2: number, context: FitContext): Promise<NormalEquations> {
    const { rowCount, columnCount: d } = prepared;
    const step = Math.max(1, Math.floor(rowCount / sampledRows));
    const row = new Float32Array(d);
    const first = new Float64Array(d);
    const sums = new Float64Array(d);
    const squares = new Float64Array(d);
    let count = 0;
    for (let i = 0; i < rowCount; i += step, count++) {
      prepared.read(i, i + 1, row);
      if (i === 0) first.set(row);
      for (let j = 0; j < d; j++) {
        const distance = row[j]! - first[j]!;
        sums[j]! += distance;
        squares[j]! += distance * distance;
      }
      if (context.pace.spend(8 * d)) await context.pace.pause();
    }
    const mean = first.map((x, j) => x + sums[j]! / count);
    // A column that the sample shows as constant may vary elsewhere: it keeps its scale.
    const variance = squares.map((square, j) => Math.max(0, square / count - (sums[j]! / count) ** 2) || 1);
    return new NormalEquations(prepared, new Coordinates(mean, variance, 0, context.compute), total, l2, context);
  }

  /** Objective at `v`; overwrites `gradient`, and sums the Gram matrix in the same pass where asked. */
  async evaluate(v: Float64Array, gradient: Float64Array, withGram: boolean): Promise<number> {
    const { rowCount, columnCount: d } = this.#prepared;
    const { compute, progress } = this.#context;
    const { coefficients, intercept } = this.#coordinates.unscale(v);
    const raw = new Float64Array(d + 2);
    this.#point.set(coefficients);
    this.#point[d] = intercept;
    await this.#blocks.eachBlock(async (X, start, count) => {
      const y = this.#y.subarray(start, start + count);
      const weights = this.#weights?.subarray(start, start + count);
      const share = 1 / this.#total;
      await compute.run(evaluateRows, X, count, d, y, weights ?? y, weights === undefined ? 0 : 1, lossCodes['squared-error'], share, share, this.#point, this.#scratch, this.#curvature, this.#sums);
      addShards(this.#sums, sumsPerShard(d)).forEach((sum, j) => { raw[j]! += sum; });
      if (!withGram) return;
      await this.#gram.add(X, count, 1, weights === undefined ? undefined : this.#curvature);
      progress((0.7 * (start + count)) / rowCount);
    });
    let squares = 0;
    for (let j = 0; j < d; j++) {
      squares += coefficients[j]! ** 2;
      raw[j]! += this.#penalty * coefficients[j]!;
    }
    this.#coordinates.scaleGradient(raw, gradient);
    return raw[d + 1]! + 0.5 * this.#penalty * squares;
  }

  gramMatrix(): Float64Array {
    // With weights the curvatures carry 1 / total already.
    return this.#gram.matrix(this.#weights === undefined ? 1 / this.#total : 1);
  }

  /** Undefined where a column that varies depends on the others as far as float32 can tell. */
  async factor(gram: Float64Array): Promise<CholeskyFactor | undefined> {
    const n = this.#prepared.columnCount + 1;
    const H = gram.slice();
    this.#coordinates.addPenalty(H, this.#penalty, false);
    for (let j = 0; j < n; j++) {
      // A constant column was shifted to zeros; what the penalty left on its diagonal goes too, or rounding might move it.
      if (gram[j * n + j] === 0) for (let k = 0; k < n; k++) H[j * n + k] = H[k * n + j] = 0;
    }
    const factor = await CholeskyFactor.of(H, n, 1e-6, this.#context.pace);
    const constants = Array.from({ length: n }, (_, j) => H[j * n + j]!).filter((diagonal) => diagonal === 0).length;
    return factor.deficient > constants ? undefined : factor;
  }

  solution(v: Float64Array, objective: number, gram: Float64Array): LeastSquares {
    const d = this.#prepared.columnCount;
    const { shift, factor } = this.#coordinates;
    const { coefficients, intercept } = this.#coordinates.unscale(v);
    const squares = coefficients.reduce((sum, w) => sum + w * w, 0);
    const mean = Float64Array.from({ length: d }, (_, j) => shift[j]! + gram[j * (d + 1) + d]! / gram[(d + 1) ** 2 - 1]! / factor[j]!);
    return { coefficients, intercept, mean, loss: Math.max(0, 2 * objective - this.#penalty * squares) };
  }
}

function targetMoments(y: Float64Array, weights: Float64Array | undefined): { total: number; mean: number; variance: number } {
  let total = 0, sum = 0, squares = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = weights === undefined ? 1 : weights[i]!;
    const distance = y[i]! - y[0]!;
    total += weight;
    sum += weight * distance;
    squares += weight * distance * distance;
  }
  return { total, mean: y[0]! + sum / total, variance: Math.max(0, squares / total - (sum / total) ** 2) };
}
