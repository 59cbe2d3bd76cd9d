// Goal: calibrated models give scikit-learn's probabilities. Method: its calibrators on the same values (1e-5 where it stops early, 1e-12
// where it is exact), whole models on its folds, twins from the definitions, and the life of a calibrated model.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator, definitionProblems, loadModel } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { logLossOfMargin, sigmoid } from '../linear/log-loss.ts';
import { logLoss } from '../metrics/classification.ts';
import { splitByFold } from '../model-selection/splits.ts';
import type { EstimatorDefinition, FittedPipeline } from '../pipeline.ts';
import { Random } from '../random.ts';
import { fitCalibration } from './calibrated-core.ts';
import { fitIsotonic, isotonicAt } from './isotonic.ts';
import { outOfFoldValues } from './out-of-fold.ts';
import { fitPlatt } from './platt.ts';

interface Calibrator {
  readonly name: string; readonly values: number[]; readonly y: number[]; readonly weights: number[] | null; readonly slope: number; readonly intercept: number;
  readonly probes: number[]; readonly isotonic: number[];
}
interface Reference {
  readonly calibrators: Calibrator[];
  readonly calibrated: { readonly l2: number; readonly X: number[][]; readonly y: number[]; readonly fold: number[]; readonly platt: number[]; readonly isotonic: number[] };
}
const reference = readReference<Reference>('judging');

describe('calibrators', () => {
  for (const { name, values, y, weights, slope, intercept, probes, isotonic } of reference.calibrators) {
    const [f, labels, w] = [Float64Array.from(values), Float64Array.from(y), weights === null ? undefined : Float64Array.from(weights)] as const;
    it(`differential: Platt's sigmoid of ${name} is scikit-learn's`, () => {
      const found = fitPlatt(f, labels, w);
      for (const probe of probes) expect(sigmoid(found.slope * probe + found.intercept)).toBeCloseTo(sigmoid(slope * probe + intercept), 5);
      expect(Math.abs(found.intercept - intercept)).toBeLessThan(1e-5);
    });

    it(`differential: the isotonic line of ${name} is scikit-learn's`, () => {
      const line = fitIsotonic(f, labels, w);
      probes.forEach((probe, k) => expect(Math.abs(isotonicAt(line, probe) - isotonic[k]!)).toBeLessThan(1e-12));
    });
  }

  it('oracle: the slope of Platt\'s loss vanishes, by finite differences', () => {
    const random = new Random(3);
    const values = Float64Array.from({ length: 80 }, () => 1e4 * random.normal());
    const y = values.map((value) => (value + 1e4 * random.normal() > 0 ? 1 : 0));
    const positives = y.reduce((sum, label) => sum + label, 0);
    const { slope, intercept } = fitPlatt(values, y, undefined);
    const loss = (a: number, b: number): number => values.reduce((sum, value, i) => {
      const target = y[i] === 1 ? (positives + 1) / (positives + 2) : 1 / (80 - positives + 2);
      return sum + logLossOfMargin(target, a * value + b);
    }, 0);
    const at = loss(slope, intercept);
    for (const [da, db] of [[1e-7, 0], [-1e-7, 0], [0, 1e-3], [0, -1e-3]] as const) expect(loss(slope + da, intercept + db)).toBeGreaterThan(at);
  });

  it('oracle: the isotonic line is the best rising one by its min-max formula, whatever the weights', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 1 }), fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 30 }), (rows) => {
      const line = fitIsotonic(Float64Array.from(rows, ([v]) => v), Float64Array.from(rows, ([, label]) => label), Float64Array.from(rows, ([, , weight]) => weight));
      const distinct = [...new Set(rows.map(([v]) => v))].sort((a, b) => a - b);
      const meanOf = (low: number, high: number): number => {
        const inside = rows.filter(([v]) => v >= low && v <= high);
        return inside.reduce((sum, [, label, weight]) => sum + label * weight, 0) / inside.reduce((sum, [, , weight]) => sum + weight, 0);
      };
      for (const value of distinct) {
        const expected = Math.max(...distinct.filter((low) => low <= value).map((low) => Math.min(...distinct.filter((high) => high >= value).map((high) => meanOf(low, high)))));
        expect(isotonicAt(line, value)).toBeCloseTo(expected, 12);
      }
    }), { numRuns: 60 });
  });

  it('ends for equal values, and where a line parts the classes', () => {
    const flat = fitPlatt(Float64Array.of(2, 2, 2), Float64Array.of(0, 1, 1), undefined);
    expect(sigmoid(2 * flat.slope + flat.intercept)).toBeCloseTo((1 / 3 + 2 * (3 / 4)) / 3, 6);
    const parted = fitPlatt(Float64Array.of(-1, -1, 1, 1), Float64Array.of(0, 0, 1, 1), undefined);
    expect(sigmoid(parted.slope + parted.intercept)).toBeCloseTo(3 / 4, 8);
    expect(fitIsotonic(Float64Array.of(5, 5), Float64Array.of(0, 1), undefined)).toEqual({ values: Float64Array.of(5), probabilities: Float64Array.of(0.5) });
  });
});

const noisy = (rowCount: number, seed: number): Dataset => {
  const random = new Random(seed);
  const X = Float32Array.from({ length: 3 * rowCount }, () => random.normal());
  const y = Float64Array.from({ length: rowCount }, (_, i) => (2 * X[3 * i]! + X[3 * i + 1]! + 2 * random.normal() > 0.5 ? 1 : 0));
  return { rowCount, columnCount: 3, X, y, featureNames: ['a', 'b', 'c'] };
};
const boosting = (rest: Partial<EstimatorDefinition>): EstimatorDefinition => ({ kind: 'gradient-boosting', task: 'classification', parameters: { trees: 12, leaves: 8, min_rows_in_leaf: 2, learning_rate: 0.8 }, prepare: [], ...rest });

describe('calibrated models', () => {
  for (const method of ['platt', 'isotonic'] as const) {
    it(`differential: logistic regression with ${method} gives scikit-learn's probabilities on its folds`, async () => {
      const { l2, X, y, fold } = reference.calibrated;
      const data: Dataset = { rowCount: y.length, columnCount: 3, X: Float32Array.from(flatten(X)), y: Float64Array.from(y), featureNames: ['a', 'b', 'c'] };
      const estimator = createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: { l2 }, prepare: [] });
      const fit = async (rows: Dataset): Promise<FittedPipeline> => await estimator.fit(rows, { random: new Random(1) }) as FittedPipeline;
      const splits = [0, 1, 2, 3, 4].map((k) => splitByFold(Int32Array.from(fold), k));
      const values = await outOfFoldValues(data, splits, fit, {});
      const model = (await fit(data)).calibratedBy(fitCalibration(method, values, data.y, undefined));
      const found = model.predictProbability(data.X, data.rowCount);
      reference.calibrated[method].forEach((p, i) => expect(Math.abs(found[i]! - p)).toBeLessThan(1e-5));
    });

    it(`${method} makes an overconfident model honest, is saved with it and the same for the same seed`, async () => {
      const [train, test] = [noisy(250, 1), noisy(1000, 2)];
      const plain = await createEstimator(boosting({})).fit(train, { random: new Random(1) });
      const seen: number[] = [];
      const estimator = createEstimator(boosting({ calibrate: method }));
      const model = await estimator.fit(train, { random: new Random(1), onProgress: (done) => seen.push(done) });
      expect(logLoss(test.y, model.predictProbability(test.X, 1000))).toBeLessThan(logLoss(test.y, plain.predictProbability(test.X, 1000)) - 0.05);
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
      expect(seen.at(-1)).toBe(1);
      const loaded = loadModel(model.save());
      expect([loaded.calibration, loaded.hasProbability, plain.calibration]).toEqual([method, true, 'none']);
      expect(loaded.save()).toEqual(model.save());
      expect(loaded.score(test.X, 1000)).toEqual(model.score(test.X, 1000));
      expect((await estimator.fit(train, { random: new Random(1) })).save()).toEqual(model.save());
      expect(model.predict(test.X, 1000)).toEqual(model.score(test.X, 1000).map((p) => (p > 0.5 ? 1 : 0)));
    });
  }

  it('Platt\'s contributions add up to the calibrated log-odds; an isotonic line has none', async () => {
    const train = noisy(200, 3);
    const model = await createEstimator(boosting({ calibrate: 'platt' })).fit(train, { random: new Random(1) });
    const contributions = new Float64Array(3);
    for (let i = 0; i < 20; i++) {
      const row = train.X.slice(3 * i, 3 * i + 3);
      const base = model.explainRow(row, contributions);
      expect(sigmoid(contributions.reduce((sum, part) => sum + part, base))).toBeCloseTo(model.scoreRow(row), 12);
    }
    const isotonic = await createEstimator(boosting({ calibrate: 'isotonic' })).fit(train, { random: new Random(1) });
    expect(isotonic.hasReasons).toBe(false);
    expect(() => isotonic.explainRow(train.X.slice(0, 3), contributions)).toThrow(/gives reasons/);
  });

  it('scores in batches as row by row, on every backend', async () => {
    const train = noisy(150, 4);
    const definition: EstimatorDefinition = { kind: 'multi-layer-perceptron', task: 'classification', parameters: { hidden: [4], epochs: 5 }, prepare: [], calibrate: 'platt' };
    const model = await createEstimator(definition).fit(train, { random: new Random(2) });
    for (const kernels of [undefined, ...await wasmBackends()]) expect(await model.scoreInBatch(train.X, 150, { kernels })).toEqual(model.score(train.X, 150));
  });

  it('refuses what it cannot calibrate, and stops when told', async () => {
    expect(definitionProblems({ ...boosting({ calibrate: 'platt' }), task: 'regression' })).toEqual(['expected calibration of a classifier only, found regression']);
    expect(definitionProblems(boosting({ calibrate: 'sigmoid' as 'platt' }))).toEqual(['expected a calibration among platt, isotonic, found sigmoid']);
    const data = noisy(30, 5);
    const estimator = createEstimator(boosting({ calibrate: 'platt' }));
    const rare = { ...data, y: data.y.map((_, i) => (i === 3 ? 1 : 0)) };
    await expect(estimator.fit(rare, { random: new Random(1) })).rejects.toThrow(/at least 2 rows of each class to calibrate with, found 29 of class 0 and 1 of class 1/);
    const controller = new AbortController();
    const fit = estimator.fit(data, { random: new Random(1), signal: controller.signal, onProgress: (done) => { if (done > 0.4) controller.abort(new Error('enough')); } });
    await expect(fit).rejects.toThrow('enough');
    const few = await estimator.fit({ ...data, y: data.y.map((_, i) => (i < 3 ? 1 : 0)) }, { random: new Random(1) });
    expect(few.score(data.X, 30).every((p) => p > 0 && p < 1)).toBe(true);
  });
});
