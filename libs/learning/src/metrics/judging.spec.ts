// Goal: weighted metrics, gain, and tests of differences are exact. Method: scikit-learn's and scipy's values (1e-12, 1e-9 where it inverts),
// weights as repeats, twins from the definitions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readReference } from '../../../../tools/reference/read-reference.ts';
import { Random } from '../random.ts';
import { bootstrap, bootstrapPaired } from './bootstrap.ts';
import { accuracy, balancedAccuracy, brier, f1, logLoss, prAuc, precision, recall, rocAuc } from './classification.ts';
import { delongPaired } from './delong.ts';
import { gainTable } from './gain.ts';
import { mae, mape, r2, rmse } from './regression.ts';
import { correctedResampledT } from './resampled-t.ts';
import { studentCdf, studentQuantile } from './student.ts';

interface Case { readonly name: string; readonly y: number[]; readonly p: number[]; readonly t: number[]; readonly q: number[]; readonly weights: number[] | null; readonly expected: Record<string, number> }
interface Reference {
  readonly metrics: Case[];
  readonly correctedT: { differences: number[]; trainRows: number; testRows: number; standardError: number; low: number; high: number; pValue: number }[];
  readonly studentCdf: [number, number, number][];
  readonly studentQuantile: [number, number, number][];
}
const reference = readReference<Reference>('judging');

const ofScores = { rocAuc, prAuc, logLoss, brier };
const ofSides = { accuracy, balancedAccuracy, precision, recall, f1 };
const ofValues = { rmse, mae, r2, mape };

describe('metrics with weights', () => {
  for (const { name, y, p, t, q, weights, expected } of reference.metrics) {
    const w = weights === null ? undefined : Float64Array.from(weights);
    const [labels, probabilities, targets, predictions] = [y, p, t, q].map((values) => Float64Array.from(values)) as [Float64Array, Float64Array, Float64Array, Float64Array];
    it(`differential: all of ${name} equal scikit-learn's`, () => {
      const close = (found: number, measure: string): void => expect(Math.abs(found - expected[measure]!) / Math.max(1, expected[measure]!), measure).toBeLessThan(1e-12);
      for (const [measure, compute] of Object.entries(ofScores)) close(compute(labels, probabilities, w), measure);
      for (const [measure, compute] of Object.entries(ofSides)) close(compute(labels, probabilities, 0.5, w), measure);
      for (const [measure, compute] of Object.entries(ofValues)) close(compute(targets, predictions, w), measure);
    });
  }

  it('oracle: a whole-numbered weight is that many repeats', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 3 })), { minLength: 2, maxLength: 30 }), (rows) => {
      const repeated = rows.flatMap(([y, s, weight]) => new Array<readonly [number, number]>(weight).fill([y, s]));
      if (new Set(repeated.map(([y]) => y)).size < 2) return;
      const [y, s, w] = [0, 1, 2].map((part) => Float64Array.from(rows, (row) => row[part]! / (part === 1 ? 8 : 1))) as [Float64Array, Float64Array, Float64Array];
      const [ry, rs] = [Float64Array.from(repeated, ([label]) => label), Float64Array.from(repeated, ([, score]) => score / 8)];
      for (const compute of Object.values(ofScores)) expect(compute(y, s, w)).toBeCloseTo(compute(ry, rs), 12);
      for (const compute of Object.values(ofSides)) expect(compute(y, s, 0.5, w)).toBeCloseTo(compute(ry, rs), 12);
      for (const compute of [rmse, mae]) expect(compute(y, s, w)).toBeCloseTo(compute(ry, rs), 12);
      const gains = (table: ReturnType<typeof gainTable>): number[] => table.map(({ gain }) => gain);
      gains(gainTable(y, s, { weights: w })).forEach((gain, k) => expect(gain).toBeCloseTo(gains(gainTable(ry, rs))[k]!, 12));
    }));
  });
});

describe('gainTable', () => {
  it('counts what the best-scored rows bring', () => {
    const y = Float64Array.of(1, 1, 0, 1, 0, 0, 0, 0, 0, 1);
    const s = Float64Array.of(0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0);
    const table = gainTable(y, s, { stepCount: 5 });
    expect(table.map(({ gain }) => gain)).toEqual([0.5, 0.75, 0.75, 0.75, 1]);
    expect(table.map(({ lift }) => Number(lift.toFixed(6)))).toEqual([2.5, 1.875, 1.25, 0.9375, 1]);
    expect(table.map(({ stepLift }) => Number(stepLift.toFixed(6)))).toEqual([2.5, 1.25, 0, 0, 1.25]);
    expect(table.map(({ score }) => score)).toEqual([0.8, 0.6, 0.4, 0.2, 0]);
  });

  it('oracle: equals the mean over all orders of tied rows', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 24 }), fc.integer({ min: 1, max: 6 }), (rows, stepCount) => {
      if (!rows.some(([y]) => y === 1)) return;
      const positives = rows.filter(([y]) => y === 1).length;
      // A row's expected part of the first `count` rows: all, none, or its tied group's share of the places left.
      const table = gainTable(Float64Array.from(rows, ([y]) => y), Float64Array.from(rows, ([, s]) => s), { stepCount });
      table.forEach(({ gain, share }) => {
        const expected = rows.reduce((sum, [y, s]) => {
          const [above, tied] = [rows.filter(([, other]) => other > s).length, rows.filter(([, other]) => other === s).length];
          return sum + y * Math.min(1, Math.max(0, (share * rows.length - above) / tied));
        }, 0);
        expect(gain).toBeCloseTo(expected / positives, 10);
      });
      expect(table.at(-1)!.lift).toBeCloseTo(1, 12);
    }));
  });

  it('is NaN without class 1', () => {
    expect(gainTable(Float64Array.of(0, 0), Float64Array.of(1, 2), { stepCount: 1 })[0]!.gain).toBeNaN();
  });
});

describe('differences', () => {
  it('differential: the corrected resampled t-test equals the formula with scipy\'s t', () => {
    for (const { differences, trainRows, testRows, ...expected } of reference.correctedT) {
      const found = correctedResampledT(differences, { trainRows, testRows });
      for (const part of ['standardError', 'low', 'high', 'pValue'] as const) expect(found[part]).toBeCloseTo(expected[part], 10);
    }
    expect(correctedResampledT([0, 0], { trainRows: 1, testRows: 1 }).pValue).toBe(1);
    expect(correctedResampledT([0.1, 0.1], { trainRows: 1, testRows: 1 })).toMatchObject({ low: 0.1, high: 0.1, pValue: 0 });
    expect(() => correctedResampledT([1], { trainRows: 1, testRows: 1 })).toThrow(/at least 2 folds, found 1/);
  });

  it('differential: Student\'s t is scipy\'s', () => {
    for (const [t, freedom, expected] of reference.studentCdf) expect(Math.abs(studentCdf(t, freedom) - expected)).toBeLessThan(1e-12);
    for (const [p, freedom, expected] of reference.studentQuantile) expect(Math.abs(studentQuantile(p, freedom) - expected)).toBeLessThan(1e-9 * Math.max(1, Math.abs(expected)));
  });

  it('paired bootstrap sees what pairing shows, about as DeLong does', () => {
    const random = new Random(4);
    const y = Float64Array.from({ length: 400 }, () => random.int(2));
    const first = y.map((label) => label + 1.5 * random.normal());
    const second = first.map((score) => score + 0.5 * random.normal());
    const auc = (scores: Float64Array) => (rows: Int32Array): number => rocAuc(Float64Array.from(rows, (i) => y[i]!), Float64Array.from(rows, (i) => scores[i]!));
    const found = bootstrapPaired(400, auc(first), auc(second), { random: new Random(1), repeats: 400 });
    const expected = delongPaired(y, first, second);
    expect([found.value, found.first, found.second]).toEqual([found.first - found.second, rocAuc(y, first), rocAuc(y, second)]);
    expect(Math.abs(found.standardError / expected.standardError - 1)).toBeLessThan(0.2);
    for (const bound of ['low', 'high'] as const) expect(Math.abs(found[bound] - expected[bound])).toBeLessThan(0.5 * expected.standardError);
    expect(Math.abs(found.pValue - expected.pValue)).toBeLessThan(0.1);
    // Unpaired, the spread of one score alone is several times that of the difference.
    expect(bootstrap(400, auc(first), { random: new Random(1), repeats: 200 }).standardError).toBeGreaterThan(1.3 * found.standardError);
    expect(bootstrapPaired(400, auc(first), auc(first), { random: new Random(1), repeats: 50 })).toMatchObject({ value: 0, low: 0, high: 0, pValue: 1 });
    expect(bootstrapPaired(9, () => 2, () => 1, { random: new Random(1), repeats: 99 }).pValue).toBe(0.02);
  });
});
