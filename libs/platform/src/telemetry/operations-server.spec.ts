import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isPlatformError } from '../errors.ts';
import { Liveness } from './liveness.ts';
import { Metrics } from './metrics.ts';
import { serveOperations, type OperationsOptions, type OperationsServer, type ReadinessCheck } from './operations-server.ts';

let nowMs = 0;
let checks: ReadinessCheck[] = [];
let liveness: Liveness;
let server: OperationsServer | undefined;
const options = (): OperationsOptions => ({
  app: 'trainer', host: '127.0.0.1', port: 0, portSetting: 'TIDELINE_TRAINER_PORT', apiKeys: [], metrics: new Metrics('trainer'), liveness, ready: () => Promise.resolve(checks),
});

beforeEach(() => {
  nowMs = 0;
  checks = [];
  liveness = new Liveness(() => nowMs);
});
afterEach(() => server?.close());

async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server!.address}${path}`, init);
  return { status: response.status, text: await response.text() };
}

test('alive until a loop is busy with one step for too long; a loop that waits is never stuck', async () => {
  server = await serveOperations(options());
  const rounds = liveness.loop('rounds', 1_000);
  nowMs = 5_000;
  expect((await ask('/health')).status).toBe(200);
  rounds.beat();
  nowMs = 5_999;
  expect((await ask('/health')).status).toBe(200);
  nowMs = 6_000;
  const stuck = await ask('/health');
  expect(stuck).toMatchObject({ status: 503, text: expect.stringContaining('rounds: no step forward for 1 s') as string });
  rounds.beat();
  expect((await ask('/health')).status).toBe(200);
});

test('ready when every check is well, otherwise 503 with the reasons', async () => {
  server = await serveOperations(options());
  checks = [{ name: 'event log', ok: true, found: '3 topics' }];
  expect((await ask('/ready')).status).toBe(200);
  checks = [...checks, { name: 'object store', ok: false, found: 'connection refused' }];
  const { status, text } = await ask('/ready');
  expect([status, (JSON.parse(text) as { reasons: string[] }).reasons]).toEqual([503, ['object store: connection refused']]);
  checks = [];
  expect((await ask('/ready?verbose=1')).status).toBe(200);
});

test('metrics are Prometheus text, brought up to date when asked for; what cannot be is counted', async () => {
  const metrics = new Metrics('trainer');
  server = await serveOperations({ ...options(), metrics });
  const gauge = metrics.gauge('looked', 'looks');
  metrics.collect(() => gauge.inc());
  metrics.collect(() => Promise.reject(new Error('log down')));
  await ask('/metrics');
  const { status, text } = await ask('/metrics');
  expect(status).toBe(200);
  expect(text).toContain('tideline_looked{app="trainer"} 2');
  expect(text).toContain('tideline_collect_failures_total{app="trainer"} 2');
  expect(text).toContain('process_cpu_user_seconds_total');
});

test('other paths and methods are refused in words', async () => {
  server = await serveOperations(options());
  expect(await ask('/')).toMatchObject({ status: 404, text: expect.stringContaining('/health, /ready or /metrics') as string });
  expect((await ask('/health', { method: 'POST' })).status).toBe(405);
});

test('from other machines metrics need a known key, probes do not', async () => {
  const apiKeys = [{ name: 'prometheus', role: 'read' as const, sha256: createHash('sha256').update('k3y').digest('hex') }];
  server = await serveOperations({ ...options(), host: '0.0.0.0', apiKeys });
  expect((await ask('/health')).status).toBe(200);
  expect((await ask('/metrics')).status).toBe(401);
  expect((await ask('/metrics', { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
  expect((await ask('/metrics', { headers: { authorization: 'Bearer k3y' } })).status).toBe(200);
});

test('a port in use is an error that names its setting', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const error: unknown = await serveOperations({ ...options(), port }).catch((caught: unknown) => caught);
  expect(isPlatformError(error, 'ADDRESS_IN_USE')).toBe(true);
  expect((error as Error).message).toBe(`TIDELINE_TRAINER_PORT: 127.0.0.1:${port} is in use by another program; set another port, or 0 for any free one`);
  other.close();
});
