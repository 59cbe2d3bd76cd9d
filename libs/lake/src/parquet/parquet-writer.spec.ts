// Goal: a file holds exactly the rows given, whatever their types, nulls, batch sizes and page or row group borders.
// Method: random tables, written and read back by two readers that share no code with the writer (hyparquet, DuckDB).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { tableArbitrary } from '../columns/batch-fixtures.ts';
import type { ColumnBatch } from '../columns/column-batch.ts';
import { batchFromRows, valueAt } from '../columns/column-from-values.ts';
import { defineSchema, type ColumnDefinition } from '../columns/table-schema.ts';
import { ParquetFile } from './parquet-file.ts';
import { ParquetWriter, type ParquetOptions, type ParquetSummary } from './parquet-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'lake-parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function writeFile(
  columns: readonly ColumnDefinition[],
  batches: readonly ColumnBatch[],
  options: ParquetOptions = {},
): Promise<{ bytes: Uint8Array; summary: ParquetSummary }> {
  const parts: Uint8Array[] = [];
  const writer = new ParquetWriter(defineSchema(columns), { write: async (bytes) => void parts.push(bytes.slice()) }, options);
  for (const batch of batches) await writer.write(batch);
  const summary = await writer.finish();
  return { bytes: Buffer.concat(parts), summary };
}

function openBytes(bytes: Uint8Array): Promise<ParquetFile> {
  return ParquetFile.open({ byteLength: bytes.length, read: async (start, end) => bytes.subarray(start, end) });
}

function rowsOf(batches: readonly ColumnBatch[]): unknown[][] {
  return batches.flatMap((batch) => Array.from({ length: batch.rowCount }, (_, row) => batch.columns.map((column) => valueAt(column, row))));
}

describe('ParquetWriter', () => {
  it('differential: hyparquet reads back every value of random tables', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableArbitrary(),
        fc.record({
          pageRows: fc.constantFrom(7, 100, 5000),
          rowGroupBytes: fc.constantFrom(1, 2000, 1e6),
          compression: fc.constantFrom('zstd' as const, 'none' as const),
        }),
        async ({ columns, batches }, options) => {
          const { bytes, summary } = await writeFile(columns, batches, options);
          const rows = rowsOf(batches);
          expect(summary.rowCount).toBe(rows.length);
          expect(summary.byteCount).toBe(bytes.length);
          const file = await openBytes(bytes);
          expect(file.createdBy).toBe('tideline version 0.1.0 (build 0)');
          expect(rowsOf([await file.read(defineSchema(columns).columns)])).toEqual(rows);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('differential: DuckDB reads back every value of random tables', async () => {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    const path = join(folder, 'random.parquet');
    await fc.assert(
      fc.asyncProperty(tableArbitrary(200), fc.constantFrom(1, 1000, 1e6), async ({ columns, batches }, rowGroupBytes) => {
        const { bytes } = await writeFile(columns, batches, { rowGroupBytes, pageRows: 64 });
        writeFileSync(path, bytes);
        const asPlain = columns.map(({ name, type }) => {
          const of = (value: string, t = type): string =>
            t.name === 'timestamp' ? `epoch_ms(${value})` : t.name === 'date' ? `${value} - DATE '1970-01-01'` : value;
          return type.name === 'list' ? `list_transform("${name}", lambda x: ${of('x', type.of)}) AS "${name}"` : `${of(`"${name}"`)} AS "${name}"`;
        });
        const reader = await connection.runAndReadAll(`SELECT ${asPlain.join(', ')} FROM read_parquet('${path}')`);
        const rows = reader.getRowsJson();
        const expected = rowsOf(batches).map((row) => row.map((value, index) => duckJson(value, columns[index]!)));
        expect(rows).toEqual(expected);
      }),
      { numRuns: 60 },
    );
    connection.closeSync();
    instance.closeSync();
  });

  it('packs integers of every bit width', async () => {
    const columns: ColumnDefinition[] = [{ name: 'x', type: { name: 'int' }, nullable: false }, { name: 'y', type: { name: 'bigint' }, nullable: false }];
    let state = 1;
    const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0);
    for (let width = 0; width <= 50; width++) {
      const rows = Array.from({ length: 300 }, () => ({ x: next() % 2 ** Math.min(width, 30), y: Math.floor((next() / 2 ** 32) * 2 ** width) }));
      const { bytes } = await writeFile(columns, [batchFromRows(columns, rows)], { compression: 'none' });
      const batch = await (await openBytes(bytes)).read(defineSchema(columns).columns);
      expect(rowsOf([batch])).toEqual(rows.map(({ x, y }) => [x, y]));
    }
  });

  it('goes from one encoding to another within a chunk', async () => {
    const columns: ColumnDefinition[] = [{ name: 'x', type: { name: 'int' }, nullable: false }];
    const pages = {
      zeros: Array.from({ length: 400 }, () => 0),
      small: Array.from({ length: 400 }, (_, i) => [3, 1, 15, 2][(i * 7) % 4]!),
      repeating: Array.from({ length: 400 }, (_, i) => [70, 900, -5][(i * i) % 3]!),
      wide: Array.from({ length: 400 }, (_, i) => (i * 7919 * 104729) % 2 ** 29),
      extreme: Array.from({ length: 400 }, (_, i) => [2 ** 31 - 1, -(2 ** 31), 5][i % 3]!),
    };
    for (const first of Object.values(pages)) {
      for (const second of Object.values(pages)) {
        for (const third of Object.values(pages)) {
          const parts = [first, second, third, first];
          const { bytes } = await writeFile(columns, parts.map((part) => batchFromRows(columns, part.map((x) => ({ x })))), { pageRows: 400 });
          const batch = await (await openBytes(bytes)).read(defineSchema(columns).columns);
          expect([...batch.columns[0]!.values]).toEqual(parts.flat());
        }
      }
    }
  });

  it('keeps field ids, also of list elements', async () => {
    const columns: ColumnDefinition[] = [
      { name: 'a', type: { name: 'int' }, nullable: false },
      { name: 'b', type: { name: 'list', of: { name: 'double' } }, nullable: true },
      { name: 'c', type: { name: 'string' }, nullable: true },
    ];
    const { bytes } = await writeFile(columns, [batchFromRows(columns, [{ a: 1, b: [1.5], c: 'x' }])]);
    const path = join(folder, 'ids.parquet');
    writeFileSync(path, bytes);
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(`SELECT name, field_id FROM parquet_schema('${path}') WHERE field_id IS NOT NULL`);
    expect(reader.getRowsJson()).toEqual([['a', '1'], ['b', '2'], ['element', '4'], ['c', '3']]);
    connection.closeSync();
    instance.closeSync();
  });

  it('finds columns by id and reads a missing one as null', async () => {
    const columns: ColumnDefinition[] = [{ name: 'a', type: { name: 'int' }, nullable: false }];
    const { bytes } = await writeFile(columns, [batchFromRows(columns, [{ a: 1 }, { a: 2 }])]);
    const file = await openBytes(bytes);
    const batch = await file.read([
      { id: 1, name: 'renamed', type: { name: 'int' }, nullable: false },
      { id: 9, name: 'later', type: { name: 'string' }, nullable: true },
    ]);
    expect(rowsOf([batch])).toEqual([[1, null], [2, null]]);
  });

  it('keeps bounds of the asked columns over row groups', async () => {
    const columns: ColumnDefinition[] = [
      { name: 'at', type: { name: 'timestamp' }, nullable: true },
      { name: 'who', type: { name: 'string' }, nullable: true },
      { name: 'not_asked', type: { name: 'int' }, nullable: false },
    ];
    const rows = Array.from({ length: 500 }, (_, i) => ({ at: i === 3 ? null : 1_700_000_000_000 + ((i * 7919) % 500), who: `u${i % 10}`, not_asked: i }));
    const batches = [0, 100, 200, 300, 400].map((start) => batchFromRows(columns, rows.slice(start, start + 100)));
    const { summary } = await writeFile(columns, batches, { boundsOf: ['at', 'who'], rowGroupBytes: 1, pageRows: 30 });
    expect(summary.bounds).toEqual({ 1: { min: 1_700_000_000_000, max: 1_700_000_000_499 }, 2: { min: 'u0', max: 'u9' } });
  });

  it('turns NaN into null where it may and refuses other non-finite doubles', async () => {
    const nullable: ColumnDefinition[] = [{ name: 'x', type: { name: 'double' }, nullable: true }];
    const batch = { rowCount: 2, names: ['x'], columns: [{ type: { name: 'double' as const }, values: Float64Array.of(NaN, 2) }] };
    const { bytes } = await writeFile(nullable, [batch]);
    expect(rowsOf([await (await openBytes(bytes)).read(defineSchema(nullable).columns)])).toEqual([[null], [2]]);
    await expect(writeFile([{ ...nullable[0]!, nullable: false }], [batch])).rejects.toThrow(/finite/);
    const infinite = { ...batch, columns: [{ ...batch.columns[0]!, values: Float64Array.of(1, Infinity) }] };
    await expect(writeFile(nullable, [infinite])).rejects.toThrow(/expected finite numbers in column "x", found Infinity/);
  });

  it('refuses batches of another shape and nulls in required columns', async () => {
    const columns: ColumnDefinition[] = [{ name: 'x', type: { name: 'int' }, nullable: false }];
    await expect(writeFile(columns, [batchFromRows([{ name: 'y', type: { name: 'int' } }], [{ y: 1 }])])).rejects.toThrow(/expected column "x" at 0/);
    await expect(writeFile(columns, [batchFromRows([{ name: 'x', type: { name: 'double' } }], [{ x: 1 }])])).rejects.toThrow(/as int, found double/);
    await expect(writeFile(columns, [batchFromRows([{ name: 'x', type: { name: 'int' } }], [{ x: null }])])).rejects.toThrow(/no null in required column "x"/);
  });

  it('writes a readable file without rows', async () => {
    const columns: ColumnDefinition[] = [{ name: 'x', type: { name: 'int' }, nullable: false }];
    const { bytes } = await writeFile(columns, []);
    expect((await openBytes(bytes)).rowCount).toBe(0);
  });
});

function duckJson(value: unknown, { type }: ColumnDefinition): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => duckJson(item, { name: '', type: type.name === 'list' ? type.of : type, nullable: false }));
  if (type.name === 'list') throw new Error('expected an array');
  if (type.name === 'decimal') return decimalText(value as number, type.scale);
  if (type.name === 'bigint' || type.name === 'timestamp' || type.name === 'date') return String(value);
  return value;
}

function decimalText(value: number, scale: number): string {
  const digits = String(Math.abs(value)).padStart(scale + 1, '0');
  return `${value < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
