// Goal: the client sends again only what may be sent again, splits what the server limits, and names every failure. Method: a small server
// that answers, refuses or breaks off as each test says; the live server's own answers are checked in test/services.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { filterText, isMlflowError, LIMITS, MlflowClient, type MlflowMetric } from './index.ts';
import { splitBatch } from './log-batches.ts';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

type Answer = (response: ServerResponse, asked: Asked, count: number) => void;

let server: Server;
let address: string;
let asked: Asked[];
let answers: Record<string, Answer>;

const json = (status: number, value: unknown): Answer => (response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const breakOff: Answer = (response) => void response.socket?.destroy();
const inTurn = (...all: readonly Answer[]): Answer => (response, request, count) => all[Math.min(count, all.length - 1)]!(response, request, count);
const run = (runId: string, tags: readonly unknown[] = []): unknown => ({ info: { run_id: runId, experiment_id: '1', status: 'RUNNING', artifact_uri: `mlflow-artifacts:/1/${runId}/artifacts` }, data: { tags } });
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};
const countOf = (path: string): number => asked.filter((request) => request.path.startsWith(path)).length;
const client = (options: { patienceMs?: number; timeoutMs?: number; login?: { username: string; password: string } | { token: string } } = {}): MlflowClient =>
  new MlflowClient({ address, patienceMs: 5_000, random: () => 0, ...options });

const CREATE = '/api/2.0/mlflow/runs/create';
const SEARCH = '/api/2.0/mlflow/runs/search';
const LOG = '/api/2.0/mlflow/runs/log-batch';
const HISTORY = '/api/2.0/mlflow/metrics/get-history';

beforeEach(async () => {
  [asked, answers] = [[], {}];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const path = (request.url ?? '').split('?')[0]!;
      const seen = { method: request.method ?? '', path, body, headers: request.headers };
      const count = asked.filter((before) => before.path === path).length;
      asked.push(seen);
      const answer = answers[path];
      if (answer === undefined) response.writeHead(404).end('<h1>Not Found</h1>');
      else answer(response, seen, count);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

describe('what is sent again', () => {
  test('a read whose connection breaks, and one that meets a restarting server', async () => {
    answers['/api/2.0/mlflow/runs/get'] = inTurn(breakOff, json(503, {}), json(429, {}), json(200, { run: run('a') }));
    expect((await client().runs.get('a')).info.runId).toBe('a');
    expect(asked).toHaveLength(4);
  });

  test('a server that fails inside is asked three times', async () => {
    answers['/api/2.0/mlflow/runs/get'] = json(500, { error_code: 'INTERNAL_ERROR', message: 'disk' });
    await expect(client().runs.get('a')).rejects.toMatchObject({ errorCode: 'INTERNAL_ERROR', status: 500, outcome: 'unknown' });
    expect(asked).toHaveLength(3);
  });

  test('what the server refuses is asked once', async () => {
    answers['/api/2.0/mlflow/runs/get'] = json(404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'no run' });
    await expect(client().runs.get('a')).rejects.toMatchObject({ errorCode: 'RESOURCE_DOES_NOT_EXIST', outcome: 'not-applied' });
    expect(asked).toHaveLength(1);
  });

  test('a creation whose answer is lost is found by its identity and not repeated', async () => {
    answers[CREATE] = breakOff;
    answers[SEARCH] = json(200, { runs: [run('made', [{ key: 'job', value: '7' }])] });
    const made = await client().runs.create({ experimentId: '1', name: 'r', identity: { key: 'job', value: '7' } });
    expect([made.info.runId, countOf(CREATE)]).toEqual(['made', 1]);
    expect(JSON.parse(asked.find(({ path }) => path === SEARCH)!.body)).toMatchObject({ experiment_ids: ['1'], filter: "tags.`job` = '7'" });
  });

  test('a creation that did not arrive is repeated after looking', async () => {
    answers[CREATE] = inTurn(breakOff, json(200, { run: run('second') }));
    answers[SEARCH] = json(200, {});
    const made = await client().runs.create({ experimentId: '1', name: 'r', identity: { key: 'job', value: '7' } });
    expect([made.info.runId, countOf(CREATE), countOf(SEARCH)]).toEqual(['second', 2, 1]);
  });

  test('a creation that the server keeps breaking off is given up', async () => {
    answers[CREATE] = breakOff;
    answers[SEARCH] = json(200, {});
    const creating = client().runs.create({ experimentId: '1', name: 'r', identity: { key: 'job', value: '7' } });
    await expect(creating).rejects.toMatchObject({ errorCode: 'DISCONNECTED', outcome: 'unknown' });
    expect([countOf(CREATE), countOf(SEARCH)]).toEqual([6, 6]);
  });

  test('a creation without an identity is not repeated', async () => {
    answers[CREATE] = breakOff;
    await expect(client().runs.create({ experimentId: '1', name: 'r' })).rejects.toMatchObject({ errorCode: 'DISCONNECTED', outcome: 'unknown' });
    expect(asked).toHaveLength(1);
  });

  test('a creation that may still be at work is not repeated', async () => {
    answers[CREATE] = () => undefined;
    answers[SEARCH] = json(200, {});
    const creating = client({ timeoutMs: 150 }).runs.create({ experimentId: '1', name: 'r', identity: { key: 'job', value: '7' } });
    await expect(creating).rejects.toMatchObject({ errorCode: 'TIMED_OUT', outcome: 'unknown' });
    expect(countOf(CREATE)).toBe(1);
  });

  test('metrics whose answer is lost: only those that the history lacks', async () => {
    answers[LOG] = inTurn(breakOff, json(200, {}));
    answers[HISTORY] = json(200, { metrics: [{ key: 'm', value: 'NaN', timestamp: 5, step: 0 }] });
    const metrics = [NaN, Infinity].map((value, step) => ({ key: 'm', value, timestampMs: 5, step }));
    await client().runs.logBatch('a', { metrics, params: [{ key: 'p', value: '1' }] });
    const sent = asked.filter(({ path }) => path === LOG).map(({ body }) => JSON.parse(body) as { metrics: unknown[]; params: unknown[] });
    expect(sent.map((body) => [body.metrics.length, body.params.length])).toEqual([[2, 1], [1, 1]]);
    expect(sent[1]!.metrics).toEqual([{ key: 'm', value: 'Infinity', timestamp: 5, step: 1 }]);
  });

  test('metrics that had arrived although the answer was lost: none', async () => {
    answers[LOG] = breakOff;
    answers[HISTORY] = json(200, { metrics: [{ key: 'm', value: 0.5, timestamp: 5, step: 0 }] });
    await client().runs.logBatch('a', { metrics: [{ key: 'm', value: 0.5, timestampMs: 5, step: 0 }] });
    expect(countOf(LOG)).toBe(1);
  });

  test('a server that is gone for a while is waited for, but only so long', async () => {
    const port = Number(new URL(address).port);
    answers['/api/2.0/mlflow/runs/get'] = json(200, { run: run('a') });
    await new Promise((resolve) => server.close(resolve));
    const refused = client({ patienceMs: 300 }).runs.get('a');
    await expect(refused).rejects.toMatchObject({ errorCode: 'UNREACHABLE', outcome: 'not-applied', status: undefined });
    const waiting = client().runs.get('a');
    await new Promise((resolve) => setTimeout(resolve, 250));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    expect((await waiting).info.runId).toBe('a');
  });
});

describe('what goes over the wire', () => {
  test('basic authentication, bearer tokens, prefixes, escaped artifact paths', async () => {
    const path = '/mlflow/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/my%20model/%C3%A4.bin';
    answers[path] = (response) => void response.end(Buffer.from([0, 255, 7]));
    const place = { runId: 'a', artifactUri: 'mlflow-artifacts:/1/a/artifacts' };
    const login = { username: 'ann', password: 'pä:ss' };
    expect([...(await new MlflowClient({ address: `${address}/mlflow/`, login }).artifacts.get(place, 'my model/ä.bin'))]).toEqual([0, 255, 7]);
    const stream = await new MlflowClient({ address: `${address}/mlflow`, login: { token: 't0ken' } }).artifacts.stream(place, 'my model/ä.bin');
    expect((await all<Uint8Array>(stream)).flatMap((chunk) => [...chunk])).toEqual([0, 255, 7]);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([`Basic ${Buffer.from('ann:pä:ss').toString('base64')}`, 'Bearer t0ken']);
    await expect(client().artifacts.get({ runId: 'a', artifactUri: 's3://bucket/1/a' }, 'x')).rejects.toMatchObject({ errorCode: 'NOT_PROXIED' });
  });

  test('a stream is put as it comes, and not again', async () => {
    answers['/api/2.0/mlflow-artifacts/artifacts/1/a/artifacts/big'] = inTurn(json(200, {}), breakOff);
    const put = (): Promise<void> => client().artifacts.put({ runId: 'a', artifactUri: 'mlflow-artifacts:/1/a/artifacts' }, 'big', new Blob(['part one, ', 'part two']).stream());
    await put();
    expect(asked[0]!.body).toBe('part one, part two');
    await expect(put()).rejects.toMatchObject({ errorCode: 'DISCONNECTED' });
    expect(asked).toHaveLength(2);
  });

  test('pages are followed, and the reader may stop', async () => {
    answers[SEARCH] = (response, { body }) => {
      const { page_token: token = '0', max_results: most } = JSON.parse(body) as { page_token?: string; max_results: number };
      const from = Number(token);
      json(200, { runs: Array.from({ length: Math.min(most, 3) }, (_, i) => run(`r${from + i}`)), next_page_token: from < 6 ? String(from + 3) : undefined })(response, asked[0]!, 0);
    };
    const ids = async (limit?: number): Promise<string[]> => (await all(client().runs.search({ experimentIds: ['1'], ...(limit === undefined ? {} : { limit }) }))).map(({ info }) => info.runId);
    expect(await ids()).toEqual(Array.from({ length: 9 }, (_, i) => `r${i}`));
    expect(await ids(4)).toEqual(['r0', 'r1', 'r2', 'r3']);
  });

  test('the largest double is an infinity that a database could not keep', async () => {
    answers[HISTORY] = json(200, { metrics: [{ value: -Number.MAX_VALUE, timestamp: '5', step: '1' }, { value: 'NaN' }] });
    expect(await all(client().runs.metricHistory('a', 'm'))).toEqual([
      { key: 'm', value: -Infinity, timestampMs: 5, step: 1 }, { key: 'm', value: NaN, timestampMs: 0, step: 0 },
    ]);
  });
});

describe('failures have names', () => {
  test.each<[string, Answer, object]>([
    ['a page of something else', (response) => void response.end('<html>hello</html>'), { errorCode: 'NOT_MLFLOW' }],
    ['a JSON that is no answer of MLflow', json(200, { run: { info: { run_id: 7 } } }), { errorCode: 'NOT_MLFLOW' }],
    ['no such path', (response) => void response.writeHead(404).end('<h1>Not Found</h1>'), { errorCode: 'NOT_MLFLOW', status: 404 }],
    ['a redirect', (response) => void response.writeHead(301, { location: 'https://mlflow.example' }).end(), { errorCode: 'HTTP_301', status: 301 }],
    ['no login', (response) => void response.writeHead(401).end('You are not authenticated.'), { errorCode: 'HTTP_401', status: 401 }],
    ['another host name', (response) => void response.writeHead(403).end('Invalid Host header - possible DNS rebinding attack detected'), { errorCode: 'HTTP_403', status: 403 }],
  ])('%s', async (_, answer, expected) => {
    answers['/api/2.0/mlflow/runs/get'] = answer;
    await expect(client().runs.get('a')).rejects.toMatchObject(expected);
  });

  test('a missing alias, which MLflow calls an invalid parameter, and a missing model are undefined', async () => {
    const path = '/api/2.0/mlflow/registered-models/alias';
    answers[path] = inTurn(json(400, { error_code: 'INVALID_PARAMETER_VALUE', message: 'Registered model alias champion not found.' }), json(404, { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'x' }));
    expect(await client().models.versionByAlias('m', 'champion')).toBeUndefined();
    expect(await client().models.versionByAlias('m', 'champion')).toBeUndefined();
  });

  test('a version is waited for until it is ready, and its failure told', async () => {
    const version = (status: string): unknown => ({ model_version: { name: 'm', version: '1', status, status_message: 'no space' } });
    answers['/api/2.0/mlflow/model-versions/create'] = json(200, version('PENDING_REGISTRATION'));
    answers['/api/2.0/mlflow/model-versions/get'] = inTurn(json(200, version('PENDING_REGISTRATION')), json(200, version('READY')), json(200, version('FAILED_REGISTRATION')));
    const create = () => client().models.createVersion({ name: 'm', source: 'runs:/a/model', runId: 'a' });
    expect((await create()).status).toBe('READY');
    await expect(create()).rejects.toMatchObject({ errorCode: 'NOT_READY', message: expect.stringContaining('no space') as unknown });
  });

  test('what the server would cut off in silence is refused', async () => {
    const refuse = (data: Parameters<MlflowClient['runs']['logBatch']>[1]) => expect(client().runs.logBatch('a', data)).rejects.toMatchObject({ errorCode: 'LIMIT_EXCEEDED' });
    await refuse({ params: [{ key: 'p', value: 'x'.repeat(LIMITS.paramCharacters + 1) }] });
    await refuse({ tags: [{ key: 't', value: 'x'.repeat(LIMITS.tagCharacters + 1) }] });
    await refuse({ metrics: [{ key: 'm'.repeat(251), value: 1, timestampMs: 1, step: 0 }] });
    expect(asked).toHaveLength(0);
    expect(isMlflowError(new Error('x'))).toBe(false);
    expect([filterText("it's"), filterText('say "x"')]).toEqual([`"it's"`, `'say "x"'`]);
    expect(() => filterText(`both ' and "`)).toThrow('both kinds of quotes');
  });
});

test('property: parts keep within the limits, hold everything once, and keep the order', () => {
  const entry = fc.record({ key: fc.string({ minLength: 1, maxLength: 40 }), value: fc.oneof(fc.string({ maxLength: 20 }), fc.constant('ä'.repeat(5_900))) });
  const metric = fc.record({ key: fc.constantFrom('a', 'b'), value: fc.double(), timestampMs: fc.nat(), step: fc.nat() });
  const repeated = <T>(item: fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> => fc.tuple(item, fc.nat(most)).map(([value, count]) => Array.from({ length: count }, () => value));
  fc.assert(
    fc.property(repeated(entry, 350), repeated(entry, 350), repeated(metric, 3_500), (params, tags, metrics: MlflowMetric[]) => {
      const parts = splitBatch({ params, tags, metrics });
      for (const part of parts) {
        expect(part.params.length + part.tags.length + part.metrics.length).toBeLessThanOrEqual(1_000);
        expect(part.params.length).toBeLessThanOrEqual(100);
        expect(part.tags.length).toBeLessThanOrEqual(100);
        expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(1_000_000);
      }
      expect(parts.flatMap((part) => part.params)).toEqual(params);
      expect(parts.flatMap((part) => part.tags)).toEqual(tags);
      expect(parts.flatMap((part) => part.metrics)).toEqual(metrics);
    }),
    { numRuns: 25 },
  );
});
