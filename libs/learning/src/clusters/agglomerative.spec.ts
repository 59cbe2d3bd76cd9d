// Goal: merges and heights are those of Ward's method. Method: scipy's linkage and scikit-learn's labels; a naive twin that looks at all
// pairs from the definition of the criterion; WebAssembly against typed arrays.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { Pace } from '../pace.ts';
import { rawRows } from '../prepared-rows.ts';
import { Random } from '../random.ts';
import { cutTree, linkageOf, type Merges } from './merge-tree.ts';
import { wardMerges } from './ward-merges.ts';

interface Case { readonly name: string; readonly X: number[][]; readonly clusters: number; readonly labels: number[]; readonly first: number[]; readonly second: number[]; readonly heights: number[] }

const { cases } = readReference<{ cases: Case[] }>('agglomerative');

function datasetOf(X: Float32Array, columnCount: number, weights?: Float64Array): Dataset {
  const rowCount = X.length / columnCount;
  return { rowCount, columnCount, X, y: Float64Array.from({ length: rowCount }, (_, i) => i % 2), weights, featureNames: Array.from({ length: columnCount }, (_, j) => `x${j}`) };
}

async function merge(data: Dataset, kernels = plainKernels): Promise<Merges> {
  const compute = await kernels.open({});
  const merges = await wardMerges(rawRows(data), Int32Array.from({ length: data.rowCount }, (_, i) => i), { compute, pace: new Pace(undefined, undefined), progress: () => {} });
  compute.close();
  return merges;
}

/** Joins, again and again, the two clusters whose union adds least to the squared distances from their means (Ward 1963). */
function naiveHeights(X: Float32Array, columnCount: number): number[] {
  let clusters = Array.from({ length: X.length / columnCount }, (_, i) => [i]);
  const scatter = (rows: number[]): number => {
    let sum = 0;
    for (let j = 0; j < columnCount; j++) {
      const values = rows.map((row) => X[row * columnCount + j]!);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      sum += values.reduce((total, value) => total + (value - mean) ** 2, 0);
    }
    return sum;
  };
  const heights: number[] = [];
  while (clusters.length > 1) {
    let best = { added: Infinity, a: clusters[0]!, b: clusters[0]! };
    clusters.forEach((a, i) => clusters.slice(i + 1).forEach((b) => {
      const added = scatter([...a, ...b]) - scatter(a) - scatter(b);
      if (added < best.added) best = { added, a, b };
    }));
    heights.push(Math.sqrt(2 * Math.max(0, best.added)));
    clusters = [...clusters.filter((cluster) => cluster !== best.a && cluster !== best.b), [...best.a, ...best.b]];
  }
  return heights;
}

describe('wardMerges', () => {
  for (const reference of cases) {
    it(`differential: ${reference.name} merges in scipy's order at scipy's heights, cut as scikit-learn cuts`, async () => {
      const merges = await merge(datasetOf(Float32Array.from(flatten(reference.X)), reference.X[0]!.length));
      const found = linkageOf(merges);
      reference.heights.forEach((height, i) => expect(Math.abs(found.heights[i]! - height)).toBeLessThan(1e-7 * Math.max(1, height)));
      expect([...found.first]).toEqual(reference.first);
      expect([...found.second]).toEqual(reference.second);
      const labels = cutTree(merges, reference.clusters);
      const renamed = new Map(reference.labels.map((label, row) => [label, labels[row]!]));
      expect(renamed.size).toBe(reference.clusters);
      reference.labels.forEach((label, row) => expect(labels[row]).toBe(renamed.get(label)));
    });
  }

  it('oracle: heights are those of joining the cheapest pair of all each time', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 4 }), async (seed, rowCount, columnCount) => {
      const random = new Random(seed);
      const X = Float32Array.from({ length: rowCount * columnCount }, () => 10 + random.normal());
      const found = linkageOf(await merge(datasetOf(X, columnCount))).heights;
      naiveHeights(X, columnCount).forEach((height, i) => expect(Math.abs(found[i]! - height)).toBeLessThan(1e-6));
    }), { numRuns: 60 });
  });

  it('ends with a full tree where all rows or many distances are equal', async () => {
    const grid = Float32Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? Math.floor(at / 2) % 10 : Math.floor(at / 20)));
    const { heights } = linkageOf(await merge(datasetOf(grid, 2)));
    expect(heights[0]).toBe(1);
    heights.forEach((height, i) => expect(height).toBeGreaterThanOrEqual(heights[i - 1] ?? 0));
    expect([...(await merge(datasetOf(new Float32Array(90).fill(3), 3))).heights]).toEqual(new Array(29).fill(0));
  });

  it('a weight is a cluster of that many equal rows', async () => {
    const random = new Random(5);
    const X = Float32Array.from({ length: 60 }, () => random.normal());
    const weights = Float64Array.from({ length: 20 }, (_, i) => 1 + (i % 3));
    const repeated = Float32Array.from([...weights].flatMap((weight, i) => new Array<number[]>(weight).fill([...X.subarray(3 * i, 3 * i + 3)]).flat()));
    const [weighted, whole] = [linkageOf(await merge(datasetOf(X, 3, weights))).heights, linkageOf(await merge(datasetOf(repeated, 3))).heights];
    weighted.forEach((height, i) => expect(height).toBeCloseTo(whole[whole.length - weighted.length + i]!, 9));
  });

  it('differential: every exact backend finds the same merges in the same order', async () => {
    const random = new Random(8);
    for (const [rowCount, columnCount] of [[2, 1], [37, 3], [1060, 30]] as const) {
      const data = datasetOf(Float32Array.from({ length: rowCount * columnCount }, () => random.normal()), columnCount);
      const expected = await merge(data);
      for (const kernels of await wasmBackends()) expect(await merge(data, kernels)).toEqual(expected);
    }
  });
});

describe('agglomerative', () => {
  it('draws rows beyond its limit and gives the rest to the nearest cluster', async () => {
    const random = new Random(3);
    const X = Float32Array.from({ length: 3000 }, (_, at) => (Math.floor(at / 2) % 3) * 8 + random.normal());
    const data = { ...datasetOf(X, 2), y: Float64Array.from({ length: 1500 }, (_, i) => (i % 3 === 1 ? 1 : 0)) };
    const fit = (mostRows: number): Promise<Float64Array> => createEstimator({ kind: 'agglomerative', task: 'classification', parameters: { clusters: 3, most_rows: mostRows }, prepare: [] })
      .fit(data, { random: new Random(1) }).then((model) => model.score(X, 1500));
    const [drawn, whole] = [await fit(90), await fit(1500)];
    drawn.forEach((share, row) => expect(share).toBeCloseTo(whole[row]!, 2));
  });
});
