// Without an engine: a program named docker stands in, writes down what it is asked, and answers as compose does.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { hasDockerEngine } from './compose-servers.ts';
import { readInstance } from './instance.ts';
import { projectRoot, Services } from './services.ts';

const folder = mkdtempSync(join(tmpdir(), 'tideline-compose-'));
const path = process.env['PATH'];
const calls = join(folder, 'calls');
const answer = join(folder, 'answer');

beforeAll(() => {
  mkdirSync(join(folder, 'bin'));
  const docker = join(folder, 'bin', 'docker');
  writeFileSync(docker, `#!/bin/sh\necho "$@ | $KAFKA_PORT $MINIO_PORT $S3_ACCESS_KEY" >> ${calls}\ncat ${answer} 2>/dev/null\n[ "$(cat ${folder}/code 2>/dev/null || echo 0)" = 0 ]\n`);
  chmodSync(docker, 0o755);
  process.env['PATH'] = `${join(folder, 'bin')}${delimiter}${path}`;
});
beforeEach(() => writeFileSync(calls, ''));
afterAll(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true, force: true });
});

/** What docker was asked since the last look, without the project's name and files. */
const asked = (): string[] => {
  const lines = readFileSync(calls, 'utf8').trim().split('\n').map((line) => line.split(' | ')[0].replaceAll(/--(project-name|file) \S+ /g, ''));
  writeFileSync(calls, '');
  return lines;
};

test('where an engine answers, servers are containers with ports and secrets of their own', async () => {
  expect(hasDockerEngine()).toBe(true);
  asked();
  const services = Services.open(join(folder, 'one'));
  const addresses = await services.start({ only: ['kafka', 'minio'] });
  const last = readFileSync(calls, 'utf8').trim().split('\n').at(-1);
  expect(last).toContain(`--file ${join(projectRoot, 'docker-compose.yml')} up --detach --wait kafka minio | ${addresses.kafka.split(':')[1]} ${addresses.objectStore.split(':')[1]} ${addresses.accessKey}`);
  expect(last).toContain(`compose --project-name tideline-${readInstance(services.folder)?.id} `);
  asked();
  await services.kill('kafka-1');
  await services.restart('kafka-1');
  await services.stop();
  await services.delete();
  expect(asked()).toEqual([
    'compose kill --signal SIGKILL kafka', 'compose stop kafka', 'compose up --detach --wait kafka', 'compose down', 'compose down', 'compose down --volumes',
  ]);
});

test('three brokers come from the second file, and states are told in our words', async () => {
  const services = Services.open(join(folder, 'three'), { way: 'compose' });
  await services.start({ brokers: 3, only: ['kafka'] });
  expect(readFileSync(calls, 'utf8')).toContain(`--file ${join(projectRoot, 'deploy/three-brokers.yml')} up --detach --wait kafka kafka-2 kafka-3`);
  writeFileSync(answer, [{ Service: 'kafka', State: 'running', Health: 'healthy' }, { Service: 'kafka-2', State: 'exited', Health: '' }, { Service: 'kafka-3', State: 'running', Health: 'starting' }].map((each) => JSON.stringify(each)).join('\n'));
  expect((await services.status()).map(({ name, state }) => `${name} ${state}`)).toEqual(['kafka-1 ready', 'kafka-2 dead', 'kafka-3 starting', 'registry stopped', 'minio stopped', 'mlflow stopped']);
});

test('what docker says no to is told', async () => {
  writeFileSync(join(folder, 'code'), '1');
  expect(hasDockerEngine()).toBe(false);
  await expect(Services.open(join(folder, 'three')).kill('kafka-3')).rejects.toThrow('expected docker compose kill --signal SIGKILL kafka-3 to end with 0, found 1');
});
