// The starter itself, on real servers in an instance of its own: what they hold survives being killed and stopped, and nothing is ended
// that was not started here.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { Client } from 'minio';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Services, testInstances, type ServiceAddresses } from '../../tools/services/index.ts';

// A dozen starts of servers, each of which takes up to a minute on a machine that has much else to do.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

mkdirSync(testInstances, { recursive: true });
const folder = mkdtempSync(join(testInstances, 'starter-'));
const reported: string[] = [];
const servers = Services.open(join(folder, 'one'), { report: (line) => void reported.push(line) });
const cluster = Services.open(join(folder, 'three'), { way: 'native' });

afterAll(async () => {
  await servers.delete();
  await cluster.delete();
  rmSync(folder, { recursive: true, force: true });
});

const states = async (of: Services): Promise<Record<string, string>> => Object.fromEntries((await of.status()).map(({ name, state }) => [name, state]));
const pidOf = async (name: string): Promise<number | undefined> => (await servers.status()).find((each) => each.name === name)?.pid;

describe('one broker', () => {
  let addresses: ServiceAddresses;
  beforeAll(async () => {
    addresses = await servers.start();
  });

  test('everything is ready, and the secrets are for the owner alone', async () => {
    expect(await states(servers)).toEqual({ 'kafka-1': 'ready', registry: 'ready', minio: 'ready', mlflow: 'ready' });
    expect(statSync(join(servers.folder, 'instance.json')).mode & 0o777).toBe(0o600);
    expect(servers.settings()).toMatchObject({ EVENT_LOG: `kafka://${addresses.kafka}`, OBJECT_STORE: `s3://${addresses.objectStore}?tls=false`, S3_SECRET_KEY: addresses.secretKey });
  });

  test('the broker does not forget the offsets of a group that is never active', async () => {
    const kafka = kafkaAt(addresses);
    const admin = kafka.admin();
    await admin.connect();
    // 4 is a broker in Kafka's numbering of resources.
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 4, name: '1', configNames: ['offsets.retention.minutes', 'auto.create.topics.enable', 'message.max.bytes'] }] });
    await admin.disconnect();
    expect(Object.fromEntries(resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue]))).toEqual({
      'offsets.retention.minutes': '52560000', 'auto.create.topics.enable': 'false', 'message.max.bytes': '16777216',
    });
  });

  test('what servers hold survives kill -9 of each, and a stop and a start of all', async () => {
    const before = await leaveTraces(addresses);
    for (const name of ['kafka-1', 'registry', 'minio', 'mlflow']) {
      await servers.kill(name);
      expect(await states(servers)).toMatchObject({ [name]: 'dead' });
      await expect(servers.kill(name)).rejects.toThrow(`expected ${name} to run, found it stopped`);
      await servers.restart(name);
      expect(await states(servers)).toMatchObject({ [name]: 'ready' });
    }
    expect(await readTraces(addresses, before)).toEqual(before);
    await servers.stop();
    expect(new Set(Object.values(await states(servers)))).toEqual(new Set(['stopped']));
    expect(await servers.start()).toEqual(addresses);
    expect(await readTraces(addresses, before)).toEqual(before);
  });

  test('a start beside running servers starts none again', async () => {
    const before = await servers.status();
    await servers.start();
    expect(await servers.status()).toEqual(before);
  });

  test('a process that merely has the id of a server that ended is left alone', async () => {
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
    try {
      await servers.kill('registry');
      const file = join(servers.folder, 'processes', 'registry.json');
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), pid: stranger.pid }));
      expect(await states(servers)).toMatchObject({ registry: 'dead' });
      await expect(servers.kill('registry')).rejects.toThrow('found it stopped');
      await servers.restart('registry');
      expect(await pidOf('registry')).not.toBe(stranger.pid);
      expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  test('another number of brokers and unknown names are refused', async () => {
    await expect(servers.start({ brokers: 3 })).rejects.toThrow('expected the number of brokers that');
    await expect(servers.kill('kafka-2')).rejects.toThrow("expected one of kafka-1, registry, minio, mlflow, found 'kafka-2'");
    await expect(Services.open(join(folder, 'none')).restart('minio')).rejects.toThrow('none were ever started there');
  });

  test('a server that ends during its start is told with the end of its log', async () => {
    const broken = Services.open(join(folder, 'broken'), { way: 'native' });
    await broken.start({ only: ['minio'] });
    await broken.stop();
    rmSync(join(broken.folder, 'minio', 'data'), { recursive: true });
    writeFileSync(join(broken.folder, 'minio', 'data'), 'a file where a folder should be');
    await expect(broken.start({ only: ['minio'] })).rejects.toThrow(/minio: expected it to become ready, found that it ended; the end of .*minio\.log:\n/);
    await broken.delete();
  });
});

test('of three brokers any one may be lost and comes back', async () => {
  const addresses = await cluster.start({ brokers: 3, only: ['kafka'] });
  expect(addresses.kafka.split(',')).toHaveLength(3);
  const admin = kafkaAt(addresses).admin();
  await admin.connect();
  await makeTopic(admin, 3);
  const producer = kafkaAt(addresses).producer({ idempotent: true });
  await producer.connect();
  // One partition a call: the client drops, without a word, what it holds for a partition whose leadership moves during a call to a broker
  // that has answered the same call for another partition.
  const send = async (value: string): Promise<void> => {
    for (const partition of [0, 1, 2]) await producer.send({ topic: 'kept', acks: -1, messages: [{ partition, value }] });
  };
  await send('before');
  await cluster.kill('kafka-2');
  await send('while one is lost');
  expect(await states(cluster)).toMatchObject({ 'kafka-1': 'ready', 'kafka-2': 'dead', 'kafka-3': 'ready' });
  await cluster.restart('kafka-2');
  await send('after');
  // What all replicas have is told by a leader that was just elected only after they asked it.
  await expect.poll(async () => (await admin.fetchTopicOffsets('kept')).map(({ high }) => high), { timeout: 30_000 }).toEqual(['3', '3', '3']);
  await producer.disconnect();
  await admin.disconnect();
});

function kafkaAt({ kafka }: ServiceAddresses): Kafka {
  return new Kafka({ brokers: kafka.split(','), logLevel: logLevel.NOTHING, retry: { retries: 30, maxRetryTime: 2000 } });
}

async function makeTopic(admin: Admin, numPartitions: number): Promise<void> {
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions }], waitForLeaders: false });
  // Brokers hear of a new topic one after the other.
  await persist(() => admin.fetchTopicOffsets('kept'));
}

/** Repeats what fails while topics and coordinators are being made: this client gives up on some of those errors at once. */
async function persist<T>(action: () => Promise<T>): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; ) {
    try {
      return await action();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

interface Traces {
  readonly end: string;
  readonly committed: string;
  readonly schemaIds: readonly number[];
  readonly object: string;
  readonly experiments: readonly string[];
}

const SCHEMAS = ['one', 'two', 'three'].map((name) => JSON.stringify({ type: 'record', name, fields: [{ name: 'x', type: 'int' }] }));

/** Leaves something on each server. */
async function leaveTraces(addresses: ServiceAddresses): Promise<Traces> {
  const kafka = kafkaAt(addresses);
  const admin = kafka.admin();
  await admin.connect();
  await makeTopic(admin, 1);
  // Asked first: the client does not repeat an offset commit whose coordinator is just being made.
  await persist(() => admin.fetchOffsets({ groupId: 'replay', topics: ['kept'] }));
  const producer = kafka.producer({ idempotent: true, transactionalId: 'starter', maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: 'kept', messages: [{ value: 'a' }, { value: 'b' }] });
  await transaction.sendOffsets({ consumerGroupId: 'replay', topics: [{ topic: 'kept', partitions: [{ partition: 0, offset: '41' }] }] });
  await transaction.commit();
  await producer.disconnect();
  await admin.disconnect();
  for (const [i, schema] of SCHEMAS.entries()) await register(addresses, `kept-${i}`, schema);
  const objects = objectsAt(addresses);
  await objects.makeBucket('kept');
  await objects.putObject('kept', 'folder/name', 'what was put');
  const response = await fetch(`${addresses.mlflow}/api/2.0/mlflow/experiments/create`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name": "kept"}' });
  expect(response.status).toBe(200);
  return readTraces(addresses);
}

async function readTraces(addresses: ServiceAddresses, before?: Traces): Promise<Traces> {
  const admin = kafkaAt(addresses).admin();
  await admin.connect();
  const [{ high }] = await persist(() => admin.fetchTopicOffsets('kept'));
  const [{ partitions }] = await persist(() => admin.fetchOffsets({ groupId: 'replay', topics: ['kept'] }));
  await admin.disconnect();
  const schemaIds: number[] = [];
  // Registered again, a schema must get the id that records on topics carry; and the id must lead to the schema.
  for (const [i, schema] of SCHEMAS.entries()) schemaIds.push(await register(addresses, `kept-${i}`, schema));
  for (const [i, id] of (before?.schemaIds ?? []).entries()) {
    const found = (await (await fetch(`${addresses.registry}/schemas/ids/${id}`)).json()) as { schema: string };
    expect(JSON.parse(found.schema)).toEqual(JSON.parse(SCHEMAS[i]));
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await objectsAt(addresses).getObject('kept', 'folder/name')) chunks.push(chunk as Buffer);
  const listed = await fetch(`${addresses.mlflow}/api/2.0/mlflow/experiments/search`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"max_results": 10}' });
  const { experiments } = (await listed.json()) as { experiments: { name: string }[] };
  return { end: high, committed: partitions[0].offset, schemaIds, object: Buffer.concat(chunks).toString(), experiments: experiments.map(({ name }) => name).sort() };
}

async function register({ registry }: ServiceAddresses, subject: string, schema: string): Promise<number> {
  const response = await fetch(`${registry}/subjects/${subject}/versions`, { method: 'POST', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ schema }) });
  return ((await response.json()) as { id: number }).id;
}

function objectsAt({ objectStore, accessKey, secretKey }: ServiceAddresses): Client {
  const [endPoint, port] = objectStore.split(':') as [string, string];
  return new Client({ endPoint, port: Number(port), useSSL: false, accessKey, secretKey });
}
