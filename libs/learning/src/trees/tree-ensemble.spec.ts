// Goal: trees predict what their nodes say and explain it exactly. Method: a naive walk and Shapley values straight from the definition (oracle), LightGBM's
// and XGBoost's contributions for their own trees (differential), and WebAssembly against typed arrays to the bit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { Random } from '../random.ts';
import { quadrature } from './shapley-of-leaf.ts';
import type { TreeNodes } from './tree-ensemble.ts';
import { TreeEnsemble } from './tree-ensemble.ts';

interface Peer { readonly nodes: Record<keyof TreeNodes, number[]>; readonly contributions: number[][]; readonly margins: number[] }

const nodesOf = (lists: Record<keyof TreeNodes, readonly number[]>): TreeNodes => ({
  roots: Int32Array.from(lists.roots), feature: Int32Array.from(lists.feature), threshold: Float64Array.from(lists.threshold), left: Int32Array.from(lists.left),
  right: Int32Array.from(lists.right), missingLeft: Uint8Array.from(lists.missingLeft), value: Float64Array.from(lists.value), cover: Float64Array.from(lists.cover),
});

/** Trees of any shape, features met twice on a path, thresholds that rows hit exactly, some nodes that no training row reached. */
function randomTrees(random: Random, treeCount: number, columnCount: number, depth: number): TreeNodes {
  const lists: Record<keyof TreeNodes, number[]> = { roots: [], feature: [], threshold: [], left: [], right: [], missingLeft: [], value: [], cover: [] };
  const grow = (level: number, cover: number): number => {
    const at = lists.feature.push(-1) - 1;
    lists.threshold.push(0);
    lists.left.push(-1);
    lists.right.push(-1);
    lists.missingLeft.push(0);
    lists.value.push(random.normal());
    lists.cover.push(cover);
    if (level === depth || random.uniform() < 0.15) return at;
    lists.feature[at] = random.int(columnCount);
    lists.threshold[at] = [random.int(7) / 2 - 1.5, random.normal(), 0, Number.MAX_VALUE, -1e-46][random.int(5)]!;
    lists.missingLeft[at] = random.int(2);
    const leftCover = cover * (random.int(5) === 0 ? 0 : random.uniform());
    lists.left[at] = grow(level + 1, leftCover);
    lists.right[at] = grow(level + 1, cover - leftCover);
    return at;
  };
  for (let tree = 0; tree < treeCount; tree++) lists.roots.push(grow(0, 100));
  return nodesOf(lists);
}

const randomRows = (random: Random, rowCount: number, columnCount: number): Float32Array =>
  Float32Array.from({ length: rowCount * columnCount }, () => [random.int(7) / 2 - 1.5, random.normal(), NaN, -0, 1e-45][random.int(5)]!);

const goesLeft = (nodes: TreeNodes, node: number, value: number): boolean => (Number.isNaN(value) ? nodes.missingLeft[node] === 1 : value <= nodes.threshold[node]!);

/** What a tree expects from the features in `knows`, from the definition. */
function expected(nodes: TreeNodes, node: number, x: Float32Array, knows: (feature: number) => boolean): number {
  const feature = nodes.feature[node]!;
  if (feature < 0) return nodes.value[node]!;
  const [left, right] = [nodes.left[node]!, nodes.right[node]!];
  if (knows(feature)) return expected(nodes, goesLeft(nodes, node, x[feature]!) ? left : right, x, knows);
  const share = (child: number): number => (nodes.cover[node]! > 0 ? nodes.cover[child]! / nodes.cover[node]! : 0);
  return share(left) * expected(nodes, left, x, knows) + share(right) * expected(nodes, right, x, knows);
}

/** The mean gain of adding a feature over all orders, by subsets: exponential in the features. */
function naiveShapley(nodes: TreeNodes, x: Float32Array): number[] {
  const count = x.length;
  const worth = Array.from({ length: 2 ** count }, (_, set) => nodes.roots.reduce((sum, root) => sum + expected(nodes, root, x, (feature) => ((set >> feature) & 1) === 1), 0));
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  return Array.from(x, (_, feature) => {
    let sum = 0;
    for (let set = 0; set < 2 ** count; set++) {
      if ((set >> feature) & 1) continue;
      const size = set.toString(2).replaceAll('0', '').length;
      sum += ((factorial(size) * factorial(count - size - 1)) / factorial(count)) * (worth[set | (1 << feature)]! - worth[set]!);
    }
    return sum;
  });
}

describe('tree ensemble', async () => {
  const backends = await wasmBackends();

  it('oracle: a row\'s margin is the sum of the leaves it reaches, missing values and thresholds hit included', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 9 }), (seed, treeCount) => {
      const random = new Random(seed);
      const nodes = randomTrees(random, treeCount, 5, 6);
      const X = randomRows(random, 20, 5);
      const ensemble = new TreeEnsemble(nodes, 0.25, 3);
      for (let row = 0; row < 20; row++) {
        const leaves = [...nodes.roots].map((root) => expected(nodes, root, X.subarray(5 * row, 5 * row + 5), () => true));
        expect(ensemble.margin(X, 5 * row)).toBe(0.25 + leaves.reduce((sum, value) => sum + value, 0) / 3);
      }
    }), { numRuns: 100 });
  });

  it('differential: whole batches have the margins of rows alone, to the bit, on typed arrays and in WebAssembly', async () => {
    const random = new Random(5);
    for (const [treeCount, rowCount, columnCount] of [[1, 1, 1], [7, 1031, 5], [40, 300, 70]] as const) {
      const nodes = randomTrees(random, treeCount, columnCount, 8);
      const X = randomRows(random, rowCount, columnCount);
      const ensemble = new TreeEnsemble(nodes, -0.5, treeCount);
      const single = Float64Array.from({ length: rowCount }, (_, row) => ensemble.margin(X, row * columnCount));
      for (const kernels of [plainKernels, ...backends]) {
        const compute = await kernels.open({});
        const out = compute.float64(rowCount);
        await ensemble.margins(compute.adopt(X), rowCount, compute, out);
        expect(out).toEqual(single);
        compute.close();
      }
    }
  });

  it('oracle: contributions are the Shapley values of the definition, within 1e-9', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 7 }), (seed, columnCount, depth) => {
      const random = new Random(seed);
      const nodes = randomTrees(random, 3, columnCount, depth);
      const ensemble = new TreeEnsemble(nodes, 0.5);
      const contributions = new Float64Array(columnCount).fill(7);
      for (let row = 0; row < 3; row++) {
        const x = randomRows(random, 1, columnCount);
        const base = ensemble.explain(x, contributions);
        naiveShapley(nodes, x).forEach((part, j) => expect(Math.abs(contributions[j]! - part)).toBeLessThan(1e-9));
        expect(Math.abs(base - nodes.roots.reduce((sum, root) => sum + expected(nodes, root, x, () => false), 0.5))).toBeLessThan(1e-9);
        expect(Math.abs(contributions.reduce((sum, part) => sum + part, base) - ensemble.margin(x, 0))).toBeLessThan(1e-9);
      }
    }), { numRuns: 60 });
  });

  it('oracle: the same of trees so deep that some leaves have a table, shared or alone, and others none', () => {
    fc.assert(fc.property(fc.integer(), (seed) => {
      const random = new Random(seed);
      const nodes = randomTrees(random, 2, 12, 13);
      const x = randomRows(random, 1, 12);
      const contributions = new Float64Array(12);
      new TreeEnsemble(nodes, 0).explain(x, contributions);
      naiveShapley(nodes, x).forEach((part, j) => expect(Math.abs(contributions[j]! - part)).toBeLessThan(1e-9));
    }), { numRuns: 8 });
  });

  it('loses no digits where a path looks at forty features', () => {
    const depth = 40;
    const along = Array.from({ length: depth }, (_, level) => level);
    const nodes = nodesOf({
      roots: [0], feature: [...along.flatMap((level) => [level, -1]), -1], threshold: new Array<number>(81).fill(0), missingLeft: new Array<number>(81).fill(0),
      left: [...along.flatMap((level) => [2 * level + 1, -1]), -1], right: [...along.flatMap((level) => [2 * level + 2, -1]), -1],
      value: [...along.flatMap((level) => [0, level % 3]), 100], cover: [...along.flatMap((level) => [2 * 0.9 ** level, 0.2 * 0.9 ** level]), 2 * 0.9 ** depth],
    });
    const ensemble = new TreeEnsemble(nodes, 0);
    const x = Float32Array.from(along, (level) => (level % 7 === 3 ? -1 : 1));
    const contributions = new Float64Array(depth);
    const base = ensemble.explain(x, contributions);
    expect(contributions.reduce((sum, part) => sum + part, base)).toBeCloseTo(ensemble.margin(x, 0), 11);
  });

  it('oracle: Gauss-Legendre points integrate polynomials below twice their number exactly', () => {
    for (const size of [1, 2, 3, 7, 20]) {
      const { points, weights } = quadrature(size);
      for (let degree = 0; degree < 2 * size; degree++) expect(points.reduce((sum, point, i) => sum + weights[i]! * point ** degree, 0)).toBeCloseTo(1 / (degree + 1), 13);
    }
  });

  const reference = readReference<{ rows: (number | null)[][]; lightgbm: Peer; xgboost: Peer }>('tree-shap');
  // LightGBM works in float64; XGBoost adds in float32.
  for (const [peer, tolerance] of [['lightgbm', 1e-9], ['xgboost', 3e-6]] as const) {
    it(`differential: ${peer}'s margins and contributions for its own trees, within ${tolerance}`, () => {
      const { nodes, contributions, margins } = reference[peer];
      const ensemble = new TreeEnsemble(nodesOf(nodes), 0);
      const found = new Float64Array(7);
      reference.rows.forEach((row, i) => {
        const x = Float32Array.from(flatten([row]));
        const base = ensemble.explain(x, found);
        expect(Math.abs(ensemble.margin(x, 0) - margins[i]!)).toBeLessThan(tolerance);
        [...found, base].forEach((part, j) => expect(Math.abs(part - contributions[i]![j]!)).toBeLessThan(tolerance));
      });
    });
  }
});
