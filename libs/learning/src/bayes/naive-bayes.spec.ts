// Goal: parameters and log-probabilities are scikit-learn's, for numbers, categories and both at once; what is missing or unknown counts
// nothing; kernels agree to the bit. Method: committed reference values, a naive twin from the definition, and plain against WebAssembly.
import { describe, expect, it } from 'vitest';
import { readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator, loadModel } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import type { FittedModel } from '../estimator.ts';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { assertSameOnAll, trialOf } from '../kernels/operation.checks.ts';
import { decodeModelFile, float64Section, ModelFileError } from '../model-file.ts';
import { Random } from '../random.ts';
import { classMoments, momentCells } from './class-moments.ts';

interface BayesReference {
  readonly X: number[][]; readonly y: number[]; readonly codes: number[][]; readonly labelCounts: number[];
  readonly gaussian: { readonly name: string; readonly weights: number[] | null; readonly mean: number[][]; readonly variance: number[][]; readonly logProbabilities: number[][]; readonly prior: number[] }[];
  readonly categorical: { readonly smoothing: number; readonly logShares: number[][][]; readonly logProbabilities: number[][] }[];
}
const reference = readReference<BayesReference>('naive-bayes');
const y = Float64Array.from(reference.y);
const labelsOf = (count: number): string[] => Array.from({ length: count }, (_, k) => `label ${k}`);

function tableOf(rows: readonly (readonly number[])[], rest: Partial<Dataset> = {}): Dataset {
  return { rowCount: rows.length, columnCount: rows[0].length, X: Float32Array.from(rows.flat()), y, featureNames: rows[0].map((_, j) => `x${j}`), ...rest };
}

const fit = (data: Dataset, parameters = {}): Promise<FittedModel> =>
  createEstimator({ kind: 'naive-bayes', task: 'classification', parameters, prepare: [] }).fit(data, { random: new Random(1) });

function expectNear(found: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, at) => expect(Math.abs(found[at] - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value))));
}

/** Log-odds of every row from the base value and the contributions. */
function margins(model: FittedModel, data: Dataset): number[] {
  const contributions = new Float64Array(data.columnCount);
  return Array.from({ length: data.rowCount }, (_, i) => {
    const base = model.explainRow(data.X.subarray(i * data.columnCount, (i + 1) * data.columnCount), contributions);
    return contributions.reduce((sum, part) => sum + part, base);
  });
}

const logOdds = (logProbabilities: number[][]): number[] => logProbabilities.map(([none, one]) => one - none);

describe('naive Bayes', () => {
  for (const { name, weights, mean, variance, logProbabilities, prior } of reference.gaussian) {
    it(`differential: scikit-learn's GaussianNB, ${name}`, async () => {
      const data = tableOf(reference.X, weights === null ? {} : { weights: Float64Array.from(weights) });
      const model = await fit(data);
      const file = decodeModelFile(model.save());
      const smoothing = 1e-9 * 3000;
      expectNear(float64Section(file, 'bayes.mean'), mean.flat(), 1e-10);
      expectNear(float64Section(file, 'bayes.variance'), variance.flat(), smoothing);
      expect(float64Section(file, 'bayes.prior')[0]).toBeCloseTo(Math.log(prior[1] / prior[0]), 12);
      expectNear(margins(model, data), logOdds(logProbabilities), 1e-5);
      const found = model.predictProbability(data.X, data.rowCount);
      logProbabilities.forEach(([, one], i) => expect(Math.abs(found[i] - Math.exp(one))).toBeLessThan(1e-5));
    });
  }

  for (const { smoothing, logShares, logProbabilities } of reference.categorical) {
    it(`differential: scikit-learn's CategoricalNB, smoothing ${smoothing}`, async () => {
      const [first, second] = reference.labelCounts;
      const data = tableOf(reference.codes, { categories: { x0: labelsOf(first), x1: labelsOf(second) } });
      const model = await fit(data, { smoothing });
      expectNear(float64Section(decodeModelFile(model.save()), 'bayes.labelLogOdds'), logShares.flatMap(([none, one]) => one.map((value, k) => value - none[k])), 1e-10);
      expectNear(margins(model, data), logOdds(logProbabilities), 1e-10);
    });
  }

  it('differential: numbers and categories in one model are both at once, less one prior', async () => {
    const rows = reference.X.map((row, i) => [...row, ...reference.codes[i]]);
    const data = tableOf(rows, { categories: { x4: labelsOf(3), x5: labelsOf(6) } });
    const model = await fit(data);
    const [{ prior, logProbabilities }] = reference.gaussian;
    const categorical = logOdds(reference.categorical[0].logProbabilities);
    expectNear(margins(model, data), logOdds(logProbabilities).map((value, i) => value + categorical[i] - Math.log(prior[1] / prior[0])), 1e-5);
    expectNear(margins(loadModel(model.save()), data), margins(model, data), 1e-300);
  });

  it('leaves out what is missing or unknown', async () => {
    const data = tableOf(reference.codes.map((codes, i) => [reference.X[i][0], ...codes]), { categories: { x1: labelsOf(3), x2: labelsOf(6) } });
    const model = await fit(data);
    const contributions = new Float64Array(3);
    const base = model.explainRow(Float64Array.of(NaN, NaN, 0), contributions);
    expect([...contributions.subarray(0, 2)]).toEqual([0, 0]);
    expect(base).toBeCloseTo(Math.log(reference.gaussian[0].prior[1] / reference.gaussian[0].prior[0]), 12);
    for (const unknown of [-1, 6, 1.5]) {
      model.explainRow(Float64Array.of(0, 0, unknown), contributions);
      expect(contributions[2]).toBe(0);
    }
    // Holes in training: the moments are those of the rest.
    const holes = { ...data, X: data.X.map((value, at) => (at < 60 && at % 3 === 0 ? NaN : value)) };
    const rest = tableOf(reference.X.slice(20).map(([value]) => [value]), { y: y.slice(20) });
    const [found, expected] = [float64Section(decodeModelFile((await fit(holes)).save()), 'bayes.mean'), float64Section(decodeModelFile((await fit(rest)).save()), 'bayes.mean')];
    expectNear([found[0], found[3]], [...expected], 1e-10);
  });

  it('oracle: a first row far from the rest, which shifts the sums, does not drown the variance', async () => {
    const random = new Random(8);
    const rows = Array.from({ length: 4000 }, (_, i) => [i < 2 ? 3e7 : random.normal() + (i % 2)]);
    const weights = Float64Array.from(rows, (_, i) => (i < 2 ? 0 : 1));
    const data = tableOf(rows, { y: Float64Array.from(rows, (_, i) => i % 2), weights });
    const found = float64Section(decodeModelFile((await fit(data, { variance_smoothing: 1e-15 })).save()), 'bayes.variance');
    for (const label of [0, 1]) {
      const values = rows.flatMap(([value], i) => (i > 1 && i % 2 === label ? [Math.fround(value)] : []));
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      expect(Math.abs(found[label] / variance - 1)).toBeLessThan(1e-12);
    }
  });

  it('refuses labels of a model file that do not fit', async () => {
    const data = tableOf(reference.codes, { categories: { x0: labelsOf(3), x1: labelsOf(6) } });
    const bytes = (await fit(data)).save();
    const broken = { ...decodeModelFile(bytes), categories: { x0: labelsOf(3), x1: labelsOf(5) } };
    const { naiveBayes } = await import('./naive-bayes.ts');
    expect(() => naiveBayes.load(broken)).toThrow(ModelFileError);
  });
});

describe.skipIf(builtKernels() === undefined)('class moments', () => {
  it('differential: WebAssembly equals typed arrays to the bit', async () => {
    const trial = trialOf(classMoments, (random) => {
      const [rowCount, columnCount] = [random.int(700) + 1, random.int(9) + 1];
      const X = Float32Array.from({ length: rowCount * columnCount }, () => (random.uniform() < 0.1 ? NaN : 100 * random.normal()));
      return [
        rowCount, columnCount, X, Uint8Array.from({ length: rowCount }, () => random.int(2)), random.int(2), Float64Array.from({ length: rowCount }, () => random.int(3) * random.uniform()),
        Float64Array.from({ length: 2 * columnCount }, () => random.normal()), Float64Array.from({ length: momentCells(columnCount) }, () => random.normal()),
      ];
    });
    await assertSameOnAll(trial, await wasmBackends(), [1, 2, 3, 4, 5, 6]);
  });
});
