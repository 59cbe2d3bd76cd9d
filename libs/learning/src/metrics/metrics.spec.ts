// Goal: metrics are exact, ties and all. Method: scikit-learn's values (1e-12: only summation order differs), DeLong and ranks from
// their definitions over all pairs, bootstrap against DeLong.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readReference } from '../../../../tools/reference/read-reference.ts';
import { Random } from '../random.ts';
import { bootstrap, quantileOfSorted } from './bootstrap.ts';
import { accuracy, brier, calibrationBins, calibrationError, confusion, f1, logLoss, prAuc, precision, recall, rocAuc } from './classification.ts';
import { delongInterval, delongPaired } from './delong.ts';
import { midranks } from './midranks.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import { mae, r2, rmse } from './regression.ts';

interface DelongReference { auc: number; standardError: number; low: number; high: number; difference: number; differenceError: number; pValue: number }
interface Case { name: string; y: number[]; first: number[]; second: number[]; expected: Record<string, number> & { delong: DelongReference } }

const reference = readReference<{ cases: Case[]; normalQuantile: [number, number][]; normalCdf: [number, number][] }>('metrics');

const labelled = fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 6 })), { minLength: 2, maxLength: 40 })
  .filter((rows) => rows.some(([y]) => y === 0) && rows.some(([y]) => y === 1))
  .map((rows) => ({ y: Float64Array.from(rows, ([y]) => y), s: Float64Array.from(rows, ([, s]) => s / 8) }));

describe('metrics', () => {
  const measures = { rocAuc, prAuc, logLoss, brier, accuracy, precision, recall, f1, rmse, mae, r2 };
  for (const { name, y, first, expected } of reference.cases) {
    for (const [measure, compute] of Object.entries(measures)) {
      it(`differential: ${measure} of ${name} equals scikit-learn's`, () => {
        expect(Math.abs(compute(Float64Array.from(y), Float64Array.from(first)) - expected[measure]!)).toBeLessThan(1e-12);
      });
    }
  }

  it('oracle: ROC AUC is the share of pairs in order', () => {
    fc.assert(fc.property(labelled, ({ y, s }) => {
      let wins = 0;
      let pairs = 0;
      y.forEach((a, i) => y.forEach((b, j) => {
        if (a !== 1 || b !== 0) return;
        pairs++;
        wins += s[i]! > s[j]! ? 1 : s[i] === s[j] ? 0.5 : 0;
      }));
      expect(rocAuc(y, s)).toBeCloseTo(wins / pairs, 12);
      expect(rocAuc(y, s.map((v) => -v))).toBeCloseTo(1 - wins / pairs, 12);
    }));
  });

  it('oracle: average precision by walking the thresholds', () => {
    fc.assert(fc.property(labelled, ({ y, s }) => {
      const total = y.reduce((a, b) => a + b, 0);
      const thresholds = [...new Set(s)].sort((a, b) => b - a);
      let area = 0;
      let before = 0;
      for (const t of thresholds) {
        const called = y.filter((_, i) => s[i]! >= t);
        const hits = called.reduce((a, b) => a + b, 0);
        area += ((hits - before) / total) * (hits / called.length);
        before = hits;
      }
      expect(prAuc(y, s)).toBeCloseTo(area, 12);
    }));
  });

  it('says NaN where one class leaves nothing to compare', () => {
    expect(rocAuc(Float64Array.of(1, 1), Float64Array.of(0.1, 0.2))).toBeNaN();
    expect(prAuc(Float64Array.of(0, 0), Float64Array.of(0.1, 0.2))).toBeNaN();
    expect(r2(Float64Array.of(2, 2), Float64Array.of(0.1, 0.2))).toBeNaN();
    expect(precision(Float64Array.of(1, 0), Float64Array.of(0.1, 0.2))).toBe(0);
  });

  it('counts a probability at the threshold as class 1', () => {
    expect(confusion(Float64Array.of(1, 0, 1, 0), Float64Array.of(0.5, 0.5, 0.4, 0.1))).toEqual({ truePositives: 1, falsePositives: 1, trueNegatives: 1, falseNegatives: 1 });
  });

  it('bins for calibration hold each row once and average what they hold', () => {
    const bins = calibrationBins(Float64Array.of(0, 1, 1, 1, 0), Float64Array.of(0, 0.05, 0.55, 1, 0.95), 10);
    expect(bins.map(({ rowCount }) => rowCount)).toEqual([2, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    expect(bins[0]).toEqual({ low: 0, high: 0.1, rowCount: 2, predicted: 0.025, observed: 0.5 });
    expect(calibrationError(bins)).toBeCloseTo((2 * 0.475 + 0.45 + 2 * 0.475) / 5, 12);
  });
});

describe('DeLong', () => {
  for (const { name, y, first, second, expected } of reference.cases) {
    it(`differential: interval and paired difference of ${name} equal the definition over all pairs`, () => {
      const [labels, a, b] = [y, first, second].map((values) => Float64Array.from(values)) as [Float64Array, Float64Array, Float64Array];
      const { delong } = expected;
      const interval = delongInterval(labels, a);
      expect(interval.value).toBeCloseTo(delong.auc, 12);
      expect(interval.standardError).toBeCloseTo(delong.standardError, 12);
      expect(interval.low).toBeCloseTo(delong.low, 12);
      expect(interval.high).toBeCloseTo(Math.min(1, delong.high), 12);
      const paired = delongPaired(labels, a, b);
      expect(paired.value).toBeCloseTo(delong.difference, 12);
      expect(paired.standardError).toBeCloseTo(delong.differenceError, 12);
      expect(paired.pValue).toBeCloseTo(delong.pValue, 10);
      expect(paired.first - paired.second).toBeCloseTo(paired.value, 12);
    });
  }

  it('finds no difference between scores that order rows alike, and certainty where classes part', () => {
    const y = Float64Array.of(0, 1, 0, 1, 1, 0);
    const s = Float64Array.of(0.1, 0.4, 0.35, 0.8, 0.2, 0.3);
    expect(delongPaired(y, s, s.map(Math.exp))).toMatchObject({ value: 0, low: 0, high: 0, pValue: 1 });
    expect(delongInterval(y, y)).toMatchObject({ value: 1, low: 1, high: 1, standardError: 0 });
    expect(delongInterval(Float64Array.of(1, 1), Float64Array.of(1, 2)).value).toBeNaN();
  });
});

describe('bootstrap', () => {
  it('covers about what DeLong covers, and the same again for the same seed', () => {
    const random = new Random(4);
    const y = Float64Array.from({ length: 300 }, () => random.int(2));
    const s = y.map((label) => label + 1.5 * random.normal());
    const statistic = (rows: Int32Array): number => rocAuc(Float64Array.from(rows, (i) => y[i]!), Float64Array.from(rows, (i) => s[i]!));
    const found = bootstrap(300, statistic, { random: new Random(1), repeats: 500 });
    const expected = delongInterval(y, s);
    expect(found.value).toBe(rocAuc(y, s));
    // A percentile of 500 draws is itself off by about a tenth of the standard error.
    for (const bound of ['low', 'high'] as const) expect(Math.abs(found[bound] - expected[bound])).toBeLessThan(0.5 * expected.standardError);
    expect(bootstrap(300, statistic, { random: new Random(1), repeats: 500 })).toEqual(found);
  });

  it('leaves out resamples without a value', () => {
    const interval = bootstrap(3, (rows) => (rows.includes(0) ? rows.length : NaN), { random: new Random(2), repeats: 50 });
    expect([interval.low, interval.high]).toEqual([3, 3]);
    expect(quantileOfSorted(new Float64Array(0), 0.5)).toBeNaN();
    expect(quantileOfSorted(Float64Array.of(1, 2, 4), 0.75)).toBe(3);
  });
});

describe('normal distribution', () => {
  it('differential: quantiles and probabilities equal scipy\'s', () => {
    for (const [p, z] of reference.normalQuantile) expect(Math.abs(normalQuantile(p) - z)).toBeLessThan(1e-9);
    for (const [z, p] of reference.normalCdf) expect(Math.abs(normalCdf(z) - p)).toBeLessThan(1e-12 * p);
    expect([normalQuantile(0), normalQuantile(1), normalCdf(-100), normalCdf(100)]).toEqual([-Infinity, Infinity, 0, 1]);
  });
});

describe('midranks', () => {
  it('oracle: one plus the values below, plus half of the other equals', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 5 })), (values) => {
      const ranks = midranks(Float64Array.from(values));
      values.forEach((v, i) => expect(ranks[i]).toBe(1 + values.filter((w) => w < v).length + (values.filter((w) => w === v).length - 1) / 2));
    }));
  });
});
