import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Column, ColumnBatch, ColumnType } from '../records/columns.ts';
import { compileExpression } from './compile-expression.ts';
import { expectExpression } from './parse-expression.ts';
import { RANDOM_SCOPE, RandomExpression, seededDraw, type Draw } from './random-expression.ts';
import { renderSql } from './render-sql.ts';
import type { Scalar } from './typed-tree.ts';

// Goal: one meaning in two engines. Random well-typed expressions run over random rows with nulls, by column and by row in the
// closure and as rendered SQL in DuckDB; every value must be equal bit for bit.

const SEED = 20261121;
const ROWS = 48;
type Cell = Scalar | readonly number[];

const NUMBERS = [0, 1, -1, 0.5, -0.5, 2.5, 1e-7, 1e308, -1e308, 123456.789, 4503599627370497.5, 1e15];
const TEXTS = ['', 'a', 'Ab%', 'aXb', 'é', '😀b', 'zé1', '12', '-7', '007', '1.5', '9007199254740993', '1e5', ' 3', 'true', 'false', 'ÀB', '\uffee', "it's", '\\', 'C536365'];

function randomCell(type: ColumnType, draw: Draw): Cell {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(draw() * items.length)];
  const whole = (size: number): number => Math.floor((draw() - 0.5) * size) + 0;
  if (draw() < 0.15) return null;
  switch (type.name) {
    case 'int': return pick([whole(10), whole(1000), whole(2 ** 32), -2147483648, 2147483647]);
    case 'bigint': return pick([whole(10), whole(2 ** 53), Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]);
    case 'decimal': return whole(2 * 10 ** Math.min(type.precision, 6)) / 10 ** type.scale;
    case 'double': return draw() < 0.5 ? pick(NUMBERS) : (draw() - 0.5) * 10 ** whole(12);
    case 'boolean': return draw() < 0.5;
    case 'string': return pick(TEXTS);
    case 'timestamp': return pick([whole(2e12), 0, -1, 86_400_000, 1315526400000]);
    case 'date': return whole(40_000);
    case 'list': {
      const { of } = type;
      return Array.from({ length: Math.floor(draw() * 5) }, () => (randomCell(of, () => 0.2 + 0.8 * draw()) ?? 0) as number);
    }
  }
}

/** The column that holds cells in the physical form of `Column`. */
function columnOf(type: ColumnType, cells: readonly Cell[]): Column {
  const element = type.name === 'list' ? type.of : type;
  const scale = element.name === 'decimal' ? 10 ** element.scale : 1;
  const nulls = Uint8Array.from(cells, (cell) => (cell === null ? 1 : 0));
  const marked = nulls.includes(1) ? { nulls } : {};
  if (type.name === 'string') {
    const parts = cells.map((cell) => Buffer.from(String(cell ?? ''), 'utf8'));
    const offsets = new Int32Array(cells.length + 1);
    parts.forEach((part, row) => { offsets[row + 1] = offsets[row] + part.length; });
    return { type, values: new Uint8Array(Buffer.concat(parts)), offsets, ...marked };
  }
  const lists = cells.map((cell) => (Array.isArray(cell) ? cell as number[] : [Number(cell ?? 0)]));
  const numbers = (type.name === 'list' ? lists.map((list, row) => (cells[row] === null ? [] : list)) : lists).flat().map((value) => Math.round(value * scale) === value * scale || scale === 1 ? value * scale : Math.round(value * scale));
  const narrow = element.name === 'int' || element.name === 'date' || (element.name === 'decimal' && element.precision <= 9);
  const values = type.name === 'boolean' ? Uint8Array.from(numbers) : narrow ? Int32Array.from(numbers) : Float64Array.from(numbers);
  if (type.name !== 'list') return { type, values, ...marked };
  const offsets = new Int32Array(cells.length + 1);
  lists.forEach((list, row) => { offsets[row + 1] = offsets[row] + (cells[row] === null ? 0 : list.length); });
  return { type, values, offsets, ...marked };
}

function sqlType(type: ColumnType): string {
  switch (type.name) {
    case 'list': return `${sqlType(type.of)}[]`;
    case 'decimal': return `DECIMAL(${type.precision}, ${type.scale})`;
    case 'int': return 'INTEGER';
    default: return type.name.toUpperCase();
  }
}

function sqlCell(cell: Cell, type: ColumnType): string {
  if (cell === null) return `CAST(NULL AS ${sqlType(type)})`;
  if (type.name === 'list') return `CAST([${(cell as number[]).map((value) => sqlCell(value, type.of)).join(', ')}] AS ${sqlType(type)})`;
  if (type.name === 'timestamp') return `CAST('${new Date(cell as number).toISOString().replace('T', ' ').replace('Z', '')}' AS TIMESTAMP)`;
  if (type.name === 'date') return `CAST('${new Date((cell as number) * 86_400_000).toISOString().slice(0, 10)}' AS DATE)`;
  return `CAST('${(type.name === 'decimal' ? (cell as number).toFixed(type.scale) : String(cell)).replaceAll("'", "''")}' AS ${sqlType(type)})`;
}

interface Table { readonly batch: ColumnBatch; readonly cells: Readonly<Record<string, readonly Cell[]>> }

function randomTable(draw: Draw): Table {
  const names = Object.keys(RANDOM_SCOPE);
  const cells = Object.fromEntries(names.map((name) => [name, Array.from({ length: ROWS }, () => randomCell(RANDOM_SCOPE[name], draw))]));
  const columns = names.map((name) => columnOf(RANDOM_SCOPE[name], cells[name]));
  return { batch: { rowCount: ROWS, names, columns }, cells };
}

/** A result cell of a column as a scalar. */
function cellAt(column: Column, row: number): Scalar {
  if (column.nulls?.[row] === 1) return null;
  if (column.type.name === 'boolean') return column.values[row] === 1;
  if (column.offsets === undefined) return column.values[row];
  return Buffer.from((column.values as Uint8Array).subarray(column.offsets[row], column.offsets[row + 1])).toString('utf8');
}

const table = randomTable(seededDraw(SEED));
let connection: DuckDBConnection;

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  await connection.run('SET threads = 1');
  const rows = Array.from({ length: ROWS }, (_, row) => `(${row}, ${Object.entries(RANDOM_SCOPE).map(([name, type]) => sqlCell(table.cells[name][row], type)).join(', ')})`);
  await connection.run(`CREATE TABLE r AS SELECT * FROM (VALUES ${rows.join(',\n')}) AS t(row, ${Object.keys(RANDOM_SCOPE).map((name) => `"${name}"`).join(', ')})`);
});

afterAll(() => { connection.closeSync(); });

/** Values of expressions in DuckDB, by expression and row. */
async function inDuckDb(expressions: readonly ReturnType<typeof expectExpression>[]): Promise<Scalar[][]> {
  const results: Scalar[][] = [];
  for (let start = 0; start < expressions.length; start += 40) {
    const part = expressions.slice(start, start + 40);
    const columns = part.map((expression) => {
      const sql = renderSql(expression, 'duckdb');
      const type = expression.type.name;
      return type === 'timestamp' ? `epoch_ms(${sql})` : type === 'date' ? `(${sql} - DATE '1970-01-01')` : sql;
    });
    const reader = await connection.runAndReadAll(`SELECT ${columns.map((column, k) => `${column} AS c${k}`).join(', ')} FROM r ORDER BY row`);
    const rows = reader.getRows();
    part.forEach((_, k) => results.push(rows.map((row) => (typeof row[k] === 'bigint' ? Number(row[k]) : row[k]) as Scalar)));
  }
  return results;
}

async function compare(sources: readonly string[], equal: (a: Scalar, b: Scalar) => boolean): Promise<number> {
  const expressions = sources.map((sql) => expectExpression(sql, RANDOM_SCOPE));
  const expected = await inDuckDb(expressions);
  let compared = 0;
  expressions.forEach((expression, k) => {
    const compiled = compileExpression(expression);
    const column = compiled.evaluateColumn(table.batch);
    const overLists = expression.columns.some((name) => RANDOM_SCOPE[name].name === 'list');
    for (let row = 0; row < ROWS; row++) {
      const value = cellAt(column, row);
      const place = `seed ${SEED}, row ${row}: ${expression.sql}\n${expression.columns.map((name) => `${name} = ${JSON.stringify(table.cells[name][row])}`).join(', ')}`;
      if (!equal(value, expected[k][row])) expect.fail(`closure ${String(value)}, DuckDB ${String(expected[k][row])}: ${place}\n${renderSql(expression, 'duckdb')}`);
      if (!overLists) {
        const scalar = compiled.evaluate((name) => table.cells[name][row] as Scalar);
        if (!Object.is(scalar, value)) expect.fail(`by row ${String(scalar)}, by column ${String(value)}: ${place}`);
      }
      compared++;
    }
  });
  return compared;
}

describe('compileExpression', () => {
  it('differential: closure equals DuckDB bit for bit on random expressions and rows', async () => {
    const random = new RandomExpression(seededDraw(SEED + 1));
    const sources = Array.from({ length: 480 }, (_, k) => random.any(1 + (k % 4)));
    expect(await compare(sources, Object.is)).toBe(480 * ROWS);
  });

  it('differential: long and deep expressions stay small and equal', async () => {
    const sources = [
      Array.from({ length: 30 }, (_, k) => ['x', 'y', 'm'][k % 3]).join(' * '), Array.from({ length: 40 }, (_, k) => ['g', 'i'][k % 2]).join(' + '),
      `${'(b is null) = '.repeat(1)}${'('.repeat(20)}b${' is null)'.repeat(20)}`, `${'round('.repeat(12)}x${' / i, 2)'.repeat(12)}`, `${'abs('.repeat(25)}g${' - j)'.repeat(25)}`,
      Array.from({ length: 20 }, () => 'cast(g as string)').join(' || '),
    ];
    for (const sql of sources) expect(renderSql(expectExpression(sql, RANDOM_SCOPE), 'duckdb').length).toBeLessThan(20_000);
    await compare(sources, Object.is);
  });

  it('differential: ln, exp and power equal DuckDB within 1e-12', async () => {
    const random = new RandomExpression(seededDraw(SEED + 2));
    const near = (a: Scalar, b: Scalar): boolean => Object.is(a, b)
      || (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b)));
    await compare(Array.from({ length: 80 }, () => random.smooth()), near);
  });
});
