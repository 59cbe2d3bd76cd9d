// Goal: boosting is the method it says. Method: scikit-learn on the same data (it keeps gradients in float32 and breaks ties its own
// way, so scores within 0.005 and most predictions close), and a naive grower that tries every split from the definition.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { takeRows } from '../dataset.ts';
import type { FittedModel, Task } from '../estimator.ts';
import { rocAuc } from '../metrics/classification.ts';
import { r2 } from '../metrics/regression.ts';
import { decodeModelFile, int32Section } from '../model-file.ts';
import { Random } from '../random.ts';

interface Reference {
  readonly trained: number; readonly X: (number | null)[][]; readonly labels: number[]; readonly targets: number[];
  readonly fits: readonly { readonly task: Task; readonly parameters: Record<string, number>; readonly score: number; readonly predictions: number[] }[];
}

const reference = readReference<Reference>('gradient-boosting');

function boost(data: Dataset, task: Task, parameters: Record<string, number>): Promise<FittedModel> {
  return createEstimator({ kind: 'gradient-boosting', task, parameters, prepare: [] }).fit(data, { random: new Random(1) });
}

function referenceData(task: Task): { train: Dataset; test: Dataset } {
  const y = Float64Array.from(task === 'classification' ? reference.labels : reference.targets);
  const columnCount = reference.X[0]!.length;
  const data: Dataset = { rowCount: y.length, columnCount, X: Float32Array.from(flatten(reference.X)), y, featureNames: reference.X[0]!.map((_, j) => `x${j}`) };
  const rows = Int32Array.from({ length: y.length }, (_, i) => i);
  return { train: takeRows(data, rows.slice(0, reference.trained)), test: takeRows(data, rows.slice(reference.trained)) };
}

describe('gradient boosting', () => {
  for (const { task, parameters, score, predictions } of reference.fits) {
    it(`differential: ${task} ${JSON.stringify(parameters)} scores as scikit-learn's`, async () => {
      const { train, test } = referenceData(task);
      const found = (await boost(train, task, parameters)).score(test.X, test.rowCount);
      expect(Math.abs((task === 'classification' ? rocAuc(test.y, found) : r2(test.y, found)) - score)).toBeLessThan(0.005);
      const spread = task === 'classification' ? 1 : 20;
      const distances = predictions.map((expected, i) => Math.abs(found[i]! - expected) / spread).sort((a, b) => a - b);
      expect(distances[50]).toBeLessThan(2e-3);
    });
  }

  it('oracle: one tree equals a naive grower that tries every cut of every feature', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0, 2), fc.boolean(), async (seed, l2, weighted) => {
      const data = smallData(seed, weighted);
      const rules = { leaves: 6, min_rows_in_leaf: 3, l2 };
      const model = await boost(data, 'regression', { ...rules, trees: 1, learning_rate: 1 });
      const naive = naiveTree(data, rules);
      const found = model.score(data.X, data.rowCount);
      naive.forEach((expected, i) => expect(found[i]).toBeCloseTo(expected, 5));
    }), { numRuns: 60 });
  });

  it('the training loss falls with every tree', async () => {
    for (const task of ['classification', 'regression'] as const) {
      const { history } = await boost(referenceData(task).train, task, { trees: 30 });
      expect(history).toHaveLength(31);
      history.slice(1).forEach((loss, i) => expect(loss).toBeLessThan(history[i]!));
    }
  });

  it('grows no tree beyond its leaves and puts no fewer rows in a leaf than asked', async () => {
    const { train } = referenceData('regression');
    const model = await boost(train, 'regression', { trees: 5, leaves: 7, min_rows_in_leaf: 40 });
    const file = decodeModelFile(model.save());
    const roots = int32Section(file, 'trees.roots');
    const feature = int32Section(file, 'trees.feature');
    roots.forEach((root, t) => {
      const leaves = feature.slice(root, roots[t + 1] ?? feature.length).filter((column) => column < 0).length;
      expect(leaves).toBeLessThanOrEqual(7);
    });
    const single = await boost(train, 'regression', { trees: 1, leaves: 30, min_rows_in_leaf: 40 });
    const counts = new Map<number, number>();
    single.score(train.X, train.rowCount).forEach((value) => counts.set(value, (counts.get(value) ?? 0) + 1));
    expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(40);
    expect(counts.size).toBeGreaterThan(10);
  });

  it('shifting and scaling the target by powers of two shifts and scales regression alike', async () => {
    const { train, test } = referenceData('regression');
    const plain = (await boost(train, 'regression', { trees: 20 })).score(test.X, test.rowCount);
    for (const scale of [2 ** -30, 2 ** 40]) {
      const scaled = (await boost({ ...train, y: train.y.map((y) => y * scale) }, 'regression', { trees: 20 })).score(test.X, test.rowCount);
      expect(scaled).toEqual(plain.map((value) => value * scale));
    }
  });

  it('sends missing values the way that training found better', async () => {
    const X = Float32Array.from({ length: 200 }, (_, i) => (i % 4 === 0 ? NaN : i % 4));
    const y = Float64Array.from(X, (x) => (x === 3 || Number.isNaN(x) ? 1 : 0));
    const data: Dataset = { rowCount: 200, columnCount: 1, X, y, featureNames: ['x'] };
    const model = await boost(data, 'classification', { trees: 30, min_rows_in_leaf: 5 });
    expect(model.scoreRow(Float64Array.of(NaN))).toBeGreaterThan(0.9);
    expect(model.scoreRow(Float64Array.of(3))).toBeGreaterThan(0.9);
    expect(model.scoreRow(Float64Array.of(1))).toBeLessThan(0.1);
    const onlyMissing = { ...data, y: Float64Array.from(X, (x) => (Number.isNaN(x) ? 1 : 0)) };
    const apart = await boost(onlyMissing, 'classification', { trees: 30, min_rows_in_leaf: 5 });
    expect(apart.scoreRow(Float64Array.of(NaN))).toBeGreaterThan(0.9);
    expect(apart.scoreRow(Float64Array.of(1e9))).toBeLessThan(0.1);
  });

  it('oracle: contributions are the differences of node values along the path', async () => {
    const { train, test } = referenceData('classification');
    const model = await boost(train, 'classification', { trees: 1, learning_rate: 1, leaves: 2 });
    const contributions = new Float64Array(6);
    const base = model.explainRow(test.X.slice(0, 6), contributions);
    const split = int32Section(decodeModelFile(model.save()), 'trees.feature')[0]!;
    const p = model.scoreRow(test.X.slice(0, 6));
    contributions.forEach((part, j) => expect(part).toBeCloseTo(j === split ? Math.log(p / (1 - p)) - base : 0, 12));
    const prior = train.y.reduce((sum, y) => sum + y, 0) / train.rowCount;
    expect(base).toBeCloseTo(Math.log(prior / (1 - prior)), 6);
  });
});

/** Few distinct values, so that every border is a cut, and targets without ties. */
function smallData(seed: number, weighted: boolean): Dataset {
  const random = new Random(seed);
  const [rowCount, columnCount] = [40, 3];
  const X = Float32Array.from({ length: rowCount * columnCount }, () => (random.uniform() < 0.15 ? NaN : random.int(9)));
  const y = Float64Array.from({ length: rowCount }, (_, i) => random.normal() + (X[i * columnCount]! > 4 ? 2 : 0));
  return { rowCount, columnCount, X, y, weights: weighted ? y.map(() => 1 + random.int(3)) : undefined, featureNames: ['a', 'b', 'c'] };
}

interface NaiveNode { readonly rows: number[]; readonly best: { gain: number; left: number[]; right: number[] } | undefined }

/** Leaf-wise growth by trying every cut, with missing values on either side, straight from sums over rows. */
function naiveTree(data: Dataset, rules: { leaves: number; min_rows_in_leaf: number; l2: number }): number[] {
  const weight = (i: number): number => data.weights?.[i] ?? 1;
  const sumOf = (rows: number[], term: (i: number) => number): number => rows.reduce((sum, i) => sum + weight(i) * term(i), 0);
  const all = data.y.reduce<number[]>((rows, _, i) => [...rows, i], []);
  const mean = sumOf(all, (i) => data.y[i]!) / sumOf(all, () => 1);
  const score = (rows: number[]): number => sumOf(rows, (i) => data.y[i]! - mean) ** 2 / (sumOf(rows, () => 1) + rules.l2);
  const study = (rows: number[]): NaiveNode => {
    let best: NaiveNode['best'];
    for (let j = 0; j < data.columnCount; j++) {
      const x = (i: number): number => data.X[i * data.columnCount + j]!;
      for (let cut = 0; cut < 9; cut++) {
        for (const missingLeft of [false, true]) {
          const left = rows.filter((i) => x(i) <= cut || (missingLeft && Number.isNaN(x(i))));
          const right = rows.filter((i) => !left.includes(i));
          if (Math.min(sumOf(left, () => 1), sumOf(right, () => 1)) < rules.min_rows_in_leaf) continue;
          const gain = score(left) + score(right) - score(rows);
          if (gain > 1e-6 && gain > (best?.gain ?? 0) + 1e-9) best = { gain, left, right };
        }
      }
    }
    return { rows, best };
  };
  const leaves = [study(all)];
  while (leaves.length < rules.leaves) {
    const open = leaves.filter(({ best }) => best !== undefined).sort((a, b) => b.best!.gain - a.best!.gain)[0];
    if (open === undefined) break;
    leaves.splice(leaves.indexOf(open), 1, study(open.best!.left), study(open.best!.right));
  }
  const predictions = new Array<number>(data.rowCount).fill(NaN);
  for (const { rows } of leaves) {
    const value = mean + sumOf(rows, (i) => data.y[i]! - mean) / (sumOf(rows, () => 1) + rules.l2);
    for (const i of rows) predictions[i] = value;
  }
  return predictions;
}
