// Goal: products made on all threads are those made row by row. Method: random rows, columns and degrees, byte for byte, against the step itself.
import { describe, expect, it } from 'vitest';
import { assertSameOnAll, trialOf } from '../kernels/operation.checks.ts';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { Random } from '../random.ts';
import { polynomialRows } from './polynomial.ts';
import { prepareTable } from './prepared-table.fixtures.ts';
import type { PrepareStep } from './step.ts';

const cells = (random: Random, length: number): Float32Array => Float32Array.from({ length }, () => [random.normal() * 10 ** (random.int(60) - 30), 0, -0, 3, NaN][random.int(20) === 0 ? random.int(5) : 0]!);

describe('polynomial rows', () => {
  it.skipIf(builtKernels() === undefined)('differential: WebAssembly equals typed arrays to the bit', async () => {
    for (const degree of [2, 3]) {
      const trial = trialOf(polynomialRows, (random) => {
        const [rowCount, inputCount] = [random.int(300) + 1, random.int(9) + 1];
        const [chosen, passed] = [[], []] as [number[], number[]];
        for (let j = 0; j < inputCount; j++) (random.int(4) > 0 ? chosen : passed).push(j);
        const [n, skip] = [chosen.length, random.int(2)];
        let products = 0;
        for (let a = 0; a < n; a++) for (let b = a + skip; b < n; b++) products += 1 + (degree === 3 ? Math.max(0, n - b - skip) : 0);
        const width = inputCount + products;
        return [cells(random, rowCount * inputCount), rowCount, inputCount, Int32Array.from(chosen), n, Int32Array.from(passed), passed.length, degree, skip, new Float32Array(rowCount * width), width];
      }, { name: `degree ${degree}` });
      await assertSameOnAll(trial, await wasmBackends(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
  });

  it('oracle: rows that threads make are the rows of the step, from any row on', async () => {
    const random = new Random(3);
    const X = cells(random, 100 * 5);
    const rowsOf = async (...steps: PrepareStep[]): Promise<PreparedRows> =>
      (await prepareTable(steps, { rowCount: 100, columnCount: 5, X, y: new Float64Array(100), featureNames: ['x0', 'x1', 'x2', 'x3', 'x4'] })).preparation.rows(X, 100);
    for (const definition of [{ step: 'polynomial', degree: 2 }, { step: 'polynomial', degree: 3, except: ['x1'], interaction_only: true }]) {
      const rows = await rowsOf(definition);
      const compute = await plainKernels.open({});
      const [expected, found] = [new Float32Array(60 * rows.columnCount), compute.float32(60 * rows.columnCount)];
      rows.read(30, 90, expected);
      await rows.readOnThreads!(30, 90, found, compute);
      expect(found).toEqual(expected);
      compute.close();
    }
    expect((await rowsOf({ step: 'polynomial' }, { step: 'standardize' })).readOnThreads).toBeUndefined();
  });
});
