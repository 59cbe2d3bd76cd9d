// Goal: schemas on a real registry keep the door's promises, and an incompatible one is refused before a record is produced.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SchemaRegistry as ForeignClient } from '@kafkajs/confluent-schema-registry';
import { doors, FileSchemaRegistry, MemoryEventLog, openSchemaRegistry, parseAddress, readTextFolders, SystemClock, type SchemaRegistry } from '#tideline/platform';
import { SOURCE_FILE_NAMES, sourcesOrThrow, type Source } from '#tideline/retention';
import { replayFile } from '../../apps/ingestor/src/replay.ts';
import { ConfluentSchemaRegistry } from '../../libs/platform/src/schema-registry/confluent/confluent-schema-registry.ts';
import { schemaRegistryContract } from '../../libs/platform/src/schema-registry/schema-registry.contract.ts';
import { services } from './services.ts';

const { registry: address } = services();
const open = (text: string, options = {}): Promise<ConfluentSchemaRegistry> => ConfluentSchemaRegistry.open(parseAddress(text, doors.schemaRegistry), { retries: 1, timeoutMs: 1_000, ...options });

schemaRegistryContract('ConfluentSchemaRegistry', async () => {
  const registry = await openSchemaRegistry(address);
  return { registry, address, dispose: () => registry.close() };
});

describe('schemas on a real registry', () => {
  const fields = [{ name: 'id', type: 'string' }];
  const schemaOf = (all: readonly unknown[]): string => JSON.stringify({ type: 'record', name: 'Visit', fields: all });
  const put = (path: string, body: unknown): Promise<Response> => fetch(`${address}${path}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const get = async (path: string): Promise<unknown> => (await fetch(`${address}${path}`)).json();

  test('subjects are set to BACKWARD, one that was set to another rule is told, one without a rule gets it', async () => {
    const registry = await open(address);
    const subject = `raw.${randomUUID()}-value`;
    await registry.register(subject, schemaOf(fields), 'AVRO');
    expect(await get(`/config/${subject}`)).toEqual({ compatibilityLevel: 'BACKWARD' });
    const next = schemaOf([...fields, { name: 'page', type: 'int', default: 0 }]);
    await put(`/config/${subject}`, { compatibility: 'FORWARD' });
    await expect(registry.register(subject, next, 'AVRO')).rejects.toThrow(`expected the compatibility BACKWARD for the subject ${subject}, found FORWARD; set it to BACKWARD`);
    await put(`/config/${subject}`, { compatibility: 'FULL_TRANSITIVE' });
    const id = await registry.register(subject, next, 'AVRO');
    expect(await get(`/subjects/${subject}/versions`)).toEqual([1, 2]);
    const bare = `raw.${randomUUID()}-value`;
    await fetch(`${address}/subjects/${bare}/versions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ schema: next }) });
    expect(await registry.register(bare, next, 'AVRO')).toBe(id);
    expect(await get(`/config/${bare}`)).toEqual({ compatibilityLevel: 'BACKWARD' });
    await registry.close();
  });

  test('a refusal names the subject and what changed, and leaves the subject as it was', async () => {
    const registry = await open(address);
    const subject = `raw.${randomUUID()}-value`;
    await registry.register(subject, schemaOf([...fields, { name: 'page', type: 'string' }]), 'AVRO');
    const next = schemaOf([{ name: 'id', type: 'int' }, { name: 'shop', type: 'int' }]);
    const refused = registry.register(subject, next, 'AVRO');
    await expect(refused).rejects.toMatchObject({ code: 'VERSION_MISMATCH', outcome: 'not-applied' });
    await expect(refused).rejects.toThrow(`subject ${subject}: the new schema can't read records of the last one (field "id" was "string" without a default, is "int" without a default, new field "shop" ("int" without a default), field "page" is gone)`);
    expect(await get(`/subjects/${subject}/versions`)).toEqual([1]);
    await registry.close();
  });

  test('differential: a replay\'s records are read by the client of others, with the ids of the registry and of local files alike', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tideline-schemas-'));
    const source = await clickSource(folder, `clicks-${randomUUID()}`);
    const registry = await open(address);
    const local = await FileSchemaRegistry.open(join(folder, 'local'));
    const values: Buffer[][] = [];
    for (const door of [registry, local]) values.push(await replayed(folder, source, door));
    const foreign = new ForeignClient({ host: address });
    expect(await Promise.all(values[0]!.map((value) => foreign.decode(value)))).toMatchObject([
      { user_id: 7, item_id: 11, category_id: 3, behavior: 'pv' }, { user_id: 7, item_id: 12, category_id: 3, behavior: 'buy' },
    ]);
    // The same bytes but for the number of the schema.
    for (const [i, value] of values[1]!.entries()) {
      expect([value[0], value.readUInt32BE(1)]).toEqual([0, 1]);
      expect(value.subarray(5)).toEqual(values[0]![i]!.subarray(5));
    }
    expect((await local.schemaById(1)).schema).toBe((await registry.schemaById(values[0]![0]!.readUInt32BE(1))).schema);
    await registry.close();
    rmSync(folder, { recursive: true });
  });

  test('a source whose columns changed in a way that old records don\'t fit is refused before anything is produced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tideline-schemas-'));
    const name = `clicks-${randomUUID()}`;
    const registry = await open(address);
    await replayed(folder, await clickSource(folder, name), registry);
    const changed = await clickSource(folder, name, (schema) => schema.replace('event_time]', 'event_time, shop]').replace('event_time:  {', 'shop: { type: string }\n  event_time:  {'));
    writeFileSync(join(folder, 'shops.csv'), '7,11,3,pv,1511658000,x\n');
    const log = new MemoryEventLog();
    const replaying = replayFile({ source: changed, path: join(folder, 'shops.csv'), log, registry, clock: new SystemClock(), lockFolder: join(folder, 'locks') });
    await expect(replaying).rejects.toMatchObject({ code: 'VERSION_MISMATCH' });
    await expect(replaying).rejects.toThrow(new RegExp(`subject raw.${name}-value: the new schema can't read records of the last one \\(new field "shop"`));
    for (const topic of [`raw.${name}`, 'dead-letter']) expect((await log.offsets(topic, 0)).end, topic).toBe(0);
    await registry.close();
    rmSync(folder, { recursive: true });
  });
});

describe('wrong settings of a registry', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function answering(status: number, body: string): Promise<string> {
    server = createServer((_, response) => response.writeHead(status, { 'content-type': 'text/html' }).end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('an address where nothing or something else answers is named', async () => {
    await expect(open('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'UNAVAILABLE', retriable: true, message: expect.stringMatching(/^SCHEMA_REGISTRY http:\/\/127.0.0.1:1: .*ECONNREFUSED.*check the address/) as string });
    await expect(open('http://nowhere.invalid:8081')).rejects.toThrow(/ENOTFOUND/);
    // The right server without its path, a web page, S3.
    await expect(open(new URL(address).origin)).rejects.toMatchObject({ code: 'ADDRESS_INVALID', message: expect.stringContaining('check the address and its path') as string });
    await expect(open(await answering(200, '<html>Welcome</html>'))).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
    await expect(open(await answering(404, '<html>No</html>'))).rejects.toMatchObject({ code: 'ADDRESS_INVALID' });
  });

  test('a wrong login is named, without its secret; the right one is sent', async () => {
    const asked: (string | undefined)[] = [];
    server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      const known = request.headers.authorization === `Basic ${Buffer.from('ann:pass').toString('base64')}`;
      response.writeHead(known ? 404 : 401, { 'content-type': 'application/json' }).end(known ? '{"error_code":40401,"message":"Subject not found."}' : '{"error_code":401,"message":"Unauthorized"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const refused = open(url, { login: { username: 'ann', password: 'guess' } });
    await expect(refused).rejects.toMatchObject({ code: 'PERMISSION', message: expect.stringContaining('SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD') as string });
    await expect(refused).rejects.not.toThrow('guess');
    await (await open(url, { login: { username: 'ann', password: 'pass' } })).close();
    expect(asked).toHaveLength(2);
  });

  test('a server that fails for a moment is asked again, one that says nothing is told', async () => {
    let left = 2;
    server = createServer((_, response) => {
      if (left-- > 0) response.writeHead(503).end();
      else response.writeHead(404, { 'content-type': 'application/json' }).end('{"error_code":40401,"message":"Subject not found."}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await (await open(url, { retries: 3 })).close();
    expect(left).toBe(-1);
    server.closeAllConnections();
    server.close();
    server = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    await expect(open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TIMEOUT', retriable: true });
  });
});

/** The clicks' source under another name, its schema changed at will. */
async function clickSource(folder: string, name: string, change = (schema: string): string => schema): Promise<Source> {
  const path = join(folder, 'sources', randomUUID());
  cpSync(join('sources', 'user-behavior'), join(path, name), { recursive: true });
  // Its suites name the tables of the source that it was copied from.
  rmSync(join(path, name, 'checks.yaml'));
  for (const file of readdirSync(join(path, name))) {
    const text = readFileSync(join(path, name, file), 'utf8').replaceAll('source: user-behavior', `source: ${name}`);
    writeFileSync(join(path, name, file), file === 'schema.yaml' ? change(text) : text);
  }
  const [source] = sourcesOrThrow(await readTextFolders(path, SOURCE_FILE_NAMES));
  return source!;
}

/** The values of two clicks after a replay, in the order of their partition. */
async function replayed(folder: string, source: Source, registry: SchemaRegistry): Promise<Buffer[]> {
  const path = join(folder, 'clicks.csv');
  writeFileSync(path, '7,11,3,pv,1511658000\n7,12,3,buy,1511658001\n');
  const log = new MemoryEventLog();
  await replayFile({ source, path, log, registry, clock: new SystemClock(), lockFolder: join(folder, 'locks') });
  const values: Buffer[] = [];
  for (let partition = 0; partition < source.deployment.partitions; partition++) {
    for (const batch of await log.read(`raw.${source.name}`, partition, 0)) {
      for (let i = 0; i < batch.count; i++) values.push(Buffer.from(batch.values.subarray(batch.valueOffsets[i], batch.valueOffsets[i + 1])));
    }
  }
  return values;
}
