import type { Operation } from '../kernels/compute.ts';
import { addShards, blockRows, shardCount, shareStart } from '../kernels/sums.ts';
import { eachChunk } from './chunks.ts';
import type { StepContext, StepInput } from './step.ts';

/** Kinds of cells in each shard: sum, sum of squares, least, greatest, missing rows, their weight. */
const parts = 6;

/**
 * Goes on adding to the cells of each shard, one per kind and column: weighted sums of x - shift and of its square, the range of x, how many
 * rows miss x, and their weight. Missing values and rows of weight 0 are left out of the first four. Rows in order, in float64; `weights` holds
 * one weight a row, or is not read where `isWeighted` is 0.
 */
export const columnSummaries: Operation<[
  rowCount: number, columnCount: number, X: Float32Array, isWeighted: number, weights: Float64Array, shift: Float64Array, cells: Float64Array,
]> = {
  name: 'columnSummaries',
  *plain(_thread, _threads, rowCount, columnCount, X, isWeighted, weights, shift, cells) {
    for (let shard = 0; shard < shardCount; shard++) {
      const end = shareStart(shard + 1, shardCount, rowCount, blockRows);
      const own = cells.subarray(shard * parts * columnCount, (shard + 1) * parts * columnCount);
      for (let from = shareStart(shard, shardCount, rowCount, blockRows); from < end; from += blockRows) {
        const to = Math.min(from + blockRows, end);
        for (let i = from; i < to; i++) addRow(X, i * columnCount, columnCount, isWeighted === 0 ? 1 : weights[i], shift, own);
        yield 2 * (to - from) * columnCount;
      }
    }
  },
};

function addRow(X: Float32Array, offset: number, columnCount: number, weight: number, shift: Float64Array, own: Float64Array): void {
  for (let j = 0; j < columnCount; j++) {
    const x = X[offset + j];
    if (x !== x) {
      own[4 * columnCount + j] += 1;
      own[5 * columnCount + j] += weight;
    } else if (weight !== 0) {
      const distance = x - shift[j];
      const weighed = weight * distance;
      own[j] += weighed;
      own[columnCount + j] += weighed * distance;
      if (x < own[2 * columnCount + j]) own[2 * columnCount + j] = x;
      if (x > own[3 * columnCount + j]) own[3 * columnCount + j] = x;
    }
  }
}

/** Cells before the first row. */
export function emptyCells(columnCount: number, cells: Float64Array = new Float64Array(shardCount * parts * columnCount)): Float64Array {
  for (let shard = 0; shard < shardCount; shard++) {
    cells.fill(Infinity, (shard * parts + 2) * columnCount, (shard * parts + 3) * columnCount);
    cells.fill(-Infinity, (shard * parts + 3) * columnCount, (shard * parts + 4) * columnCount);
  }
  return cells;
}

/** Of the present values of each column, weighted, in float32; a column that was never present has mean and variance 0, low Infinity. */
export interface ColumnSummaries {
  readonly mean: Float64Array;
  /** Population variance. */
  readonly variance: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** 2 for a column with missing values, 1 where they are in rows of weight 0 only, else 0. */
  readonly gaps: Uint8Array;
}

export async function summarizeColumns(input: StepInput, context: StepContext): Promise<ColumnSummaries> {
  const first = await summarizeAround(await firstValues(input, context), input, context);
  // A shift far from the mean, by a first row that is like no other, would drown the variance in rounding.
  const isFar = first.variance.some((variance, j) => (first.mean[j] - first.shift[j]) ** 2 > 1e4 * variance && first.low[j] < first.high[j]);
  return isFar ? summarizeAround(first.mean, input, context) : first;
}

async function summarizeAround(shift: Float64Array, input: StepInput, context: StepContext): Promise<ColumnSummaries & { readonly shift: Float64Array }> {
  const { compute } = context;
  const mark = compute.mark();
  const columnCount = shift.length;
  const cells = emptyCells(columnCount, compute.float64(shardCount * parts * columnCount));
  const about = compute.adopt(shift);
  let total = 0;
  await eachChunk(input, context, async (X, count, weights) => {
    total += weights === undefined ? count : weights.subarray(0, count).reduce((sum, weight) => sum + weight, 0);
    await compute.run(columnSummaries, count, columnCount, X, weights === undefined ? 0 : 1, weights ?? about, about, cells);
  });
  const sums = addShards(cells, parts * columnCount);
  const column = (part: number): Float64Array => sums.slice(part * columnCount, (part + 1) * columnCount);
  const extreme = (part: number, pick: (...values: number[]) => number): Float64Array =>
    Float64Array.from(shift, (_, j) => pick(...Array.from({ length: shardCount }, (__, shard) => cells[(shard * parts + part) * columnCount + j])));
  const [low, high] = [extreme(2, Math.min), extreme(3, Math.max)];
  const [missing, missingWeight] = [column(4), column(5)];
  const offset = column(0).map((sum, j) => (total > missingWeight[j] ? sum / (total - missingWeight[j]) : 0));
  // Rounding may move the mean of equal values off them, so a constant column is told by its range.
  const mean = offset.map((value, j) => (low[j] === high[j] ? low[j] : low[j] < high[j] ? shift[j] + value : 0));
  const variance = column(1).map((square, j) => (low[j] < high[j] ? Math.max(0, square / (total - missingWeight[j]) - offset[j] ** 2) : 0));
  const gaps = Uint8Array.from(missing, (count, j) => (missingWeight[j] > 0 ? 2 : count > 0 ? 1 : 0));
  compute.release(mark);
  return { mean, variance, low, high, gaps, shift: shift.slice() };
}

/** First present value of each column among the first rows: near enough to the mean to keep sums short. */
async function firstValues({ names, rowCount, read }: StepInput, { pace }: StepContext): Promise<Float64Array> {
  const rows = Math.min(rowCount, 256);
  const X = new Float32Array(rows * names.length);
  read(0, rows, X);
  const first = new Float64Array(names.length).fill(NaN);
  for (let at = 0, j = 0; at < X.length; at++) {
    if (first[j] !== first[j]) first[j] = X[at];
    if (++j === names.length) j = 0;
  }
  if (pace.spend(8 * X.length)) await pace.pause();
  return first.map((value) => (value === value ? value : 0));
}
