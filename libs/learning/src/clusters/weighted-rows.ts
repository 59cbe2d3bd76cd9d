import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { shardCount, shardStart } from './shards.ts';

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

/** Weighted mean and summed squared deviation (scatter) of each column, in float64 about the first row, by shards. */
export async function columnScatter(rows: WeightedRows, pace: FitContext['pace']): Promise<{ mean: Float64Array; scatter: Float64Array }> {
  const { X, rowCount, columnCount, weights, hasWeights, totalWeight } = rows;
  const sums = new Float64Array(columnCount);
  const squares = new Float64Array(columnCount);
  for (let shard = 0; shard < shardCount; shard++) {
    const end = shardStart(shard + 1, rowCount);
    for (let row = shardStart(shard, rowCount); row < end; row++) {
      const weight = hasWeights !== 0 ? weights[row]! : 1;
      for (let j = 0, at = row * columnCount; j < columnCount; j++, at++) {
        const difference = X[at]! - X[j]!;
        sums[j]! += weight * difference;
        squares[j]! += weight * difference * difference;
      }
      if (pace.spend(columnCount)) await pace.pause();
    }
  }
  const mean = sums.map((sum, j) => X[j]! + sum / totalWeight);
  return { mean, scatter: squares.map((square, j) => Math.max(0, square - (sums[j]! * sums[j]!) / totalWeight)) };
}
