/** Centroids are compared eight at a time; the last block is filled up with points at infinity, which are never nearest. */
export const laneCount = 8;

/** Length of `centroidLanes` for that many centroids. */
export function lanesLength(clusterCount: number, columnCount: number): number {
  return Math.ceil(clusterCount / laneCount) * laneCount * columnCount;
}

/** Row-major centroids as the operations read them: blocks of eight, in each column after column, eight values side by side. */
export function writeCentroidLanes(centroids: Float32Array, clusterCount: number, columnCount: number, lanes: Float32Array): void {
  lanes.fill(Infinity);
  for (let k = 0; k < clusterCount; k++) {
    const block = Math.floor(k / laneCount) * laneCount * columnCount;
    for (let j = 0; j < columnCount; j++) lanes[block + j * laneCount + (k % laneCount)] = centroids[k * columnCount + j]!;
  }
}

/** Squared distance of a row to one centroid, as every operation here computes it: float32, column after column. */
export function squaredDistance(X: Float32Array, offset: number, centroids: Float32Array, centroid: number, columnCount: number): number {
  let sum = 0;
  for (let j = 0; j < columnCount; j++) {
    const difference = Math.fround(X[offset + j]! - centroids[centroid + j]!);
    sum = Math.fround(sum + Math.fround(difference * difference));
  }
  return sum;
}
