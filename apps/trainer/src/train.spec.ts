// Goal: what is trained is judged on later rows, logged, held against baseline and champion, and promoted only past the gate. Method: small
// frames whose truth is known, and an experiment tracker in memory.
import { describe, expect, it } from 'vitest';
import { loadModel, plainKernels, Random, rocAuc, takeRows } from '#tideline/learning';
import { ManualClock, MemoryExperimentTracker, type Run } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { sourceNamed } from '../../batch-layer/src/batch-fixtures.ts';
import { lastComparison } from './comparison.ts';
import { NothingToLearnError, trainSource, type TrainingContext } from './train.ts';
import { splitFrame, type TrainingFrame } from './training-frame.ts';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2011, 0, 1);
/** Three features and quick models; the baseline stands last, though the others are held against it. */
const shop = sourceNamed('online-retail', (file, text) => {
  if (file !== 'models.yaml') return text;
  return `target: churn
task: classification
label: { absence_of: purchase, within: 90d }
as_of: { every: 90d, anchor: 2011-09-09, history: 180d }
features: [recency, freq, money]
models:
  logistic: { kind: logistic-regression, l2: 1.0, prepare: [{ step: standardize }] }
  boosting: { kind: gradient-boosting, trees: 40, learning_rate: 0.2, leaves: 8, min_rows_in_leaf: 10 }
  recency-alone: { kind: one-feature, feature: recency }
`;
});

/** Rows as of three times, 90 days apart: the last ones test. `margin` is the log-odds of the label by the features. */
function frameOf(seed: number, margin: (recency: number, freq: number, money: number, isTest: boolean) => number, rowsPerTime = 300): TrainingFrame {
  const random = new Random(seed);
  const rowCount = 3 * rowsPerTime;
  const X = new Float32Array(rowCount * 3);
  const y = new Float64Array(rowCount);
  const asOfMs = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const time = Math.floor(row / rowsPerTime);
    asOfMs[row] = FIRST_MS + time * 90 * DAY_MS;
    for (let k = 0; k < 3; k++) X[row * 3 + k] = random.uniform() * 2 - 1;
    const [recency, freq, money] = X.subarray(row * 3, row * 3 + 3);
    y[row] = random.uniform() < 1 / (1 + Math.exp(-margin(recency!, freq!, money!, time === 2))) ? 1 : 0;
  }
  return { data: { rowCount, columnCount: 3, X, y, featureNames: ['recency', 'freq', 'money'] }, asOfMs };
}

const linear = (recency: number, freq: number, money: number): number => 1.5 * recency + 3 * freq - 2 * money;
const crossed = (recency: number, freq: number, money: number): number => 0.8 * recency + (freq * money > 0 ? 3 : -3);

function contextOf(options: Partial<TrainingContext> = {}): TrainingContext & { tracker: MemoryExperimentTracker } {
  return { tracker: new MemoryExperimentTracker(), clock: new ManualClock(1_000), seed: 42, ...options } as TrainingContext & { tracker: MemoryExperimentTracker };
}

async function runsOf(tracker: MemoryExperimentTracker, source: Source): Promise<Record<string, Run>> {
  const runs = await tracker.listRuns((await tracker.ensureExperiment(source.name)).id);
  return Object.fromEntries(runs.map((run) => [run.name, run]));
}

describe('training', () => {
  it('promotes the first model that beats the baseline, and logs what led to it', async () => {
    const frame = frameOf(1, crossed);
    const context = contextOf({ tags: { 'table.version': '9' } });
    const report = await trainSource(shop, frame, context);
    expect(report.models.map(({ name }) => name)).toEqual(['recency-alone', 'logistic', 'boosting']);
    expect(report).toMatchObject({
      source: 'online-retail', target: 'churn', baseline: 'recency-alone', split: { trainRows: 600, testRows: 300 },
      candidate: { model: 'boosting', promoted: true, reasons: [] }, champion: { name: 'churn-online-retail', version: '1', model: 'boosting' },
    });
    expect(report.split.description).toContain("gap of the label's horizon");

    const version = (await context.tracker.versionByAlias('churn-online-retail', 'champion'))!;
    expect(version).toMatchObject({ version: '1', tags: { source: 'online-retail', model: 'boosting', kind: 'gradient-boosting', 'table.version': '9' } });
    // The registered bytes are the judged model: on the later rows it scores what the report says.
    const model = loadModel(await context.tracker.getArtifact(version.runId, 'model/model.bin'));
    const test = takeRows(frame.data, splitFrame(frame, shop).test);
    const boosting = report.models[2]!;
    expect(rocAuc(test.y, model.score(test.X, test.rowCount))).toBeCloseTo(boosting.metrics['rocAuc']!.value, 12);
    expect(boosting.overBaseline!.low).toBeGreaterThan(0);
    expect(boosting.bytes).toBeGreaterThan(100);

    const runs = await runsOf(context.tracker, shop);
    expect(runs['boosting']).toMatchObject({
      status: 'FINISHED', tags: { source: 'online-retail', target: 'churn', 'source.version': shop.version, 'table.version': '9' },
      params: { kind: 'gradient-boosting', trees: '40', seed: '42', features: 'recency,freq,money', trainRows: '600', testRows: '300' },
    });
    const { metrics } = runs['boosting']!;
    expect(metrics['rocAuc']).toBe(boosting.metrics['rocAuc']!.value);
    expect(metrics['rocAuc_low']!).toBeLessThan(metrics['rocAuc']!);
    expect(metrics['baseline_rocAuc']).toBe(report.models[0]!.metrics['rocAuc']!.value);
    expect(metrics['rocAucOverBaseline']).toBeCloseTo(metrics['rocAuc']! - metrics['baseline_rocAuc']!, 12);
    expect((await context.tracker.metricHistory(runs['boosting']!.id, 'trainingLoss')).length).toBeGreaterThanOrEqual(40);
  });

  it('keeps a comparison of all models, a card and what Python needs with the runs', async () => {
    const context = contextOf({ tags: { 'table.version': '9' } });
    const report = await trainSource(shop, frameOf(1, crossed), context);
    expect(report.comparison).toEqual({ best: 'boosting', verdict: expect.stringMatching(/^boosting is the best: ahead of \S+ by .* ahead of the baseline/) });
    const document = (await lastComparison(context.tracker, shop.name))!;
    expect(document).toMatchObject({ source: 'online-retail', target: 'churn', best: 'boosting', baseline: 'recency-alone', champion: { model: 'boosting' }, data: { 'table.version': '9' }, split: report.split });
    expect(document.models.map(({ name }) => name).sort()).toEqual(['boosting', 'constant', 'logistic', 'recency-alone']);
    expect(document.models.find(({ name }) => name === 'constant')).toMatchObject({ isBaseline: true, metrics: { rocAuc: { value: 0.5 } } });
    for (const model of report.models) expect(document.models.find(({ name }) => name === model.name)!.metrics).toEqual(model.metrics);

    const { runId } = report.models.find(({ name }) => name === 'boosting')!;
    expect((await context.tracker.listArtifacts(runId)).toSorted()).toEqual([
      'comparison/comparison.html', 'comparison/comparison.json', 'comparison/comparison.md', 'model/MLmodel', 'model/input_example.json', 'model/model-card.md', 'model/model.bin', 'model/model.onnx',
      'model/python_env.yaml', 'model/requirements.txt',
    ]);
    const card = new TextDecoder().decode(await context.tracker.getArtifact(runId, 'model/model-card.md'));
    for (const expected of ['# boosting', 'table.version: 9', report.split.description, 'seed 42', 'backend plain', 'recency-alone (baseline)']) expect(card).toContain(expected);
    expect((await context.tracker.getRun(runId)).params).toMatchObject({ backend: 'plain', kernelVersion: String(plainKernels.facts.kernelVersion) });

    const onlyBaseline = await trainSource(shop, frameOf(14, linear), contextOf({ only: ['recency-alone'] }));
    expect(onlyBaseline.comparison).toBeUndefined();
  });

  it('promotes nothing when the baseline is as good', async () => {
    const context = contextOf();
    const report = await trainSource(shop, frameOf(2, (recency) => 4 * recency), context);
    expect(report.candidate).toMatchObject({ promoted: false });
    expect(report.candidate!.reasons.join()).toContain('above the one-feature baseline with 95 % confidence');
    expect(report.champion).toBeUndefined();
    expect(await context.tracker.listVersions('churn-online-retail')).toEqual([]);
  });

  it('holds the candidate against the champion on the same rows', async () => {
    const context = contextOf();
    const first = await trainSource(shop, frameOf(9, linear, 400), context);
    expect(first.champion).toMatchObject({ version: '1' });
    // The rows to learn from have become misleading, the rows to judge by have not.
    const worse = await trainSource(shop, frameOf(10, (recency, freq, money, isTest) => (isTest ? linear(recency, freq, money) : 1.5 * recency + 0.4 * freq + money), 400), context);
    expect(worse.candidate!.promoted).toBe(false);
    expect(worse.candidate!.reasons.some((reason) => /at most 5 % below the champion's 0\.\d{4} on the same rows/.test(reason)), worse.candidate!.reasons.join('\n')).toBe(true);
    expect(worse.champion).toMatchObject({ version: '1', model: first.champion!.model });
    const again = await trainSource(shop, frameOf(11, linear, 400), context);
    expect(again.champion).toMatchObject({ version: '2' });
  });

  it('goes on without a comparison when the champion is gone or unreadable', async () => {
    for (const path of ['elsewhere', 'model']) {
      const context = contextOf();
      const { tracker } = context;
      const run = await tracker.startRun((await tracker.ensureExperiment(shop.name)).id, 'old');
      await tracker.putArtifact(run.id, 'model/model.bin', Buffer.from('no model'));
      const { version } = await tracker.registerVersion('churn-online-retail', run.id, path);
      await tracker.setAlias('churn-online-retail', 'champion', version);
      expect((await trainSource(shop, frameOf(12, linear), context)).champion).toMatchObject({ version: '2' });
    }
  });

  it('ends the run at hand as killed when told to stop, and promotes nothing', async () => {
    const stop = new AbortController();
    const context = contextOf({ signal: stop.signal, onProgress: (model) => { if (model === 'boosting') stop.abort(); } });
    await expect(trainSource(shop, frameOf(13, linear), context)).rejects.toThrow();
    const runs = await runsOf(context.tracker, shop);
    expect(Object.values(runs).map(({ name, status }) => [name, status]).sort()).toEqual([['boosting', 'KILLED'], ['logistic', 'FINISHED'], ['recency-alone', 'FINISHED']]);
    expect(await context.tracker.listModels()).toEqual([]);
  });

  it('trains only the models asked for, beside the baseline', async () => {
    const report = await trainSource(shop, frameOf(14, linear), contextOf({ only: ['logistic'] }));
    expect(report.models.map(({ name }) => name)).toEqual(['recency-alone', 'logistic']);
    expect(report.candidate).toMatchObject({ model: 'logistic', remark: 'logistic is the only candidate' });
    const alone = await trainSource(shop, frameOf(14, linear), contextOf({ only: ['recency-alone'] }));
    expect(alone).toMatchObject({ baseline: 'recency-alone', candidate: undefined, champion: undefined });
  });

  it('says what is missing when there is nothing to learn', async () => {
    const frame = frameOf(15, linear, 50);
    const oneTime = { data: takeRows(frame.data, Int32Array.from({ length: 50 }, (_, row) => row)), asOfMs: frame.asOfMs!.slice(0, 50) };
    const nothing = trainSource(shop, oneTime, contextOf());
    await expect(nothing).rejects.toThrow(NothingToLearnError);
    await expect(nothing).rejects.toThrow('found 0 to train and 50 to test');
    const oneClass = { ...frame, data: { ...frame.data, y: new Float64Array(frame.data.rowCount) } };
    await expect(trainSource(shop, oneClass, contextOf())).rejects.toThrow('expected both classes among the 100 rows to train, found only churn = 0');
    // One class among the rows to judge by: nothing can be said of it, so nothing is promoted.
    const untestable = { ...frame, data: { ...frame.data, y: frame.data.y.map((label, row) => (row < 100 ? label : 0)) } };
    const { candidate } = await trainSource(shop, untestable, contextOf());
    expect(candidate).toMatchObject({ promoted: false });
    expect(candidate!.reasons[0]).toContain('one class in the test part?');
  });
});
