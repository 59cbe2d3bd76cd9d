import type { Operation } from './compute.ts';
import { shareStart } from './sums.ts';

/** Doubles of one shard's histogram: 256 bins of (gradient, hessian) for each column. */
export const histogramLength = (columnCount: number): number => 512 * columnCount;

/**
 * Adds to each shard's histogram every row's gradient and hessian at its bin of each column; `bins` is row-major. Gradients and hessians on a grid of
 * 2^-24 keep the float64 sums exact, so that `addShards` gives the same for any number of shards.
 */
export const histogramInShards: Operation<[
  rowCount: number, columnCount: number, shardCount: number, bins: Uint8Array, gradients: Float32Array, hessians: Float32Array, shards: Float64Array,
]> = {
  name: 'histogramInShards',
  *plain(_thread, _threads, rowCount, columnCount, count, bins, gradients, hessians, shards) {
    for (let shard = 0; shard < count; shard++) {
      const end = shareStart(shard + 1, count, rowCount, 1);
      const base = shard * histogramLength(columnCount);
      for (let i = shareStart(shard, count, rowCount, 1); i < end; i++) {
        const g = gradients[i]!;
        const h = hessians[i]!;
        for (let j = 0; j < columnCount; j++) {
          const at = base + 512 * j + 2 * bins[i * columnCount + j]!;
          shards[at]! += g;
          shards[at + 1]! += h;
        }
        if ((i & 1023) === 1023) yield 1024 * columnCount;
      }
    }
  },
};
