// Goal: folds keep entities and times apart. Method: laws over random inputs, scikit-learn's TimeSeriesSplit, small cases.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readReference } from '../../../../tools/reference/read-reference.ts';
import { Random } from '../random.ts';
import { groupedFolds } from './grouped-folds.ts';
import { overlapReport } from './overlap.ts';
import { stratifiedShare } from './splits.ts';
import { walkForwardSplits } from './walk-forward.ts';

describe('groupedFolds', () => {
  it('parts the rows, no entity on both sides, sizes as even as entities allow', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { minLength: 3 }), fc.integer(), (entities, seed) => {
      const distinct = new Set(entities).size;
      if (distinct < 2) return;
      const folds = groupedFolds(entities, Math.min(3, distinct), new Random(seed));
      expect(folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)).toEqual(entities.map((_, i) => i));
      for (const split of folds) expect(overlapReport(split, entities).sharedEntities).toBe(0);
      const largest = Math.max(...[...new Set(entities)].map((entity) => entities.filter((other) => other === entity).length));
      const sizes = folds.map(({ test }) => test.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(largest);
    }));
    expect(() => groupedFolds(['a', 'a', 'b'], 3, new Random(1))).toThrow(/2 to 2 folds, one entity each at least, found 3/);
  });

  it('is the seed\'s', () => {
    const entities = Array.from({ length: 60 }, (_, i) => i % 20);
    expect(groupedFolds(entities, 4, new Random(1))).toEqual(groupedFolds(entities, 4, new Random(1)));
    expect(groupedFolds(entities, 4, new Random(1))).not.toEqual(groupedFolds(entities, 4, new Random(2)));
  });
});

interface TimeFolds { readonly rows: number; readonly folds: number; readonly testRows: number; readonly gap: number; readonly trainRows: number | null; readonly splits: [number, number, number, number][] }

describe('walkForwardSplits', () => {
  it('differential: with a row a millisecond it splits as scikit-learn\'s TimeSeriesSplit', () => {
    for (const { rows, folds, testRows, gap, trainRows, splits } of readReference<{ timeFolds: TimeFolds[] }>('judging').timeFolds) {
      // The peer counts rows left out; a gap of g ms leaves out the g - 1 rows strictly between.
      const found = walkForwardSplits(Array.from({ length: rows }, (_, i) => i), { foldCount: folds, gapMs: gap + 1, testMs: testRows, trainMs: trainRows ?? undefined });
      expect(found.map(({ train, test }) => [train[0], train.at(-1), test[0], test.at(-1)])).toEqual(splits);
    }
  });

  it('trains on nothing whose label reaches into the test, and tests each row once at most', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 20 }), fc.nat({ max: 40 }), fc.option(fc.integer({ min: 5, max: 40 }), { nil: undefined }), (asOf, gapMs, testMs) => {
      let folds;
      try {
        folds = walkForwardSplits(asOf, { foldCount: 2, gapMs, testMs });
      } catch (error) {
        expect(String(error)).toMatch(/InvalidDatasetError: expected (rows to train and to test on in fold|at least 2 as-of times)/);
        return;
      }
      for (const { train, test } of folds) {
        const start = Math.min(...[...test].map((i) => asOf[i]!));
        for (const i of train) expect(asOf[i]! + gapMs <= start && asOf[i]! < start).toBe(true);
      }
      const tested = folds.flatMap(({ test }) => [...test]);
      expect(new Set(tested).size).toBe(tested.length);
      expect(tested).toContain(asOf.indexOf(Math.max(...asOf)));
    }));
  });

  it('tests on the latest as-of times where no length is given', () => {
    const asOf = [100, 200, 300, 400, 400, 300];
    const folds = walkForwardSplits(asOf, { foldCount: 2, gapMs: 100 });
    expect(folds.map(({ train, test }) => [[...train], [...test]])).toEqual([[[0, 1], [2, 5]], [[0, 1, 2, 5], [3, 4]]]);
    expect([...walkForwardSplits(asOf, { foldCount: 1, gapMs: 100, trainMs: 100 })[0]!.train]).toEqual([2, 5]);
    expect(() => walkForwardSplits(asOf, { foldCount: 4, gapMs: 0 })).toThrow(/fold 0 of 4, which tests \[100, 200\) after a gap of 0 ms, found 0 and 1/);
  });
});

describe('overlapReport', () => {
  it('counts shared entities, equal rows and training from the future', () => {
    const split = { train: Int32Array.of(0, 1, 2), test: Int32Array.of(3, 4, 5) };
    expect(overlapReport(split, ['a', 'a', 'b', 'a', 'b', 'c'], [1, 2, 9, 2, 5, 5])).toEqual({
      trainRows: 3, testRows: 3, trainEntities: 2, testEntities: 3, sharedEntities: 2, testRowsOfSharedEntities: 2, testRowsOfSharedEntityAndTime: 1, trainRowsNotBeforeTest: 2,
    });
    expect(overlapReport(split, [1, 2, 3, 4, 5, 6])).toMatchObject({ sharedEntities: 0, testRowsOfSharedEntityAndTime: 0, trainRowsNotBeforeTest: undefined });
  });
});

describe('stratifiedShare', () => {
  it('keeps aside each label\'s share, never all of it', () => {
    const y = Float64Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : 1));
    const { kept, aside } = stratifiedShare(y, [0, 1], 0.1, new Random(1));
    expect([aside.filter((i) => i < 80).length, aside.filter((i) => i >= 80).length]).toEqual([8, 2]);
    expect([...kept, ...aside].sort((a, b) => a - b)).toEqual([...y.keys()]);
    expect(stratifiedShare(y, undefined, 0, new Random(1)).aside).toHaveLength(0);
    expect(stratifiedShare(Float64Array.of(0, 1, 1), [0, 1], 0.5, new Random(1)).kept).toContain(0);
  });
});
