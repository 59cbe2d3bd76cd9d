import { strict as assert } from 'node:assert';
import { createEstimator } from '../catalog.ts';
import { takeRows, type Dataset } from '../dataset.ts';
import type { FitOptions, Parameters, ParameterValue } from '../estimator.ts';
import type { EstimatorDefinition } from '../pipeline.ts';
import { Random } from '../random.ts';
import type { ScoreMetric } from './permutation-importance.ts';
import type { Split } from './splits.ts';

/** What one parameter may be: uniform over a range or its logarithm, or one of a list. */
export type SearchRange =
  | { readonly low: number; readonly high: number; readonly scale?: 'linear' | 'log'; readonly integer?: boolean }
  | { readonly choices: readonly ParameterValue[] };

export type SearchSpace = Readonly<Record<string, SearchRange>>;

export interface SearchOptions extends Pick<FitOptions, 'kernels' | 'signal' | 'yieldToLoop'> {
  /** The model; parameters that the space names are replaced, all others stay. */
  readonly definition: EstimatorDefinition;
  readonly space: SearchSpace;
  readonly data: Dataset;
  readonly splits: readonly Split[];
  readonly metric: ScoreMetric;
  /** Decides every draw, and the seed of every trial. */
  readonly seed: number;
  readonly trialCount: number;
  readonly onProgress?: ((done: number, best: number) => void) | undefined;
}

/** One candidate, fitted and judged once on each split. */
export interface Trial {
  /** Which draw it was, from 0; a candidate that goes on keeps its number. */
  readonly candidate: number;
  readonly parameters: Parameters;
  /** Every split's fit starts from it. */
  readonly seed: number;
  /** What it was given: rows to train on in each split, or the value of the parameter that halving raises. */
  readonly resource: number;
  readonly rung: number;
  /** By split. */
  readonly scores: readonly number[];
  /** -Infinity where a score was not a number. */
  readonly meanScore: number;
}

export interface SearchResult {
  readonly method: 'random' | 'successive-halving';
  readonly seed: number;
  /** All of them, in the order in which they ran: to be logged with the run. */
  readonly trials: readonly Trial[];
  /** The best of the last rung; the earliest of equals. */
  readonly best: Trial;
  /** `definition` with the best trial's parameters, to be fitted on all rows. */
  readonly definition: EstimatorDefinition;
}

/** Tries `trialCount` draws from the space, each on all splits (Bergstra & Bengio 2012). */
export async function searchAtRandom(options: SearchOptions): Promise<SearchResult> {
  const candidates = drawCandidates(options);
  const work = { done: 0, total: candidates.length * options.splits.length, best: -Infinity };
  const trials: Trial[] = [];
  for (const candidate of candidates) trials.push(await judge(candidate, { ...options, resource: 'rows', amount: Infinity, rung: 0 }, work));
  return resultOf('random', options, trials);
}

export interface HalvingOptions extends SearchOptions {
  /** What grows from rung to rung: training rows (a random part of each split's), or a whole-numbered parameter such as `trees` or `epochs`. */
  readonly resource: 'rows' | (string & {});
  readonly least: number;
  readonly most: number;
  /** Of each rung the best 1 / factor go on, with `factor` times the resource; 3 unless told. */
  readonly factor?: number;
}

/** Many candidates on little, the best of them on more, until `most` is reached (successive halving, Jamieson & Talwalkar 2016). */
export async function searchByHalving(options: HalvingOptions): Promise<SearchResult> {
  const { least, most, factor = 3 } = options;
  assert(least > 0 && most >= least && factor > 1, `expected 0 < least <= most and a factor above 1, found ${least}, ${most} and ${factor}`);
  assert(!Object.hasOwn(options.space, options.resource), `expected the space to leave ${options.resource} to the halving`);
  const rungs = rungsOf(options.trialCount, least, most, factor);
  const work = { done: 0, total: rungs.reduce((sum, { candidates }) => sum + candidates, 0) * options.splits.length, best: -Infinity };
  const trials: Trial[] = [];
  let survivors = drawCandidates(options);
  for (const [rung, { candidates, amount }] of rungs.entries()) {
    survivors = survivors.slice(0, candidates);
    const judged: Trial[] = [];
    for (const candidate of survivors) judged.push(await judge(candidate, { ...options, resource: options.resource, amount, rung }, work));
    trials.push(...judged);
    survivors = judged.toSorted((a, b) => b.meanScore - a.meanScore || a.candidate - b.candidate).map(({ candidate, parameters, seed }) => ({ candidate, parameters, seed }));
  }
  return resultOf('successive-halving', options, trials);
}

function rungsOf(trialCount: number, least: number, most: number, factor: number): readonly { readonly candidates: number; readonly amount: number }[] {
  const rungs: { candidates: number; amount: number }[] = [];
  for (let candidates = trialCount, amount = least; ; candidates = Math.max(1, Math.floor(candidates / factor)), amount *= factor) {
    // One candidate left, or everything given: the last rung.
    const isLast = candidates === 1 || amount >= most;
    rungs.push({ candidates, amount: Math.round(isLast ? most : amount) });
    if (isLast) return rungs;
  }
}

interface Candidate { readonly candidate: number; readonly parameters: Parameters; readonly seed: number }

/** Drawn all at once, so that how a trial goes changes no later draw. */
function drawCandidates({ space, seed, trialCount, splits }: SearchOptions): readonly Candidate[] {
  assert(Number.isInteger(trialCount) && trialCount >= 1, `expected at least one trial, found ${trialCount}`);
  assert(splits.length >= 1, 'expected at least one split');
  const random = new Random(seed);
  return Array.from({ length: trialCount }, (_, candidate) => {
    const parameters = Object.fromEntries(Object.entries(space).map(([name, range]) => [name, draw(name, range, random)]));
    return { candidate, parameters, seed: random.nextUint32() };
  });
}

function draw(name: string, range: SearchRange, random: Random): ParameterValue {
  if ('choices' in range) {
    assert(range.choices.length > 0, `expected choices of ${name}`);
    return range.choices[random.int(range.choices.length)]!;
  }
  const { low, high, scale = 'linear', integer = false } = range;
  assert(low <= high && (scale === 'linear' || low > 0), `expected low <= high, above 0 on a log scale, of ${name}, found ${low} and ${high}`);
  // A whole number stands for the half open stretch around it, so that both ends are as likely as their share.
  const [from, to] = integer ? [low - 0.5 * (scale === 'log' ? Math.min(1, low) : 1), high + 0.5] : [low, high];
  const share = random.uniform();
  const value = scale === 'log' ? Math.exp(Math.log(from) + share * Math.log(to / from)) : from + share * (to - from);
  return Math.min(high, Math.max(low, integer ? Math.round(value) : value));
}

interface Work { done: number; readonly total: number; best: number }

async function judge({ candidate, parameters, seed }: Candidate, options: SearchOptions & { readonly resource: string; readonly amount: number; readonly rung: number }, work: Work): Promise<Trial> {
  const { definition, data, splits, metric, kernels, signal, yieldToLoop, resource, amount, rung } = options;
  const own: Parameters = { ...parameters, ...(resource === 'rows' ? {} : { [resource]: amount }) };
  const estimator = createEstimator({ ...definition, parameters: { ...definition.parameters, ...own } });
  const scores: number[] = [];
  let given = amount;
  for (const split of splits) {
    const rows = resource === 'rows' ? someOf(split.train, amount, options.seed) : split.train;
    if (resource === 'rows') given = Math.min(given, rows.length);
    const onProgress = (done: number): void => options.onProgress?.((work.done + done) / work.total, work.best);
    const model = await estimator.fit(takeRows(data, rows), { random: new Random(seed), kernels, signal, yieldToLoop, onProgress });
    const test = takeRows(data, split.test);
    scores.push(metric(test.y, await model.scoreInBatch(test.X, test.rowCount, { kernels, signal, yieldToLoop }), test.weights));
    work.done++;
  }
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const meanScore = Number.isNaN(mean) ? -Infinity : mean;
  work.best = Math.max(work.best, meanScore);
  return { candidate, parameters: own, seed, resource: given, rung, scores, meanScore };
}

/** The same rows for every candidate; a smaller part is within a larger one. */
function someOf(rows: Int32Array, count: number, seed: number): Int32Array {
  return count >= rows.length ? rows : new Random(seed).shuffle(rows.slice()).slice(0, count).sort();
}

function resultOf(method: SearchResult['method'], { definition, seed }: SearchOptions, trials: readonly Trial[]): SearchResult {
  const lastRung = trials.at(-1)!.rung;
  const best = trials.filter(({ rung }) => rung === lastRung).reduce((leader, trial) => (trial.meanScore > leader.meanScore ? trial : leader));
  return { method, seed, trials, best, definition: { ...definition, parameters: { ...definition.parameters, ...best.parameters } } };
}
