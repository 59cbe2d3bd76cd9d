// Goal: the features approximate the kernel, and the machine over them is at its true minimum. Method: the kernel from its definition;
// scikit-learn's LinearSVC on the same features; finite differences; WebAssembly against typed arrays.
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { minimizeByLbfgs } from '../linear/minimize.ts';
import { rocAuc } from '../metrics/classification.ts';
import { Random } from '../random.ts';
import { drawFourierMap, fourierMapOf, mapRow, type FourierMap } from './fourier-map.ts';
import { FourierProblem } from './fourier-problem.ts';
import { turnCosine } from './turn-cosine.ts';

interface Reference {
  readonly X: number[][]; readonly y: number[]; readonly gamma: number; readonly weights: number[][]; readonly offsets: number[];
  readonly cases: { readonly c: number; readonly coefficients: number[]; readonly intercept: number; readonly decisions: number[] }[];
}

const reference = readReference<Reference>('fourier-svm');
const perTurn = 1 / (2 * Math.PI);

async function problemOf(X: Float32Array, columnCount: number, y: readonly number[], c: number, map: FourierMap, kernels = plainKernels): Promise<FourierProblem> {
  const compute = await kernels.open({});
  const signs = Float64Array.from(y, (label) => 2 * label - 1);
  return new FourierProblem({ X: compute.adopt(X), rowCount: y.length, columnCount, signs, prices: new Float64Array(y.length).fill(c) }, map, compute);
}

describe('fourier-svm', () => {
  it('oracle: inner products of features tend to the kernel', () => {
    const random = new Random(4);
    const X = Float32Array.from({ length: 60 }, () => random.normal());
    const error = (components: number): number => {
      const map = drawFourierMap(random, components, 3, 0.3);
      const features = Array.from({ length: 20 }, (_, row) => {
        const out = new Float32Array(map.offsets.length);
        mapRow(X, 3 * row, 3, map.frequencies, map.offsets, out);
        return out.subarray(0, components);
      });
      let worst = 0;
      for (let a = 0; a < 20; a++) {
        for (let b = 0; b <= a; b++) {
          const square = [0, 1, 2].reduce((sum, j) => sum + (X[3 * a + j]! - X[3 * b + j]!) ** 2, 0);
          const product = (2 / components) * features[a]!.reduce((sum, value, k) => sum + value * features[b]![k]!, 0);
          worst = Math.max(worst, Math.abs(product - Math.exp(-0.3 * square)));
        }
      }
      return worst;
    };
    expect(error(200)).toBeLessThan(0.35);
    expect(error(10_000)).toBeLessThan(0.05);
  });

  it('differential: the coefficients over the same features are those of LinearSVC', async () => {
    const X = Float32Array.from(flatten(reference.X));
    const map = fourierMapOf(Float32Array.from(flatten(reference.weights), (weight) => weight * perTurn), Float32Array.from(reference.offsets, (offset) => offset * perTurn), 3);
    for (const { c, coefficients, intercept } of reference.cases) {
      const problem = await problemOf(X, 3, reference.y, c, map);
      const { v } = await minimizeByLbfgs(problem, { start: new Float64Array(25), tolerance: 1e-10, maxIterations: 5000 });
      // Cosines in float32 differ from the reference's by 1e-6; stiff directions magnify that.
      coefficients.forEach((expected, k) => expect(Math.abs(v[k]! - expected)).toBeLessThan(2e-5 * Math.max(1, Math.abs(expected))));
      expect(Math.abs(v[24]! - intercept)).toBeLessThan(2e-5);
    }
  });

  it('the gradient is that of finite differences, weights and odd sizes included', async () => {
    const random = new Random(9);
    const X = Float32Array.from({ length: 60 }, () => random.normal());
    const map = drawFourierMap(random, 11, 2, 0.5);
    const problem = await problemOf(X, 2, Array.from({ length: 30 }, (_, i) => i % 2), 1.7, map);
    const v = Float64Array.from({ length: 12 }, () => random.normal());
    const gradient = new Float64Array(12);
    await problem.evaluate(v, gradient);
    const unused = new Float64Array(12);
    for (let k = 0; k < 12; k++) {
      const shifted = (by: number): Float64Array => v.map((value, at) => (at === k ? value + by : value));
      const slope = ((await problem.evaluate(shifted(1e-6), unused)) - (await problem.evaluate(shifted(-1e-6), unused))) / 2e-6;
      expect(Math.abs(slope - gradient[k]!)).toBeLessThan(1e-6);
    }
  });

  it('learns what no line can, about as well as the kernel itself', async () => {
    const random = new Random(12);
    const sample = (rowCount: number): Dataset => {
      const X = Float32Array.from({ length: 2 * rowCount }, () => random.normal());
      return { rowCount, columnCount: 2, X, y: Float64Array.from({ length: rowCount }, (_, i) => (Math.hypot(X[2 * i]!, X[2 * i + 1]!) + 0.2 * random.normal() > 1.2 ? 1 : 0)), featureNames: ['a', 'b'] };
    };
    const [train, test] = [sample(500), sample(500)];
    const aucs = await Promise.all(['fourier-svm', 'rbf-svm'].map(async (kind) => {
      const model = await createEstimator({ kind, task: 'classification', parameters: kind === 'fourier-svm' ? { components: 64, max_iterations: 60 } : {}, prepare: [] }).fit(train, { random: new Random(1) });
      return rocAuc(test.y, model.score(test.X, test.rowCount));
    }));
    expect(aucs[0]).toBeGreaterThan(0.95);
    expect(Math.abs(aucs[0]! - aucs[1]!)).toBeLessThan(0.01);
  });

  it('differential: every exact backend gives the same loss and gradient, and scores many rows as one by one', async () => {
    const random = new Random(2);
    for (const [rowCount, columnCount, components] of [[3, 1, 1], [101, 7, 20], [200, 30, 64]] as const) {
      const X = Float32Array.from({ length: rowCount * columnCount }, () => random.normal());
      const y = Array.from({ length: rowCount }, (_, i) => (i < 2 ? i : random.int(2)));
      const map = drawFourierMap(random, components, columnCount, 0.1);
      const v = Float64Array.from({ length: components + 1 }, () => random.normal());
      const expected = new Float64Array(components + 1);
      const value = await (await problemOf(X, columnCount, y, 0.7, map)).evaluate(v, expected);
      const data: Dataset = { rowCount, columnCount, X, y: Float64Array.from(y), featureNames: Array.from({ length: columnCount }, (_, j) => `x${j}`) };
      const model = await createEstimator({ kind: 'fourier-svm', task: 'classification', parameters: { components, max_iterations: 5 }, prepare: [] }).fit(data, { random: new Random(1) });
      for (const kernels of await wasmBackends()) {
        const gradient = new Float64Array(components + 1);
        expect(await (await problemOf(X, columnCount, y, 0.7, map, kernels)).evaluate(v, gradient)).toBe(value);
        expect(gradient).toEqual(expected);
        expect(await model.scoreInBatch(X, rowCount, { kernels })).toEqual(model.score(X, rowCount));
      }
    }
  });
});

describe('turnCosine', () => {
  it('oracle: within 3e-7 of the cosine', () => {
    let worst = 0;
    for (let i = -100_000; i <= 100_000; i++) {
      const turns = Math.fround(i / 50_000);
      worst = Math.max(worst, Math.abs(turnCosine(turns) - Math.cos(2 * Math.PI * turns)));
    }
    expect(worst).toBeLessThan(3e-7);
    expect(turnCosine(0)).toBeCloseTo(1, 6);
  });
});
