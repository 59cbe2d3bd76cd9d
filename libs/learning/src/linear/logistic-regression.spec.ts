// Goal: coefficients are the true minimum. Method: scikit-learn's converged fits, the gradient of the definition, and both of our
// minimisers against each other. Tolerance 1e-5: both sides stop at a gradient near 1e-10, which moves a coefficient far less.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { decodeModelFile, float64Section } from '../model-file.ts';
import { Pace } from '../pace.ts';
import { Random } from '../random.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { CholeskyFactor } from './cholesky.ts';
import { LinearObjective } from './linear-objective.ts';
import { logLossOfMargin, sigmoid } from './log-loss.ts';
import { minimizeByLbfgs, minimizeByNewton } from './minimize.ts';

interface Case {
  readonly name: string; readonly l2: number; readonly X: number[][]; readonly y: number[]; readonly weights: number[] | null;
  readonly coefficients: number[]; readonly intercept: number; readonly probabilities: number[];
}

const { cases } = readReference<{ cases: Case[] }>('logistic-regression');

function datasetOf({ X, y, weights }: Pick<Case, 'X' | 'y' | 'weights'>): Dataset {
  return {
    rowCount: y.length, columnCount: X[0]!.length, X: Float32Array.from(flatten(X)), y: Float64Array.from(y),
    weights: weights === null ? undefined : Float64Array.from(weights), featureNames: X[0]!.map((_, j) => `x${j}`),
  };
}

function logistic(parameters: Record<string, number | string>): ReturnType<typeof createEstimator> {
  return createEstimator({ kind: 'logistic-regression', task: 'classification', parameters, prepare: [] });
}

describe('logistic regression', () => {
  for (const reference of cases) {
    it(`differential: ${reference.name} equals scikit-learn's converged fit`, async () => {
      const data = datasetOf(reference);
      const model = await logistic({ l2: reference.l2 }).fit(data, { random: new Random(1) });
      const file = decodeModelFile(model.save());
      const found = float64Section(file, 'linear.coefficients');
      reference.coefficients.forEach((expected, j) => expect(Math.abs(found[j]! - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected))));
      expect(float64Section(file, 'linear.intercept')[0]).toBeCloseTo(reference.intercept, 5);
      reference.probabilities.forEach((expected, i) => expect(model.scoreRow(data.X.slice(i * data.columnCount, (i + 1) * data.columnCount))).toBeCloseTo(expected, 6));
    });
  }

  it('oracle: the gradient of the definition vanishes at the fit, whatever the scales, penalty and weights', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0.01, 1, 100), fc.boolean(), async (seed, l2, weighted) => {
      const random = new Random(seed);
      const [rowCount, columnCount] = [30 + random.int(40), 1 + random.int(5)];
      const scales = Array.from({ length: columnCount }, () => 10 ** (random.int(7) - 3));
      const X = Float32Array.from({ length: rowCount * columnCount }, (_, at) => scales[at % columnCount]! * (random.normal() + 2));
      const y = Float64Array.from({ length: rowCount }, (_, i) => (i < 2 ? i : random.int(2)));
      const weights = weighted ? y.map(() => 0.5 + random.uniform()) : undefined;
      const data: Dataset = { rowCount, columnCount, X, y, weights, featureNames: scales.map((_, j) => `x${j}`) };
      const model = await logistic({ l2 }).fit(data, { random });
      const w = float64Section(decodeModelFile(model.save()), 'linear.coefficients');
      const p = model.score(X, rowCount);
      const residuals = p.map((value, i) => (value - y[i]!) * (weights === undefined ? 1 : weights[i]!));
      expect(Math.abs(residuals.reduce((sum, r) => sum + r, 0))).toBeLessThan(1e-6);
      for (let j = 0; j < columnCount; j++) {
        const slope = residuals.reduce((sum, r, i) => sum + r * X[i * columnCount + j]!, 0) + l2 * w[j]!;
        expect(Math.abs(slope) / scales[j]!).toBeLessThan(1e-6);
      }
    }), { numRuns: 40 });
  });

  it('differential: L-BFGS and Newton end at the same point', async () => {
    const data = datasetOf(cases.find(({ name }) => name === 'scales')!);
    const pace = new Pace(undefined, undefined);
    const objective = await LinearObjective.of({ ...data, weights: undefined, loss: 'logistic', positive: 1, negative: 1, l2: 0.3, penalizesIntercept: false }, await plainKernels.open({}), pace);
    const options = { start: new Float64Array(data.columnCount + 1), tolerance: 1e-10, maxIterations: 500 };
    const [newton, lbfgs] = [await minimizeByNewton(objective, options, () => objective.hessianFactor()), await minimizeByLbfgs(objective, options)];
    expect(newton.history.length).toBeLessThan(12);
    expect(Math.max(newton.gradientMax, lbfgs.gradientMax)).toBeLessThan(1e-10);
    lbfgs.v.forEach((value, j) => expect(value).toBeCloseTo(newton.v[j]!, 8));
  });

  it('the loss never rises', async () => {
    const model = await logistic({}).fit(datasetOf(cases[0]!), { random: new Random(1) });
    model.history.forEach((loss, i) => expect(loss).toBeLessThanOrEqual((model.history[i - 1] ?? Infinity) + 1e-15));
  });

  it('ends without a penalty on separable and on collinear data', async () => {
    const X = [[-2, -4], [-1, -2], [1, 2], [2, 4]];
    const separable = await logistic({ l2: 0, max_iterations: 50 }).fit(datasetOf({ X, y: [0, 0, 1, 1], weights: null }), { random: new Random(1) });
    expect([...separable.score(flatten(X), 4)].map(Math.round)).toEqual([0, 0, 1, 1]);
    const collinear = await logistic({ l2: 0 }).fit(datasetOf({ X, y: [0, 1, 0, 1], weights: null }), { random: new Random(1) });
    expect(collinear.score(flatten(X), 4).every((p) => p > 0.1 && p < 0.9)).toBe(true);
  });
});

describe('log loss', () => {
  it('is finite and exact at both ends', () => {
    expect(sigmoid(800)).toBe(1);
    expect(sigmoid(-800)).toBe(0);
    expect(sigmoid(-40)).toBeCloseTo(4.248354255291589e-18, 30);
    expect(logLossOfMargin(1, -1000)).toBe(1000);
    expect(logLossOfMargin(0, -40)).toBeCloseTo(4.248354255291589e-18, 30);
  });
});

describe('Cholesky factor', () => {
  it('oracle: the solution, multiplied back, gives the right side', async () => {
    const random = new Random(9);
    const n = 7;
    const M = Float64Array.from({ length: n * n }, () => random.normal());
    const A = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return Array.from({ length: n }, (_, k) => M[i * n + k]! * M[j * n + k]!).reduce((a, b) => a + b, i === j ? 0.1 : 0);
    });
    const b = Float64Array.from({ length: n }, () => random.normal());
    const x = (await CholeskyFactor.of(A, n, 1e-13, new Pace(undefined, undefined))).solve(b);
    b.forEach((value, i) => expect(x.reduce((sum, xj, j) => sum + A[i * n + j]! * xj, 0)).toBeCloseTo(value, 9));
  });
});
