// Goal: centroids, labels and inertia are those of Lloyd's algorithm from the same start, seeding and shares follow their definitions.
// Method: scikit-learn in float64 from a given start; a naive twin without bounds on random data; WebAssembly against typed arrays.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import type { Kernels } from '../kernels/compute.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { decodeModelFile, float32Section } from '../model-file.ts';
import { Pace } from '../pace.ts';
import { rawRows } from '../prepared-rows.ts';
import { Random } from '../random.ts';
import { classShares } from './cluster-core.ts';
import type { Clustering } from './lloyd.ts';
import { lloyd } from './lloyd.ts';
import { seedCentroids } from './seeding.ts';
import { columnScatter, weightedRows } from './weighted-rows.ts';

interface Case {
  readonly name: string; readonly X: number[][]; readonly weights: number[] | null; readonly start: number[][]; readonly rounds: number;
  readonly centroids: number[][]; readonly labels: number[]; readonly inertia: number; readonly iterations: number;
}

const { cases } = readReference<{ cases: Case[] }>('k-means');
const pace = new Pace(undefined, undefined);

function datasetOf(X: Float32Array, columnCount: number, weights?: Float64Array): Dataset {
  const rowCount = X.length / columnCount;
  return { rowCount, columnCount, X, y: Float64Array.from({ length: rowCount }, (_, i) => i % 2), weights, featureNames: Array.from({ length: columnCount }, (_, j) => `x${j}`) };
}

async function cluster(data: Dataset, start: Float32Array, maxIterations: number, kernels: Kernels = plainKernels, tolerance = 0): Promise<Clustering> {
  const compute = await kernels.open({});
  const rows = await weightedRows(rawRows(data), { compute, pace });
  const found = await lloyd(rows, { centroids: start, maxIterations, tolerance, ...await columnScatter(rows, { compute }) }, { compute });
  const kept = { ...found, assigned: found.assigned.slice() };
  compute.close();
  return kept;
}

const squared = (X: Float32Array, row: number, centroids: ArrayLike<number>, k: number, columnCount: number): number =>
  Array.from({ length: columnCount }, (_, j) => (X[row * columnCount + j]! - centroids[k * columnCount + j]!) ** 2).reduce((sum, part) => sum + part, 0);

/** Lloyd's algorithm from its definition, all distances each time, in float64; ends when no label changes. */
function naiveLloyd(X: Float32Array, columnCount: number, start: Float32Array): { labels: number[]; inertia: number } {
  const clusterCount = start.length / columnCount;
  let centroids = Float64Array.from(start);
  let labels: number[] = [];
  for (;;) {
    const nearest = Array.from({ length: X.length / columnCount }, (_, row) => {
      const distances = Array.from({ length: clusterCount }, (_, k) => squared(X, row, centroids, k, columnCount));
      return distances.indexOf(Math.min(...distances));
    });
    if (nearest.every((label, row) => label === labels[row])) break;
    labels = nearest;
    centroids = Float64Array.from({ length: start.length }, (_, at) => {
      const rows = labels.flatMap((label, row) => (label === Math.floor(at / columnCount) ? [row] : []));
      return rows.length === 0 ? centroids[at]! : rows.reduce((sum, row) => sum + X[row * columnCount + (at % columnCount)]!, 0) / rows.length;
    });
  }
  return { labels, inertia: labels.reduce((sum, label, row) => sum + squared(X, row, centroids, label, columnCount), 0) };
}

describe('lloyd', () => {
  for (const reference of cases) {
    it(`differential: ${reference.name} ends where scikit-learn does from the same start`, async () => {
      const columnCount = reference.X[0]!.length;
      const weights = reference.weights === null ? undefined : Float64Array.from(reference.weights);
      const found = await cluster(datasetOf(Float32Array.from(flatten(reference.X)), columnCount, weights), Float32Array.from(flatten(reference.start)), reference.rounds);
      flatten(reference.centroids).forEach((expected, at) => expect(Math.abs(found.centroids[at]! - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected))));
      expect(Math.abs(found.inertia / reference.inertia - 1)).toBeLessThan(1e-5);
      reference.labels.forEach((label, row) => expect(found.assigned[row]).toBe(reference.weights?.[row] === 0 ? -1 : label));
      // scikit-learn counts the round in which nothing changes.
      expect(Math.abs(found.iterations - reference.iterations)).toBeLessThanOrEqual(1);
    });
  }

  it('oracle: bounds change nothing, with many clusters, near ties and far from the origin', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0, 300), fc.integer({ min: 2, max: 20 }), async (seed, shift, clusterCount) => {
      const random = new Random(seed);
      const columnCount = 1 + random.int(6);
      const X = Float32Array.from({ length: columnCount * (20 + random.int(80)) }, () => Math.round((shift + 2 * random.normal()) * 64) / 64);
      const rows = Array.from({ length: clusterCount }, (_, k) => k);
      const start = Float32Array.from(rows.flatMap((k) => [...X.subarray(k * columnCount, (k + 1) * columnCount)]));
      if (new Set(rows.map((k) => [...start.subarray(k * columnCount, (k + 1) * columnCount)].join())).size < clusterCount) return;
      const expected = naiveLloyd(X, columnCount, start);
      const found = await cluster(datasetOf(X, columnCount), start, 300);
      if (found.history.length > 1 && new Set(expected.labels).size < clusterCount) return;
      expect(Math.abs(found.inertia - expected.inertia)).toBeLessThan(1e-5 * Math.max(1, expected.inertia));
    }), { numRuns: 15 });
  });

  it('the inertia never rises', async () => {
    const { X, start } = cases[1]!;
    const { history, iterations } = await cluster(datasetOf(Float32Array.from(flatten(X)), 5), Float32Array.from(flatten(start)), 300);
    expect(history.length).toBe(iterations + 1);
    history.forEach((inertia, i) => expect(inertia).toBeLessThanOrEqual((history[i - 1] ?? Infinity) * (1 + 1e-9)));
  });

  it('differential: every exact backend leaves the same centroids and labels, weights and odd shapes included', async () => {
    for (const [seed, columnCount, clusterCount, weighted] of [[1, 1, 3, false], [2, 7, 8, true], [4, 5, 19, true]] as const) {
      const random = new Random(seed);
      const data = datasetOf(Float32Array.from({ length: 603 * columnCount }, () => random.normal()), columnCount, weighted ? Float64Array.from({ length: 603 }, () => random.int(3)) : undefined);
      const start = Float32Array.from({ length: clusterCount * columnCount }, () => random.normal());
      const expected = await cluster(data, start, 12);
      for (const kernels of await wasmBackends()) {
        const found = await cluster(data, start, 12, kernels);
        expect(found.centroids).toEqual(expected.centroids);
        expect(found.assigned).toEqual(expected.assigned);
        expect(found.history).toEqual(expected.history);
      }
    }
  });
});

describe('seedCentroids', () => {
  const seed = async (data: Dataset, clusterCount: number, random: Random, kernels = plainKernels): Promise<Float32Array> => {
    const compute = await kernels.open({});
    const rows = await weightedRows(rawRows(data), { compute, pace });
    const centroids = await seedCentroids(rows, clusterCount, { compute, random });
    compute.close();
    return centroids;
  };

  it('draws the second centre in proportion to weight x squared distance, the better of two', async () => {
    // From 0 (the first centre whenever it is drawn) the points 1 and 2 have 1 x 4 and 4 x 1 chances; two are drawn, the better stays.
    const data = datasetOf(Float32Array.of(0, 1, 2), 1, Float64Array.of(1000, 4, 1));
    let [ones, drawn] = [0, 0];
    for (let turn = 0; turn < 1500; turn++) {
      const [first, second] = await seed(data, 2, new Random(turn));
      if (first !== 0) continue;
      drawn++;
      if (second === 1) ones++;
    }
    // Choosing 1 leaves 1 x 1, choosing 2 leaves 4 x 1: 1 wins unless both draws are 2.
    expect(drawn).toBeGreaterThan(1450);
    expect(Math.abs(ones / drawn - 0.75)).toBeLessThan(4 * Math.sqrt((0.75 * 0.25) / drawn));
  });

  it('never takes a row twice, nor a row of weight 0, and stops when no other is left', async () => {
    const data = datasetOf(Float32Array.of(5, 5, 5, 7, 9, 9), 1, Float64Array.of(1, 1, 1, 1, 0, 0));
    for (let turn = 0; turn < 20; turn++) expect([...(await seed(data, 4, new Random(turn)))].sort()).toEqual([5, 7]);
  });

  it('differential: every exact backend takes the same rows', async () => {
    const random = new Random(3);
    for (const columnCount of [1, 6, 30]) {
      const data = datasetOf(Float32Array.from({ length: 277 * columnCount }, () => random.normal()), columnCount);
      const expected = await seed(data, 9, new Random(1));
      for (const kernels of await wasmBackends()) expect(await seed(data, 9, new Random(1), kernels)).toEqual(expected);
    }
  });
});

describe('k-means', () => {
  const blobs = (): Dataset => {
    const random = new Random(2);
    const X = Float32Array.from({ length: 600 }, (_, at) => [0, 0, 6, 0, 0, 6][(2 * Math.floor(at / 2) + (at % 2)) % 6]! + random.normal());
    return { ...datasetOf(X, 2), y: Float64Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? 1 : random.int(5) === 0 ? 1 : 0)) };
  };

  it('tells the share of class 1 in the nearest cluster, as the definition counts it', async () => {
    const data = blobs();
    const model = await createEstimator({ kind: 'k-means', task: 'classification', parameters: { clusters: 3 }, prepare: [] }).fit(data, { random: new Random(1) });
    const centroids = float32Section(decodeModelFile(model.save()), 'clusters.centroids');
    const nearest = Array.from({ length: 300 }, (_, row) => [0, 1, 2].sort((a, b) => squared(data.X, row, centroids, a, 2) - squared(data.X, row, centroids, b, 2))[0]!);
    const prior = data.y.reduce((sum, label) => sum + label, 0) / 300;
    model.score(data.X, 300).forEach((score, row) => {
      const rows = nearest.flatMap((cluster, other) => (cluster === nearest[row] ? [other] : []));
      expect(score).toBeCloseTo((rows.reduce((sum, other) => sum + data.y[other]!, 0) + prior) / (rows.length + 1), 12);
    });
  });

  it('keeps the best of several starts', async () => {
    const random = new Random(6);
    const data = datasetOf(Float32Array.from({ length: 300 }, () => random.normal()), 2);
    const inertia = async (starts: number): Promise<number> => (await createEstimator({ kind: 'k-means', task: 'classification', parameters: { clusters: 12, starts }, prepare: [] }).fit(data, { random: new Random(4) })).history.at(-1)!;
    expect(await inertia(10)).toBeLessThan(await inertia(1));
  });

  it('starts at the first distinct rows when told to, whatever the seed', async () => {
    const X = Float32Array.of(1, 1, 9, 2, 10);
    const fit = (seed: number): Promise<Uint8Array> => createEstimator({ kind: 'k-means', task: 'classification', parameters: { clusters: 3, seeding: 'first-rows', max_iterations: 1 }, prepare: [] })
      .fit(datasetOf(X, 1), { random: new Random(seed) }).then((model) => model.save());
    const bytes = await fit(1);
    expect(await fit(2)).toEqual(bytes);
    expect([...float32Section(decodeModelFile(bytes), 'clusters.centroids')]).toEqual([1, 9.5, 2]);
  });

  it('gives an empty cluster the prior, and a tie to the majority of all', () => {
    const shares = classShares(Int32Array.of(0, 0, 1, 1, -1), 3, Float64Array.of(1, 0, 1, 1, 1), undefined);
    expect([...shares]).toEqual([(1 + 0.8) / 3, (2 + 0.8) / 3, 0.8].map((share) => expect.closeTo(share, 12)));
  });

  it('scores many rows on every backend as one by one', async () => {
    const data = blobs();
    const model = await createEstimator({ kind: 'k-means', task: 'classification', parameters: { clusters: 11 }, prepare: [] }).fit(data, { random: new Random(1) });
    const expected = model.score(data.X, 300);
    for (const kernels of [plainKernels, ...await wasmBackends()]) expect(await model.scoreInBatch(data.X, 300, { kernels })).toEqual(expected);
  });
});
