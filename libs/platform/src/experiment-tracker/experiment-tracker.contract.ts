/* What every experiment tracker must do, run for each implementation. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ExperimentTracker } from './experiment-tracker.ts';

/** One tracker under test, made anew for each test. */
export interface ExperimentTrackerUnderTest {
  readonly tracker: ExperimentTracker;
  dispose(): Promise<void>;
  /** What child processes open; absent when only this process can see it. */
  readonly address?: string;
}

interface Context {
  subject: ExperimentTrackerUnderTest;
  tracker: ExperimentTracker;
  run: number;
}

const childPath = fileURLToPath(new URL('./experiment-tracker.child.ts', import.meta.url));
const missingRun = '0123456789abcdef0123456789abcdef';

/** Runs the contract of `ExperimentTracker` against an implementation. */
export function experimentTrackerContract(name: string, make: () => Promise<ExperimentTrackerUnderTest>): void {
  describe(`${name} keeps the contract of an experiment tracker`, () => {
    const context = { run: 0 } as Context;
    beforeEach(async () => {
      context.subject = await make();
      context.tracker = context.subject.tracker;
      context.run++;
    });
    afterEach(() => context.subject.dispose());
    describeRuns(context);
    describeModels(context);
    describeProcesses(context);
  });
}

const nameOf = (context: Context, stem: string): string => `${stem}-${process.pid}-${context.run}`;

function describeRuns(context: Context): void {
  test('a run keeps what was logged: metrics with their history, parameters once, tags', async () => {
    const { tracker } = context;
    const experiment = await tracker.ensureExperiment(nameOf(context, 'churn: äpfel'));
    expect(await tracker.ensureExperiment(experiment.name)).toEqual(experiment);
    const started = await tracker.startRun(experiment.id, 'boosting "1"', { source: 'x', note: 'two\nlines' });
    expect(started.id).toMatch(/^[0-9a-f]{32}$/);
    expect(started).toMatchObject({ experimentId: experiment.id, name: 'boosting "1"', status: 'RUNNING', endedAtMs: undefined });
    const metrics = [0.9, 0.5, -0.25, 1e-9].map((value, step) => ({ name: 'loss', value, step, timestampMs: 1_700_000_000_000 + step }));
    await tracker.logRun(started.id, { metrics: metrics.slice(0, 2), params: { rate: '0.1', kind: '' } });
    await tracker.logRun(started.id, {
      metrics: [...metrics.slice(2), { name: 'test/auc', value: NaN, step: 0, timestampMs: 5 }],
      params: { rate: '0.1' },
      tags: { source: 'y' },
    });
    const changed = tracker.logRun(started.id, { params: { leaves: '31', rate: '0.2' } });
    await expect(changed).rejects.toMatchObject({ code: 'ALREADY_EXISTS', outcome: 'not-applied' });
    const run = await tracker.getRun(started.id);
    expect(run.params).toEqual({ rate: '0.1', kind: '' });
    expect(run.tags).toMatchObject({ source: 'y', note: 'two\nlines' });
    expect(run.metrics).toEqual({ loss: 1e-9, 'test/auc': NaN });
    expect(await tracker.metricHistory(started.id, 'loss')).toEqual(metrics);
    expect(await tracker.metricHistory(started.id, 'none')).toEqual([]);
    await tracker.endRun(started.id, 'FAILED');
    const ended = await tracker.getRun(started.id);
    expect(ended.status).toBe('FAILED');
    expect(ended.endedAtMs).toBeGreaterThanOrEqual(ended.startedAtMs);
  });

  test('runs are listed newest first, for their experiment only', async () => {
    const { tracker } = context;
    const [one, other] = [await tracker.ensureExperiment(nameOf(context, 'a')), await tracker.ensureExperiment(nameOf(context, 'b'))];
    expect(one.id).not.toBe(other.id);
    const listed = (await tracker.listExperiments()).map(({ name }) => name);
    expect(listed.indexOf(one.name)).toBeGreaterThan(-1);
    expect(listed.indexOf(other.name)).toBeGreaterThan(listed.indexOf(one.name));
    const names: string[] = [];
    for (let i = 0; i < 3; i++) {
      names.unshift((await tracker.startRun(one.id, `run ${i}`)).name);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await tracker.startRun(other.id, 'elsewhere');
    expect((await tracker.listRuns(one.id)).map(({ name }) => name)).toEqual(names);
    expect((await tracker.listRuns(one.id, 2)).map(({ name }) => name)).toEqual(names.slice(0, 2));
    await expect(tracker.startRun('999999', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(tracker.getRun(missingRun)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(tracker.logRun(missingRun, {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('artifacts come back as they were put', async () => {
    const { tracker } = context;
    const { id } = await tracker.ensureExperiment(nameOf(context, 'a'));
    const run = await tracker.startRun(id, 'r');
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255);
    await tracker.putArtifact(run.id, 'model/model.bin', bytes);
    await tracker.putArtifact(run.id, 'report.html', Buffer.from('old'));
    await tracker.putArtifact(run.id, 'report.html', Buffer.from('new'));
    const read = await tracker.getArtifact(run.id, 'model/model.bin');
    expect([Buffer.compare(read, bytes), Buffer.isBuffer(read)]).toEqual([0, false]);
    expect(Buffer.from(await tracker.getArtifact(run.id, 'report.html')).toString()).toBe('new');
    expect(await tracker.listArtifacts(run.id)).toEqual(['model/model.bin', 'report.html']);
    await expect(tracker.getArtifact(run.id, 'model/none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(tracker.getArtifact(run.id, '../meta.yaml')).rejects.toThrow('artifact name');
  });
}

function describeModels(context: Context): void {
  test('versions are numbered from 1, aliases point at one version each', async () => {
    const { tracker } = context;
    const { id } = await tracker.ensureExperiment(nameOf(context, 'a'));
    const runs = [await tracker.startRun(id, 'r1'), await tracker.startRun(id, 'r2')];
    const model = nameOf(context, 'churn.x');
    expect(await tracker.listVersions(model)).toEqual([]);
    expect(await tracker.versionByAlias(model, 'champion')).toBeUndefined();
    const first = await tracker.registerVersion(model, runs[0].id, 'model', { auc: '0.7' });
    expect(first).toMatchObject({ name: model, version: '1', runId: runs[0].id, artifactPath: 'model', tags: { auc: '0.7' }, aliases: [] });
    expect(first.createdAtMs).toBeGreaterThan(1.6e12);
    expect((await tracker.registerVersion(model, runs[1].id, 'deep/model')).version).toBe('2');
    await tracker.setAlias(model, 'champion', '1');
    await tracker.setAlias(model, 'baseline', '1');
    expect((await tracker.getVersion(model, '1')).aliases).toEqual(['baseline', 'champion']);
    await tracker.setAlias(model, 'champion', '2');
    expect(await tracker.versionByAlias(model, 'champion')).toMatchObject({ version: '2', artifactPath: 'deep/model', aliases: ['champion'] });
    expect((await tracker.listVersions(model)).map(({ version, aliases }) => [version, ...aliases])).toEqual([['1', 'baseline'], ['2', 'champion']]);
    expect(await tracker.listModels()).toContain(model);
    for (const reserved of ['latest', 'v2', 'a.b', '']) await expect(tracker.setAlias(model, reserved, '1')).rejects.toThrow('expected an alias');
    await tracker.deleteAlias(model, 'champion');
    await tracker.deleteAlias(model, 'champion');
    expect(await tracker.versionByAlias(model, 'champion')).toBeUndefined();
    await expect(tracker.setAlias(model, 'champion', '3')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(tracker.getVersion(model, '3')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(tracker.registerVersion(model, missingRun, 'model')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    for (let i = 3; i <= 11; i++) await tracker.registerVersion(model, runs[0].id, 'model');
    expect((await tracker.listVersions(model)).map(({ version }) => Number(version))).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
  });
}

function describeProcesses(context: Context): void {
  test('processes that register at once share the numbers out, and an alias is never missing while it moves', async (t) => {
    const { tracker, subject } = context;
    if (subject.address === undefined) return t.skip('only this process sees the tracker');
    const [experiment, model, count] = [nameOf(context, 'e'), nameOf(context, 'm'), 15];
    const children = [0, 1, 2].map(() => {
      const task = JSON.stringify({ address: subject.address, experiment, model, count });
      const child = spawn(process.execPath, ['--conditions=source', childPath, task], { stdio: ['pipe', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const ended = new Promise<{ experimentId: string; versions: string[] }>((resolve) => {
        child.on('close', () => resolve(JSON.parse(output) as { experimentId: string; versions: string[] }));
      });
      return { child, ended };
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const { child } of children) child.stdin.end();
    let running = true;
    const all = Promise.all(children.map(({ ended }) => ended)).finally(() => (running = false));
    let seen = false;
    while (running) {
      const champion = await tracker.versionByAlias(model, 'champion');
      expect(champion !== undefined || !seen).toBe(true);
      seen = champion !== undefined;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const results = await all;
    const numbers = results.flatMap(({ versions }) => versions.map(Number)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 3 * count }, (_, i) => i + 1));
    expect(new Set(results.map(({ experimentId }) => experimentId)).size).toBe(1);
    expect((await tracker.listVersions(model)).filter(({ aliases }) => aliases.includes('champion'))).toHaveLength(1);
  });
}
