import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfiguration, printableConfiguration, readConfiguration, type Environment } from './configuration.ts';

const hash = createHash('sha256').update('open sesame').digest('hex');

test('everything has a default, and an empty value is none', () => {
  const expected = {
    eventLog: 'file:./data/log',
    objectStore: 'file:./data/lake',
    experiments: 'file:./data/mlruns',
    schemaRegistry: 'file:./data/schemas',
    logins: {},
    host: '127.0.0.1',
    port: 3000,
    apiKeys: [],
    logLevel: 'info',
    kernels: 'auto',
    kernelThreads: undefined,
    operationsPorts: { ingestor: 0, 'speed-layer': 0, 'batch-layer': 0, trainer: 0, api: 3000 },
    tracesEndpoint: undefined,
  };
  expect(readConfiguration({})).toEqual(expected);
  expect(readConfiguration({ TIDELINE_PORT: '', EVENT_LOG: '', PATH: '/bin', TIDELINE_SHARED: '/x' })).toEqual(expected);
});

test('the environment wins over the file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-settings-'));
  expect(loadConfiguration(folder, {}).port).toBe(3000);
  writeFileSync(join(folder, '.env'), '# mine\nTIDELINE_PORT=4000\nEVENT_LOG="memory:"\n');
  const read = loadConfiguration(folder, { TIDELINE_PORT: '0' });
  expect([read.port, read.eventLog]).toEqual([0, 'memory:']);
  rmSync(folder, { recursive: true });
});

const refused: readonly (readonly [string, Environment, string])[] = [
  ['a misspelt name', { TIDELINE_PROT: '1' }, 'TIDELINE_PROT: no such setting; did you mean TIDELINE_PORT?'],
  ['another host without keys', { TIDELINE_HOST: '0.0.0.0' }, 'TIDELINE_HOST: 0.0.0.0 is reachable from other machines'],
  ['a bad port', { TIDELINE_PORT: '65536' }, 'TIDELINE_PORT: expected a port from 0 to 65535'],
  ['a bad address', { OBJECT_STORE: 'lake' }, 'OBJECT_STORE: expected one of file:<folder>, memory:, s3:'],
  ['a password in an address', { EVENT_LOG: 'kafka://u:hunter2@host:9092' }, 'expected no user name or password in the address, found "kafka://***@host:9092"; give them by the settings KAFKA_USERNAME and KAFKA_PASSWORD'],
  ['an address without a host', { EVENT_LOG: 'kafka:' }, 'EVENT_LOG: expected one of file:<folder>, memory:, kafka://'],
  ['an unknown parameter', { OBJECT_STORE: 's3://h:9000?tsl=false' }, 's3: takes the parameters tls, region, found "tsl"'],
  ['half a login', { S3_SECRET_KEY: 'hunter2' }, 'S3_ACCESS_KEY: expected a value beside S3_SECRET_KEY, found none'],
  ['a secret file that is not there', { KAFKA_PASSWORD_FILE: '/no/such/file' }, 'KAFKA_PASSWORD_FILE: expected a file that can be read, found /no/such/file: ENOENT'],
  ['a key instead of its hash', { TIDELINE_API_KEYS: 'me:read:hunter2' }, 'TIDELINE_API_KEYS: entry 1: expected name:role:sha256-of-key'],
  ['a bad level', { TIDELINE_LOG_LEVEL: 'loud' }, 'TIDELINE_LOG_LEVEL'],
];
test.each(refused)('%s is refused, without showing secrets', (_, env, message) => {
  expect(() => readConfiguration(env)).toThrow(message);
  expect(() => readConfiguration(env)).not.toThrow('hunter2');
});

test('all mistakes are told at once, with the code for settings', () => {
  try {
    readConfiguration({ TIDELINE_PORT: 'x', EVENT_LOG: 'y' }, 'TIDELINE_HOTS=1');
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'SETTING_INVALID' });
    expect(String(error).split('\n')).toHaveLength(3);
  }
});

test('logins come from settings or secret files, and are never printed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tideline-settings-'));
  writeFileSync(join(folder, 'secret'), 'hunter2\n');
  const configuration = readConfiguration({ KAFKA_USERNAME: 'ana', KAFKA_PASSWORD_FILE: join(folder, 'secret'), S3_ACCESS_KEY: 'me', S3_SECRET_KEY: 'hunter3' });
  expect(configuration.logins).toEqual({ eventLog: { username: 'ana', password: 'hunter2' }, objectStore: { username: 'me', password: 'hunter3' } });
  expect(JSON.stringify(printableConfiguration(configuration))).not.toMatch(/hunter/);
  rmSync(folder, { recursive: true });
});

test('with keys another host is allowed, and printing masks them', () => {
  const configuration = readConfiguration({ TIDELINE_HOST: '0.0.0.0', TIDELINE_API_KEYS: `ana:operate:${hash}, bo:read:${hash}` });
  expect(configuration.apiKeys).toEqual([
    { name: 'ana', role: 'operate', sha256: hash },
    { name: 'bo', role: 'read', sha256: hash },
  ]);
  const printed = printableConfiguration(configuration);
  expect(printed['TIDELINE_API_KEYS']).toBe('ana:operate:***,bo:read:***');
  expect(JSON.stringify(printed)).not.toContain(hash);
});

test('kernels: a backend by name and a number of threads, nothing else', () => {
  expect(readConfiguration({ KERNELS: 'wasm', KERNEL_THREADS: '2' })).toMatchObject({ kernels: 'wasm', kernelThreads: 2 });
  expect(() => readConfiguration({ KERNELS: 'cuda', KERNEL_THREADS: '0' })).toThrow(/KERNELS[^]*KERNEL_THREADS: expected a number of threads from 1 to 64/);
});
