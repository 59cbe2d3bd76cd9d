import { createServer } from 'node:net';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePorts, isFree, makeInstance, readInstance, serverNames, writeInstance } from './instance.ts';

test('an instance keeps what it was made with, for its owner alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-instance-'));
  const instance = await makeInstance(folder, 'native', 3);
  writeInstance(instance);
  expect(readInstance(folder)).toEqual(instance);
  expect(statSync(join(folder, 'instance.json')).mode & 0o777).toBe(0o600);
  expect(serverNames(instance, ['minio', 'kafka'])).toEqual(['kafka-1', 'kafka-2', 'kafka-3', 'minio']);
  rmSync(folder, { recursive: true });
});

test('no two instances have a secret or an id in common, and no cluster id looks like an option', async () => {
  const made = await Promise.all(Array.from({ length: 200 }, () => makeInstance('x', 'compose', 1)));
  for (const name of ['id', 'clusterId', 'accessKey', 'secretKey', 'databasePassword'] as const) expect(new Set(made.map((each) => each[name])).size, name).toBe(200);
  expect(made.filter(({ clusterId }) => !/^[\w][\w-]{21}$/.test(clusterId))).toEqual([]);
});

test('ports are free, different, and below those of outgoing connections', async () => {
  const names = Array.from({ length: 100 }, (_, i) => String(i));
  const ports = Object.values(await freePorts(names));
  expect(new Set(ports).size).toBe(100);
  expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(ports[0], '127.0.0.1', resolve));
  expect(await isFree(ports[0])).toBe(false);
  await new Promise((resolve) => server.close(resolve));
});
