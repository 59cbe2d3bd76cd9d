// The compose files as Docker reads them, and the rules that they must keep. Needs no server and no engine.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readConfiguration } from '#tideline/platform';
import { composeCommand } from '../../tools/services/install-compose.ts';
import { brokerSettings } from '../../tools/services/kafka-broker.ts';
import { readInstance } from '../../tools/services/instance.ts';
import { composeEnvironment, readContainers } from '../../tools/services/compose-servers.ts';

const root = join(import.meta.dirname, '..', '..');
const SERVERS = ['kafka', 'postgres', 'registry', 'minio', 'mlflow'];
const APPS = ['ingestor', 'speed-layer', 'batch-layer', 'trainer', 'api'];
const SECRETS = { S3_ACCESS_KEY: 'an-access-key', S3_SECRET_KEY: 'secret-of-objects', POSTGRES_PASSWORD: 'secret-of-postgres', TIDELINE_API_KEYS: `ana:operate:${'a'.repeat(64)}` };

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly { readonly host_ip: string; readonly published: string; readonly target: number }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const [command, ...prefix] = composeCommand() ?? [];
if (command === undefined) console.warn('skipped: tests of the compose files, because neither docker compose nor the one that npm run test:services builds is here');

const compose = (files: readonly string[], env: Readonly<Record<string, string>>): { code: number | null; stdout: string; stderr: string } => {
  const args = [...prefix, '--env-file', '/dev/null', ...files.flatMap((file) => ['--file', join(root, file)]), 'config', '--format', 'json'];
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } });
  return { code: status, stdout, stderr };
};

describe.skipIf(command === undefined).each([
  ['one broker', ['docker-compose.yml'], 1],
  ['three brokers', ['docker-compose.yml', 'deploy/three-brokers.yml'], 3],
] as const)('compose with %s', (_, files, brokers) => {
  let read: Compose;
  const kafkas = brokers === 1 ? ['kafka'] : ['kafka', 'kafka-2', 'kafka-3'];
  beforeAll(() => {
    const { code, stdout, stderr } = compose(files, SECRETS);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    read = JSON.parse(stdout) as Compose;
  });

  test('has the servers and the five apps', () => {
    expect(Object.keys(read.services).sort()).toEqual([...new Set([...SERVERS, ...kafkas, ...APPS])].sort());
  });

  test('every image is pinned or built here, and all say when they are well', () => {
    for (const [name, { image, build, healthcheck }] of Object.entries(read.services)) {
      if (build === undefined) expect(image, name).toMatch(/:[A-Za-z.]*\d[\w.-]+$/);
      expect(image, name).not.toMatch(/:latest$/);
      expect(healthcheck?.test.length, `${name} has a health check`).toBeGreaterThan(1);
    }
  });

  test('apps start when every server is well, from one image, with its addresses', () => {
    const images = new Set(APPS.map((app) => read.services[app].image));
    expect(images).toEqual(new Set(['tideline']));
    for (const app of APPS) {
      const { depends_on, environment } = read.services[app];
      expect(Object.entries(depends_on ?? {}).map(([name, { condition }]) => `${name} ${condition}`).sort())
        .toEqual([...kafkas, 'registry', 'minio', 'mlflow'].map((name) => `${name} service_healthy`).sort());
      expect(environment).toMatchObject({ EVENT_LOG: `kafka://${kafkas.map((name) => `${name}:9092`).join(',')}`, OBJECT_STORE: 's3://minio:9000?tls=false', EXPERIMENTS: 'http://mlflow:5000' });
    }
  });

  test('every app accepts the settings that it gets', () => {
    for (const app of APPS) {
      const configuration = readConfiguration(read.services[app].environment);
      expect(configuration.logins.objectStore).toEqual({ username: SECRETS.S3_ACCESS_KEY, password: SECRETS.S3_SECRET_KEY });
      // Where its health check asks.
      expect(app === 'api' ? configuration.port : configuration.operationsPorts[app as 'ingestor']).toBe(3000);
    }
  });

  test('every port is for this machine alone, and no two are the same', () => {
    const ports = Object.values(read.services).flatMap(({ ports }) => ports ?? []);
    expect(new Set(ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']));
    expect(new Set(ports.map(({ published }) => published)).size).toBe(ports.length);
  });

  test('what servers hold lies on named volumes, each server on its own', () => {
    const stores = [...kafkas, 'postgres', 'minio', 'mlflow'].map((name) => (read.services[name].volumes ?? []).filter(({ type }) => type === 'volume').map(({ source }) => source));
    expect(stores.every((each) => each.length === 1)).toBe(true);
    expect(new Set(stores.flat()).size).toBe(stores.length);
    for (const [source] of stores) expect(Object.keys(read.volumes)).toContain(source);
  });

  test('brokers have the settings that natively started ones have', () => {
    for (const name of kafkas) {
      const expected = Object.entries(brokerSettings(brokers)).map(([key, value]) => [`KAFKA_${key.toUpperCase().replaceAll('.', '_')}`, value]);
      expect(read.services[name].environment).toMatchObject(Object.fromEntries(expected));
    }
    expect(new Set(kafkas.map((name) => read.services[name].environment['KAFKA_NODE_ID'])).size).toBe(brokers);
  });
});

describe.skipIf(command === undefined)('secrets', () => {
  test.each(Object.keys(SECRETS))('without %s nothing is started, and it says which is missing', (name) => {
    const { code, stderr } = compose(['docker-compose.yml'], { ...SECRETS, [name]: '' });
    expect(code).not.toBe(0);
    expect(stderr).toContain(`set ${name} in .env`);
  });

  test('the starter hands over all that the files ask for', () => {
    const instance = { folder: '', id: 'x', way: 'compose', brokers: 3, clusterId: 'c', accessKey: 'a', secretKey: 's', databasePassword: 'd', ports: { 'kafka-1': 21001, 'kafka-2': 21002, 'kafka-3': 21003, registry: 21004, minio: 21005, mlflow: 21006 } } as const;
    const { code, stdout } = compose(['docker-compose.yml', 'deploy/three-brokers.yml'], composeEnvironment(instance));
    expect(code).toBe(0);
    const { services } = JSON.parse(stdout) as Compose;
    expect(['kafka', 'kafka-2', 'kafka-3', 'registry', 'minio', 'mlflow'].map((name) => services[name].ports?.[0]?.published)).toEqual(['21001', '21002', '21003', '21004', '21005', '21006']);
    expect(services['kafka-2'].environment['KAFKA_ADVERTISED_LISTENERS']).toBe('INSIDE://kafka-2:9092,OUTSIDE://127.0.0.1:21002');
  });
});

test('no file of the deployment holds a secret', () => {
  for (const file of ['docker-compose.yml', 'deploy/three-brokers.yml', 'deploy/Dockerfile', 'deploy/mlflow.Dockerfile', '.env.example']) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').filter((line) => !line.trimStart().startsWith('#'));
    for (const line of lines) {
      const value = /^\s*[-\w]*(?:PASSWORD|SECRET_KEY|ACCESS_KEY|API_KEYS|ROOT_USER)\w*\s*[:=]\s*(.*)$/.exec(line)?.[1];
      if (value !== undefined) expect(value, `${file}: ${line}`).toMatch(/^$|^\$\{[A-Z0-9_]+:\?/);
    }
  }
});

test('the images run as ordinary users', () => {
  for (const file of ['deploy/Dockerfile', 'deploy/mlflow.Dockerfile']) {
    const text = readFileSync(join(root, file), 'utf8');
    const users = [...text.matchAll(/^USER (\S+)$/gm)].map((match) => match[1]);
    expect(users.at(-1), file).toMatch(/^(?!root$|0$)\S+/);
    expect(text.split('\n').filter((line) => line.startsWith('FROM')).every((line) => /:[\w.-]*\d[\w.-]*( AS \w+)?$/.test(line))).toBe(true);
  }
});

test('both forms in which compose lists containers are read', () => {
  const one = { Service: 'kafka', State: 'running', Health: 'healthy' };
  expect(readContainers(JSON.stringify([one]))).toEqual([one]);
  expect(readContainers(`${JSON.stringify(one)}\n${JSON.stringify(one)}\n`)).toEqual([one, one]);
  expect(readContainers('')).toEqual([]);
  expect(readInstance('/no/such/folder')).toBeUndefined();
});
