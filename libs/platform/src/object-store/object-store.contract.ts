/* What every object store must do, run for each implementation. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Login } from '../configuration/configuration.ts';
import { isPlatformError } from '../errors.ts';
import type { ObjectInfo, ObjectStore } from './object-store.ts';

/** One store under test, empty at the start of each test (or holding nothing under the prefixes used here). */
export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  dispose(): Promise<void>;
  /** What child processes open; absent when only this process can see the store. */
  readonly address?: string;
  readonly login?: Login;
}

const childPath = fileURLToPath(new URL('./object-store.child.ts', import.meta.url));

interface Context {
  subject: ObjectStoreUnderTest;
  store: ObjectStore;
}

/** Runs the contract of `ObjectStore` against an implementation. */
export function objectStoreContract(name: string, make: () => Promise<ObjectStoreUnderTest>): void {
  describe(`${name} keeps the contract of an object store`, () => {
    const context = {} as Context;
    beforeEach(async () => {
      context.subject = await make();
      context.store = context.subject.store;
    });
    afterEach(() => context.subject.dispose());
    describeObjects(context);
    describeLists(context);
    describeUploads(context);
    describeRaces(context);
  });
}

async function collect(objects: AsyncIterable<ObjectInfo>): Promise<ObjectInfo[]> {
  const all: ObjectInfo[] = [];
  for await (const info of objects) all.push(info);
  return all;
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function describeObjects(context: Context): void {
  test('an object comes back as it was put, whole or in ranges, until it is replaced or removed', async () => {
    const { store } = context;
    const key = 'bronze/a-b/part=1/f_0.bin';
    await expect(store.get(key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await store.head(key)).toBeUndefined();
    const put = await store.put(key, bytesOf('0123456789'));
    expect(put).toMatchObject({ key, byteCount: 10 });
    expect(put.modifiedAtMs).toBeGreaterThan(1.6e12);
    expect(await store.head(key)).toEqual(put);
    expect(textOf(await store.get(key))).toBe('0123456789');
    expect(textOf(await store.get(key, { start: 3 }))).toBe('3456789');
    expect(textOf(await store.get(key, { start: 3, end: 5 }))).toBe('34');
    expect(textOf(await store.get(key, { start: 8, end: 50 }))).toBe('89');
    const replaced = await store.put(key, bytesOf('9876543210'));
    expect(replaced.etag).not.toBe(put.etag);
    expect(textOf(await store.get(key))).toBe('9876543210');
    await store.delete([key, 'bronze/none']);
    expect(await store.head(key)).toBeUndefined();
    await expect(store.get(key)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an empty object is an object, and what was handed over may change afterwards', async () => {
    const { store } = context;
    await store.put('gold/empty', new Uint8Array());
    expect(await store.head('gold/empty')).toMatchObject({ byteCount: 0 });
    expect(await store.get('gold/empty')).toHaveLength(0);
    const bytes = bytesOf('kept');
    await store.put('gold/kept', bytes);
    bytes.fill(0);
    const copy = await store.get('gold/kept');
    expect(Buffer.isBuffer(copy)).toBe(false);
    copy.fill(0);
    expect(textOf(await store.get('gold/kept'))).toBe('kept');
  });

  test('keys outside the rules are refused', async () => {
    const { store } = context;
    for (const key of ['', '/a', 'a/', 'a//b', '../a', 'a/../b', 'a/./b', 'a b', 'ä', 'a\\b', 'a\0', 'x'.repeat(1025)]) {
      const failures = [store.get(key), store.put(key, bytesOf('x')), store.putIfAbsent(key, bytesOf('x')), store.delete([key]), store.head(key)];
      for (const result of await Promise.allSettled(failures)) {
        expect(result.status === 'rejected' && isPlatformError(result.reason, 'ADDRESS_INVALID'), JSON.stringify(key)).toBe(true);
      }
    }
  });
}

function describeLists(context: Context): void {
  test('lists are sorted by key and hold exactly the keys of the prefix', async () => {
    const { store } = context;
    const segment = fc.string({ unit: fc.constantFrom('a', 'b', '-', '.', '_', '0', 'Z', '='), minLength: 1, maxLength: 3 });
    const stems = fc.sample(fc.array(segment, { minLength: 1, maxLength: 3 }), { numRuns: 120, seed: 3 });
    // Every object's last segment is "f", which is no folder's, so that the file store can hold them all.
    const keys = [...new Set(stems.map((parts) => `silver/${parts.map((part) => `${part}x`).join('/')}/f`))].sort();
    for (const key of keys) await store.put(key, bytesOf(key));
    const prefixes = ['silver/', 'silver/a', 'silver/a/', 'silver/none', 'silver', ...keys.slice(0, 20).map((key) => key.slice(0, -2))];
    for (const prefix of prefixes) {
      const listed = await collect(store.list(prefix));
      expect(listed.map(({ key }) => key), prefix).toEqual(keys.filter((key) => key.startsWith(prefix)));
      expect(listed.every(({ key, byteCount }) => byteCount === key.length)).toBe(true);
    }
    await store.delete(keys.slice(1));
    expect((await collect(store.list(''))).map(({ key }) => key)).toEqual([keys[0]]);
  });
}

function describeUploads(context: Context): void {
  test('an upload shows nothing before it is finished and leaves nothing when it is aborted', async () => {
    const { store } = context;
    const key = 'silver/t/data.parquet';
    const upload = await store.upload(key);
    const part = new Uint8Array(300_000).fill(7);
    for (let i = 0; i < 20; i++) {
      part[0] = i;
      await upload.write(part);
    }
    expect(await store.head(key)).toBeUndefined();
    expect(await collect(store.list(''))).toEqual([]);
    expect(await upload.finish()).toMatchObject({ key, byteCount: 6_000_000 });
    const bytes = await store.get(key);
    expect(Array.from({ length: 20 }, (_, i) => bytes[i * 300_000])).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await expect(upload.write(part)).rejects.toMatchObject({ code: 'CLOSED' });

    const aborted = await store.upload('silver/t/other');
    await aborted.write(part);
    await aborted.abort();
    await aborted.abort();
    await expect(aborted.finish()).rejects.toMatchObject({ code: 'CLOSED' });
    expect((await collect(store.list(''))).map((info) => info.key)).toEqual([key]);
    const empty = await store.upload('silver/t/empty');
    expect(await empty.finish()).toMatchObject({ byteCount: 0 });
  });
}

function describeRaces(context: Context): void {
  test('of racing writers in one process exactly one wins', async () => {
    const { store } = context;
    for (let round = 0; round < 10; round++) {
      const key = `gold/race-${round}`;
      const won = await Promise.all(Array.from({ length: 8 }, (_, i) => store.putIfAbsent(key, bytesOf(String(i)))));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(textOf(await store.get(key))).toBe(String(won.indexOf(true)));
    }
    expect(await store.putIfAbsent('gold/race-0', bytesOf('late'))).toBe(false);
  });

  test('of racing processes exactly one wins each key', async (t) => {
    const { store, subject } = context;
    if (subject.address === undefined) return t.skip('only this process sees the store');
    const keys = Array.from({ length: 40 }, (_, i) => `gold/versions/v${i}.json`);
    const names = ['one', 'two', 'three'];
    const children = names.map((name) => {
      const task = JSON.stringify({ address: subject.address, login: subject.login, keys, name });
      const child = spawn(process.execPath, ['--conditions=source', childPath, task], { stdio: ['pipe', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      return { child, won: new Promise<string[]>((resolve, reject) => child.on('close', (code) => (code === 0 ? resolve(JSON.parse(output) as string[]) : reject(new Error(`a child ended with ${code}`))))) };
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    for (const { child } of children) child.stdin.end();
    const won = await Promise.all(children.map((child) => child.won));
    expect(won.flat().sort()).toEqual([...keys].sort());
    for (const [i, winner] of names.entries()) {
      for (const key of won[i]) expect(textOf(await store.get(key))).toBe(winner);
    }
  });
}
