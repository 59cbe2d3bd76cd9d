import type { FitContext } from '../family.ts';
import type { Operation } from '../kernels/compute.ts';
import { laneCount, lanesLength, writeRowLanes } from './row-lanes.ts';
import { shardCount, shardStart } from './shards.ts';
import type { WeightedRows } from './weighted-rows.ts';

/**
 * What choosing each of up to eight candidates as the next centre would leave: `potentials` (shards x 8) sums weight x squared distance
 * to the nearest centre. `closest` holds those distances so far.
 */
export const seedingPotentials: Operation<[X: Float32Array, columnCount: number, rowCount: number, lanes: Float32Array, weights: Float64Array, hasWeights: number, closest: Float32Array, potentials: Float64Array]> = {
  name: 'seedingPotentials',
  *plain(thread, threadCount, X, columnCount, rowCount, lanes, weights, hasWeights, closest, potentials) {
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      potentials.fill(0, shard * laneCount, (shard + 1) * laneCount);
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        const weight = hasWeights !== 0 ? weights[row]! : 1;
        for (let lane = 0; lane < laneCount; lane++) {
          const distance = laneDistance(X, row * columnCount, columnCount, lanes, lane);
          potentials[shard * laneCount + lane]! += weight * (distance < closest[row]! ? distance : closest[row]!);
        }
        if (row % 256 === 0) yield 256 * columnCount * laneCount;
      }
    }
  },
};

/** Takes the centre in lane 0 into `closest`, and sums the weighted distances left by shard, at lane 0 of `potentials`. */
export const seedingUpdate: Operation<[X: Float32Array, columnCount: number, rowCount: number, lanes: Float32Array, weights: Float64Array, hasWeights: number, closest: Float32Array, potentials: Float64Array]> = {
  name: 'seedingUpdate',
  *plain(thread, threadCount, X, columnCount, rowCount, lanes, weights, hasWeights, closest, potentials) {
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      let sum = 0;
      const end = shardStart(shard + 1, rowCount);
      for (let row = shardStart(shard, rowCount); row < end; row++) {
        const distance = laneDistance(X, row * columnCount, columnCount, lanes, 0);
        if (distance < closest[row]!) closest[row] = distance;
        sum += (hasWeights !== 0 ? weights[row]! : 1) * closest[row]!;
        if (row % 1024 === 0) yield 1024 * columnCount;
      }
      potentials[shard * laneCount] = sum;
    }
  },
};

function laneDistance(X: Float32Array, offset: number, columnCount: number, lanes: Float32Array, lane: number): number {
  let sum = 0;
  for (let j = 0; j < columnCount; j++) {
    const difference = Math.fround(X[offset + j]! - lanes[j * laneCount + lane]!);
    sum = Math.fround(sum + Math.fround(difference * difference));
  }
  return sum;
}

/**
 * Greedy k-means++ (Arthur & Vassilvitskii 2007, section 5): each further centre is the best of 2 + ln k rows (at most eight) drawn in
 * proportion to weight x squared distance to the centres so far. Fewer than k centres where fewer distinct rows are; row-major.
 */
export async function seedCentroids(rows: WeightedRows, wanted: number, context: Pick<FitContext, 'compute' | 'random'>): Promise<Float32Array> {
  const { compute, random } = context;
  const { X, rowCount, columnCount, weights, hasWeights } = rows;
  const mark = compute.mark();
  const lanes = compute.float32(lanesLength(laneCount, columnCount));
  const closest = compute.float32(rowCount).fill(Infinity);
  const potentials = compute.float64(shardCount * laneCount);
  const chosen: number[] = [];
  const take = async (row: number): Promise<number> => {
    chosen.push(row);
    writeRowLanes(X.subarray(row * columnCount, (row + 1) * columnCount), 1, columnCount, lanes);
    await compute.run(seedingUpdate, X, columnCount, rowCount, lanes, weights, hasWeights, closest, potentials);
    return shardTotal(potentials, 0);
  };
  let left = await take(firstRow(rows, random.uniform()));
  const candidateCount = Math.min(laneCount, 2 + Math.floor(Math.log(wanted)));
  while (chosen.length < wanted && left > 0) {
    const drawn = Array.from({ length: candidateCount }, () => drawRow(rows, closest, potentials, random.uniform() * left));
    const points = new Float32Array(candidateCount * columnCount);
    drawn.forEach((row, c) => points.set(X.subarray(row * columnCount, (row + 1) * columnCount), c * columnCount));
    writeRowLanes(points, candidateCount, columnCount, lanes);
    await compute.run(seedingPotentials, X, columnCount, rowCount, lanes, weights, hasWeights, closest, potentials);
    const after = drawn.map((_, c) => shardTotal(potentials, c));
    left = await take(drawn[after.indexOf(Math.min(...after))]!);
  }
  const centroids = new Float32Array(chosen.length * columnCount);
  chosen.forEach((row, k) => centroids.set(X.subarray(row * columnCount, (row + 1) * columnCount), k * columnCount));
  compute.release(mark);
  return centroids;
}

/** The first distinct rows of positive weight, at most `wanted`; row-major. */
export function firstRows({ X, rowCount, columnCount, weights, hasWeights }: WeightedRows, wanted: number): Promise<Float32Array> {
  const seen = new Map<string, Float32Array>();
  for (let row = 0; row < rowCount && seen.size < wanted; row++) {
    if (hasWeights !== 0 && weights[row] === 0) continue;
    const cells = X.slice(row * columnCount, (row + 1) * columnCount);
    seen.set(cells.join(), cells);
  }
  return Promise.resolve(Float32Array.from([...seen.values()].flatMap((cells) => [...cells])));
}

function shardTotal(potentials: Float64Array, lane: number): number {
  let total = 0;
  for (let shard = 0; shard < shardCount; shard++) total += potentials[shard * laneCount + lane]!;
  return total;
}

/** The row at that share of the summed weights. */
function firstRow({ rowCount, weights, hasWeights, totalWeight }: WeightedRows, share: number): number {
  if (hasWeights === 0) return Math.min(rowCount - 1, Math.floor(share * rowCount));
  let left = share * totalWeight;
  let last = 0;
  for (let row = 0; row < rowCount; row++) {
    if (weights[row] === 0) continue;
    last = row;
    left -= weights[row]!;
    if (left < 0) break;
  }
  return last;
}

/** The row where the running sum of weight x distance passes `target`; never one at distance 0. */
function drawRow({ rowCount, weights, hasWeights }: WeightedRows, closest: Float32Array, potentials: Float64Array, target: number): number {
  const part = (row: number): number => (hasWeights !== 0 ? weights[row]! : 1) * closest[row]!;
  let shard = 0;
  while (shard < shardCount - 1 && target >= potentials[shard * laneCount]!) target -= potentials[shard++ * laneCount]!;
  for (let row = shardStart(shard, rowCount); row < rowCount; row++) {
    target -= part(row);
    if (target < 0) return row;
  }
  // Rounding can leave the target just beyond the sum.
  let last = rowCount - 1;
  while (part(last) === 0) last--;
  return last;
}
