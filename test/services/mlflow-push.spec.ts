// Goal: `experiments push` copies everything once, however often it is repeated or killed. Method: a filled folder, a server of our own, and
// MLflow's own client as the reader of what arrived.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileExperimentTracker, openExperimentTracker, pushExperiments } from '#tideline/platform';
import { fillTracker } from './mlflow-fixtures.ts';
import { mlflowPython, OwnMlflow } from './mlflow-server.ts';
import { contentOf, viewOfMlflow, viewOfTracker } from './mlflow-view.ts';

const childPath = fileURLToPath(new URL('./mlflow-push.child.ts', import.meta.url));
const python = mlflowPython();
if (python === undefined) console.warn('skipped: expected a Python with MLflow in TIDELINE_SERVICES_PYTHON or .services, found none');

describe.skipIf(python === undefined)('copying a folder of experiments to a server', () => {
  let server: OwnMlflow;
  const folders: string[] = [];

  beforeAll(async () => {
    server = await OwnMlflow.start(python!);
  });
  afterAll(async () => {
    await server?.dispose();
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  async function newTracker(): Promise<FileExperimentTracker & { readonly folder: string }> {
    const folder = mkdtempSync(join(tmpdir(), 'tideline-push-'));
    folders.push(folder);
    return Object.assign(await FileExperimentTracker.open(folder), { folder });
  }

  test('differential: MLflow shows what the folder holds, and pushing again changes nothing', async () => {
    const from = await newTracker();
    const { model, experiments } = await fillTracker(from, 'one');
    const to = server.address;
    const dry = await pushExperiments(from, { to, dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, experiments: experiments.map((name) => ({ name, copied: 3 })), versions: [{ what: 'copied' }, { what: 'copied' }], aliases: [{ what: 'set' }, { what: 'set' }] });
    const tracker = await openExperimentTracker(to);
    expect(contentOf(await viewOfTracker(tracker))).toEqual({ experiments: [], models: [] });

    const first = await pushExperiments(from, { to });
    expect({ ...first, dryRun: true }).toMatchObject({ experiments: dry.experiments, sent: dry.sent });
    expect(first.versions).toMatchObject([{ model, version: '1', as: '1', what: 'copied' }, { model, version: '2', as: '2', what: 'copied' }]);
    const view = await viewOfMlflow(python!, to);
    expect(contentOf(view)).toEqual(contentOf(await viewOfTracker(from)));
    const run = view.experiments.find(({ runs }) => runs.length > 0)!.runs[0]!;
    const mine = (await from.listRuns((await from.ensureExperiment(experiments.find((name) => name === view.experiments.find(({ runs }) => runs.length > 0)!.name)!)).id)).at(-1)!;
    expect(Buffer.compare(await tracker.getArtifact(run.id, 'model/model.bin'), await from.getArtifact(mine.id, 'model/model.bin'))).toBe(0);

    const second = await pushExperiments(from, { to });
    expect(second).toMatchObject({
      experiments: experiments.map((name) => ({ name, copied: 0, completed: 0, unchanged: 3 })), sent: { metrics: 0, artifacts: 0, bytes: 0 },
      versions: [{ what: 'unchanged' }, { what: 'unchanged' }], aliases: [{ what: 'unchanged' }, { what: 'unchanged' }],
    });
    expect(contentOf(await viewOfTracker(tracker))).toEqual(contentOf(view));
  });

  test('what is new is added, what others decided on the server stays', async () => {
    const from = await newTracker();
    const { model, experiments } = await fillTracker(from, 'two');
    const tracker = await openExperimentTracker(server.address);
    // Somebody trained there before: number 1 is taken, and the alias theirs.
    const { id } = await tracker.ensureExperiment(experiments[0]!);
    const theirs = await tracker.startRun(id, 'trained there');
    await tracker.registerVersion(model, theirs.id, 'model');
    await tracker.setAlias(model, 'champion', '1');
    const first = await pushExperiments(from, { to: server.address });
    expect(first.versions.map(({ version, as }) => [version, as])).toEqual([['1', '2'], ['2', '3']]);
    expect(first.aliases).toMatchObject([{ alias: 'baseline', version: '2', what: 'set' }, { alias: 'champion', version: '1', what: 'kept' }]);
    expect((await tracker.versionByAlias(model, 'champion'))?.runId).toBe(theirs.id);

    const experiment = await from.ensureExperiment(experiments[0]!);
    const late = await from.startRun(experiment.id, 'late');
    await from.logRun(late.id, { metrics: [{ name: 'm', value: 1, step: 0, timestampMs: 5 }] });
    expect((await pushExperiments(from, { to: server.address, experiment: experiments[0]! })).experiments).toMatchObject([{ copied: 1, unchanged: 3 }]);
    await from.logRun(late.id, { metrics: [{ name: 'm', value: 2, step: 1, timestampMs: 6 }], tags: { gate: 'passed' } });
    await from.endRun(late.id, 'FINISHED');
    await from.registerVersion(model, late.id, 'model');
    await from.setAlias(model, 'baseline', '3');
    const again = await pushExperiments(from, { to: server.address, moveAliases: true });
    expect(again.experiments[0]).toMatchObject({ completed: 1, unchanged: 3 });
    expect(again.sent.metrics).toBe(1);
    expect(again.aliases).toMatchObject([{ alias: 'champion', version: '3', what: 'set' }, { alias: 'baseline', version: '4', what: 'set' }]);
    const copied = (await tracker.listRuns(id)).find(({ name }) => name === 'late')!;
    expect(copied).toMatchObject({ status: 'FINISHED', tags: { gate: 'passed' } });
    expect(await tracker.metricHistory(copied.id, 'm')).toHaveLength(2);
  });

  test('killed again and again in the middle, server and push, it ends with everything once', async () => {
    const from = await newTracker();
    const { model, experiments } = await fillTracker(from, 'three', 8);
    // A push in a process of its own, ended at once wherever it is after so many runs.
    for (const after of [1, 4, 9]) {
      const child = spawn(process.execPath, ['--conditions=source', childPath, from.folder, server.address], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)));
      let seen = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        seen += chunk.toString().split('\n').length - 1;
        if (seen >= after) setTimeout(() => child.kill('SIGKILL'), after * 7);
      });
      expect(await ended).toBe('SIGKILL');
    }
    // This one meets a server that dies under it, wherever that happens to be.
    let pushed = 0;
    const pushing = pushExperiments(from, { to: server.address, onProgress: () => pushed++ });
    pushing.catch(() => undefined);
    while (pushed < 12) await new Promise((resolve) => setTimeout(resolve, 5));
    await server.kill();
    await server.restart();
    await pushing;
    const last = await pushExperiments(from, { to: server.address });
    expect(last.experiments).toMatchObject(experiments.map(() => ({ copied: 0, completed: 0, unchanged: 8 })));
    const pick = (content: unknown): unknown => {
      const view = content as { experiments: { name: string }[]; models: { name: string }[] };
      return { experiments: view.experiments.filter(({ name }) => experiments.includes(name)), models: view.models.filter(({ name }) => name === model) };
    };
    expect(pick(contentOf(await viewOfMlflow(python!, server.address)))).toEqual(pick(contentOf(await viewOfTracker(from))));
  }, 600_000);
});
