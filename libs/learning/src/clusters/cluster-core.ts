import type { Core, FitContext } from '../family.ts';
import { hasOneClass, priorLogOdds, sigmoid } from '../linear/log-loss.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float32Section, float64Section, ModelFileError } from '../model-file.ts';
import { nearestCentroids } from './assign-rows.ts';
import { lanesLength, squaredDistance, writeRowLanes } from './row-lanes.ts';

/** Clusters as a classifier: a row has the probability of class 1 of the cluster whose centroid is nearest, ties to the lowest cluster. */
export class ClusterCore implements Core {
  /** Row-major. */
  readonly centroids: Float32Array;
  /** Probability of class 1 in each cluster. */
  readonly shares: Float64Array;
  readonly #columnCount: number;

  constructor(centroids: Float32Array, shares: Float64Array, columnCount: number) {
    this.centroids = centroids;
    this.shares = shares;
    this.#columnCount = columnCount;
  }

  static load(file: ModelFile): ClusterCore {
    const shares = float64Section(file, 'clusters.shares');
    if (shares.length === 0) throw new ModelFileError('corrupt', 'expected at least one cluster');
    return new ClusterCore(float32Section(file, 'clusters.centroids', shares.length * file.featureNames.length), shares, file.featureNames.length);
  }

  margin(X: Float32Array, offset: number): number {
    const columnCount = this.#columnCount;
    let nearest = 0;
    let least = Infinity;
    for (let k = 0; k < this.shares.length; k++) {
      const distance = squaredDistance(X, offset, this.centroids, k * columnCount, columnCount);
      if (distance < least) {
        least = distance;
        nearest = k;
      }
    }
    return this.shares[nearest]!;
  }

  async margins(X: Float32Array, rowCount: number, compute: FitContext['compute'], out: Float64Array): Promise<void> {
    const nearest = await nearestOfEach(X, rowCount, this.centroids, this.shares.length, compute);
    for (let row = 0; row < rowCount; row++) out[row] = this.shares[nearest[row]!]!;
  }

  sections(): Record<string, Section> {
    return { 'clusters.centroids': this.centroids, 'clusters.shares': this.shares };
  }
}

/** The nearest of row-major `centroids` for each row; the result lies in `compute`'s memory. */
export async function nearestOfEach(X: Float32Array, rowCount: number, centroids: Float32Array, clusterCount: number, compute: FitContext['compute']): Promise<Int32Array> {
  const columnCount = centroids.length / clusterCount;
  const nearest = compute.int32(rowCount);
  const lanes = compute.float32(lanesLength(clusterCount, columnCount));
  writeRowLanes(centroids, clusterCount, columnCount, lanes);
  await compute.run(nearestCentroids, X, columnCount, rowCount, lanes, clusterCount, nearest);
  return nearest;
}

/**
 * Share of class 1 among each cluster's rows and one more row that counts as the share of all rows, so that a small cluster is not
 * certain, an empty one tells the prior, and the majority decides the label (a tie goes to the majority of all). With one class the
 * smoothed prior everywhere. Rows in no cluster (-1) don't count.
 */
export function classShares(assigned: Int32Array, clusterCount: number, y: Float64Array, weights: Float64Array | undefined): Float64Array {
  const prior = sigmoid(priorLogOdds(y, weights));
  if (hasOneClass(y, weights)) return new Float64Array(clusterCount).fill(prior);
  const positive = new Float64Array(clusterCount).fill(prior);
  const total = new Float64Array(clusterCount).fill(1);
  for (let row = 0; row < assigned.length; row++) {
    const cluster = assigned[row]!;
    if (cluster < 0) continue;
    const weight = weights === undefined ? 1 : weights[row]!;
    positive[cluster]! += weight * y[row]!;
    total[cluster]! += weight;
  }
  return positive.map((sum, k) => sum / total[k]!);
}
