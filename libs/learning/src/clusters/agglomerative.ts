import type { Family, FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { classShares, ClusterCore, nearestOfEach } from './cluster-core.ts';
import { cutTree } from './merge-tree.ts';
import { wardMerges } from './ward-merges.ts';

/**
 * Ward's hierarchical clustering as a classifier, in memory that grows with the rows, not with their pairs: labels play no part in the
 * merges; the tree is cut at `clusters`, and each then tells the share of class 1 among its training rows. A new row belongs to the
 * cluster whose centroid is nearest. Of more rows than `most_rows`, that many are drawn with the seed and merged; the others go to the
 * nearest centroid before shares are counted. History: mean squared distance of the merged rows to their cluster's centroid.
 */
export const agglomerative: Family = {
  kind: 'agglomerative',
  tasks: ['classification'],
  parameters: {
    clusters: { default: 8, min: 1, max: 1024, integer: true, meaning: 'clusters at which merging stops; fewer where there are fewer rows' },
    most_rows: { default: 20_000, min: 1, max: 200_000, integer: true, meaning: 'rows merged at most; time grows with their square' },
  },
  scale: 'probability',
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-8,
  quickParameters: { clusters: 32, most_rows: 2000 },
  fit: fitAgglomerative,
  load: (file) => ClusterCore.load(file),
};

async function fitAgglomerative(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: ClusterCore; history: readonly number[] }> {
  const { y, weights, columnCount } = prepared;
  const merged = mergedRows(prepared, numberOf(settings.parameters, 'most_rows'), context);
  const merges = await wardMerges(prepared, merged, context);
  const clusterCount = Math.min(numberOf(settings.parameters, 'clusters'), merged.length);
  const labels = cutTree(merges, clusterCount);
  const { centroids, inertia, total } = await clusterMeans(prepared, merged, labels, clusterCount, context);
  const assigned = new Int32Array(prepared.rowCount).fill(-1);
  if (merged.length < prepared.rowCount) await assignTheRest(prepared, centroids, clusterCount, assigned, context);
  merged.forEach((row, i) => { assigned[row] = labels[i]!; });
  return { core: new ClusterCore(centroids, classShares(assigned, clusterCount, y, weights), columnCount), history: [inertia / total] };
}

/** Rows of positive weight, in order; a seeded draw of them where there are too many. */
function mergedRows({ rowCount, weights }: PreparedRows, mostRows: number, { random }: FitContext): Int32Array {
  const rows = Int32Array.from({ length: rowCount }, (_, i) => i).filter((row) => weights === undefined || weights[row]! > 0);
  if (rows.length <= mostRows) return rows;
  for (let i = 0; i < mostRows; i++) {
    const j = i + random.int(rows.length - i);
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  return rows.slice(0, mostRows).sort();
}

async function clusterMeans(prepared: PreparedRows, merged: Int32Array, labels: Int32Array, clusterCount: number, { pace }: FitContext): Promise<{ centroids: Float32Array; inertia: number; total: number }> {
  const { columnCount, weights } = prepared;
  const row = new Float32Array(columnCount);
  const sums = new Float64Array(clusterCount * columnCount);
  const totals = new Float64Array(clusterCount);
  const eachRow = async (visit: (cluster: number, weight: number) => void): Promise<void> => {
    for (let i = 0; i < merged.length; i++) {
      prepared.read(merged[i]!, merged[i]! + 1, row);
      visit(labels[i]!, weights === undefined ? 1 : weights[merged[i]!]!);
      if (pace.spend(4 * columnCount)) await pace.pause();
    }
  };
  await eachRow((cluster, weight) => {
    totals[cluster]! += weight;
    for (let j = 0; j < columnCount; j++) sums[cluster * columnCount + j]! += weight * row[j]!;
  });
  const means = sums.map((sum, at) => sum / totals[Math.floor(at / columnCount)]!);
  let inertia = 0;
  await eachRow((cluster, weight) => {
    for (let j = 0; j < columnCount; j++) inertia += weight * (row[j]! - means[cluster * columnCount + j]!) ** 2;
  });
  return { centroids: Float32Array.from(means), inertia, total: totals.reduce((sum, part) => sum + part, 0) };
}

const blockRows = 16_384;

async function assignTheRest(prepared: PreparedRows, centroids: Float32Array, clusterCount: number, assigned: Int32Array, { compute, pace }: FitContext): Promise<void> {
  const { rowCount, columnCount, weights } = prepared;
  for (let start = 0; start < rowCount; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    const mark = compute.mark();
    const block = compute.float32((end - start) * columnCount);
    prepared.read(start, end, block);
    const nearest = await nearestOfEach(block, end - start, centroids, clusterCount, compute);
    for (let row = start; row < end; row++) if (weights === undefined || weights[row]! > 0) assigned[row] = nearest[row - start]!;
    compute.release(mark);
    if (pace.spend(4 * (end - start) * columnCount)) await pace.pause();
  }
}
