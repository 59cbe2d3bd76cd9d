// Traces against a receiver of OTLP over HTTP in this process.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openTraces } from './traces.ts';

interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly kind: number;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}
interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: SentSpan['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
}

let receiver: Server | undefined;
afterEach(() => receiver?.close());

async function receive(status = 200): Promise<{ endpoint: string; sent: { path: string; body: Sent }[] }> {
  const sent: { path: string; body: Sent }[] = [];
  receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      sent.push({ path: request.url ?? '', body: JSON.parse(Buffer.concat(parts).toString('utf8')) as Sent });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  return { endpoint: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`, sent };
}

test('without an endpoint there are no traces', async () => {
  expect(await openTraces({ app: 'x', endpoint: undefined, warn: () => undefined })).toBeUndefined();
});

test('a span arrives with its parts, times, attributes and the caller\'s trace', async () => {
  const { endpoint, sent } = await receive();
  const traces = (await openTraces({ app: 'ingestor', endpoint: `${endpoint}/`, warn: () => undefined }))!;
  const startMs = Date.UTC(2001, 0, 1) + 0.25;
  traces.record({
    name: 'chunk', startMs, endMs: startMs + 10, attributes: { rows: 5, source: 'alibaba', late: false }, kind: 'server',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    parts: [{ name: 'read', startMs, endMs: startMs + 4 }, { name: 'commit', startMs: startMs + 4, endMs: startMs + 10, error: 'disk full' }],
  });
  await traces.close();
  expect(sent.map(({ path }) => path)).toEqual(['/v1/traces']);
  const { resource, scopeSpans } = sent[0]!.body.resourceSpans[0]!;
  expect(resource.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'tideline-ingestor' } });
  const spans = scopeSpans.flatMap((scope) => scope.spans);
  const named = (name: string): SentSpan => spans.find((span) => span.name === name)!;
  const chunk = named('chunk');
  expect(chunk).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16), kind: 2, startTimeUnixNano: '978307200000250000', endTimeUnixNano: '978307200010250000' });
  expect(chunk.attributes).toEqual(expect.arrayContaining([{ key: 'rows', value: { intValue: 5 } }, { key: 'source', value: { stringValue: 'alibaba' } }, { key: 'late', value: { boolValue: false } }]));
  for (const part of ['read', 'commit']) expect(named(part)).toMatchObject({ traceId: chunk.traceId, parentSpanId: chunk.spanId });
  expect(named('commit').status).toEqual({ code: 2, message: 'disk full' });
  expect(named('read').startTimeUnixNano).toBe(chunk.startTimeUnixNano);
});

test('a receiver that refuses is told about once, and nothing waits for it', async () => {
  const { endpoint } = await receive(400);
  const warnings: string[] = [];
  const traces = (await openTraces({ app: 'x', endpoint, warn: (message) => warnings.push(message) }))!;
  traces.record({ name: 'a', startMs: 1, endMs: 2 });
  await traces.close();
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('OTEL_EXPORTER_OTLP_ENDPOINT: 1 spans could not be sent');
});
