import type { Operation } from '../kernels/compute.ts';
import { exp, log } from '../kernels/exponential.ts';
import { marginOfRow } from './margins.ts';

/** Losses that `evaluateRows` knows, by the number it is told. */
export const lossCodes = { logistic: 0, 'squared-hinge': 1, 'squared-error': 2 } as const;
export type LinearLoss = keyof typeof lossCodes;

/** Rows are reduced in this many shards, whatever the thread count, and the shards added in order. */
export const shardCount = 16;
const blockRows = 256;

/** Numbers in `sums` per shard: gradient by coefficient, gradient by intercept, loss. */
export function sumsPerShard(columnCount: number): number {
  return columnCount + 2;
}

/** Scratch space: one block of margins, later derivatives, per shard. */
export const scratchLength = shardCount * blockRows;

/** Rows of every shard but the last ones: a multiple of four, so that groups of four never cross a border. */
export function rowsPerShard(rowCount: number): number {
  return 4 * Math.ceil(rowCount / (4 * shardCount));
}

/**
 * Loss and gradient of a linear model over all rows, everything in float64. A row's factor is `positive` where y is 1 and `negative`
 * elsewhere, times its weight. By loss: logistic ln(1 + e^m) - y m, squared hinge max(0, 1 - (2y - 1) m)^2, half the squared error; `curvature`
 * receives each row's second derivative by its margin, in float32.
 *
 * Orders: margins as in `marginOfRow`; losses of a block of 256 rows in two sums, of even and of odd rows, then added; gradients by groups of
 * four rows, (a + b) + (c + d) added to the sum at once, leftover rows singly. WASM: i32 for counts, `weighted` and `loss`, f64 for the factors.
 */
export const evaluateRows: Operation<[
  X: Float32Array, rowCount: number, columnCount: number, y: Float64Array, weights: Float64Array, weighted: number, loss: number,
  positive: number, negative: number, point: Float64Array, scratch: Float64Array, curvature: Float32Array, sums: Float64Array,
]> = {
  name: 'linearEvaluateRows',
  *plain(thread, threadCount, X, rowCount, columnCount, y, weights, weighted, loss, positive, negative, point, scratch, curvature, sums) {
    const perShard = rowsPerShard(rowCount);
    const width = sumsPerShard(columnCount);
    const differentiate = loss === lossCodes.logistic ? logisticRows : loss === lossCodes['squared-hinge'] ? squaredHingeRows : squaredErrorRows;
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const shardEnd = Math.min((shard + 1) * perShard, rowCount);
      const shardSums = sums.subarray(shard * width, (shard + 1) * width);
      const block = scratch.subarray(shard * blockRows, (shard + 1) * blockRows);
      shardSums.fill(0);
      for (let start = shard * perShard; start < shardEnd; start += blockRows) {
        const count = Math.min(blockRows, shardEnd - start);
        for (let i = 0; i < count; i++) block[i] = marginOfRow(X, (start + i) * columnCount, columnCount, point);
        shardSums[columnCount + 1]! += differentiate(block, start, count, y, weighted === 0 ? undefined : weights, positive, negative, curvature);
        addGradient(X, start, count, columnCount, block, shardSums);
        yield count * (2 * columnCount + 16);
      }
    }
  },
};

/** Turns margins into first derivatives, in place, and returns the sum of losses. */
type Differentiate = (
  block: Float64Array, start: number, count: number, y: Float64Array, weights: Float64Array | undefined, positive: number, negative: number, curvature: Float32Array,
) => number;

const logisticRows: Differentiate = (block, start, count, y, weights, positive, negative, curvature) => {
  let even = 0, odd = 0;
  for (let i = 0; i < count; i++) {
    const margin = block[i]!;
    const label = y[start + i]!;
    const factor = (label === 1 ? positive : negative) * (weights === undefined ? 1 : weights[start + i]!);
    const u = exp(-Math.abs(margin));
    const sum = 1 + u;
    const inverse = 1 / sum;
    const p = margin >= 0 ? inverse : u * inverse;
    // ln(1 + u) with what rounding took from 1 + u.
    const loss = factor * ((margin >= 0 ? margin : 0) - label * margin + (log(sum) + (u - (sum - 1)) * inverse));
    if ((i & 1) === 0) even += loss;
    else odd += loss;
    block[i] = factor * (p - label);
    curvature[start + i] = factor * (u * inverse * inverse);
  }
  return even + odd;
};

const squaredHingeRows: Differentiate = (block, start, count, y, weights, positive, negative, curvature) => {
  let even = 0, odd = 0;
  for (let i = 0; i < count; i++) {
    const label = y[start + i]!;
    const side = label + label - 1;
    const factor = (label === 1 ? positive : negative) * (weights === undefined ? 1 : weights[start + i]!);
    const short = 1 - side * block[i]!;
    const lacking = short > 0 ? short : 0;
    const loss = factor * (lacking * lacking);
    if ((i & 1) === 0) even += loss;
    else odd += loss;
    block[i] = -2 * side * (factor * lacking);
    curvature[start + i] = short > 0 ? 2 * factor : 0;
  }
  return even + odd;
};

const squaredErrorRows: Differentiate = (block, start, count, y, weights, positive, negative, curvature) => {
  let even = 0, odd = 0;
  for (let i = 0; i < count; i++) {
    const label = y[start + i]!;
    const factor = (label === 1 ? positive : negative) * (weights === undefined ? 1 : weights[start + i]!);
    const error = block[i]! - label;
    const slope = factor * error;
    const loss = 0.5 * (slope * error);
    if ((i & 1) === 0) even += loss;
    else odd += loss;
    block[i] = slope;
    curvature[start + i] = factor;
  }
  return even + odd;
};

function addGradient(X: Float32Array, start: number, count: number, columnCount: number, slopes: Float64Array, sums: Float64Array): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const a = (start + i) * columnCount, b = a + columnCount, c = b + columnCount, d = c + columnCount;
    const sa = slopes[i]!, sb = slopes[i + 1]!, sc = slopes[i + 2]!, sd = slopes[i + 3]!;
    for (let j = 0; j < columnCount; j++) sums[j]! += sa * X[a + j]! + sb * X[b + j]! + (sc * X[c + j]! + sd * X[d + j]!);
    sums[columnCount]! += sa + sb + (sc + sd);
  }
  for (; i < count; i++) {
    const offset = (start + i) * columnCount;
    const slope = slopes[i]!;
    for (let j = 0; j < columnCount; j++) sums[j]! += slope * X[offset + j]!;
    sums[columnCount]! += slope;
  }
}
