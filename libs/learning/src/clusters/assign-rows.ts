import type { Operation } from '../kernels/compute.ts';
import { laneCount } from './row-lanes.ts';
import { shardCount, shardStart } from './shards.ts';

/**
 * One assignment step of Lloyd's algorithm with Hamerly's bounds (2010): a row whose own centroid is certainly nearest is left alone.
 *
 * `assigned` holds each row's cluster, -1 before the first step; `upper` a bound on the distance to its centroid, `lower` one on the
 * distance to any other. `moved` and `othersMoved` say, per cluster, how far its centroid and the farthest of the others went since the
 * last step; `halfGap` is half the distance to the nearest other centroid. `slack` is a relative margin for rounding, so that the labels
 * are those of comparing all float32 distances, ties to the lowest cluster. `sums` (shards x clusters x columns), `totals` (shards x
 * clusters, weight) and `members` (likewise, rows) follow every row that changes its cluster; `changes` counts those, by shard.
 * Rows of weight 0 take no part.
 */
export type AssignArguments = [
  X: Float32Array, columnCount: number, rowCount: number, lanes: Float32Array, clusterCount: number, weights: Float64Array, hasWeights: number,
  moved: Float64Array, othersMoved: Float64Array, halfGap: Float64Array, slack: number, assigned: Int32Array, upper: Float32Array,
  lower: Float32Array, sums: Float64Array, totals: Float64Array, members: Float64Array, changes: Float64Array,
];

export const assignRows: Operation<AssignArguments> = {
  name: 'assignRows',
  *plain(thread, threadCount, X, columnCount, rowCount, lanes, clusterCount, weights, hasWeights, moved, othersMoved, halfGap, slack, assigned, upper, lower, sums, totals, members, changes) {
    const distances = new Float32Array(Math.ceil(clusterCount / laneCount) * laneCount);
    let work = 0;
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const end = shardStart(shard + 1, rowCount);
      changes[shard] = 0;
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        if (hasWeights !== 0 && weights[row] === 0) continue;
        const old = assigned[row]!;
        work += 6;
        if (old >= 0) {
          const u = (upper[row]! + moved[old]!) * (1 + slack);
          const l = (lower[row]! - othersMoved[old]!) * (1 - slack);
          if (u < Math.max(halfGap[old]!, l)) {
            upper[row] = u;
            lower[row] = l;
            continue;
          }
        }
        allDistances(X, row * columnCount, columnCount, lanes, distances);
        const nearest = nearestOf(distances, clusterCount);
        upper[row] = Math.sqrt(distances[nearest]!) * (1 + slack);
        lower[row] = Math.sqrt(secondOf(distances, clusterCount, nearest)) * (1 - slack);
        if (nearest !== old) {
          const weight = hasWeights !== 0 ? weights[row]! : 1;
          assigned[row] = nearest;
          changes[shard]!++;
          move(X, row * columnCount, columnCount, weight, sums, (shard * clusterCount + nearest) * columnCount);
          totals[shard * clusterCount + nearest]! += weight;
          members[shard * clusterCount + nearest]!++;
          if (old >= 0) {
            move(X, row * columnCount, columnCount, -weight, sums, (shard * clusterCount + old) * columnCount);
            totals[shard * clusterCount + old]! -= weight;
            members[shard * clusterCount + old]!--;
          }
        }
        work += columnCount * clusterCount;
        if (work > 200_000) {
          yield work;
          work = 0;
        }
      }
    }
    yield work;
  },
};

/** The nearest centroid of each row, ties to the lowest; rows that take no part in a fit included. */
export const nearestCentroids: Operation<[X: Float32Array, columnCount: number, rowCount: number, lanes: Float32Array, clusterCount: number, nearest: Int32Array]> = {
  name: 'nearestCentroids',
  *plain(thread, threadCount, X, columnCount, rowCount, lanes, clusterCount, nearest) {
    const distances = new Float32Array(Math.ceil(clusterCount / laneCount) * laneCount);
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        allDistances(X, row * columnCount, columnCount, lanes, distances);
        nearest[row] = nearestOf(distances, clusterCount);
        if (row % 256 === 0) yield 256 * columnCount * clusterCount;
      }
    }
  },
};

/** Float32 squared distances to all centroids, each summed column after column. */
function allDistances(X: Float32Array, offset: number, columnCount: number, lanes: Float32Array, distances: Float32Array): void {
  for (let block = 0; block < distances.length; block += laneCount) {
    const start = block * columnCount;
    for (let lane = 0; lane < laneCount; lane++) {
      let sum = 0;
      for (let j = 0; j < columnCount; j++) {
        const difference = Math.fround(X[offset + j]! - lanes[start + j * laneCount + lane]!);
        sum = Math.fround(sum + Math.fround(difference * difference));
      }
      distances[block + lane] = sum;
    }
  }
}

function nearestOf(distances: Float32Array, clusterCount: number): number {
  let nearest = 0;
  for (let k = 1; k < clusterCount; k++) if (distances[k]! < distances[nearest]!) nearest = k;
  return nearest;
}

function secondOf(distances: Float32Array, clusterCount: number, nearest: number): number {
  let second = Infinity;
  for (let k = 0; k < clusterCount; k++) if (k !== nearest && distances[k]! < second) second = distances[k]!;
  return second;
}

function move(X: Float32Array, offset: number, columnCount: number, weight: number, sums: Float64Array, at: number): void {
  for (let j = 0; j < columnCount; j++) sums[at + j]! += weight * X[offset + j]!;
}
