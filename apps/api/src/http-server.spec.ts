import { createHash } from 'node:crypto';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { VisitValues } from '#tideline/retention';
import { MemoryExperimentTracker, MemoryObjectStore, readConfiguration, SystemClock, type EventLog, type ExperimentTracker } from '#tideline/platform';
import { appendScores, appendTransitions, fabricatedLog, fabricatedModel, fabricatedReaders, fabricatedScore, fabricatedSource, promote } from '../test/fabricated-world.ts';
import { AddressTaken, createHttpServer, listen } from './http-server.ts';
import { apiSettings } from './settings.ts';

/*
 * Goal: every route answers as the interface promises, and every way to ask wrongly gets a problem document that names the field.
 * Method: the whole server over doors in memory, asked through Fastify's inject.
 */

const visitValues = new VisitValues([
  { by: '6-2-4', step: 0, pages: 4, leaves: 1, reward: 2 },
  { by: '6-2-4', step: 1, pages: 2, leaves: 2, reward: 3 },
]);

async function openWorld(environment: Record<string, string> = {}): Promise<{ app: NestFastifyApplication; log: EventLog; tracker: ExperimentTracker }> {
  const log = await fabricatedLog(['shop', 'visits']);
  const tracker = new MemoryExperimentTracker();
  const app = await createHttpServer(
    { log, tracker, clock: new SystemClock(), sources: [fabricatedSource('shop'), fabricatedSource('visits', { visits: true })], synthetic: ['shop'], ...fabricatedReaders, pollMs: 20 },
    settingsOf(environment),
    '/nowhere',
  );
  return { app, log, tracker };
}

const settingsOf = (environment: Record<string, string> = {}): ReturnType<typeof apiSettings> => apiSettings(readConfiguration({ TIDELINE_PORT: '0', ...environment }));

/** An answer of any shape: what a test reads of it, it also expects. */
interface Json {
  readonly [member: string]: Json;
  readonly [index: number]: Json;
}
interface Asked {
  readonly status: number;
  readonly type: string;
  readonly body: Json;
}

async function ask(app: NestFastifyApplication, method: 'GET' | 'POST', url: string, payload?: unknown, headers: Record<string, string> = {}): Promise<Asked> {
  const body = payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : JSON.stringify(payload) };
  const response = await app.inject({ method, url, ...body, headers: { ...(payload === undefined ? {} : { 'content-type': 'application/json' }), ...headers } });
  const type = String(response.headers['content-type']);
  return { status: response.statusCode, type, body: (type.includes('json') ? response.json() : response.body) as Json };
}

function expectProblem(answer: Asked, status: number, pointer?: string): void {
  expect(answer.type).toContain('application/problem+json');
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String), type: expect.stringMatching(/^urn:tideline:problem:/) });
  if (pointer !== undefined) expect((answer.body.errors as unknown as { pointer: string }[]).map((error) => error.pointer)).toContain(pointer);
}

describe('the API without a model', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    ({ app } = await openWorld());
    await app.init();
  });
  afterAll(() => app.close());

  it('is alive and says why it is not ready', async () => {
    expect(await ask(app, 'GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const ready = await ask(app, 'GET', '/ready');
    expectProblem(ready, 503);
    expect(ready.body.reasons).toEqual(['champion model: no champion for shop, visits']);
  });

  it('refuses to predict with a 503 that says what to do', async () => {
    const answer = await ask(app, 'POST', '/sources/shop/predict', { features: { recency: 1 } });
    expectProblem(answer, 503);
    expect(answer.body.detail).toContain('npx tideline train shop');
    expectProblem(await ask(app, 'POST', '/predict/value', { segment: '6-2-4', page_id: 0 }), 503);
  });

  it('names unknown sources, models, entities and routes', async () => {
    const source = await ask(app, 'POST', '/sources/shap/predict', { features: { recency: 1 } });
    expectProblem(source, 404);
    expect(source.body.nearest).toBe('shop');
    expectProblem(await ask(app, 'GET', '/sources/nothing/top'), 404);
    expectProblem(await ask(app, 'GET', '/models/none/versions'), 404);
    expectProblem(await ask(app, 'GET', '/sources/shop/entities/e-1'), 404);
    expectProblem(await ask(app, 'GET', '/no/such/route'), 404);
    expectProblem(await ask(app, 'GET', '/%zz'), 400);
    expectProblem(await ask(app, 'GET', '/'), 404);
  });
});

describe('the API with models and live scores', () => {
  let app: NestFastifyApplication;
  let log: EventLog;
  let tracker: ExperimentTracker;

  beforeAll(async () => {
    ({ app, log, tracker } = await openWorld());
    await promote(tracker, 'churn-shop', 'model.bin', fabricatedModel({ recency: 1, orders: -2 }), { rocAuc: 0.8, rocAuc_low: 0.7, rocAuc_high: 0.9, baseline_rocAuc: 0.6 });
    await promote(tracker, 'visit-values-visits', 'visit-values.json', visitValues.save());
    await appendScores(log, 0, [fabricatedScore('shop', 'e-1', 0.9, { offset: 1 }), fabricatedScore('shop', 'e-2', 0.4, { offset: 2, state: [1, null] }), fabricatedScore('shop', 'e-3', null, { offset: 3 })]);
    await appendScores(log, 1, [fabricatedScore('shop', 'e-4', 0.95, { offset: 4 }), fabricatedScore('shop', 'e-1', 0.7, { offset: 5, state: [2, 1] })]);
    await appendTransitions(log, 'shop', [1, 2].map((reward) => ({ entity: 'e-1', eventTimeMs: Date.parse('2026-03-04T10:00:00Z'), state: [NaN, 1], action: 'buy', reward, nextState: null, done: false })));
    await app.init();
    await vi.waitFor(async () => expect((await ask(app, 'GET', '/sources/shop/entities/e-1')).body.transitions).toHaveLength(2), { timeout: 20_000 });
    await vi.waitFor(async () => expect((await ask(app, 'GET', '/sources')).body[0].live.scores).toBe(5), { timeout: 20_000 });
  });
  afterAll(() => app.close());

  it('is ready', async () => {
    expect(await ask(app, 'GET', '/ready')).toMatchObject({ status: 200, body: { ready: true } });
  });

  it('predicts from features with reasons that add up, by name and in order', async () => {
    const named = await ask(app, 'POST', '/sources/shop/predict', { features: { recency: 1, orders: 0.25 } });
    expect(named.body.churn_probability).toBeCloseTo(1 / (1 + Math.exp(-0.5)), 12);
    expect(named.body).toMatchObject({ prediction: 1, model: { name: 'churn-shop', version: '1', kind: 'fabricated' } });
    expect(named.body.confidence).toBe(named.body.churn_probability);
    expect(named.body.reasons).toEqual([{ feature: 'recency', value: 1, contribution: 1 }, { feature: 'orders', value: 0.25, contribution: -0.5 }]);
    const ordered = await ask(app, 'POST', '/sources/shop/predict?reasons=false', { features: [1, 0.25], customer_id: 17 });
    expect(ordered.body).toMatchObject({ customer_id: 17, churn_probability: named.body.churn_probability });
    expect(ordered.body).not.toHaveProperty('reasons');
  });

  it('says which features were missing and keeps null apart', async () => {
    const answer = await ask(app, 'POST', '/sources/shop/predict', { features: { recency: null } });
    expect(answer.body).toMatchObject({ churn_probability: 0.5, missing: ['orders'] });
  });

  it('predicts a live entity from its latest state, and arrays as arrays', async () => {
    const answer = await ask(app, 'POST', '/sources/shop/predict', [{ entity: 'e-2' }, { features: { recency: 0, orders: 0 } }]);
    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(2);
    expect(answer.body[0]).toMatchObject({ entity: 'e-2', churn_probability: 1 / (1 + Math.exp(-1)) });
    expect(answer.body[1].churn_probability).toBe(0.5);
    const unknown = await ask(app, 'POST', '/sources/shop/predict', [{ entity: 'e-2' }, { entity: 'e-22' }]);
    expectProblem(unknown, 404, '/1/entity');
    expect(unknown.body.nearest).toBe('e-2');
  });

  it.each([
    ['unknown feature', { features: { recensy: 1 } }, '/features/recensy'],
    ['wrong type', { features: { recency: '1' } }, '/features/recency'],
    ['boolean', { features: { recency: true } }, '/features/recency'],
    ['no features', { features: {} }, '/features'],
    ['wrong length', { features: [1] }, '/features'],
    ['unknown member', { feature: {} }, '/feature'],
    ['both', { features: { recency: 1 }, entity: 'e-1' }, ''],
    ['neither', {}, ''],
    ['text', '"text"', ''],
    ['in an array', [{ features: { recency: 1 } }, { features: { recency: [] } }], '/1/features/recency'],
    ['malformed', '{"features": {"recency": 1}', ''],
    ['empty', '', ''],
  ])('names the field of a bad request: %s', async (_, payload, pointer) => {
    expectProblem(await ask(app, 'POST', '/sources/shop/predict', payload), 400, pointer);
  });

  it('refuses what is oversized, no JSON or a wrong query', async () => {
    expectProblem(await ask(app, 'POST', '/sources/shop/predict', JSON.stringify({ features: { recency: 1 }, customer_id: 'x'.repeat(1 << 20) })), 413);
    expectProblem(await ask(app, 'POST', '/sources/shop/predict', 'recency=1', { 'content-type': 'text/plain' }), 415);
    expectProblem(await ask(app, 'POST', '/sources/shop/predict?reasons=maybe', { features: { recency: 1 } }), 400, '?reasons');
    expectProblem(await ask(app, 'GET', '/sources/shop/top?limit=0'), 400, '?limit');
    expectProblem(await ask(app, 'GET', '/scores/stream?min=2'), 400, '?min');
    expectProblem(await ask(app, 'GET', '/scores/stream?sauce=shop'), 400, '?sauce');
    expectProblem(await ask(app, 'GET', '/scores/stream', undefined, { 'last-event-id': 'yesterday' }), 400, 'last-event-id');
  });

  it('answers the forms of the earlier systems', async () => {
    expect((await ask(app, 'POST', '/predict', { customer_id: 'C-1', recency: 0, orders: 0 })).body).toMatchObject({ customer_id: 'C-1', prediction: 1, churn_probability: 0.5, confidence: 0.5 });
    expectProblem(await ask(app, 'POST', '/predict', { customer_id: 'C-1', recency: 'x' }), 400, '/recency');
    const named = { features: { recency: 0, orders: 1 }, model_name: 'churn-shop', model_type: 'classification' };
    expect((await ask(app, 'POST', '/api/predict', named)).body).toEqual({ prediction: 0, probability: 1 / (1 + Math.exp(2)), model_used: 'churn-shop@1' });
    expect((await ask(app, 'POST', '/api/predict', { ...named, model_name: 'shop@1' })).body.model_used).toBe('churn-shop@1');
    expectProblem(await ask(app, 'POST', '/api/predict', { ...named, model_name: 'shop@9' }), 404, '/model_name');
    expectProblem(await ask(app, 'POST', '/api/predict', { ...named, model_type: 'regression' }), 400, '/model_type');
    expect((await ask(app, 'GET', '/api/metrics')).body.models['churn-shop']).toMatchObject({ version: '1', metrics: { rocAuc: 0.8 } });
  });

  it('values a visit by segment or its three parts', async () => {
    const answer = await ask(app, 'POST', '/predict/value', { age_level: 6, gender: 2, purchase_power: 4, page_id: 0 });
    expect(answer.body).toMatchObject({ segment: '6-2-4', expected_revenue: 0.75 * 1.5, leave_probability: 0.25, mean_reward: 0.5 });
    expectProblem(await ask(app, 'POST', '/predict/value', { age_level: 6, page_id: 0 }), 400, '/gender');
    expectProblem(await ask(app, 'POST', '/predict/value', { segment: '6-2-4' }), 400, '/page_id');
    expectProblem(await ask(app, 'POST', '/predict/value', { segment: '6-2-4', page_id: 3 }), 404, '/page_id');
    expect((await ask(app, 'POST', '/predict/value', { segment: '6-2-5', page_id: 0 })).body.nearest).toBe('6-2-4');
  });

  it('tells the story of an entity and who is most at risk', async () => {
    const story = await ask(app, 'GET', '/sources/shop/entities/e-1');
    expect(story.body).toMatchObject({
      entity: 'e-1',
      features: [{ name: 'recency', value: 2, asOf: '2026-03-04T00:00:00.000Z' }, { name: 'orders', value: 1 }],
      score: { churnProbability: 0.7 },
      transitions: [{ reward: 2, eventTime: '2026-03-04T10:00:00.000Z', state: [null, 1], action: 'buy', nextState: null, done: false }, { reward: 1 }],
    });
    const top = await ask(app, 'GET', '/sources/shop/top?limit=2');
    expect(top.body).toMatchObject([{ entity: 'e-4' }, { entity: 'e-1' }]);
  });

  it('describes sources and models', async () => {
    const sources = await ask(app, 'GET', '/sources');
    expect(sources.body[0]).toMatchObject({ name: 'shop', synthetic: true, champion: { version: '1' }, live: { entities: 4, scores: 5 } });
    expect((await ask(app, 'GET', '/model-info')).body[0]).toMatchObject({ source: 'shop', features: ['recency', 'orders'], metrics: { rocAuc: { value: 0.8, low: 0.7, high: 0.9 } }, baseline: { rocAuc: { value: 0.6 } } });
    expect((await ask(app, 'GET', '/models/churn-shop/versions')).body).toMatchObject([{ version: '1', aliases: ['champion'], kind: 'fabricated' }]);
    expect((await ask(app, 'GET', '/live')).body.sources.shop).toMatchObject({ scoresTotal: 5 });
  });

  it('shows metrics and documentation that covers every route', async () => {
    expect(String((await ask(app, 'GET', '/metrics')).body)).toContain('tideline_live_scores{source="shop",app="api"} 5');
    const { body } = await ask(app, 'GET', '/docs-json');
    for (const path of ['/health', '/ready', '/sources', '/sources/{source}/predict', '/predict', '/api/predict', '/predict/value', '/scores/stream', '/sources/{source}/entities/{id}', '/sources/{source}/top', '/model-info', '/models', '/models/{name}/versions']) {
      expect(Object.keys(body.paths)).toContain(path);
    }
    expect((await ask(app, 'GET', '/docs')).body).toContain('swagger-ui');
  });

  it('takes a new champion without a restart and keeps the old one when a version does not load', async () => {
    await promote(tracker, 'churn-shop', 'model.bin', fabricatedModel({ recency: 0 }, 3));
    await vi.waitFor(async () => expect((await ask(app, 'POST', '/sources/shop/predict', { features: { recency: 1 } })).body.model.version).toBe('2'), { timeout: 20_000 });
    await promote(tracker, 'churn-shop', 'model.bin', Buffer.from('rubbish'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await ask(app, 'POST', '/sources/shop/predict', { features: { recency: 1 } })).body.model.version).toBe('2');
  });
});

describe('data quality', () => {
  const RUN = '20260105T000000000Z-0a1b2c';
  let app: NestFastifyApplication;
  afterEach(() => app.close());

  it('leads from the runs to a run and its document, and nowhere else', async () => {
    const store = new MemoryObjectStore();
    for (const [name, text] of [['index.json', JSON.stringify({ runs: [{ run: RUN, verdict: 'refused' }] })], [`${RUN}.json`, JSON.stringify({ run: RUN, failingRows: [] })], [`${RUN}.html`, '<!doctype html>a report'], ['index.html', '<!doctype html>an index']] as const) {
      await store.put(`gold/reports/shop/${name}`, Buffer.from(text));
    }
    const parts = { log: await fabricatedLog(['shop', 'visits']), tracker: new MemoryExperimentTracker(), clock: new SystemClock(), ...fabricatedReaders, openStore: () => Promise.resolve(store), sources: [fabricatedSource('shop'), fabricatedSource('visits')], synthetic: [] };
    app = await createHttpServer(parts, settingsOf(), '/nowhere');
    await app.init();
    expect((await ask(app, 'GET', '/sources/shop/checks')).body).toMatchObject({ source: 'shop', suites: [], runs: [{ run: RUN, verdict: 'refused' }] });
    expect((await ask(app, 'GET', '/sources/visits/checks')).body).toMatchObject({ runs: [] });
    expect((await ask(app, 'GET', `/sources/shop/checks/${RUN}`)).body).toMatchObject({ run: RUN });
    for (const file of [`${RUN}.html`, 'index.html']) {
      const page = await app.inject({ method: 'GET', url: `/reports/shop/${file}` });
      expect([page.statusCode, page.headers['content-type'], page.body.startsWith('<!doctype html>')]).toEqual([200, 'text/html; charset=utf-8', true]);
      expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    }
    for (const url of ['/sources/nope/checks', '/sources/shop/checks/..%2F..%2Findex', '/sources/shop/checks/20260105T000000000Z-ffffff', '/reports/shop/index.json', `/reports/visits/${RUN}.html`, '/reports/shop/..%2Fvisits%2Findex.html']) {
      expectProblem(await ask(app, 'GET', url), 404);
    }
  });
});

describe('keys and addresses', () => {
  const digest = (key: string): string => createHash('sha256').update(key).digest('hex');
  const keys = `reader:read:${digest('r-key')},caller:predict:${digest('p-key')}`;
  let app: NestFastifyApplication | undefined;
  afterEach(() => app?.close());

  it('lets each role do its part and no more', async () => {
    ({ app } = await openWorld({ TIDELINE_API_KEYS: keys }));
    await app.init();
    expect((await ask(app, 'GET', '/health')).status).toBe(200);
    expectProblem(await ask(app, 'GET', '/sources'), 401);
    expectProblem(await ask(app, 'GET', '/scores/stream'), 401);
    expectProblem(await ask(app, 'GET', '/sources', undefined, { authorization: 'Bearer wrong' }), 401);
    expect((await ask(app, 'GET', '/sources', undefined, { authorization: 'Bearer r-key' })).status).toBe(200);
    expectProblem(await ask(app, 'POST', '/sources/shop/predict', { entity: 'x' }, { 'x-api-key': 'r-key' }), 403);
    expectProblem(await ask(app, 'POST', '/sources/shop/predict', { entity: 'x' }, { 'x-api-key': 'p-key' }), 503);
    expect((await ask(app, 'GET', '/sources', undefined, { 'x-api-key': 'p-key' })).status).toBe(200);
  });

  it('says so when the port is taken', async () => {
    ({ app } = await openWorld());
    const url = await listen(app, settingsOf());
    const port = new URL(url).port;
    const second = (await openWorld()).app;
    await expect(listen(second, settingsOf({ TIDELINE_PORT: port }))).rejects.toThrow(new AddressTaken(`port ${port} on 127.0.0.1 is in use by another program; stop it or set TIDELINE_PORT`));
    await second.close();
  });
});
