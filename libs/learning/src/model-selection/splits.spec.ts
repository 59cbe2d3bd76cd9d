// Goal: no test row, and no row whose label looks into the test, is trained on. Method: laws over random inputs and small cases.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { rocAuc } from '../metrics/classification.ts';
import { Random } from '../random.ts';
import { crossValidate } from './cross-validate.ts';
import { holdoutSplit, splitByFold, stratifiedFolds, timeSplit } from './splits.ts';

describe('timeSplit', () => {
  it('tests on the latest as-of and trains on labels that were over by then', () => {
    const { train, test } = timeSplit([100, 400, 200, 300, 400, 310], { gapMs: 100 });
    expect([...test]).toEqual([1, 4]);
    expect([...train]).toEqual([0, 2, 3]);
    expect([...timeSplit([1, 2, 3], { gapMs: 0 }).train]).toEqual([0, 1]);
    const middle = timeSplit([1, 2, 3], { gapMs: 1, testAsOfMs: 2 });
    expect([[...middle.train], [...middle.test]]).toEqual([[0], [1]]);
  });

  it('leaves at least the gap between any training row and the test', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1 }), fc.nat({ max: 500 }), (asOf, gapMs) => {
      const { train, test } = timeSplit(asOf, { gapMs });
      const start = Math.min(...[...test].map((i) => asOf[i]!));
      for (const i of train) expect(asOf[i]! < start && asOf[i]! + gapMs <= start).toBe(true);
    }));
  });
});

describe('holdoutSplit', () => {
  it('keeps order, share and gap', () => {
    const { train, test } = holdoutSplit(10, { testShare: 0.2, gapRows: 3 });
    expect([[...train], [...test]]).toEqual([[0, 1, 2, 3, 4], [8, 9]]);
    expect(() => holdoutSplit(10, { testShare: 1, gapRows: 0 })).toThrow(/test share between 0 and 1, found 1/);
    expect(holdoutSplit(10, { testShare: 0.5, gapRows: 99 }).train).toHaveLength(0);
  });
});

describe('stratifiedFolds', () => {
  it('parts the rows, with each class spread evenly', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 5 }), fc.integer({ min: 2, max: 5 }), fc.integer(), (labels, k, seed) => {
      const y = Float64Array.from(labels);
      const folds = stratifiedFolds(y, k, new Random(seed));
      expect(folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
      const positives = folds.map(({ test }) => [...test].filter((i) => y[i] === 1).length);
      expect(Math.max(...positives) - Math.min(...positives)).toBeLessThanOrEqual(1);
      for (const { train, test } of folds) expect(new Set([...train, ...test]).size).toBe(labels.length);
    }));
    expect(() => stratifiedFolds(Float64Array.of(0, 1, 2), 2, new Random(1))).toThrow(/labels of 0 or 1, found 1 others/);
  });

  it('is the seed\'s', () => {
    const y = Float64Array.from({ length: 50 }, (_, i) => i % 2);
    expect(stratifiedFolds(y, 5, new Random(1))).toEqual(stratifiedFolds(y, 5, new Random(1)));
    expect(stratifiedFolds(y, 5, new Random(1))).not.toEqual(stratifiedFolds(y, 5, new Random(2)));
  });
});

describe('crossValidate', () => {
  it('predicts each row by a model that did not see it, and reports progress over all folds', async () => {
    const random = new Random(1);
    const y = Float64Array.from({ length: 60 }, () => random.int(2));
    // Every row is its own feature value: a model that saw the row could know its label, one that did not can't.
    const data: Dataset = { rowCount: 60, columnCount: 1, X: Float32Array.from(y, (_, i) => i), y, featureNames: ['x'] };
    const estimator = createEstimator({ kind: 'gradient-boosting', task: 'classification', parameters: { min_rows_in_leaf: 1, trees: 50 }, prepare: [] });
    const seen: number[] = [];
    const { predictions, folds } = await crossValidate(estimator, data, stratifiedFolds(y, 4, random), { random, onProgress: (done) => seen.push(done) });
    expect(rocAuc(y, (await estimator.fit(data, { random })).score(data.X, 60))).toBeGreaterThan(0.99);
    expect(rocAuc(y, predictions)).toBeLessThan(0.75);
    expect(folds).toHaveLength(4);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    const partial = await crossValidate(estimator, data, [splitByFold(Int32Array.from(y, (_, i) => (i < 10 ? 0 : 1)), 0)], { random });
    expect(partial.predictions.filter(Number.isNaN)).toHaveLength(50);
  });
});
