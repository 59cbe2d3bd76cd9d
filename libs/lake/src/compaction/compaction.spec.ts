import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryObjectStore } from '#tideline/platform';
import { batchFromRows } from '../columns/column-from-values.ts';
import type { ColumnDefinition } from '../columns/table-schema.ts';
import { Sql } from '../sql/sql.ts';
import { checkTable } from '../table/check-table.ts';
import { CommitConflict } from '../table/commit-conflict.ts';
import { Lake } from '../table/lake.ts';
import type { DataFile } from '../table/snapshot.ts';
import type { Table } from '../table/table.ts';
import { compact } from './compact.ts';
import { planCompaction } from './plan-compaction.ts';

const fileArbitrary = fc.nat({ max: 200 }).map((byteCount): DataFile => ({ key: 'k', rowCount: byteCount * 2, byteCount, schemaId: 0, bounds: {} }));

describe('planCompaction', () => {
  it('takes each file at most once, in order, never one near the target, and fills groups', () => {
    fc.assert(
      fc.property(fc.array(fileArbitrary, { maxLength: 60 }), fc.integer({ min: 20, max: 150 }), fc.integer({ min: 1, max: 5 }), (some, targetBytes, minFiles) => {
        const files = some.map((file, index) => ({ ...file, key: `f${index}` }));
        const groups = planCompaction(files, { targetBytes, minFiles });
        const places = groups.flatMap((group) => group.files.map((file) => files.indexOf(file)));
        expect(places).toEqual([...places].sort((a, b) => a - b));
        expect(new Set(places).size).toBe(places.length);
        for (const group of groups) {
          expect(group.files.length).toBeGreaterThanOrEqual(Math.max(2, minFiles));
          expect(group.byteCount).toBe(group.files.reduce((sum, file) => sum + file.byteCount, 0));
          expect(group.rowCount).toBe(group.byteCount * 2);
          expect(group.byteCount).toBeLessThanOrEqual(targetBytes);
          for (const file of group.files) expect(file.byteCount).toBeLessThan(targetBytes * 0.75);
        }
      }),
    );
  });

  it('leaves a compacted table alone', () => {
    const files = [900, 800, 1000].map((byteCount, index): DataFile => ({ key: `f${index}`, rowCount: 1, byteCount, schemaId: 0, bounds: {} }));
    expect(planCompaction(files, { targetBytes: 1000, minFiles: 2 })).toEqual([]);
  });
});

const columns: ColumnDefinition[] = [
  { name: 'n', type: { name: 'int' }, nullable: false },
  { name: 'at', type: { name: 'timestamp' }, nullable: true },
  { name: 'items', type: { name: 'list', of: { name: 'int' } }, nullable: true },
];

describe('compact', () => {
  let store: MemoryObjectStore;
  let table: Table;
  let sql: Sql;

  async function append(rows: readonly number[], offset: number): Promise<void> {
    const writer = await table.writer();
    await writer.write(batchFromRows(columns, rows.map((n) => ({ n, at: n % 3 === 0 ? null : n * 1000, items: [n, n] }))));
    await table.append(await writer.finish(), { offsets: { 0: [offset, offset + rows.length] } });
  }

  async function numbers(): Promise<unknown[]> {
    await sql.bind(table);
    return (await sql.rows('SELECT n, list_sum(items) AS s FROM silver.numbers')).map(({ n }) => n);
  }

  beforeEach(async () => {
    store = new MemoryObjectStore();
    table = new Lake(store).table('silver.numbers');
    await table.ensure(columns);
    sql = await Sql.open(store, { threads: 1 });
    for (let i = 0; i < 6; i++) await append([i * 2 + 1, i * 2], i * 2);
  });

  afterEach(() => sql.close());

  it('keeps rows, order and offsets, in fewer files', async () => {
    const before = await numbers();
    const plan = planCompaction(await table.files(), { targetBytes: 1e6, minFiles: 2 });
    const snapshot = await compact(table, plan, sql, { summary: { job: 'compact' } });
    expect(snapshot).toMatchObject({ operation: 'replace', fileCount: 1, rowCount: 12, offsets: { 0: [0, 12] }, summary: { job: 'compact' } });
    expect(await numbers()).toEqual(before);
    expect(planCompaction(await table.files(), { targetBytes: 1e6, minFiles: 2 })).toEqual([]);
    expect(await checkTable(store, table, (file) => sql.readWhole(table, file))).toEqual({ table: 'silver.numbers', version: snapshot!.version, fileCount: 1, rowCount: 12, problems: [] });
  });

  it('sorts when asked and stands beside appends made meanwhile', async () => {
    const plan = planCompaction(await table.files(), { targetBytes: 1e6, minFiles: 2 });
    await append([100], 12);
    await compact(table, plan, sql, { orderBy: 'n DESC' });
    expect((await table.current())?.offsets).toEqual({ 0: [0, 13] });
    expect((await numbers()).filter((n) => n !== 100)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect((await numbers()).length).toBe(13);
  });

  it('gives way when its files are gone, leaving no file behind', async () => {
    const plan = planCompaction(await table.files(), { targetBytes: 1e6, minFiles: 2 });
    await compact(table, plan, sql);
    const count = async (): Promise<number> => {
      let n = 0;
      for await (const info of store.list('silver/numbers/data/')) n += info.byteCount > 0 ? 1 : 0;
      return n;
    };
    const files = await count();
    await expect(compact(table, plan, sql)).rejects.toThrow(CommitConflict);
    expect(await count()).toBe(files);
  });

  it('keeps its files when the answer to its commit was lost and nothing more can be asked', async () => {
    const before = await numbers();
    const plan = planCompaction(await table.files(), { targetBytes: 1e6, minFiles: 2 });
    let isDown = false;
    const flaky = new Proxy(store, {
      get: (inner, name) => {
        if (name === 'putIfAbsent') {
          return async (key: string, bytes: Uint8Array) => {
            await inner.putIfAbsent(key, bytes);
            isDown = key.endsWith('.metadata.json');
            if (isDown) throw Object.assign(new Error('no answer'), { outcome: 'unknown' });
            return true;
          };
        }
        if (name === 'head' && isDown) return () => Promise.reject(Object.assign(new Error('still down'), { outcome: 'not-applied' }));
        return Reflect.get(inner, name).bind(inner);
      },
    });
    const sqlOfFlaky = await Sql.open(flaky, { threads: 1 });
    await expect(compact(new Lake(flaky).table('silver.numbers'), plan, sqlOfFlaky)).rejects.toThrow('still down');
    await sqlOfFlaky.close();
    expect(await table.current()).toMatchObject({ operation: 'replace', fileCount: 1 });
    expect(await numbers()).toEqual(before);
  });

  it('checks find missing, cut and changed files', async () => {
    const files = await table.files();
    await store.delete([files[0]!.key]);
    await store.put(files[1]!.key, (await store.get(files[1]!.key)).slice(0, 50));
    await store.put(files[2]!.key, Buffer.alloc(files[2]!.byteCount));
    const { problems } = await checkTable(store, table);
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatch(/expected the file, found none/);
    expect(problems[1]).toMatch(/bytes, found 50/);
    expect(problems[2]).toMatch(/expected a readable Parquet file/);
  });
});
