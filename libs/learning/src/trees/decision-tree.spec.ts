// Goal: a tree makes the best cut everywhere, as scikit-learn does. Method: its trees on data of at most 255 values a column (differential), every cut of every
// column tried from the definition (oracle), and WebAssembly against typed arrays to the bit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import type { FittedModel, Parameters, Task } from '../estimator.ts';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { assertSameOnAll, missingTwins, trialOf } from '../kernels/operation.checks.ts';
import { decodeModelFile } from '../model-file.ts';
import { Random } from '../random.ts';
import { binRows, sortColumns, sortSpare } from './bin-rows.ts';
import { growCart } from './grow-cart.ts';
import { addOutOfBag } from './out-of-bag.ts';
import { TreeEnsemble } from './tree-ensemble.ts';
import { walkTrees } from './walk-trees.ts';

interface Reference {
  readonly X: number[][]; readonly holed: (number | null)[][]; readonly labels: number[]; readonly targets: number[]; readonly weights: number[];
  readonly fits: readonly {
    readonly name: string; readonly task: Task; readonly parameters: Parameters; readonly missing: boolean; readonly weighted: boolean; readonly agree: boolean;
    readonly splits: readonly [feature: number, threshold: number, missingLeft: number][]; readonly leaves: readonly [value: number, cover: number][];
  }[];
}

const reference = readReference<Reference>('cart');

const fitTree = (data: Dataset, task: Task, parameters: Parameters): Promise<FittedModel> =>
  createEstimator({ kind: 'decision-tree', task, parameters, prepare: [] }).fit(data, { random: new Random(1) });

const ensembleOf = (model: FittedModel): TreeEnsemble => TreeEnsemble.load(decodeModelFile(model.save()));

const byAllNumbers = (a: readonly number[], b: readonly number[]): number => a.map((value, i) => value - b[i]!).find((difference) => difference !== 0) ?? 0;

describe('decision tree', () => {
  for (const { name, task, parameters, missing, weighted, agree, splits, leaves } of reference.fits) {
    // Where scikit-learn's tree depends on its seed, two cuts are equally good and either tree is right.
    it.runIf(agree)(`differential: ${name} has the splits and leaves of scikit-learn`, async () => {
      const rows = missing ? reference.X.map((row, i) => row.map((value, j) => (j === 0 ? reference.holed[i]![0]! : j === 3 ? reference.holed[i]![1]! : value))) : reference.X;
      const data: Dataset = {
        rowCount: rows.length, columnCount: 5, X: Float32Array.from(flatten(rows)), featureNames: ['a', 'b', 'c', 'd', 'e'],
        y: Float64Array.from(task === 'classification' ? reference.labels : reference.targets), weights: weighted ? Float64Array.from(reference.weights) : undefined,
      };
      const { nodes, bias } = ensembleOf(await fitTree(data, task, parameters));
      const places = [...nodes.feature.keys()];
      const isSplit = (node: number): boolean => nodes.feature[node]! >= 0;
      const found = places.filter(isSplit).map((node) => [nodes.feature[node]!, nodes.threshold[node]!, missing ? nodes.missingLeft[node]! : 0]).sort(byAllNumbers);
      expect(found).toEqual(splits.map(([feature, threshold, left]) => [feature, threshold, missing ? left : 0]));
      const foundLeaves = places.filter((node) => !isSplit(node)).map((node) => [bias + nodes.value[node]!, nodes.cover[node]!]).sort(byAllNumbers);
      expect(foundLeaves).toHaveLength(leaves.length);
      foundLeaves.forEach(([value, cover], i) => {
        expect(Math.abs(value! - leaves[i]![0])).toBeLessThan(1e-9);
        expect(Math.abs(cover! - leaves[i]![1])).toBeLessThan(1e-6);
      });
    });
  }

  it('differential: most of those trees do not depend on scikit-learn\'s seed', () => {
    expect(reference.fits.filter(({ agree }) => agree).length).toBeGreaterThanOrEqual(7);
  });

  it('oracle: a stump leaves no more impurity than any cut of any column with missing values on either side', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom('gini', 'entropy', 'squares'), fc.boolean(), async (seed, criterion, weighted) => {
      const data = smallData(seed, criterion === 'squares', weighted);
      const parameters = { max_depth: 1, min_rows_in_leaf: 3 };
      const model = await (criterion === 'squares' ? fitTree(data, 'regression', parameters) : fitTree(data, 'classification', { ...parameters, criterion }));
      const sides = new Map<number, number[]>();
      model.score(data.X, data.rowCount).forEach((value, row) => sides.set(value, [...(sides.get(value) ?? []), row]));
      const found = [...sides.values()].reduce((sum, rows) => sum + impurity(data, rows, criterion), 0);
      expect(Math.abs(found - leastImpurity(data, criterion))).toBeLessThan(1e-9);
    }), { numRuns: 60 });
  });

  it('keeps to its bounds on depth, leaves and rows', async () => {
    const data = smallData(5, true, false, 400);
    const paths = (model: FittedModel): { leaves: number; depth: number; fewest: number } => {
      const { nodes } = ensembleOf(model);
      const depth = new Int32Array(nodes.feature.length);
      nodes.feature.forEach((feature, node) => { if (feature >= 0) depth[nodes.left[node]!] = depth[nodes.right[node]!] = depth[node]! + 1; });
      const leaves = [...nodes.feature.keys()].filter((node) => nodes.feature[node]! < 0);
      return { leaves: leaves.length, depth: Math.max(...depth), fewest: Math.min(...leaves.map((node) => nodes.cover[node]!)) };
    };
    expect(paths(await fitTree(data, 'regression', { max_depth: 3 }))).toMatchObject({ leaves: 8, depth: 3 });
    expect(paths(await fitTree(data, 'regression', { max_leaves: 11 })).leaves).toBe(11);
    expect(paths(await fitTree(data, 'regression', { min_rows_in_leaf: 30 })).fewest).toBeGreaterThanOrEqual(30);
    const whole = paths(await fitTree(data, 'regression', { min_rows_to_split: 401 }));
    expect(whole).toEqual({ leaves: 1, depth: 0, fewest: 400 });
  });

  it('cuts columns of more than 255 values at quantiles, and finds a step to within one of them', async () => {
    const random = new Random(8);
    const X = Float32Array.from({ length: 20_000 }, () => random.normal());
    const model = await fitTree({ rowCount: X.length, columnCount: 1, X, y: Float64Array.from(X, (x) => (x > 0.5 ? 1 : 0)), featureNames: ['x'] }, 'classification', { max_depth: 1 });
    const { nodes } = ensembleOf(model);
    const between = X.filter((x) => (x > 0.5) !== (x > nodes.threshold[0]!)).length;
    expect(between).toBeLessThanOrEqual(X.length / 255);
  });

  it('sends missing values where a node saw none to its heavier side', async () => {
    const X = Float32Array.from({ length: 90 }, (_, i) => i);
    for (const step of [20, 70]) {
      const model = await fitTree({ rowCount: 90, columnCount: 1, X, y: Float64Array.from(X, (x) => (x < step ? 1 : 3)), featureNames: ['x'] }, 'regression', {});
      expect(model.scoreRow(Float64Array.of(NaN))).toBeCloseTo(step < 45 ? 3 : 1, 12);
    }
  });
});

const bytes = builtKernels();
describe.skipIf(bytes === undefined)('operations of trees', async () => {
  const backends = await wasmBackends();
  const special = (random: Random): number => Math.fround([random.normal(), 1e-45, -1e-45, 3e38, -3e38, 0, random.int(9) - 4][random.int(7)]!);
  const binTrial = trialOf(binRows, (random) => {
    const [rowCount, columnCount] = [1 + random.int(700), 4];
    const counts = [0, 1, 254, random.int(255)];
    const starts = Int32Array.of(0, 0, 1, 255, 255 + counts[3]!);
    const cuts = Float32Array.from(counts.flatMap((count) => [...Float32Array.from({ length: count }, () => special(random)).sort()]));
    const block = Float32Array.from({ length: rowCount * columnCount }, () => (random.int(9) === 0 ? NaN : special(random)));
    return [block, rowCount, columnCount, Int32Array.of(2, 0, 3, 1), cuts, starts, new Uint8Array(columnCount * (rowCount + 20)), rowCount + 20, 7];
  });

  it('differential: columns sort alike', async () => {
    const random = new Random(3);
    for (const kernels of backends) {
      const compute = await kernels.open({});
      const values = Float32Array.from({ length: 5 * 1000 }, () => special(random) + 0);
      const counts = Int32Array.of(1000, 0, 1, 2, 999);
      const found = compute.adopt(values);
      await compute.run(sortColumns, found, 1000, 5, compute.adopt(counts), compute.uint32((1000 + sortSpare) * compute.facts.threadCount));
      counts.forEach((count, j) => values.subarray(1000 * j, 1000 * j + count).sort());
      expect(found).toEqual(values);
      compute.close();
    }
  });

  it('differential: rows fall into the same bins', () => assertSameOnAll(binTrial, backends, [1, 2, 3]));

  it('have a twin each', async () => {
    expect(await missingTwins([sortColumns, binRows, growCart, addOutOfBag, walkTrees], bytes!)).toEqual([]);
  });
});

/** Few distinct values and holes; targets without ties, or labels. */
function smallData(seed: number, isRegression: boolean, weighted: boolean, rowCount = 40): Dataset {
  const random = new Random(seed);
  const X = Float32Array.from({ length: rowCount * 3 }, () => (random.uniform() < 0.15 ? NaN : random.int(9)));
  const y = Float64Array.from({ length: rowCount }, (_, i) => {
    const signal = random.normal() + (X[i * 3]! > 4 ? 2 : 0);
    return isRegression ? signal : signal > 1 ? 1 : 0;
  });
  if (!isRegression) y.set([0, 1]);
  return { rowCount, columnCount: 3, X, y, weights: weighted ? y.map(() => 1 + random.int(3)) : undefined, featureNames: ['a', 'b', 'c'] };
}

/** Weight x impurity of rows, from the definitions. */
function impurity({ y, weights }: Dataset, rows: readonly number[], criterion: string): number {
  const weight = (row: number): number => weights?.[row] ?? 1;
  const total = rows.reduce((sum, row) => sum + weight(row), 0);
  const mean = rows.reduce((sum, row) => sum + weight(row) * y[row]!, 0) / total;
  if (criterion === 'squares') return rows.reduce((sum, row) => sum + weight(row) * (y[row]! - mean) ** 2, 0);
  if (criterion === 'gini') return total * (1 - mean ** 2 - (1 - mean) ** 2);
  return -total * [mean, 1 - mean].reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0);
}

function leastImpurity(data: Dataset, criterion: string): number {
  const all = [...data.y.keys()];
  const weight = (rows: readonly number[]): number => rows.reduce((sum, row) => sum + (data.weights?.[row] ?? 1), 0);
  let least = Infinity;
  for (let j = 0; j < 3; j++) {
    for (let cut = 0; cut < 9; cut++) {
      for (const missingLeft of [false, true]) {
        const isLeft = (row: number): boolean => data.X[row * 3 + j]! <= cut || (missingLeft && Number.isNaN(data.X[row * 3 + j]));
        const [left, right] = [all.filter(isLeft), all.filter((row) => !isLeft(row))];
        if (weight(left) >= 3 && weight(right) >= 3) least = Math.min(least, impurity(data, left, criterion) + impurity(data, right, criterion));
      }
    }
  }
  return least;
}
