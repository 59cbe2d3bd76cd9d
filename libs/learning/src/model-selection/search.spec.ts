// Goal: search finds what is better, says all that it tried and repeats itself for its seed. Method: a problem whose best parameter is known,
// counts by hand, laws of the draws.
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../dataset.ts';
import { logLoss, rocAuc } from '../metrics/classification.ts';
import type { EstimatorDefinition } from '../pipeline.ts';
import { Random } from '../random.ts';
import { createEstimator } from '../catalog.ts';
import { searchAtRandom, searchByHalving, type SearchOptions } from './search.ts';
import { stratifiedFolds } from './splits.ts';

/** Twelve columns of noise beside one weak signal: a strong penalty is right. */
function noisy(rowCount: number): Dataset {
  const random = new Random(3);
  const X = Float32Array.from({ length: 12 * rowCount }, () => random.normal());
  const y = Float64Array.from({ length: rowCount }, (_, i) => (X[12 * i]! + 3 * random.normal() > 0 ? 1 : 0));
  return { rowCount, columnCount: 12, X, y, featureNames: Array.from({ length: 12 }, (_, j) => `x${j}`) };
}
const data = noisy(90);
const definition: EstimatorDefinition = { kind: 'logistic-regression', task: 'classification', parameters: { max_iterations: 50 }, prepare: [{ step: 'standardize', except: [] }] };
const options: SearchOptions = {
  definition, data, splits: stratifiedFolds(data.y, 3, new Random(1)), seed: 5, trialCount: 8, metric: (y, p) => -logLoss(y, p),
  space: { l2: { low: 1e-4, high: 1e3, scale: 'log' } },
};

describe('searchAtRandom', () => {
  it('finds the penalty that noise needs, and logs every trial', async () => {
    const seen: number[] = [];
    const found = await searchAtRandom({ ...options, onProgress: (done) => seen.push(done) });
    expect(found.trials).toHaveLength(8);
    expect(found.best).toBe(found.trials.find(({ meanScore }) => meanScore === Math.max(...found.trials.map((trial) => trial.meanScore))));
    expect(found.best.parameters['l2']).toBeGreaterThan(1);
    expect(found.definition).toEqual({ ...definition, parameters: { max_iterations: 50, l2: found.best.parameters['l2'] } });
    expect([found.seed, found.method, new Set(found.trials.map(({ seed }) => seed)).size]).toEqual([5, 'random', 8]);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(1);
    expect(await searchAtRandom(options)).toEqual(found);
    expect((await searchAtRandom({ ...options, seed: 6 })).trials[0]!.parameters).not.toEqual(found.trials[0]!.parameters);
  });

  it('judges a trial as a fit from its seed on each split does', async () => {
    const { trials } = await searchAtRandom({ ...options, trialCount: 1, metric: rocAuc });
    const { train, test } = options.splits[2]!;
    const take = (rows: Int32Array): Dataset => ({
      ...data, rowCount: rows.length, X: Float32Array.from([...rows].flatMap((i) => [...data.X.subarray(12 * i, 12 * i + 12)])), y: Float64Array.from(rows, (i) => data.y[i]!),
    });
    const model = await createEstimator({ ...definition, parameters: { ...definition.parameters, ...trials[0]!.parameters } }).fit(take(train), { random: new Random(trials[0]!.seed) });
    expect(trials[0]!.scores[2]).toBe(rocAuc(take(test).y, model.score(take(test).X, test.length)));
    expect(trials[0]!.resource).toBe(60);
  });

  it('draws within ranges: logarithms evenly, whole numbers to both ends, choices', async () => {
    const space = { l2: { low: 1e-3, high: 1e3, scale: 'log' }, max_iterations: { low: 1, high: 3, integer: true } } as const;
    const { trials } = await searchAtRandom({ ...options, space, trialCount: 45, splits: [{ train: Int32Array.of(0, 1, 2, 3, 4, 5), test: Int32Array.of(6, 7) }] });
    const penalties = trials.map(({ parameters }) => parameters['l2'] as number);
    expect(penalties.every((l2) => l2 >= 1e-3 && l2 <= 1e3)).toBe(true);
    expect(Math.abs(penalties.filter((l2) => l2 < 1).length - 22)).toBeLessThan(11);
    for (const count of [1, 2, 3]) expect(trials.filter(({ parameters }) => parameters['max_iterations'] === count).length).toBeGreaterThan(6);
    const layers = await searchAtRandom({
      ...options, trialCount: 4, definition: { kind: 'multi-layer-perceptron', task: 'classification', parameters: { epochs: 1 }, prepare: [] }, space: { hidden: { choices: [[2], [3, 2]] } },
    });
    expect(layers.trials.every(({ parameters }) => ['[2]', '[3,2]'].includes(JSON.stringify(parameters['hidden'])))).toBe(true);
    await expect(searchAtRandom({ ...options, space: { l3: { low: 0, high: 1 } } })).rejects.toThrow(/a parameter of logistic-regression .*found l3/);
  });

  it('stops when told, also between fits', async () => {
    const controller = new AbortController();
    const search = searchAtRandom({ ...options, signal: controller.signal, onProgress: (done) => { if (done > 0.3) controller.abort(new Error('enough')); } });
    await expect(search).rejects.toThrow('enough');
  });
});

describe('searchByHalving', () => {
  it('gives few candidates much: a third go on with three times the rows', async () => {
    const found = await searchByHalving({ ...options, trialCount: 9, resource: 'rows', least: 12, most: 60 });
    expect(found.trials.map(({ rung, resource }) => `${rung}: ${resource}`)).toEqual([...new Array<string>(9).fill('0: 12'), ...new Array<string>(3).fill('1: 36'), '2: 60']);
    const rungOf = (rung: number): number[] => found.trials.filter((trial) => trial.rung === rung).map(({ candidate }) => candidate);
    const scoresOf = (candidates: readonly number[]): number[] => candidates.map((candidate) => found.trials[candidate]!.meanScore);
    const left = rungOf(0).filter((candidate) => !rungOf(1).includes(candidate));
    expect(Math.min(...scoresOf(rungOf(1)))).toBeGreaterThanOrEqual(Math.max(...scoresOf(left)));
    expect(found.best).toBe(found.trials.at(-1));
    // Given everything, a candidate is judged as the random search judges it.
    const all = await searchAtRandom({ ...options, trialCount: 9 });
    expect(all.trials[found.best.candidate]!.scores).toEqual(found.best.scores);
  });

  it('raises a parameter instead where told, and leaves it out of the space', async () => {
    const boosting: SearchOptions = { ...options, definition: { kind: 'gradient-boosting', task: 'classification', parameters: {}, prepare: [] }, space: { leaves: { low: 2, high: 8, integer: true } }, trialCount: 4 };
    const found = await searchByHalving({ ...boosting, resource: 'trees', least: 2, most: 6, factor: 2 });
    expect(found.trials.map(({ parameters }) => parameters['trees'])).toEqual([2, 2, 2, 2, 4, 4, 6]);
    expect(found.definition.parameters['trees']).toBe(6);
    await expect(searchByHalving({ ...boosting, space: { trees: { low: 1, high: 2 } }, resource: 'trees', least: 1, most: 2 })).rejects.toThrow(/leave trees to the halving/);
  });
});
