// Goal: what a session shows is exactly what the table holds, and it shows nothing else of the machine.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileObjectStore, MemoryObjectStore } from '#tideline/platform';
import { tableArbitrary } from '../columns/batch-fixtures.ts';
import type { ColumnBatch } from '../columns/column-batch.ts';
import { batchFromRows, valueAt, type PlainValue } from '../columns/column-from-values.ts';
import { concatBatches } from '../columns/concat-batches.ts';
import type { ColumnDefinition } from '../columns/table-schema.ts';
import { Lake } from '../table/lake.ts';
import type { Table } from '../table/table.ts';
import { Sql } from './sql.ts';
import { SqlError } from './sql-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'lake-sql-'));
let store: FileObjectStore;
let lake: Lake;
let sql: Sql;

beforeAll(async () => {
  store = await FileObjectStore.open(join(folder, 'lake'));
  lake = new Lake(store);
  sql = await Sql.open(store, { threads: 1, tempDir: folder });
});

afterAll(async () => {
  await sql.close();
  expect(readdirSync(folder)).toEqual(['lake']);
  rmSync(folder, { recursive: true });
});

async function fill(table: Table, columns: readonly ColumnDefinition[], batches: readonly ColumnBatch[]): Promise<void> {
  await table.ensure(columns);
  const writer = await table.writer({ pageRows: 100, rowGroupBytes: 5000 });
  for (const batch of batches) await writer.write(batch);
  await table.append(await writer.finish());
}

async function collect(batches: AsyncIterable<ColumnBatch>): Promise<ColumnBatch> {
  const all: ColumnBatch[] = [];
  for await (const batch of batches) all.push(batch);
  return concatBatches(all);
}

function rowsOf(batch: ColumnBatch): unknown[][] {
  return Array.from({ length: batch.rowCount }, (_, row) => batch.columns.map((column) => valueAt(column, row)));
}

const sales: ColumnDefinition[] = [
  { name: 'at', type: { name: 'timestamp' }, nullable: false },
  { name: 'day', type: { name: 'date' }, nullable: true },
  { name: 'price', type: { name: 'decimal', precision: 9, scale: 2 }, nullable: true },
  { name: 'total', type: { name: 'decimal', precision: 16, scale: 2 }, nullable: true },
  { name: 'big', type: { name: 'bigint' }, nullable: true },
  { name: 'who', type: { name: 'string' }, nullable: true },
  { name: 'items', type: { name: 'list', of: { name: 'decimal', precision: 7, scale: 6 } }, nullable: true },
];
const at = Date.UTC(2011, 8, 9, 12, 30, 0, 250);
const saleRows: Record<string, PlainValue>[] = [
  { at, day: 15226, price: 1299, total: 9007199254740991, big: Number.MAX_SAFE_INTEGER, who: 'Zoë, a customer with a long name', items: [1, 500_000] },
  { at: -1, day: null, price: -5, total: null, big: -1, who: 'x', items: [] },
  { at: 0, day: -1, price: null, total: 0, big: null, who: null, items: null },
];

describe('Sql', () => {
  it('differential: batches give back every value of random tables, by file store and by memory store', async () => {
    let number = 0;
    const memory = new MemoryObjectStore();
    const memoryLake = new Lake(memory);
    const memorySql = await Sql.open(memory, { threads: 1, tempDir: folder });
    await fc.assert(
      fc.asyncProperty(tableArbitrary(120), fc.boolean(), async ({ columns, batches }, inMemory) => {
        const table = (inMemory ? memoryLake : lake).table(`bronze.random_${number++}`);
        await fill(table, columns, batches);
        const session = inMemory ? memorySql : sql;
        await session.bind(table);
        const read = await collect(session.batches(`SELECT * FROM ${table.name}`));
        expect(read.names).toEqual(columns.map(({ name }) => name));
        expect(read.columns.map(({ type }) => type)).toEqual(columns.map(({ type }) => type));
        expect(rowsOf(read)).toEqual(batches.flatMap(rowsOf));
      }),
      { numRuns: 40 },
    );
    await memorySql.close();
  });

  it('gives rows for JSON: exact numbers or text, ISO times', async () => {
    const table = lake.table('silver.sales');
    await fill(table, sales, [batchFromRows(sales, saleRows)]);
    await sql.bind(table);
    expect(await sql.rows('SELECT * FROM silver.sales')).toEqual([
      { at: '2011-09-09T12:30:00.250Z', day: '2011-09-09', price: 12.99, total: 90071992547409.91, big: 9007199254740991, who: 'Zoë, a customer with a long name', items: [0.000001, 0.5] },
      { at: '1969-12-31T23:59:59.999Z', day: null, price: -0.05, total: null, big: -1, who: 'x', items: [] },
      { at: '1970-01-01T00:00:00.000Z', day: '1969-12-31', price: null, total: 0, big: null, who: null, items: null },
    ]);
    expect(await sql.rows("SELECT 9007199254740993 AS b, 'NaN'::DOUBLE AS d, {a: 1, b: [true]} AS s, sum(price) AS p FROM silver.sales")).toEqual([
      { b: '9007199254740993', d: null, s: { a: 1, b: [true] }, p: 12.94 },
    ]);
    expect(await sql.rows('SELECT who FROM silver.sales WHERE big = ? OR price < ?', [9007199254740991, -0.01])).toHaveLength(2);
    expect(await sql.rows('SELECT * FROM range(100000)', [], 3)).toHaveLength(3);
  });

  it('reads sums, lists through functions, nulls and times as batches', async () => {
    const batch = await collect(
      sql.batches('SELECT sum(big) - sum(big) AS zero, sum(price) AS p, max("at") AS "at", list_sort(flatten(list(items))) AS i, NULL AS n, count(*) AS c FROM silver.sales'),
    );
    expect(batch.columns.map(({ type }) => type.name)).toEqual(['bigint', 'decimal', 'timestamp', 'list', 'int', 'bigint']);
    expect(rowsOf(batch)).toEqual([[0, 1294, at, [1, 500_000], null, 3]]);
    const filtered = await collect(sql.batches(`SELECT items, who FROM silver.sales WHERE who = 'x' OR items IS NULL ORDER BY "at" DESC`));
    expect(rowsOf(filtered)).toEqual([[null, null], [[], 'x']]);
  });

  it('shows an empty table with its columns', async () => {
    const table = lake.table('gold.nothing');
    await table.ensure(sales);
    await sql.bind(table);
    const batch = await collect(sql.batches('SELECT * FROM gold.nothing'));
    expect(batch.rowCount).toBe(0);
    expect(batch.columns.map(({ type }) => type)).toEqual(sales.map(({ type }) => type));
    expect(await sql.rows('SELECT count(*) AS n, sum(price) AS s FROM gold.nothing')).toEqual([{ n: 0, s: null }]);
  });

  it('shows a bound snapshot until bound again, and added columns as null in older files', async () => {
    const table = lake.table('gold.growing');
    const columns: ColumnDefinition[] = [{ name: 'a', type: { name: 'int' }, nullable: false }];
    await fill(table, columns, [batchFromRows(columns, [{ a: 1 }])]);
    const first = await sql.bind(table);
    const wider: ColumnDefinition[] = [...columns, { name: 'b', type: { name: 'list', of: { name: 'timestamp' } }, nullable: true }];
    await table.ensure(wider);
    await sql.bind(table);
    expect(await sql.rows('SELECT * FROM gold.growing')).toEqual([{ a: 1, b: null }]);
    await fill(table, wider, [batchFromRows(wider, [{ a: 2, b: [0] }])]);
    expect(await sql.rows('SELECT a FROM gold.growing')).toEqual([{ a: 1 }]);
    await sql.bind(table);
    expect(await sql.rows('SELECT * FROM gold.growing ORDER BY a')).toEqual([{ a: 1, b: null }, { a: 2, b: ['1970-01-01T00:00:00.000Z'] }]);
    await sql.bind(table, first);
    expect(await sql.rows('SELECT * FROM gold.growing')).toEqual([{ a: 1 }]);
  });

  it('copies a statement into files of a table, cast to its columns', async () => {
    const table = lake.table('gold.by_who');
    await table.ensure([
      { name: 'who', type: { name: 'string' }, nullable: true },
      { name: 'n', type: { name: 'int' }, nullable: false },
      { name: 'price', type: { name: 'decimal', precision: 12, scale: 2 }, nullable: true },
    ]);
    const copied = await sql.copyTo('SELECT count(*) AS n, sum(price) AS price, who FROM silver.sales GROUP BY who -- all', table, { orderBy: 'who NULLS LAST' });
    await table.overwrite(copied);
    await sql.bind(table);
    expect(await sql.rows('SELECT * FROM gold.by_who')).toEqual([
      { who: 'Zoë, a customer with a long name', n: 1, price: 12.99 },
      { who: 'x', n: 1, price: -0.05 },
      { who: null, n: 1, price: null },
    ]);
  });

  it('reads nothing outside the lake, writes nothing and keeps its settings', async () => {
    const outside = join(folder, 'outside.csv');
    writeFileSync(outside, 'secret\n1\n');
    for (const statement of [
      `SELECT * FROM '${outside}'`,
      `SELECT * FROM read_text('/etc/hostname')`,
      `SELECT * FROM glob('${folder}/../*')`,
      `SELECT * FROM read_text('${folder}/lake/../outside.csv')`,
      `COPY (SELECT 1) TO '${folder}/lake/silver/x.csv'`,
      `ATTACH '${folder}/x.db'`,
      "SET memory_limit = '10GB'",
      'CREATE TABLE t (a INT)',
      'DROP VIEW silver.sales',
      'INSTALL httpfs',
      'SELECT 1; SELECT 2',
      '',
    ]) {
      await expect(sql.rows(statement), statement).rejects.toThrow(SqlError);
    }
    rmSync(outside);
    expect(await sql.rows('SELECT count(*) AS n FROM silver.sales')).toEqual([{ n: 3 }]);
  });

  it('says what is wrong with a statement, with its first line', async () => {
    await expect(sql.rows('SELECT nope\nFROM silver.sales')).rejects.toThrow(/"nope" not found(.|\n)*\(in: SELECT nope\)/);
    await expect(sql.rows('SELECT ?', [])).rejects.toThrow(/expected 1 parameters, found 0/);
    await expect(collect(sql.batches('SELECT INTERVAL 1 DAY AS i'))).rejects.toThrow(/column "i", found INTERVAL/);
    await expect(collect(sql.batches('SELECT 9007199254740993 AS b'))).rejects.toThrow(/column "b", found 9007199254740993/);
    await expect(collect(sql.batches('SELECT [1, NULL] AS l'))).rejects.toThrow(/column "l"/);
  });

  it('can be left early and aborted', async () => {
    for await (const batch of sql.batches('SELECT * FROM range(10000000)')) {
      expect(batch.rowCount).toBeGreaterThan(0);
      break;
    }
    const abort = new AbortController();
    const long = collect(sql.batches('SELECT count(*) FROM range(100000000) a, range(100000) b', { signal: abort.signal }));
    setTimeout(() => abort.abort(new Error('stop')), 30);
    await expect(long).rejects.toThrow('stop');
  });
});
