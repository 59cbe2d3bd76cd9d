// Goal: a networked object is fetched once for all sessions, the cache stays within its limit, and nobody's file goes while it is read.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryObjectStore, type ByteRange } from '#tideline/platform';
import { batchFromRows } from '../columns/column-from-values.ts';
import type { ColumnDefinition } from '../columns/table-schema.ts';
import { compact } from '../compaction/compact.ts';
import { planCompaction } from '../compaction/plan-compaction.ts';
import { Lake } from '../table/lake.ts';
import type { Table } from '../table/table.ts';
import { ObjectCache } from './object-cache.ts';
import { Sql } from './sql.ts';

/** Objects in memory that look as if they were on a server, and how many bytes of data files were asked for. */
class FarStore extends MemoryObjectStore {
  fetched = 0;

  override async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const bytes = await super.get(key, range);
    if (key.includes('/data/') || key.includes('blob')) this.fetched += bytes.byteLength;
    return bytes;
  }

  override locate(key?: string): { url: string } {
    return { url: `s3://far/${key}` };
  }
}

let folder: string;
let store: FarStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'object-cache-'));
  store = new FarStore();
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('ObjectCache', () => {
  const blob = (number: number, bytes = 1_000): Promise<unknown> => store.put(`gold/blob${number}`, new Uint8Array(bytes).fill(number));
  const copies = (path: string): string[] => readdirSync(path).filter((name) => name.endsWith('.object'));

  it('fetches large objects whole, in pieces, and the next session has them for nothing', async () => {
    const bytes = randomBytes(20_000_003);
    await store.put('gold/blob', bytes);
    const cache = await ObjectCache.open(store, join(folder, 'shared'), 1e9);
    expect(await cache.place('gold/blob', join(folder, 'one'))).toBe(true);
    expect(Buffer.compare(readFileSync(join(folder, 'one')), bytes)).toBe(0);
    expect(store.fetched).toBe(bytes.length);
    const next = await ObjectCache.open(store, join(folder, 'shared'), 1e9);
    expect(await next.place('gold/blob', join(folder, 'two'))).toBe(false);
    expect(store.fetched).toBe(bytes.length);
    expect(statSync(join(folder, 'two')).ino).toBe(statSync(join(folder, 'one')).ino);
  });

  it('sees that an object was replaced', async () => {
    const cache = await ObjectCache.open(store, join(folder, 'shared'), 1e9);
    await blob(1);
    await cache.place('gold/blob1', join(folder, 'one'));
    await store.put('gold/blob1', new Uint8Array(1_000).fill(9));
    await cache.place('gold/blob1', join(folder, 'two'));
    expect([readFileSync(join(folder, 'one'))[0], readFileSync(join(folder, 'two'))[0]]).toEqual([1, 9]);
  });

  it('removes the longest unused beyond its limit, never under a reader, and what the killed left', async () => {
    const shared = join(folder, 'shared');
    const cache = await ObjectCache.open(store, shared, 2_500);
    for (const number of [1, 2, 3]) {
      await blob(number);
      await cache.place(`gold/blob${number}`, join(folder, String(number)));
      for (const name of copies(shared)) utimesSync(join(shared, name), 1_000 + number, Math.min(statSync(join(shared, name)).mtimeMs / 1000, 1_000 + number));
    }
    // The first is used again, which makes the second the oldest.
    await cache.place('gold/blob1', join(folder, '1-again'));
    writeFileSync(join(shared, 'half.tmp'), 'half');
    utimesSync(join(shared, 'half.tmp'), 1, 1);
    writeFileSync(join(shared, 'young.tmp'), 'half');
    await cache.trim();
    expect(copies(shared)).toHaveLength(2);
    expect([existsSync(join(shared, 'half.tmp')), existsSync(join(shared, 'young.tmp'))]).toEqual([false, true]);
    expect(readFileSync(join(folder, '2'))[0]).toBe(2);
    const before = store.fetched;
    await cache.place('gold/blob1', join(folder, '1-third'));
    await cache.place('gold/blob3', join(folder, '3-again'));
    expect(store.fetched).toBe(before);
    await cache.place('gold/blob2', join(folder, '2-again'));
    expect(store.fetched).toBe(before + 1_000);
  });

  it('processes that fetch the same at once each get it whole', async () => {
    await blob(7, 9_000_000);
    const caches = await Promise.all([1, 2, 3].map(() => ObjectCache.open(store, join(folder, 'shared'), 1e9)));
    await Promise.all(caches.map((cache, i) => cache.place('gold/blob7', join(folder, String(i)))));
    for (const i of [0, 1, 2]) expect(readFileSync(join(folder, String(i))).equals(Buffer.alloc(9_000_000, 7))).toBe(true);
    expect(copies(join(folder, 'shared'))).toHaveLength(1);
    await expect(caches[0]!.place('gold/none', join(folder, 'none'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describe('sessions over a networked store', () => {
  const columns: ColumnDefinition[] = [{ name: 'n', type: { name: 'bigint' }, nullable: false }];
  const append = async (table: Table, n: number): Promise<void> => {
    const writer = await table.writer();
    await writer.write(batchFromRows(columns, [{ n }]));
    await table.append(await writer.finish());
  };
  const total = async (sql: Sql): Promise<unknown> => (await sql.rows('SELECT sum(n) AS s FROM silver.numbers'))[0]!['s'];

  it('share their copies, drop those of forgotten snapshots, and survive a cache without room', async () => {
    const table = new Lake(store).table('silver.numbers');
    await table.ensure(columns);
    for (const n of [1, 2, 3]) await append(table, n);
    const one = await Sql.open(store, { threads: 1, tempDir: folder, cacheBytes: 0 });
    await one.bind(table);
    expect(await total(one)).toBe(6);
    expect(readdirSync(join(folder, `tideline-objects-${process.getuid?.() ?? 'user'}`))).toEqual([]);
    const two = await Sql.open(store, { threads: 1, tempDir: folder });
    await two.bind(table);
    const before = store.fetched;
    const three = await Sql.open(store, { threads: 1, tempDir: folder });
    await three.bind(table);
    expect([await total(two), await total(three), store.fetched]).toEqual([6, 6, before]);
    const session = (): string[] => readdirSync(folder).filter((name) => name.startsWith('tideline-sql-')).flatMap((name) => readdirSync(join(folder, name)).filter((file) => file.endsWith('.parquet')));
    expect(session()).toHaveLength(9);
    await compact(table, planCompaction(await table.files(), { targetBytes: 1e6, minFiles: 2 }), one);
    for (const sql of [one, two, three]) await sql.bind(table);
    expect([await total(one), await total(two), await total(three)]).toEqual([6, 6, 6]);
    expect(session()).toHaveLength(3);
    for (const sql of [one, two, three]) await sql.close();
  });

  it('folders of killed sessions are removed by the next one', async () => {
    const dead = mkdtempSync(join(folder, `tideline-sql-${(await import('node:os')).hostname()}.4194303.`));
    const sql = await Sql.open(store, { threads: 1, tempDir: folder });
    expect(existsSync(dead)).toBe(false);
    await sql.close();
  });
});
