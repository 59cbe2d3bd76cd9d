import type { Family, FitContext, FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { classShares, ClusterCore } from './cluster-core.ts';
import type { Clustering } from './lloyd.ts';
import { lloyd } from './lloyd.ts';
import { firstRows, seedCentroids } from './seeding.ts';
import { columnScatter, weightedRows } from './weighted-rows.ts';

/**
 * k-means as a classifier: labels play no part in finding the clusters; each then tells the share of class 1 among its training rows.
 * Greedy k-means++, Lloyd's rounds with Hamerly's bounds, the best of `starts` by inertia. History: mean squared distance to the nearest
 * centroid, by round. Distances mean most on standardised features.
 */
export const kMeans: Family = {
  kind: 'k-means',
  tasks: ['classification'],
  parameters: {
    clusters: { default: 8, min: 1, max: 1024, integer: true, meaning: 'clusters at most; fewer where there are fewer distinct rows' },
    starts: { default: 1, min: 1, max: 1000, integer: true, meaning: 'seeded starts of which the best is kept (n_init)' },
    seeding: { default: 'k-means++', choices: ['k-means++', 'first-rows'], meaning: 'greedy k-means++, or the first distinct rows, for comparisons' },
    max_iterations: { default: 300, min: 1, max: 1e6, integer: true, meaning: 'rounds at most' },
    tolerance: { default: 1e-4, min: 0, max: 1, integer: false, meaning: 'ends when the squared moves of the centroids are at most this times the mean variance of a feature' },
  },
  scale: 'probability',
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-8,
  dependsOnRowOrder: true,
  quickParameters: { clusters: 32 },
  fit: fitKMeans,
  load: (file) => ClusterCore.load(file),
};

async function fitKMeans(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: ClusterCore; history: readonly number[] }> {
  const { parameters } = settings;
  const { compute, progress } = context;
  const rows = await weightedRows(prepared, context);
  const { mean, scatter } = await columnScatter(rows, context);
  const tolerance = (numberOf(parameters, 'tolerance') * scatter.reduce((sum, part) => sum + part, 0)) / (rows.totalWeight * rows.columnCount);
  const starts = choiceOf(parameters, 'seeding') === 'first-rows' ? 1 : numberOf(parameters, 'starts');
  const maxIterations = numberOf(parameters, 'max_iterations');
  const seed = choiceOf(parameters, 'seeding') === 'first-rows' ? firstRows : seedCentroids;
  let best: Clustering | undefined;
  for (let start = 0; start < starts; start++) {
    const mark = compute.mark();
    const centroids = await seed(rows, numberOf(parameters, 'clusters'), context);
    const onIteration = (iteration: number, inertia: number): void => progress((start + (iteration + 1) / (maxIterations + 2)) / starts, inertia / rows.totalWeight);
    const found = await lloyd(rows, { centroids, maxIterations, tolerance, mean, scatter, onIteration }, context);
    // The next start uses the same memory again.
    if (best === undefined || found.inertia < best.inertia) best = starts === 1 ? found : { ...found, assigned: found.assigned.slice() };
    if (starts > 1) compute.release(mark);
  }
  const { centroids, assigned, history } = best!;
  const shares = classShares(assigned, centroids.length / rows.columnCount, prepared.y, prepared.weights);
  return { core: new ClusterCore(centroids, shares, rows.columnCount), history: history.map((inertia) => inertia / rows.totalWeight) };
}
