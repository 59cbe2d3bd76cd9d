// Goal: the dual's optimum and decision values are those of libsvm. Method: scikit-learn's SVC run to 1e-6; the optimality conditions
// from their definition on random problems; WebAssembly against typed arrays.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { decodeModelFile, float64Section } from '../model-file.ts';
import { Pace } from '../pace.ts';
import { rawRows } from '../prepared-rows.ts';
import { Random } from '../random.ts';
import { solveDual, type DualSolution } from './solve-dual.ts';

interface Case {
  readonly name: string; readonly c: number; readonly gamma: number; readonly class_weight: string; readonly X: number[][]; readonly y: number[]; readonly weights: number[] | null;
  readonly decisions: number[]; readonly objective: number; readonly vectors: number; readonly looseVectors: number; readonly looseObjective: number;
}

const { cases } = readReference<{ cases: Case[] }>('rbf-svm');

function datasetOf(X: Float32Array, y: Float64Array, weights?: Float64Array): Dataset {
  const columnCount = X.length / y.length;
  return { rowCount: y.length, columnCount, X, y, weights, featureNames: Array.from({ length: columnCount }, (_, j) => `x${j}`) };
}

const caseData = ({ X, y, weights }: Case): Dataset => datasetOf(Float32Array.from(flatten(X)), Float64Array.from(y), weights === null ? undefined : Float64Array.from(weights));

function svm(parameters: Record<string, number | string>): ReturnType<typeof createEstimator> {
  return createEstimator({ kind: 'rbf-svm', task: 'classification', parameters, prepare: [] });
}

describe('rbf-svm', () => {
  for (const reference of cases) {
    const { c, gamma, class_weight, objective, vectors } = reference;
    it(`differential: ${reference.name} decides as libsvm run to 1e-6`, async () => {
      const data = caseData(reference);
      const model = await svm({ c, gamma, class_weight, tolerance: 1e-6 }).fit(data, { random: new Random(1) });
      model.score(data.X, data.rowCount).forEach((found, row) => expect(Math.abs(found - reference.decisions[row]!)).toBeLessThan(1e-3));
      const rows = data.weights === undefined ? data.rowCount : data.weights.filter((weight) => weight > 0).length;
      expect(Math.abs((model.history.at(-1)! * rows) / objective - 1)).toBeLessThan(1e-5);
      expect(Math.abs(float64Section(decodeModelFile(model.save()), 'support.coefficients').length - vectors)).toBeLessThanOrEqual(1);
    });

    it(`differential: ${reference.name} stops at the default tolerance as near the optimum as libsvm`, async () => {
      const data = caseData(reference);
      const model = await svm({ c, gamma, class_weight }).fit(data, { random: new Random(1) });
      const rows = data.weights === undefined ? data.rowCount : data.weights.filter((weight) => weight > 0).length;
      expect(Math.abs((model.history.at(-1)! * rows) / reference.looseObjective - 1)).toBeLessThan(1e-4);
      expect(Math.abs(float64Section(decodeModelFile(model.save()), 'support.coefficients').length - reference.looseVectors)).toBeLessThanOrEqual(0.02 * reference.looseVectors);
    });
  }

  it('scores many rows on every backend as one by one', async () => {
    const data = caseData(cases[0]!);
    const model = await svm({}).fit(data, { random: new Random(1) });
    const expected = model.score(data.X, data.rowCount);
    for (const kernels of [plainKernels, ...await wasmBackends()]) expect(await model.scoreInBatch(data.X, data.rowCount, { kernels })).toEqual(expected);
  });
});

async function solve(data: Dataset, c: number, gamma: number, cacheBytes: number, tolerance: number, kernels = plainKernels): Promise<DualSolution> {
  const compute = await kernels.open({});
  const rows = Int32Array.from({ length: data.rowCount }, (_, i) => i);
  const problem = { prepared: rawRows(data), rows, bounds: new Float64Array(data.rowCount).fill(c), gamma, tolerance, maxIterations: 1e6, cacheBytes };
  const solution = await solveDual(problem, { compute, pace: new Pace(undefined, undefined), progress: () => {} });
  compute.close();
  return solution;
}

function sample(random: Random, rowCount: number, columnCount: number): Dataset {
  const X = Float32Array.from({ length: rowCount * columnCount }, () => random.normal());
  return datasetOf(X, Float64Array.from({ length: rowCount }, (_, i) => (i < 2 ? i : X[i * columnCount]! + 0.5 * random.normal() > 0 ? 1 : 0)));
}

describe('solveDual', () => {
  it('oracle: multipliers keep their bounds and balance, and margins keep the optimality conditions', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(0.1, 1, 30), fc.constantFrom(0.05, 1), async (seed, c, gamma) => {
      const random = new Random(seed);
      const data = sample(random, 20 + random.int(60), 1 + random.int(4));
      const { rowCount, columnCount, X, y } = data;
      const { alpha, bias } = await solve(data, c, gamma, 1e6, 1e-4);
      const signs = y.map((label) => 2 * label - 1);
      expect(Math.abs(alpha.reduce((sum, a, i) => sum + a * signs[i]!, 0))).toBeLessThan(1e-9 * c * rowCount);
      for (let i = 0; i < rowCount; i++) {
        expect(alpha[i]! >= 0 && alpha[i]! <= c).toBe(true);
        let decision = bias;
        for (let k = 0; k < rowCount; k++) {
          let square = 0;
          for (let j = 0; j < columnCount; j++) square += (X[i * columnCount + j]! - X[k * columnCount + j]!) ** 2;
          decision += alpha[k]! * signs[k]! * Math.exp(-gamma * square);
        }
        const margin = signs[i]! * decision - 1;
        if (alpha[i]! < c) expect(margin).toBeGreaterThan(-2e-4);
        if (alpha[i]! > 0) expect(margin).toBeLessThan(2e-4);
      }
    }), { numRuns: 30 });
  });

  it('a cache of two rows changes nothing, nor does a step limit break it', async () => {
    const data = sample(new Random(4), 90, 3);
    const [whole, tiny] = [await solve(data, 1, 0.3, 1e6, 1e-3), await solve(data, 1, 0.3, 0, 1e-3)];
    expect(tiny).toEqual(whole);
    expect(whole.gap).toBeLessThan(1e-3);
    const model = await svm({ max_iterations: 3 }).fit(data, { random: new Random(1) });
    expect(model.history.length).toBe(1);
  });

  it('differential: every exact backend takes the same steps', async () => {
    for (const [rowCount, columnCount, cacheBytes] of [[5, 1, 1e6], [93, 7, 1e6], [130, 30, 6000]] as const) {
      const data = sample(new Random(rowCount), rowCount, columnCount);
      const expected = await solve(data, 2, 0.2, cacheBytes, 1e-3);
      for (const kernels of await wasmBackends()) expect(await solve(data, 2, 0.2, cacheBytes, 1e-3, kernels)).toEqual(expected);
    }
  });
});
