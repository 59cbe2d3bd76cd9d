import type { FitContext } from '../family.ts';
import { assignRows } from './assign-rows.ts';
import { lanesLength, writeRowLanes } from './row-lanes.ts';
import { overShards, shardCount } from './shards.ts';
import type { WeightedRows } from './weighted-rows.ts';

export interface LloydOptions {
  /** Row-major start. */
  readonly centroids: Float32Array;
  readonly maxIterations: number;
  /** Ends once the centroids' summed squared moves are at most this. */
  readonly tolerance: number;
  /** Weighted mean and scatter of the columns, from `columnScatter`. */
  readonly mean: Float64Array;
  readonly scatter: Float64Array;
  readonly onIteration?: (iteration: number, inertia: number) => void;
}

export interface Clustering {
  readonly centroids: Float32Array;
  /** The nearest centroid of every row, -1 for rows of weight 0. */
  readonly assigned: Int32Array;
  /** Summed weight x squared distance to the nearest centroid. */
  readonly inertia: number;
  /** Inertia of each assignment. */
  readonly history: readonly number[];
  readonly iterations: number;
}

/**
 * Lloyd's algorithm (1982) from a given start, with the rules of scikit-learn's `KMeans`: ends when no label changes or the centroids
 * hardly move, labels last by the final centroids; an empty cluster takes the row farthest from its own centroid.
 */
export async function lloyd(rows: WeightedRows, options: LloydOptions, context: Pick<FitContext, 'compute'>): Promise<Clustering> {
  const rounds = new Rounds(rows, options, context.compute);
  let centroids = options.centroids;
  let iteration = 0;
  for (;;) {
    const changes = await rounds.assign(centroids);
    rounds.noteInertia(centroids);
    options.onIteration?.(iteration, rounds.history.at(-1)!);
    if (changes === 0 || rounds.settled || iteration === options.maxIterations) break;
    centroids = rounds.update(centroids);
    iteration++;
  }
  return { centroids, assigned: rounds.assigned, inertia: rounds.history.at(-1)!, history: rounds.history, iterations: iteration };
}

/** Between two calls of `assign`, sums and labels belong to the centroids last given. */
class Rounds {
  readonly assigned: Int32Array;
  readonly history: number[] = [];
  /** True once an update moved the centroids by no more than the tolerance. */
  settled = false;
  readonly #rows: WeightedRows;
  readonly #options: LloydOptions;
  readonly #compute: FitContext['compute'];
  readonly #clusterCount: number;
  readonly #lanes: Float32Array;
  readonly #upper: Float32Array;
  readonly #lower: Float32Array;
  readonly #moved: Float64Array;
  readonly #othersMoved: Float64Array;
  readonly #halfGap: Float64Array;
  readonly #sums: Float64Array;
  readonly #totals: Float64Array;
  readonly #members: Float64Array;
  readonly #changes: Float64Array;

  constructor(rows: WeightedRows, options: LloydOptions, compute: FitContext['compute']) {
    const clusterCount = options.centroids.length / rows.columnCount;
    this.#rows = rows;
    this.#options = options;
    this.#compute = compute;
    this.#clusterCount = clusterCount;
    this.assigned = compute.int32(rows.rowCount).fill(-1);
    this.#upper = compute.float32(rows.rowCount);
    this.#lower = compute.float32(rows.rowCount);
    this.#lanes = compute.float32(lanesLength(clusterCount, rows.columnCount));
    this.#moved = compute.float64(clusterCount);
    this.#othersMoved = compute.float64(clusterCount);
    this.#halfGap = compute.float64(clusterCount);
    this.#sums = compute.float64(shardCount * clusterCount * rows.columnCount);
    this.#totals = compute.float64(shardCount * clusterCount);
    this.#members = compute.float64(shardCount * clusterCount);
    this.#changes = compute.float64(shardCount);
  }

  /** Rows that changed their cluster. */
  async assign(centroids: Float32Array): Promise<number> {
    const { X, columnCount, rowCount, weights, hasWeights } = this.#rows;
    const slack = (columnCount + 16) * 2 ** -23;
    writeRowLanes(centroids, this.#clusterCount, columnCount, this.#lanes);
    halfGaps(centroids, columnCount, slack, this.#halfGap);
    await this.#compute.run(
      assignRows, X, columnCount, rowCount, this.#lanes, this.#clusterCount, weights, hasWeights, this.#moved, this.#othersMoved, this.#halfGap, slack,
      this.assigned, this.#upper, this.#lower, this.#sums, this.#totals, this.#members, this.#changes,
    );
    return this.#changes.reduce((sum, count) => sum + count, 0);
  }

  /** Scatter about the common mean, less that of the clusters' means, plus what centroids off their cluster's mean add. */
  noteInertia(centroids: Float32Array): void {
    const { columnCount } = this.#rows;
    const { mean, scatter } = this.#options;
    let inertia = scatter.reduce((sum, part) => sum + part, 0);
    for (let k = 0; k < this.#clusterCount; k++) {
      const total = overShards(this.#totals, this.#clusterCount, k);
      if (overShards(this.#members, this.#clusterCount, k) === 0) continue;
      for (let j = 0; j < columnCount; j++) {
        const center = overShards(this.#sums, this.#clusterCount * columnCount, k * columnCount + j) / total;
        inertia += total * ((center - centroids[k * columnCount + j]!) ** 2 - (center - mean[j]!) ** 2);
      }
    }
    this.history.push(Math.max(0, inertia));
  }

  /** Means of the clusters; notes how far each centroid went. */
  update(centroids: Float32Array): Float32Array {
    const { columnCount } = this.#rows;
    const clusterCount = this.#clusterCount;
    const sums = Float64Array.from({ length: clusterCount * columnCount }, (_, at) => overShards(this.#sums, clusterCount * columnCount, at));
    const totals = Float64Array.from({ length: clusterCount }, (_, k) => overShards(this.#totals, clusterCount, k));
    const empty = Array.from({ length: clusterCount }, (_, k) => k).filter((k) => overShards(this.#members, clusterCount, k) === 0);
    if (empty.length > 0) this.#fillEmpty(empty, centroids, sums, totals);
    const next = new Float32Array(centroids.length);
    for (let k = 0; k < clusterCount; k++) {
      for (let j = 0, at = k * columnCount; j < columnCount; j++, at++) next[at] = totals[k]! > 0 ? sums[at]! / totals[k]! : centroids[at]!;
    }
    this.#noteMoves(centroids, next);
    return next;
  }

  /** The farthest rows leave their clusters' means, though not their labels, and become the means of the empty ones. */
  #fillEmpty(empty: readonly number[], centroids: Float32Array, sums: Float64Array, totals: Float64Array): void {
    const { X, columnCount, weights, hasWeights } = this.#rows;
    const far = farthestRows(this.#rows, this.assigned, centroids, empty.length);
    far.forEach((row, i) => {
      const [from, to] = [this.assigned[row]!, empty[i]!];
      const weight = hasWeights !== 0 ? weights[row]! : 1;
      totals[from]! -= weight;
      totals[to] = weight;
      for (let j = 0; j < columnCount; j++) {
        const part = weight * X[row * columnCount + j]!;
        sums[from * columnCount + j]! -= part;
        sums[to * columnCount + j] = part;
      }
    });
  }

  #noteMoves(before: Float32Array, after: Float32Array): void {
    const { columnCount } = this.#rows;
    let moves = 0;
    for (let k = 0; k < this.#clusterCount; k++) {
      const square = squaredGap(before, k, after, k, columnCount);
      moves += square;
      this.#moved[k] = Math.sqrt(square);
    }
    for (let k = 0; k < this.#clusterCount; k++) {
      this.#othersMoved[k] = this.#moved.reduce((most, moved, other) => (other === k ? most : Math.max(most, moved)), 0);
    }
    this.settled = moves <= this.#options.tolerance;
  }
}

function squaredGap(a: Float32Array, i: number, b: Float32Array, k: number, columnCount: number): number {
  let sum = 0;
  for (let j = 0; j < columnCount; j++) sum += (a[i * columnCount + j]! - b[k * columnCount + j]!) ** 2;
  return sum;
}

function halfGaps(centroids: Float32Array, columnCount: number, slack: number, out: Float64Array): void {
  for (let k = 0; k < out.length; k++) {
    let least = Infinity;
    for (let other = 0; other < out.length; other++) if (other !== k) least = Math.min(least, squaredGap(centroids, k, centroids, other, columnCount));
    out[k] = (Math.sqrt(least) / 2) * (1 - slack);
  }
}

/** The `count` rows farthest from their own centroid, farthest first; none at distance 0. */
function farthestRows({ X, rowCount, columnCount }: WeightedRows, assigned: Int32Array, centroids: Float32Array, count: number): number[] {
  const far: { row: number; distance: number }[] = [];
  for (let row = 0; row < rowCount; row++) {
    if (assigned[row]! < 0) continue;
    let distance = 0;
    for (let j = 0; j < columnCount; j++) distance += (X[row * columnCount + j]! - centroids[assigned[row]! * columnCount + j]!) ** 2;
    if (distance === 0 || (far.length === count && distance <= far.at(-1)!.distance)) continue;
    far.push({ row, distance });
    far.sort((a, b) => b.distance - a.distance);
    far.length = Math.min(far.length, count);
  }
  return far.map(({ row }) => row);
}
