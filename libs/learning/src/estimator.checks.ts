import { strict as assert } from 'node:assert';
import { createEstimator, loadModel } from './catalog.ts';
import type { Dataset } from './dataset.ts';
import { takeRows } from './dataset.ts';
import type { Estimator, FitOptions, FittedModel, Task } from './estimator.ts';
import type { Family } from './family.ts';
import type { Kernels } from './kernels/compute.ts';
import { rocAuc } from './metrics/classification.ts';
import { rmse } from './metrics/regression.ts';
import { Random } from './random.ts';

/** A family at one of its tasks, and what the checks need from the world around a fit. */
export interface CheckSubject {
  readonly family: Family;
  readonly task: Task;
  /** Gives timers and signals their turn. */
  readonly yieldToLoop: () => Promise<void>;
  /** Processor time of this process so far: unlike a clock, it does not run while other programs do. */
  readonly processorMs: () => number;
  /** Exact backends to hold against plain arrays. */
  readonly backends?: readonly Kernels[];
}

/** One promise that every estimator keeps; `run` throws an assertion error when it is broken. */
export interface EstimatorCheck {
  readonly name: string;
  /** Left out: every task. */
  readonly task?: Task;
  run(subject: CheckSubject): Promise<void>;
}

const check = (name: string, run: EstimatorCheck['run'], task?: Task): EstimatorCheck => (task === undefined ? { name, run } : { name, run, task });

/** The battery, in the order of a model's life. */
export const estimatorChecks: readonly EstimatorCheck[] = [
  check('refuses data that nothing can be learned from, and says why', refusesBadData),
  check('refuses infinite features when fitting and when predicting', refusesInfinity),
  check('leaves its data and configuration unchanged', leavesInputsAlone),
  check('the same data and seed give the same bytes, also when two fits run at once', isDeterministic),
  check('every exact backend gives the same bytes, whatever its threads', isAlikeOnBackends),
  check('the order of rows does not matter', ignoresRowOrder),
  check('the order of columns does not matter', ignoresColumnOrder),
  check('a whole-numbered weight equals that many repeats, 0 absence', weightsAreRepeats),
  check('learns more than the constant from a clear signal', learns),
  check('a constant column contributes nothing', ignoresConstantColumns),
  check('one class gives one constant probability, smoothed', oneClassIsConstant, 'classification'),
  check('one row is enough', fitsOneRow),
  check('missing values are no obstacle, even a column of nothing else', handlesMissing),
  check('more columns than rows are no obstacle', fitsWideData),
  check('a saved model predicts and explains the same to the bit', savesExactly),
  check('rows one by one and all at once are predicted the same', predictsRowsAlike),
  check('contributions and base add up to the margin', contributionsAddUp),
  check('refuses rows with another number of features', refusesOtherWidths),
  check('progress rises to 1', reportsProgress),
  check('a signal aborted before the fit rejects with its reason', refusesAborted),
  check('a signal aborted during the fit stops it within 100 ms, with its reason', stopsOnAbort),
];

function estimatorFor({ family, task }: CheckSubject): Estimator {
  const small: Record<string, number> = Object.hasOwn(family.parameters, 'trees') ? { trees: 12, min_rows_in_leaf: 5 } : {};
  return createEstimator({ kind: family.kind, task, parameters: family.quickParameters ?? small, prepare: [], ...(family.needsFeature ? { feature: 'a' } : {}) });
}

function fit(subject: CheckSubject, data: Dataset, options: Partial<FitOptions> = {}): Promise<FittedModel> {
  return estimatorFor(subject).fit(data, { random: new Random(7), ...options });
}

/** Normal features a, b, c, …; the target leans on `a` linearly and on `b` where `a` is high. */
function sampleData(task: Task, rowCount = 240, columnCount = 4, seed = 3): Dataset {
  const random = new Random(seed);
  const X = Float32Array.from({ length: rowCount * columnCount }, () => random.normal());
  const y = Float64Array.from({ length: rowCount }, (_, i) => {
    const a = X[i * columnCount]!;
    const signal = 2 * a + (a > 0 ? X[i * columnCount + Math.min(1, columnCount - 1)]! : 0) + random.normal();
    return task === 'regression' ? signal : signal > 0.3 ? 1 : 0;
  });
  if (task === 'classification') y.set([0, 1]);
  return { rowCount, columnCount, X, y, featureNames: Array.from({ length: columnCount }, (_, j) => (j < 26 ? String.fromCharCode(97 + j) : `a${j}`)) };
}

function withColumn(data: Dataset, column: number, value: (row: number) => number): Dataset {
  const X = data.X.slice();
  for (let i = 0; i < data.rowCount; i++) X[i * data.columnCount + column] = value(i);
  return { ...data, X };
}

const predictAll = (model: FittedModel, data: Dataset): Float64Array => model.score(data.X, data.rowCount);

function assertClose(found: Float64Array, expected: Float64Array, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    const distance = Math.abs(found[i]! - expected[i]!);
    assert(tolerance === 0 ? Object.is(found[i], expected[i]) : distance <= tolerance * Math.max(1, Math.abs(expected[i]!)), `expected ${what}: ${expected[i]} in row ${i}, found ${found[i]}`);
  }
}

function assertFinite(values: Float64Array, { task, family }: CheckSubject): void {
  const isProbability = task === 'classification' && family.scale !== 'distance';
  for (const value of values) assert(Number.isFinite(value) && (!isProbability || (value >= 0 && value <= 1)), `expected a ${isProbability ? 'probability' : 'number'}, found ${value}`);
}

async function refusesBadData(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  const { rowCount, columnCount, X, y } = data;
  const nan = y.slice();
  nan[5] = NaN;
  const broken: [Dataset, RegExp][] = [
    [{ ...data, rowCount: 0, X: new Float32Array(0), y: new Float64Array(0) }, /at least one row, found 0/],
    [{ ...data, columnCount: 0, X: new Float32Array(0), featureNames: [] }, /at least one feature column, found 0/],
    [{ ...data, X: X.slice(1) }, new RegExp(`expected ${rowCount} x ${columnCount} feature values, found ${rowCount * columnCount - 1}`)],
    [{ ...data, y: y.slice(1) }, new RegExp(`expected ${rowCount} targets`)],
    [{ ...data, y: nan }, /target|label.*found NaN in row 5/],
    [{ ...data, featureNames: ['a', 'a', 'b', 'c'] }, /distinct feature names/],
    [{ ...data, weights: y.map(() => -1) }, /weights of at least 0, found -1/],
    [{ ...data, weights: y.map(() => 0) }, /positive sum of weights/],
  ];
  if (subject.task === 'classification') broken.push([{ ...data, y: y.map((label) => 2 * label) }, /label of 0 or 1, found 2/]);
  for (const [bad, message] of broken) await assert.rejects(fit(subject, bad), { name: 'InvalidDatasetError', message });
}

async function refusesInfinity(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  for (const infinite of [Infinity, -Infinity]) {
    const bad = withColumn(data, 2, (row) => (row === 9 ? infinite : row));
    const error = { name: 'InvalidDatasetError', message: new RegExp(`found ${infinite} in c, row 9`) };
    await assert.rejects(fit(subject, bad), error);
    const model = await fit(subject, data);
    assert.throws(() => predictAll(model, bad), error);
    assert.throws(() => model.scoreRow(bad.X.slice(36, 40)), { name: 'InvalidDatasetError', message: new RegExp(`found ${infinite} in c`) });
  }
}

async function leavesInputsAlone(subject: CheckSubject): Promise<void> {
  const data = { ...sampleData(subject.task), weights: new Float64Array(240).fill(1.5) };
  const before = structuredClone(data);
  const estimator = estimatorFor(subject);
  const configuration = JSON.stringify(estimator);
  const model = await estimator.fit(data, { random: new Random(1) });
  assert.deepEqual(data, before);
  assert.equal(JSON.stringify(estimator), configuration);
  const row = data.X.slice(0, 4);
  model.scoreRow(row);
  if (model.hasReasons) model.explainRow(row, new Float64Array(4));
  assert.deepEqual(row, data.X.slice(0, 4));
}

async function isDeterministic(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  const estimator = estimatorFor(subject);
  const fits = [1, 2].map(() => estimator.fit(data, { random: new Random(7), yieldToLoop: subject.yieldToLoop }));
  const [first, second] = await Promise.all(fits);
  assert.deepEqual(first!.save(), second!.save());
  assert.deepEqual((await fit(subject, data)).save(), first!.save());
}

/** Rows beyond a block of 512 and a count that no number of threads divides. */
async function isAlikeOnBackends(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task, 1237, 7);
  const expected = await fit(subject, data);
  const bytes = expected.save();
  const scores = await expected.scoreInBatch(data.X, data.rowCount, {});
  assertClose(scores, predictAll(expected, data), 0, 'the score of rows one by one');
  for (const kernels of subject.backends ?? []) {
    const { backend, threadCount } = kernels.facts;
    const model = await fit(subject, data, { kernels, yieldToLoop: subject.yieldToLoop });
    assert.deepEqual(model.save(), bytes, `expected the bytes of plain arrays on ${backend} with ${threadCount} threads`);
    assertClose(await model.scoreInBatch(data.X, data.rowCount, { kernels }), scores, 0, `the score of plain arrays, on ${backend} with ${threadCount} threads`);
  }
}

async function ignoresRowOrder(subject: CheckSubject): Promise<void> {
  if (subject.family.dependsOnRowOrder) return;
  const data = sampleData(subject.task);
  const shuffled = takeRows(data, new Random(5).shuffle(Int32Array.from({ length: data.rowCount }, (_, i) => i)));
  const [model, other] = [await fit(subject, data), await fit(subject, shuffled)];
  assertClose(predictAll(other, data), predictAll(model, data), subject.family.orderTolerance, 'the prediction of rows in order');
  if (subject.family.orderTolerance === 0) assert.deepEqual(other.save(), model.save());
}

async function ignoresColumnOrder(subject: CheckSubject): Promise<void> {
  if (subject.family.dependsOnColumnOrder) return;
  const data = sampleData(subject.task);
  const order = [2, 0, 3, 1];
  const turned: Dataset = {
    ...data,
    X: data.X.map((_, at) => data.X[at - (at % 4) + order[at % 4]!]!),
    featureNames: order.map((j) => data.featureNames[j]!),
  };
  const [model, other] = [await fit(subject, data), await fit(subject, turned)];
  assertClose(predictAll(other, turned), predictAll(model, data), Math.max(1e-8, subject.family.orderTolerance), 'the prediction of columns in order');
}

async function weightsAreRepeats(subject: CheckSubject): Promise<void> {
  if ((subject.family.weights ?? 'repeats') !== 'repeats') return;
  const data = sampleData(subject.task);
  const random = new Random(8);
  const weights = Float64Array.from({ length: data.rowCount }, () => random.int(4));
  const repeats = takeRows(data, Int32Array.from([...weights].flatMap((weight, i) => new Array<number>(weight).fill(i))));
  const [weighted, repeated] = [await fit(subject, { ...data, weights }), await fit(subject, repeats)];
  assertClose(predictAll(weighted, data), predictAll(repeated, data), subject.family.orderTolerance, 'the prediction of repeats');
}

async function learns(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task, 600);
  const test = sampleData(subject.task, 600, 4, 99);
  const predicted = predictAll(await fit(subject, data), test);
  const isConstant = subject.family.kind === 'constant';
  if (isConstant) assert(predicted.every((value) => value === predicted[0]), 'expected one constant');
  else if (subject.task === 'classification') assert(rocAuc(test.y, predicted) > 0.85, `expected an AUC above .85, found ${rocAuc(test.y, predicted)}`);
  else assert(rmse(test.y, predicted) < 0.8 * rmse(test.y, predicted.map(() => 0)), `expected less error than 0 makes, found ${rmse(test.y, predicted)}`);
}

async function ignoresConstantColumns(subject: CheckSubject): Promise<void> {
  const data = withColumn(sampleData(subject.task), 2, () => 0.1);
  const model = await fit(subject, data);
  const contributions = new Float64Array(4);
  if (model.hasReasons) for (const value of [0.1, NaN, 1e6, -1e6]) {
    model.explainRow(Float64Array.of(1, 0, value, 0), contributions);
    assert.equal(Math.abs(contributions[2]!), 0, `expected no contribution of a constant column at ${value}, found ${contributions[2]}`);
  }
  const allConstant = { ...data, X: new Float32Array(data.X.length).fill(3) };
  assertFinite(predictAll(await fit(subject, allConstant), data), subject);
}

async function oneClassIsConstant(subject: CheckSubject): Promise<void> {
  const data = sampleData('classification');
  for (const label of [0, 1]) {
    const model = await fit(subject, { ...data, y: data.y.map(() => label) });
    const smoothed = label === 1 ? (data.rowCount + 1) / (data.rowCount + 2) : 1 / (data.rowCount + 2);
    if (subject.family.scale === 'distance') assert(model.predict(data.X, data.rowCount).every((side) => side === label), `expected the side of class ${label}`);
    else assertClose(predictAll(model, data), data.y.map(() => smoothed), 1e-12, 'the smoothed prior');
  }
  const weights = data.y.slice();
  const model = await fit(subject, { ...data, weights });
  const predicted = predictAll(model, data);
  const isSure = (p: number): boolean => (subject.family.scale === 'distance' ? p > 0 : p > 0.98 && p < 1);
  assert(predicted.every((p) => p === predicted[0] && isSure(p)), 'expected rows of weight 0 not to count as a class');
}

async function fitsOneRow(subject: CheckSubject): Promise<void> {
  const data = takeRows(sampleData(subject.task), Int32Array.of(4));
  const predicted = predictAll(await fit(subject, data), data);
  assertFinite(predicted, subject);
  if (subject.task === 'regression') assertClose(predicted, data.y, 1e-12, 'the only target seen');
}

async function handlesMissing(subject: CheckSubject): Promise<void> {
  const full = sampleData(subject.task);
  const random = new Random(4);
  const holes = { ...withColumn(full, 3, () => NaN), X: full.X.map((value, at) => (at % 4 === 3 || random.uniform() < 0.3 ? NaN : value)) };
  const contributions = new Float64Array(4);
  for (const data of [holes, withColumn(full, 0, () => NaN), { ...full, X: full.X.map(() => NaN) }]) {
    const model = await fit(subject, data);
    for (const rows of [data, full, { ...full, X: full.X.map(() => NaN) }]) assertFinite(predictAll(model, rows), subject);
    if (!model.hasReasons) continue;
    model.explainRow(Float64Array.of(NaN, NaN, NaN, NaN), contributions);
    assert(contributions.every(Number.isFinite), `expected finite contributions, found ${contributions.join(', ')}`);
  }
}

async function fitsWideData(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task, 20, 70);
  assertFinite(predictAll(await fit(subject, data), data), subject);
}

async function savesExactly(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  const probes = { ...data, X: data.X.map((value, at) => (at % 11 === 0 ? NaN : 1.7 * value)) };
  const { kind, task, parameters } = estimatorFor(subject);
  const prepare = [{ step: 'signed_log1p', except: ['b'] }, { step: 'standardize', except: ['c'] }] as const;
  const prepared = createEstimator({ kind, task, parameters, prepare, ...(subject.family.needsFeature ? { feature: 'a' } : {}) });
  for (const model of [await fit(subject, data), await prepared.fit(data, { random: new Random(7) })]) {
    const loaded = loadModel(model.save());
    assert.deepEqual(loaded.save(), model.save());
    assertClose(predictAll(loaded, probes), predictAll(model, probes), 0, 'the prediction before saving');
    const [before, after] = [new Float64Array(4), new Float64Array(4)];
    if (model.hasReasons) assert.equal(loaded.explainRow(probes.X.slice(0, 4), after), model.explainRow(probes.X.slice(0, 4), before));
    assert.deepEqual(after, before);
    const described = ({ kind, task, parameters, featureNames, history }: FittedModel): unknown => ({ kind, task, parameters, featureNames, history });
    assert.deepEqual(described(loaded), described(model));
  }
}

async function predictsRowsAlike(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  const model = await fit(subject, data);
  const together = predictAll(model, data);
  const single = together.map((_, i) => model.scoreRow(data.X.slice(4 * i, 4 * i + 4)));
  assertClose(single, together, 0, 'the prediction of all rows');
  const out = new Float64Array(data.rowCount);
  assert.equal(model.score(data.X, data.rowCount, out), out);
  assert.deepEqual(out, together);
  assert.equal(model.score(new Float64Array(0), 0).length, 0);
}

async function contributionsAddUp(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  const model = await fit(subject, data);
  const contributions = new Float64Array(4);
  if (!model.hasReasons) {
    assert.throws(() => model.explainRow(data.X.slice(0, 4), contributions), { name: 'NoReasonsError' });
    return;
  }
  for (let i = 0; i < data.rowCount; i++) {
    const row = data.X.slice(4 * i, 4 * i + 4);
    if (i % 5 === 0) row[i % 4] = NaN;
    const sum = contributions.reduce((total, part) => total + part, model.explainRow(row, contributions.fill(0)));
    const assessed = new Float64Array(contributions.length);
    assert.equal(model.assessRow(row, assessed), model.scoreRow(row));
    assert.deepEqual(assessed, contributions);
    const expected = model.scoreRow(row);
    const found = subject.task === 'classification' && (subject.family.scale ?? 'log-odds') === 'log-odds' ? 1 / (1 + Math.exp(-sum)) : sum;
    assertClose(Float64Array.of(found), Float64Array.of(expected), 1e-12, 'base and contributions to give the prediction');
  }
}

async function refusesOtherWidths(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task);
  const model = await fit(subject, data);
  const error = { name: 'InvalidDatasetError', message: /expected 1 x 4 feature values \(a, b, c, d\), found [35]/ };
  for (const width of [3, 5]) {
    assert.throws(() => model.scoreRow(new Float64Array(width)), error);
    if (model.hasReasons) assert.throws(() => model.explainRow(new Float64Array(width), new Float64Array(width)), error);
    assert.throws(() => model.score(new Float64Array(width), 1), error);
  }
  const named = createEstimator({ kind: subject.family.kind, task: subject.task, parameters: {}, prepare: [{ step: 'standardize', except: ['z'] }], ...(subject.family.needsFeature ? { feature: 'a' } : {}) });
  await assert.rejects(named.fit(data, { random: new Random(1) }), { name: 'InvalidDatasetError', message: /expected z among the features/ });
}

async function reportsProgress(subject: CheckSubject): Promise<void> {
  const seen: number[] = [];
  await fit(subject, sampleData(subject.task), { onProgress: (done) => seen.push(done) });
  assert.equal(seen.at(-1), 1);
  seen.forEach((done, i) => assert(done >= 0 && (i === 0 || done > seen[i - 1]!), `expected rising shares, found ${seen.join(', ')}`));
}

async function refusesAborted(subject: CheckSubject): Promise<void> {
  const reason = new Error('not any more');
  await assert.rejects(fit(subject, sampleData(subject.task), { signal: AbortSignal.abort(reason) }), reason);
}

/** The longest stretch between two pauses bounds how long any abort can go unseen. */
async function stopsOnAbort(subject: CheckSubject): Promise<void> {
  const data = sampleData(subject.task, 60_000, 24);
  const reason = new Error('enough');
  const controller = new AbortController();
  let resumedMs = subject.processorMs();
  let longestMs = 0;
  let pauses = 0;
  const yieldToLoop = async (): Promise<void> => {
    longestMs = Math.max(longestMs, subject.processorMs() - resumedMs);
    if (++pauses === 25) controller.abort(reason);
    await subject.yieldToLoop();
    resumedMs = subject.processorMs();
  };
  const outcome = await fit(subject, data, { signal: controller.signal, yieldToLoop }).then(() => undefined, (error: unknown) => error);
  longestMs = Math.max(longestMs, subject.processorMs() - resumedMs);
  assert(longestMs < 100, `expected a pause at least every 100 ms, found ${longestMs} ms without`);
  assert(pauses <= 25, `expected no pause after the abort, found ${pauses - 25}`);
  assert.equal(outcome, pauses === 25 ? reason : undefined);
}
