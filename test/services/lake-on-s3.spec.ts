// Goal: tables on a real S3 server are what they are on files: appended by racing writers, compacted, queried, and read by others.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DuckDBInstance } from '@duckdb/node-api';
import { checkTable, compact, Lake, planCompaction, Sql, type ColumnBatch, type ColumnDefinition, type Table } from '#tideline/lake';
import { openObjectStore, type ObjectStore } from '#tideline/platform';
import { batchFromRows } from '../../libs/lake/src/columns/column-from-values.ts';
import { login, plainClient, randomPrefix, removeBuckets } from './object-store-fixtures.ts';
import { services } from './services.ts';

const prefix = randomPrefix();
const address = `s3://${services().objectStore}/${prefix}`;
const columns: ColumnDefinition[] = [
  { name: 'n', type: { name: 'bigint' }, nullable: false },
  { name: 'at', type: { name: 'timestamp' }, nullable: true },
  { name: 'who', type: { name: 'string' }, nullable: true },
  { name: 'items', type: { name: 'list', of: { name: 'bigint' } }, nullable: true },
];
const rowsAFile = 2_000;
let folder: string;
let store: ObjectStore;
let sql: Sql;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lake-on-s3-'));
  store = await openObjectStore(address, { login });
  sql = await Sql.open(store, { threads: 1, tempDir: folder });
});
afterAll(async () => {
  await sql.close();
  await store.close();
  await removeBuckets(prefix);
  rmSync(folder, { recursive: true });
});

function numbersFrom(start: number): ColumnBatch {
  const rows = Array.from({ length: rowsAFile }, (_, i) => ({ n: start + i, at: (start + i) * 1000, who: i % 5 === 0 ? null : `visitor ${start + i}`, items: [start, i] }));
  return batchFromRows(columns, rows);
}

async function append(table: Table, file: number): Promise<void> {
  const writer = await table.writer();
  await writer.write(numbersFrom(file * rowsAFile));
  await table.append(await writer.finish(), { summary: { file: String(file) } });
}

const totals = 'SELECT count(*) AS rows, sum(n) AS total, count(who) AS named, sum(list_sum(items)) AS items FROM silver.numbers';

test('a table appended by racing writers, compacted and queried holds every row once, for others too', async () => {
  const files = 8;
  // Each writer has its own connections and its own idea of the newest version.
  const writers = await Promise.all([0, 1, 2, 3].map(async () => openObjectStore(address, { login })));
  await new Lake(store).table('silver.numbers').ensure(columns);
  await Promise.all(writers.map(async (own, w) => {
    const table = new Lake(own).table('silver.numbers');
    for (let file = w; file < files; file += writers.length) await append(table, file);
    await own.close();
  }));
  const table = new Lake(store).table('silver.numbers');
  const count = files * rowsAFile;
  const expected = { rows: count, total: (count * (count - 1)) / 2, named: count * 0.8, items: files * (rowsAFile * (rowsAFile - 1)) / 2 + rowsAFile * rowsAFile * (files * (files - 1)) / 2 };
  await sql.bind(table);
  expect(await sql.rows(totals)).toEqual([expected]);
  expect((await table.current())?.fileCount).toBe(files);
  const snapshot = await compact(table, planCompaction(await table.files(), { targetBytes: 64e6, minFiles: 2 }), sql, { orderBy: 'n' });
  expect(snapshot).toMatchObject({ fileCount: 1, rowCount: count });
  await sql.bind(table);
  expect(await sql.rows(totals)).toEqual([expected]);
  expect((await checkTable(store, table, (file) => sql.readWhole(table, file))).problems).toEqual([]);

  // Nothing of ours from here: the plain client fetches the one data file, DuckDB reads it.
  const key = (await table.files())[0]!.key;
  const path = join(folder, 'foreign.parquet');
  await plainClient.fGetObject(`${prefix}-silver`, key.slice('silver/'.length), path);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const reader = await connection.runAndReadAll(totals.replace('silver.numbers', `read_parquet('${path}')`));
  expect(reader.getRowObjects().map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)])))).toEqual([expected]);
  const python = process.env['TIDELINE_PEERS_PYTHON'] ?? '';
  if (!existsSync(python)) return console.warn('skipped: pyarrow was not asked, no TIDELINE_PEERS_PYTHON');
  const script = `import pyarrow.parquet as p; t = p.read_table('${path}'); print(t.num_rows, sum(t['n'].to_pylist()), t.num_rows - t['who'].null_count)`;
  expect(execFileSync(python, ['-c', script], { encoding: 'utf8' }).trim()).toBe(`${expected.rows} ${expected.total} ${expected.named}`);
});
