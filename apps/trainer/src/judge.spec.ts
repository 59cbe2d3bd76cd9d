import { expect, it } from 'vitest';
import { bootstrap, delongInterval, logLoss, prAuc, Random, rmse } from '#tideline/learning';
import { judge, measure } from './judge.ts';

const random = new Random(5);
const y = Float64Array.from({ length: 300 }, () => (random.uniform() < 0.4 ? 1 : 0));
const scores = y.map((label) => Math.min(0.99, Math.max(0.01, 0.3 * label + 0.7 * random.uniform())));

it('oracle: has the intervals that a plain bootstrap of the same draws gives', () => {
  const metrics = judge('classification', y, scores, 42);
  for (const [name, metric] of [['prAuc', prAuc], ['logLoss', logLoss]] as const) {
    const plain = bootstrap(y.length, (rows) => metric(Float64Array.from(rows, (row) => sortedY[row]!), Float64Array.from(rows, (row) => sortedScores[row]!)), { random: new Random(42), repeats: 200 });
    expect(metrics[name]!.value).toBe(metric(y, scores));
    expect(metrics[name]!.low).toBeCloseTo(plain.low, 10);
    expect(metrics[name]!.high).toBeCloseTo(plain.high, 10);
  }
  expect(metrics['rocAuc']).toMatchObject({ value: delongInterval(y, scores).value });
});
// The draws name rows in the order of their scores.
const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
const sortedY = order.map((row) => y[row]!);
const sortedScores = order.map((row) => scores[row]!);

it('judges distances by rank and side, without a log loss', () => {
  const distances = scores.map((score) => 30 * Math.log(score / (1 - score)));
  const [asProbabilities, asDistances] = [judge('classification', y, scores, 42), judge('classification', y, distances, 42, false)];
  expect(Object.keys(asDistances)).toEqual(['rocAuc', 'prAuc', 'accuracy', 'precision', 'recall', 'f1']);
  for (const [name, metric] of Object.entries(asDistances)) expect(metric).toEqual(asProbabilities[name]);
});

it('gives values of all rows, also where it resamples only some of them', () => {
  const many = Float64Array.from({ length: 10_001 }, () => random.normal());
  const guesses = many.map((value) => value + 0.5 * random.normal());
  const metrics = judge('regression', many, guesses, 1);
  expect(Object.keys(metrics)).toEqual(['rmse', 'mae', 'r2']);
  expect(metrics['rmse']!.value).toBe(rmse(many, guesses));
  expect(metrics['rmse']!.low).toBeLessThan(0.5);
  expect(metrics['rmse']!.high).toBeGreaterThan(0.5);
});

it('measures one metric by name', () => {
  expect(measure('prAuc', y, scores)).toBe(prAuc(y, scores));
  expect(measure('rmse', y, scores)).toBe(rmse(y, scores));
  expect(measure('charm', y, scores)).toBeUndefined();
});
