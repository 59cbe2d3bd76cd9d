/** Rows are compared eight at a time; the last block is filled up with points at infinity, which are never near. */
export const laneCount = 8;

/** Cells that `writeRowLanes` fills for that many rows. */
export function lanesLength(rowCount: number, columnCount: number): number {
  return Math.ceil(rowCount / laneCount) * laneCount * columnCount;
}

/** Rows (row-major) as operations compare with many at once: blocks of eight rows, in each column after column, eight values side by side. */
export function writeRowLanes(rows: Float32Array, rowCount: number, columnCount: number, lanes: Float32Array): void {
  lanes.fill(Infinity);
  for (let row = 0; row < rowCount; row++) {
    const start = laneAddress(row, columnCount);
    for (let j = 0; j < columnCount; j++) lanes[start + j * laneCount] = rows[row * columnCount + j]!;
  }
}

/** Where a row's first column lies; its next columns follow `laneCount` apart. */
export function laneAddress(row: number, columnCount: number): number {
  return (row - (row % laneCount)) * columnCount + (row % laneCount);
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
