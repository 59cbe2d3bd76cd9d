// Goal: importance is how much the metric falls when a feature is shuffled. Method: a twin by hand with the same draws, a model whose use of
// its features is known.
import { describe, expect, it } from 'vitest';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { rocAuc } from '../metrics/classification.ts';
import { Random } from '../random.ts';
import { permutationImportance } from './permutation-importance.ts';

const random = new Random(1);
const X = Float32Array.from({ length: 900 }, () => random.normal());
const y = Float64Array.from({ length: 300 }, (_, i) => (2 * X[3 * i]! + X[3 * i + 1]! + 0.5 * random.normal() > 0 ? 1 : 0));
const data: Dataset = { rowCount: 300, columnCount: 3, X, y, featureNames: ['strong', 'weak', 'constant'] };
const withConstant = { ...data, X: X.map((value, at) => (at % 3 === 2 ? 4 : value)) };
const model = await createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: {}, prepare: [] }).fit(withConstant, { random: new Random(1) });

describe('permutationImportance', () => {
  it('oracle: equals shuffling a column by hand', async () => {
    const found = await permutationImportance(model, withConstant, { metric: rocAuc, repeats: 3, random: new Random(2) });
    const twin = new Random(2);
    for (const [column, { name, falls, value }] of found.entries()) {
      expect(name).toBe(data.featureNames[column]);
      const values = Array.from({ length: 300 }, (_, i) => withConstant.X[3 * i + column]!);
      const expected = [0, 1, 2].map(() => {
        twin.shuffle(values);
        const shuffled = withConstant.X.map((cell, at) => (at % 3 === column ? values[Math.floor(at / 3)]! : cell));
        return rocAuc(y, model.score(withConstant.X, 300)) - rocAuc(y, model.score(shuffled, 300));
      });
      expect(falls).toEqual(expected);
      expect(value).toBeCloseTo((expected[0]! + expected[1]! + expected[2]!) / 3, 14);
    }
  });

  it('ranks features by use; what the model ignores is exactly 0', async () => {
    const seen: number[] = [];
    const before = withConstant.X.slice();
    const [strong, weak, constant] = await permutationImportance(model, withConstant, { metric: rocAuc, repeats: 6, random: new Random(3), onProgress: (done) => seen.push(done) });
    expect(strong!.low).toBeGreaterThan(weak!.high);
    expect(weak!.low).toBeGreaterThan(0);
    expect(constant).toMatchObject({ value: 0, low: 0, high: 0 });
    expect(withConstant.X).toEqual(before);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toHaveLength(18);
  });

  it('stops when told', async () => {
    const controller = new AbortController();
    const found = permutationImportance(model, withConstant, {
      metric: rocAuc, random: new Random(1), signal: controller.signal, yieldToLoop: () => new Promise((resolve) => { setImmediate(resolve); }), repeats: 500,
      onProgress: (done) => { if (done > 0.01) controller.abort(new Error('enough')); },
    });
    await expect(found).rejects.toThrow('enough');
  });
});
