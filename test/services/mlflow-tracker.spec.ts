// Goal: limits, lost servers and wrong addresses, on real servers. Method: the shared server for what changes nothing of it, one of our own
// where it is killed and started again under load.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isPlatformError, openExperimentTracker, type Metric } from '#tideline/platform';
import { MlflowClient } from '../../libs/platform/src/experiment-tracker/mlflow/index.ts';
import { mlflowPython, OwnMlflow } from './mlflow-server.ts';
import { services } from './services.ts';

const python = mlflowPython();
if (python === undefined) console.warn('skipped: expected a Python with MLflow in TIDELINE_SERVICES_PYTHON or .services to kill and start a server of our own, found none');
/** Three starts of an MLflow on a busy machine. */
const SLOW_MS = 600_000;
const suffix = randomBytes(4).toString('hex');

describe('limits of the server', () => {
  test('2,500 metrics, 250 parameters and 250 tags in one call', async () => {
    const tracker = await openExperimentTracker(services().mlflow);
    const { id } = await tracker.ensureExperiment(`limits-${suffix}`);
    const run = await tracker.startRun(id, 'many');
    const metrics = Array.from({ length: 2_500 }, (_, i): Metric => ({ name: i < 2_000 ? 'loss' : `metric ${i}`, value: i / 7, step: i, timestampMs: 1_700_000_000_000 + i }));
    const many = (stem: string): Record<string, string> => Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`${stem}${i}`, `ä${i}`]));
    await tracker.logRun(run.id, { metrics, params: many('p'), tags: { ...many('t'), long: 'x'.repeat(8_000) } });
    expect(await tracker.metricHistory(run.id, 'loss')).toEqual(metrics.slice(0, 2_000));
    const read = await tracker.getRun(run.id);
    expect(Object.keys(read.metrics)).toHaveLength(501);
    expect(read.params).toEqual(many('p'));
    expect(read.tags).toMatchObject({ ...many('t'), long: 'x'.repeat(8_000) });
    const changed = tracker.logRun(run.id, { params: { ...many('q'), p3: 'other' } });
    await expect(changed).rejects.toMatchObject({ code: 'ALREADY_EXISTS', outcome: 'not-applied' });
    expect((await tracker.getRun(run.id)).params).toEqual(many('p'));
  });

  test('a megabyte of parameters and tags is split by size', async () => {
    const tracker = await openExperimentTracker(services().mlflow);
    const { id } = await tracker.ensureExperiment(`limits-${suffix}`);
    const run = await tracker.startRun(id, 'long');
    const long = (size: number): Record<string, string> => Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'ü'.repeat(size)]));
    await tracker.logRun(run.id, { params: long(6_000), tags: long(8_000) });
    const read = await tracker.getRun(run.id);
    expect(read.params).toEqual(long(6_000));
    expect(read.tags).toMatchObject(long(8_000));
  });

  test('pages: more runs than one page holds, more values, artifacts in nested folders, streams', async () => {
    const client = new MlflowClient({ address: services().mlflow });
    const { experimentId } = await client.experiments.ensure(`pages-${suffix}`);
    for (let i = 0; i < 23; i++) await client.runs.create({ experimentId, name: `r${i}` });
    const names: string[] = [];
    for await (const { info } of client.runs.search({ experimentIds: [experimentId], pageSize: 5, orderBy: ['attributes.start_time ASC'] })) names.push(info.name);
    expect(names.sort()).toEqual(Array.from({ length: 23 }, (_, i) => `r${i}`).sort());
    const { info } = await client.runs.create({ experimentId, name: 'history' });
    const metrics = Array.from({ length: 10_500 }, (_, step) => ({ key: 'm', value: Math.sin(step), timestampMs: 1_700_000_000_000 + step, step }));
    await client.runs.logBatch(info.runId, { metrics });
    const history = [];
    for await (const metric of client.runs.metricHistory(info.runId, 'm')) history.push(metric);
    expect(history).toEqual(metrics);
    await client.artifacts.put(info, 'a/b/c/d.txt', new Blob(['stream ', 'of parts']).stream());
    await client.artifacts.put(info, 'ä ü/x y.bin', new Uint8Array(3));
    const listed = [];
    for await (const { path, bytes } of client.artifacts.list(info)) listed.push([path, bytes]);
    expect(listed.sort()).toEqual([['a/b/c/d.txt', 15], ['ä ü/x y.bin', 3]]);
    expect(await new Response(await client.artifacts.stream(info, 'a/b/c/d.txt')).text()).toBe('stream of parts');
    await client.experiments.delete(experimentId);
  });

  test('a deleted experiment keeps its name, and the message says what to do', async () => {
    const client = new MlflowClient({ address: services().mlflow });
    const { experimentId } = await client.experiments.ensure(`deleted-${suffix}`);
    await client.experiments.delete(experimentId);
    const tracker = await openExperimentTracker(services().mlflow);
    await expect(tracker.ensureExperiment(`deleted-${suffix}`)).rejects.toThrow(/is deleted at .*mlflow gc/);
  });
});

describe('wrong addresses', () => {
  test.each([
    ['nothing listens', () => 'http://127.0.0.1:9', 'UNAVAILABLE'],
    ['another server: a schema registry', () => new URL(services().registry).origin, 'ADDRESS_INVALID'],
    ['another server: an object store', () => `http://${services().objectStore}`, 'ADDRESS_INVALID'],
    ['another server: a broker', () => `http://${services().kafka.split(',')[0]}`, 'UNAVAILABLE'],
    ['TLS where there is none', () => services().mlflow.replace('http:', 'https:'), 'ADDRESS_INVALID'],
    ['a wrong path', () => `${services().mlflow}/nowhere`, 'ADDRESS_INVALID'],
  ])('%s', async (_, address, code) => {
    const started = performance.now();
    const error: unknown = await openExperimentTracker(address()).catch((caught: unknown) => caught);
    expect(isPlatformError(error, code as 'UNAVAILABLE') ? code : error).toBe(code);
    expect((error as Error).message).toContain('EXPERIMENTS: could not look at the experiments at http');
    expect(performance.now() - started).toBeLessThan(8_000);
  });

  test('a name that MLflow was not told of', async () => {
    // The same loopback by another name.
    const { port } = new URL(services().mlflow);
    await expect(openExperimentTracker(`http://[::ffff:127.0.0.1]:${port}`)).rejects.toMatchObject({
      code: 'PERMISSION', message: expect.stringContaining(`start it with --allowed-hosts "[::ffff:7f00:1]:${port}"`) as unknown,
    });
  });
});

describe.skipIf(python === undefined)('a server that is killed and started again', () => {
  let server: OwnMlflow;
  beforeAll(async () => {
    server = await OwnMlflow.start(python!);
  });
  afterAll(() => server?.dispose());

  test('calls go on where they were: every run once, every value once, versions without gaps', async () => {
    const tracker = await openExperimentTracker(server.address);
    const { id } = await tracker.ensureExperiment('killed');
    const [runs, values] = [30, 60];
    let done = 0;
    const work = (async () => {
      for (let r = 0; r < runs; r++) {
        const run = await tracker.startRun(id, `run ${r}`);
        const metrics = Array.from({ length: values }, (_, step) => ({ name: 'loss', value: step / 3, step, timestampMs: 1_700_000_000_000 + step }));
        await tracker.logRun(run.id, { metrics, params: { r: String(r) } });
        await tracker.putArtifact(run.id, 'model/model.bin', new Uint8Array(20_000).fill(r));
        await tracker.endRun(run.id, 'FINISHED');
        await tracker.registerVersion('killed', run.id, 'model');
        await tracker.setAlias('killed', 'champion', String(r + 1));
        done++;
      }
    })();
    work.catch(() => undefined);
    for (const after of [5, 12, 20]) {
      while (done < after) await Promise.race([work, new Promise((resolve) => setTimeout(resolve, 5))]);
      await new Promise((resolve) => setTimeout(resolve, 20 + after));
      await server.kill();
      await server.restart();
    }
    await work;
    const listed = await tracker.listRuns(id);
    expect(listed.map(({ name }) => name).sort()).toEqual(Array.from({ length: runs }, (_, r) => `run ${r}`).sort());
    for (const run of listed) {
      expect(run).toMatchObject({ status: 'FINISHED', params: { r: run.name.slice(4) } });
      expect(await tracker.metricHistory(run.id, 'loss')).toHaveLength(values);
      const bytes = await tracker.getArtifact(run.id, 'model/model.bin');
      expect([bytes.byteLength, bytes[0], bytes.at(-1)]).toEqual([20_000, Number(run.name.slice(4)), Number(run.name.slice(4))]);
    }
    const versions = await tracker.listVersions('killed');
    expect(versions.map(({ version }) => Number(version))).toEqual(Array.from({ length: runs }, (_, i) => i + 1));
    expect(new Set(versions.map(({ runId }) => runId)).size).toBe(runs);
    expect((await tracker.versionByAlias('killed', 'champion'))?.version).toBe(String(runs));
  }, SLOW_MS);
});
