import type { Operation } from '../kernels/compute.ts';

/** Rows are summed in this many shards, which are added in order: the same sums on any number of threads. */
export const momentShards = 16;

/** Cells of `sums` that `classMoments` needs. */
export const momentCells = (columnCount: number): number => momentShards * 6 * columnCount;

/**
 * Adds to `sums`, by shard, class and kind of sum, for each column: weight of the present values, weighted sum of value - shift, and
 * weighted sum of its square. `classes` holds 0 or 1 for each row, `shifts` one row of columns for each class; `weights` one weight a row,
 * or is read not at all when `weighted` is 0. float64 throughout.
 */
export const classMoments: Operation<[
  rowCount: number, columnCount: number, X: Float32Array, classes: Uint8Array, weighted: number, weights: Float64Array, shifts: Float64Array, sums: Float64Array,
]> = {
  name: 'classMoments',
  *plain(_thread, _threads, rowCount, columnCount, X, classes, weighted, weights, shifts, sums) {
    for (let shard = 0; shard < momentShards; shard++) {
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        const label = classes[row];
        const weight = weighted === 0 ? 1 : weights[row];
        const shiftAt = label * columnCount;
        const offset = row * columnCount;
        let at = (shard * 2 + label) * 3 * columnCount;
        for (let j = 0; j < columnCount; j++, at++) {
          const distance = X[offset + j] - shifts[shiftAt + j];
          if (distance !== distance) continue;
          const weighed = weight * distance;
          sums[at] += weight;
          sums[at + columnCount] += weighed;
          sums[at + 2 * columnCount] += weighed * distance;
        }
      }
      yield 3 * (end - shardStart(shard, rowCount)) * columnCount;
    }
  },
};

const shardStart = (shard: number, rowCount: number): number => Math.floor((shard * rowCount) / momentShards);
