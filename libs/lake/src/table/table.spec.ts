// Goal: commits do what their names say, rebase where they may and refuse where they must.
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryObjectStore } from '#tideline/platform';
import { batchFromRows } from '../columns/column-from-values.ts';
import type { ColumnDefinition } from '../columns/table-schema.ts';
import { CommitConflict } from './commit-conflict.ts';
import { Lake } from './lake.ts';
import type { DataFile } from './snapshot.ts';
import type { Table } from './table.ts';

const columns: ColumnDefinition[] = [
  { name: 'n', type: { name: 'int' }, nullable: false },
  { name: 'who', type: { name: 'string' }, nullable: true },
];

let store: MemoryObjectStore;
let lake: Lake;
let table: Table;
let ids: number;

const newLake = (): Lake => new Lake(store, { now: () => 1_700_000_000_000 + ids, newId: () => `id${ids++}` });

async function fileOf(rows: readonly number[], of = table): Promise<DataFile> {
  const writer = await of.writer({ boundsOf: ['n'] });
  await writer.write(batchFromRows(columns, rows.map((n) => ({ n, who: `u${n}` }))));
  return (await writer.finish())[0]!;
}

beforeEach(async () => {
  ids = 0;
  store = new MemoryObjectStore();
  lake = newLake();
  table = lake.table('silver.clicks');
  await table.ensure(columns);
});

describe('Table', () => {
  it('starts without a snapshot', async () => {
    expect(await table.current()).toBeUndefined();
    expect(await table.files()).toEqual([]);
    expect(await lake.table('silver.other').exists()).toBe(false);
  });

  it('appends files and adds up rows, bytes and offsets', async () => {
    const a = await fileOf([1, 2]);
    const b = await fileOf([3]);
    await table.append([a], { offsets: { 0: [0, 10], 1: [5, 9] } });
    const snapshot = await table.append([b], { offsets: { 0: [10, 12] }, summary: { job: 'refine' } });
    expect(snapshot).toMatchObject({ rowCount: 3, fileCount: 2, byteCount: a.byteCount + b.byteCount, operation: 'append', summary: { job: 'refine' } });
    expect(snapshot.offsets).toEqual({ 0: [0, 12], 1: [5, 9] });
    expect(await table.files()).toEqual([a, b]);
    expect(a.bounds).toEqual({ 1: { min: 1, max: 2 } });
    // Another process sees the same.
    expect(await newLake().table('silver.clicks').current()).toEqual(snapshot);
  });

  it('refuses offsets that repeat or leave a gap, and leaves the table as it was', async () => {
    await table.append([await fileOf([1])], { offsets: { 0: [0, 10] } });
    for (const range of [[0, 10], [9, 12], [11, 12]] as const) {
      await expect(table.append([await fileOf([2])], { offsets: { 0: range } })).rejects.toThrow(CommitConflict);
    }
    expect((await table.current())?.rowCount).toBe(1);
  });

  it('keeps old snapshots readable after replace and overwrite', async () => {
    const a = await fileOf([1, 2]);
    const b = await fileOf([3]);
    const first = await table.append([a, b], { offsets: { 0: [0, 3] } });
    const merged = await fileOf([1, 2, 3]);
    const second = await table.replace([a, b], [merged]);
    expect(second).toMatchObject({ rowCount: 3, fileCount: 1, offsets: { 0: [0, 3] }, removedFileCount: 2, operation: 'replace' });
    const third = await table.overwrite([await fileOf([9])], { offsets: { 0: [0, 50] } });
    expect(third).toMatchObject({ rowCount: 1, fileCount: 1, offsets: { 0: [0, 50] } });
    expect(await table.files(first)).toEqual([a, b]);
    expect(await table.files(second)).toEqual([merged]);
    expect((await table.snapshots()).map((snapshot) => snapshot.version)).toEqual([third, second, first].map((snapshot) => snapshot.version));
    expect(await table.snapshot(first.version)).toEqual(first);
  });

  it('rebases appends of racing writers; of two that replace the same files one wins', async () => {
    const a = await fileOf([1]);
    const b = await fileOf([2]);
    await table.append([a, b]);
    const others = Array.from({ length: 8 }, () => newLake().table('silver.clicks'));
    await Promise.all(others.map(async (other, index) => other.append([await fileOf([10 + index], other)])));
    expect((await table.current())?.rowCount).toBe(10);
    const results = await Promise.allSettled(others.slice(0, 2).map(async (other) => other.replace([a, b], [await fileOf([1, 2], other)])));
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await table.current())?.rowCount).toBe(10);
    expect((await table.files()).length).toBe(9);
  });

  it('refuses a commit on another version than expected', async () => {
    const first = await table.append([await fileOf([1])], { expectedVersion: undefined });
    await table.append([await fileOf([2])], { expectedVersion: first.version });
    await expect(table.overwrite([], { expectedVersion: first.version })).rejects.toThrow(/expected version 2, found 3/);
  });

  it('applies a commit of one id once', async () => {
    const file = await fileOf([1]);
    const first = await table.append([file], { commitId: 'mine' });
    expect(await newLake().table('silver.clicks').append([file], { commitId: 'mine' })).toEqual(first);
    expect((await table.current())?.rowCount).toBe(1);
  });

  it('recognises its own commit when the answer was lost, and leaves that of another alone', async () => {
    class LossyStore extends MemoryObjectStore {
      override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
        const mine = rival === undefined && (await store.putIfAbsent(key, bytes));
        await rival?.();
        if (mine) throw Object.assign(new Error('no answer'), { outcome: 'unknown' });
        return mine;
      }
      override get(key: string): Promise<Uint8Array> {
        return store.get(key);
      }
      override head(key: string): ReturnType<MemoryObjectStore['head']> {
        return store.head(key);
      }
      override put(key: string, bytes: Uint8Array): ReturnType<MemoryObjectStore['put']> {
        return store.put(key, bytes);
      }
    }
    let rival: (() => Promise<void>) | undefined;
    const lossy = new Lake(new LossyStore(), { newId: () => `l${ids++}` }).table('silver.clicks');
    const a = await fileOf([1]);
    const b = await fileOf([2]);
    expect(await lossy.append([a])).toEqual(await table.current());
    rival = async () => {
      rival = undefined;
      await table.append([b]);
    };
    const c = await fileOf([3]);
    await lossy.append([c]);
    expect(await table.files()).toEqual([a, b, c]);
  });

  it('adds nullable columns and refuses any other change', async () => {
    await table.append([await fileOf([1])]);
    const wider = await table.ensure([...columns, { name: 'extra', type: { name: 'list', of: { name: 'double' } }, nullable: true }]);
    expect(wider.columns.map(({ name, id, elementId }) => [name, id, elementId])).toEqual([['n', 1, undefined], ['who', 2, undefined], ['extra', 3, 4]]);
    expect(await table.ensure([...columns, { name: 'extra', type: { name: 'list', of: { name: 'double' } }, nullable: true }])).toEqual(wider);
    expect(await table.ensure(columns)).toEqual(wider);
    await expect(table.ensure([columns[1]!])).rejects.toThrow(/expected required column "n" to stay/);
    await expect(table.ensure([{ ...columns[0]!, type: { name: 'string' } }, columns[1]!])).rejects.toThrow(/expected column "n" to stay int/);
    await expect(table.ensure([...columns, { name: 'must', type: { name: 'int' }, nullable: false }])).rejects.toThrow(/to be nullable/);
    const snapshot = await table.append([await fileOf([2])]);
    expect(snapshot.schemaId).toBe(1);
    expect((await table.files()).map((file) => file.schemaId)).toEqual([0, 1]);
  });

  it('never dates a change before the last one, though the clock was set back by an hour', async () => {
    let nowMs = 1_700_000_000_000;
    const skewed = new Lake(store, { now: () => nowMs, newId: () => `s${ids++}` }).table('silver.clicks');
    await skewed.append([await fileOf([1])]);
    const before = (await skewed.current())!.timestampMs;
    nowMs -= 3_600_000;
    await skewed.append([await fileOf([2])]);
    expect((await skewed.current())!.timestampMs).toBe(before);
    nowMs += 7_200_000;
    await skewed.append([await fileOf([3])]);
    expect((await skewed.current())!.timestampMs).toBe(nowMs);
  });

  it('finds the newest version with a lagging or lost hint', async () => {
    for (let n = 0; n < 20; n++) await table.append([await fileOf([n])]);
    const newest = await table.current();
    await store.put('silver/clicks/metadata/version-hint.text', Buffer.from('3'));
    expect(await newLake().table('silver.clicks').current()).toEqual(newest);
    await store.delete(['silver/clicks/metadata/version-hint.text']);
    expect(await newLake().table('silver.clicks').current()).toEqual(newest);
  });

  it('keeps what a commit writes bounded over 300 commits, and every snapshot reachable', async () => {
    let most = 0;
    const counting = new Lake(
      Object.assign(Object.create(store) as MemoryObjectStore, {
        put: (key: string, bytes: Uint8Array) => ((most = Math.max(most, bytes.length)), store.put(key, bytes)),
        putIfAbsent: (key: string, bytes: Uint8Array) => ((most = Math.max(most, bytes.length)), store.putIfAbsent(key, bytes)),
        get: (key: string) => store.get(key),
        head: (key: string) => store.head(key),
      }),
      { now: () => 0, newId: () => `c${ids++}` },
    ).table('silver.clicks');
    const file = await fileOf([1]);
    for (let n = 0; n < 300; n++) await counting.append([{ ...file, key: `silver/clicks/data/f${n}.parquet` }], { offsets: { 0: [n, n + 1] } });
    expect(most).toBeLessThan(100_000);
    const snapshots = await counting.snapshots(Infinity);
    expect(snapshots.length).toBe(300);
    expect((await counting.files()).map(({ key }) => key)).toEqual(Array.from({ length: 300 }, (_, n) => `silver/clicks/data/f${n}.parquet`));
    expect((await counting.files(snapshots[200])).length).toBe(100);
  });

  it('lists tables by name and refuses names that are none', async () => {
    await lake.table('gold.visit_values').ensure(columns);
    expect((await newLake().tables()).map(({ name }) => name)).toEqual(['silver.clicks', 'gold.visit_values']);
    expect(() => lake.table('silver.online-retail')).toThrow(/expected a table name/);
    expect(() => lake.table('platinum.x')).toThrow(/expected a table name/);
  });
});

describe('DataFileWriter', () => {
  it('rolls files at the target size and matches columns by name', async () => {
    const writer = await table.writer({ targetBytes: 2000, rowGroupBytes: 500, pageRows: 50, compression: 'none' });
    for (let n = 0; n < 40; n++) {
      const rows = Array.from({ length: 50 }, (_, i) => ({ n: n * 50 + ((i * 7919) % 50) * 99991, who: `user-${n}-${i}` }));
      await writer.write(batchFromRows([columns[1]!, columns[0]!], rows));
    }
    const files = await writer.finish();
    expect(files.length).toBeGreaterThan(3);
    expect(files.reduce((sum, file) => sum + file.rowCount, 0)).toBe(2000);
    for (const file of files.slice(0, -1)) expect(file.byteCount).toBeGreaterThanOrEqual(2000);
  });

  it('leaves nothing after an abort', async () => {
    const writer = await table.writer({ targetBytes: 1, pageRows: 1 });
    await writer.write(batchFromRows(columns, [{ n: 1, who: null }]));
    await writer.write(batchFromRows(columns, [{ n: 2, who: null }]));
    await writer.abort();
    const keys: string[] = [];
    for await (const { key } of store.list('silver/clicks/data/')) keys.push(key);
    expect(keys).toEqual([]);
  });

  it('gives no file for no rows and null for columns that a batch lacks', async () => {
    expect(await (await table.writer()).finish()).toEqual([]);
    const writer = await table.writer();
    await writer.write(batchFromRows([columns[0]!], [{ n: 5 }]));
    expect((await writer.finish())[0]?.rowCount).toBe(1);
    await expect((await table.writer()).write(batchFromRows([columns[1]!], [{ who: 'x' }]))).rejects.toThrow(/expected column "n"/);
    await expect((await table.writer()).write(batchFromRows([{ ...columns[0]!, name: 'z' }], [{ z: 1 }]))).rejects.toThrow(/found "z"/);
  });
});
