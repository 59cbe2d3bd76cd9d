import type { Compute, Operation } from './compute.ts';

const { fround } = Math;

/** Rows that are summed in float32 before the sum goes to float64. */
export const blockRows = 256;
/** Shards that rows are cut into, whatever the number of threads: the order of a sum is theirs. */
export const shardCount = 16;

/** Start of share `index` of `count` shares of [0, length): whole multiples of `unit`, sizes that differ by one unit at most. */
export function shareStart(index: number, count: number, length: number, unit: number): number {
  const units = Math.ceil(length / unit);
  return Math.min(length, Math.floor((units * index) / count) * unit);
}

/** `shards` of `length` cells each, added in order into one of them. */
export function addShards(shards: Float64Array, length: number): Float64Array {
  const total = shards.slice(0, length);
  for (let from = length; from + length <= shards.length; from += length) for (let i = 0; i < length; i++) total[i]! += shards[from + i]!;
  return total;
}

/** Each shard's sum of x: blocks of 256 cells in four float32 partial sums, (0 + 1) + (2 + 3), then what is left; blocks in float64. Sets `shards`. */
export const sumInShards: Operation<[length: number, shardCount: number, x: Float32Array, shards: Float64Array]> = {
  name: 'sumInShards',
  plain: (_thread, _threads, length, count, x, shards) => shardSums(length, count, x, undefined, shards),
};

/** Each shard's sum of x y, likewise. */
export const dotInShards: Operation<[length: number, shardCount: number, x: Float32Array, y: Float32Array, shards: Float64Array]> = {
  name: 'dotInShards',
  plain: (_thread, _threads, length, count, x, y, shards) => shardSums(length, count, x, y, shards),
};

function* shardSums(length: number, count: number, x: Float32Array, y: Float32Array | undefined, shards: Float64Array): Iterable<number> {
  const value = y === undefined ? (i: number): number => x[i]! : (i: number): number => fround(x[i]! * y[i]!);
  for (let shard = 0; shard < count; shard++) {
    const end = shareStart(shard + 1, count, length, blockRows);
    let total = 0;
    for (let from = shareStart(shard, count, length, blockRows); from < end; from += blockRows) {
      const to = Math.min(from + blockRows, end);
      const grouped = from + ((to - from) & ~3);
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (let i = from; i < grouped; i += 4) {
        s0 = fround(s0 + value(i));
        s1 = fround(s1 + value(i + 1));
        s2 = fround(s2 + value(i + 2));
        s3 = fround(s3 + value(i + 3));
      }
      let sum = fround(fround(s0 + s1) + fround(s2 + s3));
      for (let i = grouped; i < to; i++) sum = fround(sum + value(i));
      total += sum;
      yield to - from;
    }
    shards[shard] = total;
  }
}

/** The sum of x on all threads, of x y where there is a y: the same number for any backend and thread count. */
export async function sumOf(compute: Compute, x: Float32Array, y?: Float32Array): Promise<number> {
  const mark = compute.mark();
  const shards = compute.float64(shardCount);
  if (y === undefined) await compute.run(sumInShards, x.length, shardCount, x, shards);
  else await compute.run(dotInShards, x.length, shardCount, x, y, shards);
  const total = addShards(shards, 1)[0]!;
  compute.release(mark);
  return total;
}

/**
 * Adds to each shard, 2 x columnCount cells, the sums of w (x - shift) and below them of w (x - shift)^2 of its rows, row-major X; w is 1 where
 * `isWeighted` is 0. A column's sum goes over rows in order, in float32 within blocks of 256.
 */
export const columnMoments: Operation<[
  rowCount: number, columnCount: number, shardCount: number, X: Float32Array, shift: Float32Array, isWeighted: number, weights: Float32Array, shards: Float64Array,
]> = {
  name: 'columnMoments',
  *plain(_thread, _threads, rowCount, columnCount, count, X, shift, isWeighted, weights, shards) {
    const block = new Float32Array(2 * columnCount);
    for (let shard = 0; shard < count; shard++) {
      const end = shareStart(shard + 1, count, rowCount, blockRows);
      for (let from = shareStart(shard, count, rowCount, blockRows); from < end; from += blockRows) {
        const to = Math.min(from + blockRows, end);
        block.fill(0);
        for (let i = from; i < to; i++) {
          for (let j = 0; j < columnCount; j++) {
            const d = fround(X[i * columnCount + j]! - shift[j]!);
            const wd = isWeighted === 0 ? d : fround(d * weights[i]!);
            block[j] = fround(block[j]! + wd);
            block[columnCount + j] = fround(block[columnCount + j]! + fround(wd * d));
          }
        }
        for (let cell = 0; cell < block.length; cell++) shards[shard * block.length + cell]! += block[cell]!;
        yield (to - from) * columnCount;
      }
    }
  },
};
