// Goal: Rosenblatt's steps in the order drawn, and their mean where asked. Method: a naive twin from the definition (oracle), scikit-learn's mean AUC
// over seeds (differential): a single seed says little, on this data one deviates from the next by .08.
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { rocAuc } from '../metrics/classification.ts';
import { decodeModelFile, float64Section } from '../model-file.ts';
import { Random } from '../random.ts';
import { shuffleRows } from './shuffle-rows.ts';

const reference = readReference<{ perceptron: { trained: number; X: number[][]; y: number[]; meanAuc: number; deviation: number } }>('linear').perceptron;

function part(start: number, end: number): Dataset {
  const X = reference.X.slice(start, end);
  return { rowCount: X.length, columnCount: X[0]!.length, X: Float32Array.from(flatten(X)), y: Float64Array.from(reference.y.slice(start, end)), featureNames: X[0]!.map((_, j) => `x${j}`) };
}

const train = part(0, reference.trained);
const test = part(reference.trained, reference.y.length);
const perceptron = (parameters: Record<string, number | string>): ReturnType<typeof createEstimator> => createEstimator({ kind: 'perceptron', task: 'classification', parameters, prepare: [] });

async function aucs(parameters: Record<string, number | string>, seeds: number): Promise<number[]> {
  const found: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const model = await perceptron(parameters).fit(train, { random: new Random(seed) });
    found.push(rocAuc(test.y, model.score(test.X, test.rowCount)));
  }
  return found;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('perceptron', () => {
  it('oracle: the point after every step, written from the definition', async () => {
    const d = train.columnCount;
    for (const average of ['none', 'steps']) {
      const model = await perceptron({ epochs: 3, average }).fit(train, { random: new Random(5) });
      const random = new Random(5);
      const order = Int32Array.from({ length: train.rowCount }, (_, i) => i);
      const w = new Float64Array(d + 1);
      const sum = new Float64Array(d + 1);
      for (let epoch = 0; epoch < 3; epoch++) {
        shuffleRows(order, random);
        for (const row of order) {
          const x = [...train.X.subarray(row * d, (row + 1) * d), 1];
          const side = train.y[row] === 1 ? 1 : -1;
          if (side * x.reduce((m, value, j) => m + value * w[j]!, 0) <= 0) x.forEach((value, j) => { w[j]! += side * value; });
          w.forEach((value, j) => { sum[j]! += value; });
        }
      }
      const expected = average === 'none' ? w : sum.map((value) => value / (3 * train.rowCount));
      const file = decodeModelFile(model.save());
      const found = [...float64Section(file, 'linear.coefficients'), ...float64Section(file, 'linear.intercept')];
      expected.forEach((value, j) => expect(found[j]).toBeCloseTo(value, 9));
      expect(model.history.length).toBe(3);
    }
  });

  it('differential: ranks like scikit-learn\'s over seeds', async () => {
    const seeds = 100;
    const found = await aucs({}, seeds);
    expect(Math.abs(mean(found) - reference.meanAuc)).toBeLessThan((3.5 * reference.deviation) / Math.sqrt(seeds));
  });

  it('the mean of steps is steadier and better than the last', async () => {
    expect(Math.min(...(await aucs({ average: 'steps' }, 5)))).toBeGreaterThan(reference.meanAuc + reference.deviation / 2);
  });
});
