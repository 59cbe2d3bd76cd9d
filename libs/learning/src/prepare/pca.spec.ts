// Goal: components, variances and projections are scikit-learn's, sign included; reasons reach through them exactly. Method: committed
// reference values, a covariance from its definition, and contributions against the margin that they explain.
import { describe, expect, it } from 'vitest';
import { readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator, loadModel } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { float64Section } from '../model-file.ts';
import { Random } from '../random.ts';
import { context, prepareTable, tableOfRows } from './prepared-table.fixtures.ts';
import { covarianceOf } from './covariance.ts';
import type { PrepareStep, StepInput } from './step.ts';

interface PcaReference {
  readonly X: number[][];
  readonly cases: { readonly options: { readonly components: number; readonly whiten?: boolean }; readonly loadings: number[][]; readonly variance: number[]; readonly ratio: number[]; readonly rows: number[][] }[];
}
const reference = readReference<PcaReference>('pca');
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

function expectNear(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, at) => expect(Math.abs(found[at] - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value))));
}

/** What a first step is fitted on. */
const inputOf = ({ rowCount, columnCount, X, weights, featureNames }: Dataset): StepInput => ({
  rowCount, names: featureNames, categories: {}, weights, workPerRow: columnCount,
  read: (start, end, out) => { out.set(X.subarray(start * columnCount, end * columnCount)); },
  eachBlock: async (visit) => {
    for (let row = 0; row < rowCount; row++) visit(Float64Array.from(X.subarray(row * columnCount, (row + 1) * columnCount)), row, 1);
  },
});

/** A missing value in a row of weight 0 changes nothing but the way that sums are made. */
function withGap(X: Float32Array): Float32Array {
  const gap = X.slice();
  gap[1] = NaN;
  return gap;
}

describe('pca', () => {
  for (const { options, loadings, variance, ratio, rows } of reference.cases) {
    it(`differential: scikit-learn's loadings, variances and projections for ${JSON.stringify(options)}`, async () => {
      const { preparation, matrix } = await prepareTable([{ step: 'pca', ...options }], tableOfRows(reference.X, names));
      const file = { sections: Object.fromEntries(Object.entries(preparation.sections()).map(([name, data]) => [name.replace('prepare.0.', ''), data])) } as Parameters<typeof float64Section>[0];
      expectNear(float64Section(file, 'loadings'), loadings.flat(), 1e-9);
      expectNear(float64Section(file, 'variance'), variance, 1e-9);
      expectNear(float64Section(file, 'ratio'), ratio, 1e-9);
      expectNear(matrix.subarray(0, rows.flat().length), rows.flat(), 1e-6);
    });
  }

  it('oracle: covariance from its definition, weights and missing values included', async () => {
    const random = new Random(3);
    const rows = Array.from({ length: 301 }, () => Array.from({ length: 4 }, () => (random.uniform() < 0.1 ? null : 50 + random.normal())));
    const weights = Float64Array.from({ length: 301 }, () => random.int(3));
    const data = tableOfRows(rows, ['a', 'b', 'c', 'd'], { weights });
    const value = (i: number, j: number): number => data.X[4 * i + j];
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const mean = Float64Array.from({ length: 4 }, (_, j) => {
      let [sum, count] = [0, 0];
      for (let i = 0; i < 301; i++) if (!Number.isNaN(value(i, j))) [sum, count] = [sum + weights[i] * value(i, j), count + weights[i]];
      return sum / count;
    });
    const centered = (i: number, j: number): number => (Number.isNaN(value(i, j)) ? 0 : value(i, j) - mean[j]);
    const expected = Array.from({ length: 16 }, (_, at) => {
      let sum = 0;
      for (let i = 0; i < 301; i++) sum += weights[i] * centered(i, at % 4) * centered(i, Math.floor(at / 4));
      return sum / (total - 1);
    });
    const found = await covarianceOf(inputOf(data), Int32Array.of(0, 1, 2, 3), context);
    expectNear(found.mean, [...mean], 1e-12);
    expectNear(found.covariance, expected, 1e-10);
  });

  it('differential: large data in float32 blocks, also about a far shift, is what float64 gives', async () => {
    const random = new Random(4);
    const [rowCount, width] = [5_500, 30];
    const X = Float32Array.from({ length: rowCount * width }, (_, at) => (at % 7) + (at % 3) * random.normal());
    // The first rows, whose means are the shift, are far from the rest.
    X.fill(5000, 0, 300 * width);
    const weights = Float64Array.from({ length: rowCount }, (_, i) => (i < 300 ? 0 : random.int(3)));
    const chosen = Int32Array.from({ length: 29 }, (_, c) => c + 1);
    const data: Dataset = { rowCount, columnCount: width, X, y: weights, featureNames: Array.from({ length: width }, (_, j) => `x${j}`), weights };
    const [large, exact] = [await covarianceOf(inputOf(data), chosen, context), await covarianceOf(inputOf({ ...data, X: withGap(X) }), chosen, context)];
    let [offMean, offCovariance] = [0, 0];
    for (let c = 0; c < 29; c++) {
      offMean = Math.max(offMean, Math.abs(large.mean[c] - exact.mean[c]));
      for (let d = 0; d < 29; d++) {
        const scale = Math.sqrt(exact.covariance[c * 30] * exact.covariance[d * 30]);
        offCovariance = Math.max(offCovariance, Math.abs(large.covariance[c * 29 + d] - exact.covariance[c * 29 + d]) / scale);
      }
    }
    expect(offMean).toBeLessThan(2e-6);
    expect(offCovariance).toBeLessThan(2e-6);
    // Not the same sums by another name.
    expect(offCovariance).toBeGreaterThan(0);
  });

  it('keeps what it is told to keep, and makes no component of nothing', async () => {
    const data = tableOfRows([[1, 5, 1], [2, 5, 0], [3, 5, 1]], ['a', 'b', 'plan'], { categories: { plan: ['x', 'y'] } });
    const { matrix, names: found } = await prepareTable([{ step: 'pca', components: 2, whiten: true }], data);
    expect(found).toEqual(['pca1', 'pca2', 'plan']);
    expect([...matrix]).toEqual([-1, 0, 1, 0, 0, 0, 1, 0, 1]);
  });
});

describe('reasons through pca', () => {
  const random = new Random(11);
  const rows = Array.from({ length: 300 }, () => {
    const [common, own] = [random.normal(), random.normal()];
    return [common + 0.1 * random.normal(), 10 * common + random.normal(), own, random.uniform() < 0.1 ? null : own - common, random.normal()];
  });
  const data: Dataset = { ...tableOfRows(rows, ['a', 'b', 'c', 'd', 'e']), y: Float64Array.from(rows, ([a, , c]) => (a! + c! > 0 ? 1 : 0)) };

  it.each([
    [[{ step: 'pca', components: 3 }]],
    [[{ step: 'standardize' }, { step: 'pca', components: 3, whiten: true, except: ['d'] }, { step: 'standardize' }]],
    [[{ step: 'impute', indicator: true }, { step: 'pca', components: 0.9 }]],
  ])('add up to the margin, feature by feature: %j', async (prepare) => {
    const fitted = await createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: {}, prepare }).fit(data, { random: new Random(1) });
    for (const model of [fitted, loadModel(fitted.save())]) {
      expect(model.hasReasons).toBe(true);
      const contributions = new Float64Array(5);
      const margin = (x: Float64Array): number => {
        const p = model.scoreRow(x);
        return Math.log(p / (1 - p));
      };
      const bases = new Set<number>();
      for (let i = 0; i < 20; i++) {
        const x = Float64Array.from(data.X.subarray(5 * i, 5 * i + 5));
        const base = model.explainRow(x, contributions);
        bases.add(base);
        expect(contributions.reduce((sum, part) => sum + part, base)).toBeCloseTo(margin(x), 6);
        // The model is linear in each feature, so moving one moves its own contribution by what the margin moves.
        for (let j = 0; j < 5; j++) {
          if (Number.isNaN(x[j])) continue;
          const [before, moved] = [contributions[j], x.slice()];
          moved[j] += 0.25;
          const after = new Float64Array(5);
          model.explainRow(moved, after);
          expect(after[j] - before).toBeCloseTo(margin(moved) - margin(x), 5);
        }
      }
      expect(bases.size).toBe(1);
    }
  });

  it('are refused where a step is not linear, or the model is not', async () => {
    const cases: readonly [kind: string, step: PrepareStep][] = [
      ['logistic-regression', { step: 'polynomial' }], ['gradient-boosting', { step: 'pca', components: 2 }], ['naive-bayes', { step: 'pca', components: 2 }],
    ];
    for (const [kind, step] of cases) {
      const model = await createEstimator({ kind, task: 'classification', parameters: kind === 'gradient-boosting' ? { trees: 3 } : {}, prepare: [step] }).fit(data, { random: new Random(1) });
      expect(model.hasReasons).toBe(false);
      expect(() => model.explainRow(data.X.slice(0, 5), new Float64Array(5))).toThrow(/behind a preparation that mixes features/);
    }
  });
});
