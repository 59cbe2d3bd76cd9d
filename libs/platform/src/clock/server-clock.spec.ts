import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { readConfiguration } from '../configuration/configuration.ts';
import { ManualClock } from './clock.ts';
import { describeSkew, measureSkew } from './server-clock.ts';

const serverMs = Date.UTC(2026, 2, 4, 10, 0, 0);
let server: Server | undefined;
afterEach(() => server?.close());

test('an hour of skew is found and said, a second is none, silent servers are left out', async () => {
  server = createServer((_, response) => response.writeHead(403, { date: new Date(serverMs).toUTCString() }).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const configuration = readConfiguration({ OBJECT_STORE: `s3://${host}/x?tls=false`, EXPERIMENTS: `http://${host}`, SCHEMA_REGISTRY: 'http://127.0.0.1:1' });
  const skewAt = (nowMs: number): ReturnType<typeof measureSkew> => measureSkew(configuration, new ManualClock(nowMs));
  expect(await skewAt(serverMs + 900)).toEqual([{ setting: 'OBJECT_STORE', aheadMs: 0 }, { setting: 'EXPERIMENTS', aheadMs: 0 }]);
  const [behind] = await skewAt(serverMs - 3_600_000);
  expect(behind).toEqual({ setting: 'OBJECT_STORE', aheadMs: -3_600_000 });
  expect(describeSkew(behind!)).toContain('OBJECT_STORE: this machine\'s clock is 60 min behind the server\'s');
  const [ahead] = await skewAt(serverMs + 30_000);
  expect(describeSkew(ahead!)).toContain('29 s ahead of');
  expect(describeSkew({ setting: 'EXPERIMENTS', aheadMs: 4_000 })).toBeUndefined();
});

test('embedded doors ask nobody', async () => {
  expect(await measureSkew(readConfiguration({}), new ManualClock())).toEqual([]);
});
