import type { Compute, Operation } from '../kernels/compute.ts';
import { rowsPerShard, shardCount } from './evaluate-rows.ts';

/** Numbers in `sums` per shard and column: sum, sum of squares, least, greatest. */
const parts = 4;

/**
 * Per shard of rows and column: weighted sums of x - shift and of its square, and the range, rows of weight 0 left out; the shard's weight
 * comes last. Everything in float64: without weights in groups of four rows, (a + b) + (c + d) added to the sum at once, else row by row.
 * WASM: i32 for counts and `weighted`.
 */
export const columnMoments: Operation<[
  X: Float32Array, rowCount: number, columnCount: number, weights: Float64Array, weighted: number, shift: Float64Array, sums: Float64Array,
]> = {
  name: 'linearColumnMoments',
  *plain(thread, threadCount, X, rowCount, columnCount, weights, weighted, shift, sums) {
    const perShard = rowsPerShard(rowCount);
    const width = parts * columnCount + 1;
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const end = Math.min((shard + 1) * perShard, rowCount);
      const own = sums.subarray(shard * width, (shard + 1) * width);
      own.fill(0);
      own.fill(Infinity, 2 * columnCount, 3 * columnCount);
      own.fill(-Infinity, 3 * columnCount, 4 * columnCount);
      let row = shard * perShard;
      for (; weighted === 0 && row + 4 <= end; row += 4) {
        addFourRows(X, row * columnCount, columnCount, shift, own);
        own[parts * columnCount]! += 4;
        if ((row & 255) === 0) yield 256 * 2 * columnCount;
      }
      for (; row < end; row++) {
        const weight = weighted === 0 ? 1 : weights[row]!;
        if (weight !== 0) addRow(X, row * columnCount, columnCount, weight, shift, own);
        if ((row & 255) === 0) yield 256 * 2 * columnCount;
      }
    }
  },
};

function addRow(X: Float32Array, offset: number, columnCount: number, weight: number, shift: Float64Array, own: Float64Array): void {
  own[parts * columnCount]! += weight;
  for (let j = 0; j < columnCount; j++) {
    const x = X[offset + j]!;
    const distance = x - shift[j]!;
    const part = weight * distance;
    own[j]! += part;
    own[columnCount + j]! += part * distance;
    if (x < own[2 * columnCount + j]!) own[2 * columnCount + j] = x;
    if (x > own[3 * columnCount + j]!) own[3 * columnCount + j] = x;
  }
}

function addFourRows(X: Float32Array, offset: number, columnCount: number, shift: Float64Array, own: Float64Array): void {
  for (let j = 0; j < columnCount; j++) {
    const at = offset + j;
    const a = X[at]!, b = X[at + columnCount]!, c = X[at + 2 * columnCount]!, d = X[at + 3 * columnCount]!;
    const around = shift[j]!;
    const da = a - around, db = b - around, dc = c - around, dd = d - around;
    own[j]! += da + db + (dc + dd);
    own[columnCount + j]! += da * da + db * db + (dc * dc + dd * dd);
    let low = own[2 * columnCount + j]!, high = own[3 * columnCount + j]!;
    if (a < low) low = a;
    if (b < low) low = b;
    if (c < low) low = c;
    if (d < low) low = d;
    if (a > high) high = a;
    if (b > high) high = b;
    if (c > high) high = c;
    if (d > high) high = d;
    own[2 * columnCount + j] = low;
    own[3 * columnCount + j] = high;
  }
}

/** Weighted mean and population variance of each column; a column of one value alone has that value as mean, and variance 0. */
export interface Moments {
  readonly total: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Sums are taken around the first row, so a mean far from 0 costs the variance no digits. */
export async function momentsOf(X: Float32Array, rowCount: number, columnCount: number, weights: Float64Array | undefined, compute: Compute): Promise<Moments> {
  const shift = compute.float64(columnCount);
  for (let j = 0; j < columnCount; j++) shift[j] = X[j]!;
  const width = parts * columnCount + 1;
  const sums = compute.float64(shardCount * width);
  await compute.run(columnMoments, X, rowCount, columnCount, weights ?? shift, weights === undefined ? 0 : 1, shift, sums);
  let total = 0;
  for (let shard = 0; shard < shardCount; shard++) total += sums[shard * width + parts * columnCount]!;
  const mean = new Float64Array(columnCount);
  const variance = new Float64Array(columnCount);
  for (let j = 0; j < columnCount; j++) {
    let sum = 0, squares = 0, low = Infinity, high = -Infinity;
    for (let shard = 0; shard < shardCount; shard++) {
      const at = shard * width + j;
      sum += sums[at]!;
      squares += sums[at + columnCount]!;
      low = Math.min(low, sums[at + 2 * columnCount]!);
      high = Math.max(high, sums[at + 3 * columnCount]!);
    }
    const offset = sum / total;
    mean[j] = low === high ? low : shift[j]! + offset;
    variance[j] = low === high ? 0 : Math.max(0, squares / total - offset * offset);
  }
  return { total, mean, variance };
}
