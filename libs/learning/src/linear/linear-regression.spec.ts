// Goal: least squares and ridge are the true minimum, by whichever way they are solved. Method: scikit-learn's fits in float64, both ways of
// solving against each other, the smallest of all solutions where there are many. Tolerance 1e-5 of the coefficients, mostly far less.
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import type { FitContext } from '../family.ts';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import type { Kernels } from '../kernels/compute.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { decodeModelFile, float64Section } from '../model-file.ts';
import { Pace } from '../pace.ts';
import { rawRows, type PreparedRows } from '../prepared-rows.ts';
import { Random } from '../random.ts';
import type { LeastSquares } from './linear-regression.ts';
import { solveByGram } from './solve-by-gram.ts';
import { solveByRows } from './solve-by-rows.ts';

interface Case {
  readonly name: string; readonly l2: number; readonly X: number[][]; readonly y: number[]; readonly weights: number[] | null;
  readonly coefficients: number[]; readonly intercept: number;
}

const { regressions } = readReference<{ regressions: Case[] }>('linear');

function datasetOf({ X, y, weights }: Pick<Case, 'X' | 'y' | 'weights'>): Dataset {
  return {
    rowCount: y.length, columnCount: X[0]!.length, X: Float32Array.from(flatten(X)), y: Float64Array.from(y),
    weights: weights === null ? undefined : Float64Array.from(weights), featureNames: X[0]!.map((_, j) => `x${j}`),
  };
}

const regression = (l2: number, feature?: string): ReturnType<typeof createEstimator> =>
  createEstimator({ kind: 'linear-regression', task: 'regression', parameters: { l2 }, prepare: [], feature });

async function inContext<T>(kernels: Kernels, use: (context: FitContext) => Promise<T>): Promise<T> {
  const compute = await kernels.open({});
  try {
    return await use({ compute, pace: new Pace(undefined, undefined), random: new Random(1), progress: () => undefined });
  } finally {
    compute.close();
  }
}

/** Columns of very different means and scales, one constant, leaning on each other. */
function drawRows(rowCount: number, columnCount: number, seed: number, weighted: boolean): PreparedRows {
  const random = new Random(seed);
  const X = new Float32Array(rowCount * columnCount);
  const y = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const common = random.normal();
    let sum = 100;
    for (let j = 0; j < columnCount; j++) {
      const z = common + random.normal();
      X[i * columnCount + j] = j === 2 ? 7 : 10 ** ((j % 5) - 2) * (z + 20 * (j % 3));
      sum += z * Math.cos(j);
    }
    y[i] = sum + random.normal();
  }
  const weights = weighted ? y.map(() => random.int(3)) : undefined;
  return rawRows({ rowCount, columnCount, X, y, weights, featureNames: Array.from({ length: columnCount }, (_, j) => `x${j}`) });
}

function expectAlike(found: LeastSquares, expected: LeastSquares, rows: PreparedRows): void {
  const row = new Float32Array(rows.columnCount);
  const margin = ({ coefficients, intercept }: LeastSquares): number => coefficients.reduce((sum, w, j) => sum + w * row[j]!, intercept);
  for (let i = 0; i < 20; i++) {
    rows.read(i, i + 1, row);
    expect(Math.abs(margin(found) - margin(expected))).toBeLessThan(1e-7);
  }
  expected.coefficients.forEach((w, j) => expect(Math.abs(found.coefficients[j]! - w)).toBeLessThan(1e-7 * Math.max(1, Math.abs(w))));
  expect(Math.abs(found.loss / expected.loss - 1)).toBeLessThan(1e-9);
  expected.mean.forEach((mean, j) => expect(Math.abs(found.mean[j]! - mean)).toBeLessThan(1e-5 * Math.max(1, Math.abs(mean))));
}

describe('linear regression', () => {
  for (const reference of regressions) {
    it(`differential: ${reference.name} equals scikit-learn's fit`, async () => {
      const data = datasetOf(reference);
      const file = decodeModelFile((await regression(reference.l2).fit(data, { random: new Random(1) })).save());
      const found = float64Section(file, 'linear.coefficients');
      reference.coefficients.forEach((expected, j) => expect(Math.abs(found[j]! - expected)).toBeLessThan(1e-6));
      expect(Math.abs(float64Section(file, 'linear.intercept')[0]! - reference.intercept)).toBeLessThan(1e-5);
    });
  }

  for (const [name, l2, weighted] of [['plain', 0, false], ['weighted', 0, true], ['ridge', 40, false], ['weighted ridge', 4, true]] as const) {
    it(`differential: by Gram matrix and by orthogonal transformations, ${name}`, async () => {
      const rows = drawRows(5000, 7, 3, weighted);
      const [byGram, byRows] = await inContext(plainKernels, async (context) => [await solveByGram(rows, l2, context), await solveByRows(rows, l2, context)]);
      expect(byGram).toBeDefined();
      expectAlike(byGram!, byRows, rows);
      expect(byGram!.coefficients[2]).toBe(0);
    });
  }

  it('leaves what the Gram matrix can\'t tell apart to the rows', async () => {
    const rows = drawRows(3000, 4, 5, false);
    const collinear: PreparedRows = { ...rows, read: (start, end, out) => {
      rows.read(start, end, out);
      for (let at = 0; at < (end - start) * 4; at += 4) out[at + 3] = 2 * out[at]!;
    } };
    const [byGram, byRows] = await inContext(plainKernels, async (context) => [await solveByGram(collinear, 0, context), await solveByRows(collinear, 0, context)]);
    expect(byGram).toBeUndefined();
    // The smallest of w0 + 2 w3 = c.
    expect(byRows.coefficients[3]).toBeCloseTo(2 * byRows.coefficients[0]!, 8);
  });

  it('one feature alone: the line through it, the others 0', async () => {
    const data = datasetOf(regressions[1]!);
    const model = await regression(0, 'x1').fit(data, { random: new Random(1) });
    const alone = { ...data, columnCount: 1, X: data.X.filter((_, at) => at % data.columnCount === 1), featureNames: ['x1'] };
    const expected = await regression(0).fit(alone, { random: new Random(1) });
    model.score(data.X, data.rowCount).forEach((value, i) => expect(value).toBeCloseTo(expected.scoreRow(alone.X.slice(i, i + 1)), 10));
    expect(model.history[0]).toBeCloseTo(expected.history[0]!, 10);
    const contributions = new Float64Array(data.columnCount);
    model.explainRow(data.X.slice(0, data.columnCount), contributions);
    expect([...contributions].filter((value) => value !== 0).length).toBe(1);
  });
});

describe.skipIf(builtKernels() === undefined)('linear regression in WebAssembly', () => {
  it('differential: the same numbers as typed arrays to the bit', async () => {
    const rows = drawRows(9000, 11, 8, true);
    const expected = await inContext(plainKernels, (context) => solveByGram(rows, 2, context));
    for (const kernels of await wasmBackends()) expect(await inContext(kernels, (context) => solveByGram(rows, 2, context))).toEqual(expected);
  });
});
