// Goal: a card says what a person must know before trusting a model, and no more than was measured. Method: cards of made-up facts.
import { describe, expect, it } from 'vitest';
import { modelCard, type ModelCardFacts } from './model-card.ts';

const bounds = { value: 0.8, low: 0.7, high: 0.9 };
const facts: ModelCardFacts = {
  name: 'boosting', kind: 'gradient-boosting', task: 'classification', target: 'churn', parameters: { trees: 40, hidden: [8, 4] }, featureNames: ['recency', 'freq'],
  data: { table: 'gold.shop_training', version: '9' }, split: 'by time', trainRows: 600, testRows: 4, metrics: { rocAuc: bounds }, baseline: { name: 'recency-alone', metrics: { rocAuc: bounds } },
  overBaseline: { value: 0.05, low: -0.01, high: 0.1 }, test: { y: Float64Array.of(0, 0, 1, 1), scores: Float64Array.of(0.1, 0.1, 0.9, 0.9) }, hasProbability: true, hasReasons: true,
  missing: { recency: 0, freq: 0.8 }, arithmetic: { kernelVersion: 3, exact: true }, backend: { backend: 'plain', kernelVersion: 3, threadCount: 1, reason: 'none handed in' },
  seed: 42, fitSeconds: 1.25, bytes: 999,
};

describe('modelCard', () => {
  it('tells data, results beside the baseline, calibration, limits and making', () => {
    const card = modelCard(facts);
    for (const expected of [
      'table: gold.shop_training', 'split: by time', '600 rows to learn from, 4 to judge by, 50.0 % of them of class 1', '| rocAuc | 0.8000 (0.7000 to 0.9000) | 0.8000 (0.7000 to 0.9000) |',
      'calibration error 0.1000', '| 0.900 | 1.000 | 2 |', 'Judged by only 4 rows', 'do not show that it is better than recency-alone alone', 'Mostly missing in the rows that it learned from: freq (80 %)',
      'trees 40, hidden 8 4', 'seed 42', 'backend plain with 1 thread: none handed in', 'kernel version 3, exact',
    ]) expect(card).toContain(expected);
    expect(card).not.toContain('no reasons');
  });

  it('does not call a distance a probability, nor a regression calibrated', () => {
    expect(modelCard({ ...facts, hasProbability: false })).toContain('its score is a distance, not a probability');
    const regression = modelCard({ ...facts, task: 'regression', hasProbability: false, hasReasons: false, overBaseline: undefined, baseline: undefined, testRows: 5000, missing: {} });
    expect(regression).toContain('nothing to calibrate');
    expect(regression).toContain('gives no reasons');
    expect(regression).not.toMatch(/Judged by only|Mostly missing|of class 1|not show/);
  });
});
