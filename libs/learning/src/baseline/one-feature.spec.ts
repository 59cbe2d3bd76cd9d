// Goal: a one-feature model is its feature's ranking, no more and no less. Method: its ROC AUC against the raw feature's, on data with
// heavy tails, ties and values never seen; the rank scale against its laws.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import type { Task } from '../estimator.ts';
import { logLoss, rocAuc } from '../metrics/classification.ts';
import { Random } from '../random.ts';
import { distributionOf } from '../weighted-distribution.ts';
import { RankScale } from './rank-scale.ts';

function oneFeature(task: Task = 'classification'): ReturnType<typeof createEstimator> {
  return createEstimator({ kind: 'one-feature', task, parameters: {}, prepare: [], feature: 'x' });
}

function dataOf(x: Float64Array, y: Float64Array): Dataset {
  const X = Float32Array.from({ length: 2 * x.length }, (_, at) => (at % 2 === 0 ? 7 - at : x[(at - 1) / 2]!));
  return { rowCount: x.length, columnCount: 2, X, y, featureNames: ['other', 'x'] };
}

describe('one-feature baseline', () => {
  it('orders rows as the feature does, in the direction that training showed, on rows never seen too', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(-1, 1), fc.constantFrom(40, 1500), async (seed, sign, rowCount) => {
      const random = new Random(seed);
      const draw = (label: number): number => sign * Math.exp(3 * random.normal() + 1.5 * label) * (random.uniform() < 0.02 ? 1e9 : 1);
      const sample = (): Dataset => {
        const y = Float64Array.from({ length: rowCount }, (_, i) => (i < 2 ? i : random.int(2)));
        return dataOf(y.map((label) => (random.uniform() < 0.3 ? Math.round(draw(label)) : draw(label))), y);
      };
      const [train, test] = [sample(), sample()];
      const model = await oneFeature().fit(train, { random });
      const raw = (data: Dataset): Float64Array => data.y.map((_, i) => data.X[2 * i + 1]!);
      const shown = rocAuc(train.y, raw(train));
      // A training AUC of one half shows no direction.
      if (Math.abs(shown - 0.5) < 1e-6) return;
      const rises = shown > 0.5;
      for (const data of [train, test]) {
        const direct = rocAuc(data.y, raw(data));
        expect(rocAuc(data.y, model.score(data.X, rowCount))).toBeCloseTo(rises ? direct : 1 - direct, 12);
      }
    }), { numRuns: 40, examples: [[452_724, -1, 40]] });
  });

  it('gives probabilities better than the prior, and reasons for its one feature only', async () => {
    const random = new Random(3);
    const y = Float64Array.from({ length: 500 }, () => random.int(2));
    const data = dataOf(y.map((label) => label * 2 + random.normal()), y);
    const model = await oneFeature().fit(data, { random });
    expect(logLoss(y, model.score(data.X, 500))).toBeLessThan(0.5);
    const contributions = new Float64Array(2);
    model.explainRow(Float64Array.of(1, 2.5), contributions);
    expect(contributions[0]).toBe(0);
    expect(contributions[1]).toBeGreaterThan(0.5);
  });

  it('as regression is the least-squares line', async () => {
    const x = Float64Array.of(1, 2, 3, 4);
    const model = await oneFeature('regression').fit(dataOf(x, x.map((v) => 3 * v - 5)), { random: new Random(1) });
    expect(model.scoreRow(Float64Array.of(0, 10))).toBeCloseTo(25, 10);
    expect(model.scoreRow(Float64Array.of(0, NaN))).toBeCloseTo(2.5, 10);
  });
});

describe('RankScale', () => {
  it('rises strictly everywhere and gives a training value its mid-rank', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1 }), fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 2 }), (training, probes) => {
      const scale = RankScale.of(distributionOf(Float64Array.from(training), undefined));
      for (const value of training) {
        const midrank = training.filter((v) => v < value).length + training.filter((v) => v === value).length / 2;
        expect(scale.at(value)).toBeCloseTo(midrank / training.length, 12);
      }
      const sorted = [...new Set(probes)].sort((a, b) => a - b).map((value) => scale.at(value / 3));
      sorted.forEach((share, i) => expect(share > (sorted[i - 1] ?? 0) && share < 1).toBe(true));
    }));
  });

  it('keeps 1024 knots of many values, the extremes among them', () => {
    const values = Float64Array.from({ length: 5000 }, (_, i) => i * i);
    const scale = RankScale.of(distributionOf(values, undefined));
    expect([scale.knots.length, scale.knots[0], scale.knots.at(-1)]).toEqual([1024, 0, 4999 ** 2]);
    expect(Math.abs(scale.at(2500 ** 2) - 0.5)).toBeLessThan(0.001);
  });
});
