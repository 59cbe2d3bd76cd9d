// Goal: means, variances and ranges from their definition, to rounding, wherever the values lie; kernels agree to the bit. Method: a naive
// twin over random columns with gaps and weights, and plain against WebAssembly.
import { describe, expect, it } from 'vitest';
import { builtKernels, wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { assertSameOnAll, trialOf } from '../kernels/operation.checks.ts';
import { Random } from '../random.ts';
import { columnSummaries, emptyCells, summarizeColumns } from './column-summaries.ts';
import { context } from './prepared-table.fixtures.ts';

describe('column summaries', () => {
  it('oracle: two passes over each column', async () => {
    const random = new Random(2);
    const [rowCount, columnCount] = [3000, 5];
    for (const isWeighted of [false, true]) {
      const X = Float32Array.from({ length: rowCount * columnCount }, (_, at) => {
        const column = at % columnCount;
        if (column === 4) return NaN;
        return random.uniform() < 0.1 ? NaN : column === 3 ? 0.1 : 10 ** (2 * column) + random.normal();
      });
      // The first row sets the shift.
      X[0] = 1e9;
      const weights = Float64Array.from({ length: rowCount }, (_, i) => (i === 0 ? 0 : random.int(3)));
      const weightOf = (i: number): number => (isWeighted ? weights[i] : i === 0 ? 1 : 1);
      const names = ['a', 'b', 'c', 'd', 'e'];
      const input = { rowCount, names, categories: {}, weights: isWeighted ? weights : undefined, workPerRow: 10, eachBlock: () => Promise.resolve(), read: (start: number, end: number, out: Float32Array): void => { out.set(X.subarray(start * columnCount, end * columnCount)); } };
      const found = await summarizeColumns(input, context);
      for (let j = 0; j < columnCount; j++) {
        const rows = Array.from({ length: rowCount }, (_, i) => i).filter((i) => !Number.isNaN(X[i * columnCount + j]) && weightOf(i) > 0);
        const total = rows.reduce((sum, i) => sum + weightOf(i), 0);
        const mean = total === 0 ? 0 : rows.reduce((sum, i) => sum + weightOf(i) * X[i * columnCount + j], 0) / total;
        const variance = total === 0 ? 0 : rows.reduce((sum, i) => sum + weightOf(i) * (X[i * columnCount + j] - mean) ** 2, 0) / total;
        expect(Math.abs(found.mean[j] - mean)).toBeLessThan(1e-12 * Math.max(1, Math.abs(mean)));
        expect(Math.abs(found.variance[j] - variance)).toBeLessThan(1e-11 * Math.max(1, variance));
        expect(found.low[j]).toBe(Math.min(...rows.map((i) => X[i * columnCount + j])));
        expect(found.high[j]).toBe(Math.max(...rows.map((i) => X[i * columnCount + j])));
        expect(found.gaps[j]).toBe(2);
      }
      expect(found.variance[3]).toBe(0);
    }
  });

  it.skipIf(builtKernels() === undefined)('differential: WebAssembly equals typed arrays to the bit', async () => {
    const trial = trialOf(columnSummaries, (random) => {
      const [rowCount, columnCount] = [random.int(9000) + 1, random.int(10) + 1];
      const X = Float32Array.from({ length: rowCount * columnCount }, () => (random.uniform() < 0.1 ? NaN : 100 * random.normal()));
      const weights = Float64Array.from({ length: rowCount }, () => random.int(3) * random.uniform());
      return [rowCount, columnCount, X, random.int(2), weights, Float64Array.from({ length: columnCount }, () => random.normal()), emptyCells(columnCount)];
    });
    await assertSameOnAll(trial, await wasmBackends(), [1, 2, 3, 4, 5, 6]);
  });
});
