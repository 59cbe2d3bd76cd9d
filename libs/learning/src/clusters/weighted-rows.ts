import type { FitContext } from '../family.ts';
import type { Operation } from '../kernels/compute.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { overShards, shardCount, shardStart } from './shards.ts';

/** Rows to cluster, where operations can read them, and what every method here needs to know of them. */
export interface WeightedRows {
  readonly X: Float32Array;
  readonly rowCount: number;
  readonly columnCount: number;
  /** Empty when `hasWeights` is 0; a row of weight 0 takes no part. */
  readonly weights: Float64Array;
  readonly hasWeights: 0 | 1;
  readonly totalWeight: number;
}

export async function weightedRows(prepared: PreparedRows, context: Pick<FitContext, 'compute' | 'pace'>): Promise<WeightedRows> {
  const { compute, pace } = context;
  const { rowCount, columnCount, weights } = prepared;
  const X = await prepared.matrix(compute, pace);
  if (weights === undefined) return { X, rowCount, columnCount, weights: compute.float64(0), hasWeights: 0, totalWeight: rowCount };
  return { X, rowCount, columnCount, weights: compute.adopt(weights), hasWeights: 1, totalWeight: weights.reduce((sum, weight) => sum + weight, 0) };
}

/** Weighted sums over rows of each column's difference from the first row, and of its square, by shard (shards x columns), in float64. */
export const clusterMoments: Operation<[X: Float32Array, columnCount: number, rowCount: number, weights: Float64Array, hasWeights: number, sums: Float64Array, squares: Float64Array]> = {
  name: 'clusterMoments',
  *plain(thread, threadCount, X, columnCount, rowCount, weights, hasWeights, sums, squares) {
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        const weight = hasWeights !== 0 ? weights[row]! : 1;
        for (let j = 0, at = row * columnCount, to = shard * columnCount; j < columnCount; j++, at++, to++) {
          const difference = X[at]! - X[j]!;
          const weighted = weight * difference;
          sums[to]! += weighted;
          squares[to]! += weighted * difference;
        }
        if (row % 1024 === 0) yield 1024 * columnCount;
      }
    }
  },
};

/** Weighted mean and summed squared deviation (scatter) of each column. */
export async function columnScatter(rows: WeightedRows, { compute }: Pick<FitContext, 'compute'>): Promise<{ mean: Float64Array; scatter: Float64Array }> {
  const { X, rowCount, columnCount, weights, hasWeights, totalWeight } = rows;
  const mark = compute.mark();
  const [sums, squares] = [compute.float64(shardCount * columnCount), compute.float64(shardCount * columnCount)];
  await compute.run(clusterMoments, X, columnCount, rowCount, weights, hasWeights, sums, squares);
  const mean = Float64Array.from({ length: columnCount }, (_, j) => X[j]! + overShards(sums, columnCount, j) / totalWeight);
  const scatter = Float64Array.from({ length: columnCount }, (_, j) => Math.max(0, overShards(squares, columnCount, j) - overShards(sums, columnCount, j) ** 2 / totalWeight));
  compute.release(mark);
  return { mean, scatter };
}
