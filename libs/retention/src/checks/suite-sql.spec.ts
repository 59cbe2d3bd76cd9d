// Goal: a suite's SQL finds exactly the rows that fail. Method: random rows (nulls, repeats, edges of ranges) through DuckDB against a naive reading of
// each check row by row; the checks are read from YAML, so that what is compiled is what people write.
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ColumnType } from '../records/columns.ts';
import { OpenFile, type Problem } from '../sources/yaml-fields.ts';
import { judgeSuite } from './judge-suite.ts';
import { naiveFailures, type NaiveRow } from './naive-suite.ts';
import { parseChecks } from './parse-checks.ts';
import { suiteSql } from './suite-sql.ts';
import { checkedTables, type TableOwner } from './checked-tables.ts';

const column = (name: string, type: ColumnType) => ({ name, field: name, type, nullable: true, range: undefined, allowed: undefined, zeroFraction: false, outcome: false, description: '' });
const owner = {
  name: 'shop', time: 'day',
  columns: [column('n', { name: 'int' }), column('price', { name: 'decimal', precision: 9, scale: 2 }), column('site', { name: 'string' }), column('day', { name: 'timestamp' }), column('flag', { name: 'boolean' })],
  derived: [{ name: 'total', type: { name: 'decimal', precision: 12, scale: 2 }, formula: 'n * price' }],
  features: { features: [] }, models: { task: 'classification' },
} as unknown as TableOwner;

const YAML = `
all:
  table: silver.shop
  checks:
    - { check: not_null, columns: [n, site] }
    - { check: range, column: n, min: -2, max: 2 }
    - { check: range, column: price, min: 0.5, name: price_low }
    - { check: range, column: day, min: 2026-01-02, max: 2026-01-03T12:00:00Z }
    - { check: one_of, column: site, values: [A, "it's"] }
    - { check: one_of, column: n, values: [-1, 0, 1], name: small, where: flag }
    - { check: pattern, column: site, pattern: '^[A-B]+(-\\d)?$' }
    - { check: recomputed, column: total, formula: n * price }
    - { check: recomputed, column: total, formula: n * price, tolerance: 0.01, name: about }
    - { check: expression, name: dear, that: price > 1 or n < 0 }
    - { check: unique, columns: [n, site] }
    - { check: unique, columns: [n], name: once_flagged, where: flag }
    - { check: reference, columns: [site, n], table: silver.sites, keys: [name, k] }
`;

function suitesOf(text: string): { suites: ReturnType<typeof parseChecks>; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  return { suites: parseChecks(new OpenFile({ path: 'checks.yaml', text }, problems), owner), problems };
}

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run("SET TimeZone = 'UTC'; CREATE SCHEMA silver");
});
afterAll(() => connection.closeSync());

const DAY = Date.UTC(2026, 0, 1);
const rowArbitrary = fc.record({
  n: fc.option(fc.integer({ min: -3, max: 3 })),
  price: fc.option(fc.integer({ min: -100, max: 200 }).map((cents) => cents / 100)),
  site: fc.option(fc.constantFrom('A', 'B-1', 'AB', "it's", 'a', 'A\n', 'é', '')),
  day: fc.option(fc.integer({ min: 0, max: 8 }).map((half) => DAY + half * 43_200_000)),
  flag: fc.option(fc.boolean()),
  off: fc.constantFrom(0, 0, 0, 0.01, 0.02),
  lost: fc.integer({ min: 0, max: 5 }),
}).map(({ off, lost, ...row }) => ({ ...row, total: lost === 0 || row.n === null || row.price === null ? (lost === 1 ? 1 : null) : Math.round(row.n * row.price * 100 + off * 100) / 100 }));

const literal = (value: number | string | boolean | null): string => (value === null ? 'NULL' : typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value));

async function fill(rows: readonly NaiveRow[], sites: readonly NaiveRow[]): Promise<void> {
  const types = 'id INTEGER, n INTEGER, price DECIMAL(9, 2), site VARCHAR, day TIMESTAMP, flag BOOLEAN, total DECIMAL(12, 2)';
  await connection.run(`CREATE OR REPLACE TABLE silver.shop (${types}); CREATE OR REPLACE TABLE silver.sites (name VARCHAR, k INTEGER)`);
  const values = rows.map((row, id) => `(${[id, row['n']!, row['price']!, row['site']!].map(literal).join(', ')}, ${row['day'] === null ? 'NULL' : `make_timestamp(${Number(row['day']) * 1000})`}, ${literal(row['flag']!)}, ${literal(row['total']!)})`);
  if (values.length > 0) await connection.run(`INSERT INTO silver.shop VALUES ${values.join(', ')}`);
  if (sites.length > 0) await connection.run(`INSERT INTO silver.sites VALUES ${sites.map((row) => `(${literal(row['name']!)}, ${literal(row['k']!)})`).join(', ')}`);
}

describe('suiteSql', () => {
  const { suites, problems } = suitesOf(YAML);
  const columns = checkedTables(owner).get('silver.shop')!.columns;

  it('reads the suite', () => expect(problems).toEqual([]));

  it('oracle: finds the rows that a naive reading finds', { timeout: 120_000 }, async () => {
    const [suite] = suites;
    const statements = suiteSql(suite!, { from: 'silver.shop', columns });
    await fc.assert(fc.asyncProperty(fc.array(rowArbitrary, { maxLength: 12 }), fc.array(fc.record({ name: fc.constantFrom('A', 'AB', null), k: fc.constantFrom(0, 1, null) }), { maxLength: 4 }), async (rows, sites) => {
      await fill(rows, sites);
      const expected = naiveFailures(suite!, rows, columns, { 'silver.sites': sites });
      const [measures] = (await connection.runAndReadAll(statements.measures)).getRowObjectsJson();
      expect(Number(measures!['rows'])).toBe(rows.length);
      expect(expected.map((_, place) => Number(measures![`failing_${place}`]))).toEqual(expected.map((failing) => failing!.length));
      const places = suite!.checks.map((_, place) => place);
      const found = (await connection.runAndReadAll(statements.failingRows(places))).getRowObjectsJson();
      for (const place of places) expect(found.filter((row) => row[`_fails_${place}`] === true).map((row) => Number(row['id'])).sort((a, b) => a - b), suite!.checks[place]!.name).toEqual(expected[place]);
    }), { numRuns: 60 });
  });

  it('measures what checks about the table ask for', async () => {
    const { suites: [suite], problems: found } = suitesOf(`
all:
  table: silver.shop
  checks:
    - { check: freshness, column: day, within: 2d }
    - { check: row_count, min: 3, max: 4 }
    - { check: row_count, min: 3, name: flagged, where: flag }
    - { check: missing_share, columns: [price], at_most: 0.25 }
    - { check: target_health, column: flag, minority_at_least: 0.4 }
    - { check: target_health, column: price, min: 0, max: 1, at_most: 0.5, name: bounded }
    - { check: mean_drift, columns: [price], at_most: 0.1, severity: warn }
    - { check: schema }
    - { check: readable, at_most: 0.1 }
`);
    expect(found).toEqual([]);
    const row = { n: 1, price: 1.5, site: 'A', day: DAY, flag: true, total: 1.5 };
    await fill([row, { ...row, price: 0.5 }, { ...row, price: null, flag: false }, { ...row, price: 3, day: DAY + 86_400_000 }], []);
    const [measures] = (await connection.runAndReadAll(suiteSql(suite!, { from: 'silver.shop', columns }).measures)).getRowObjectsJson();
    const facts = { measures: measures!, expectedColumns: { n: { name: 'int' }, price: { name: 'double' }, gone: { name: 'int' } } as const, columns: [{ name: 'n', type: { name: 'int' } }, { name: 'price', type: { name: 'int' } }] as const, lines: { read: 10, rejected: 2 } };
    const judged = (nowMs: number, mean: number | undefined) => judgeSuite(suite!, { ...facts, nowMs, lastMeans: new Map(mean === undefined ? [] : [['mean_drift_price', mean]]) });
    const results = judged(DAY + 3 * 86_400_000, 1.6);
    expect(results.map(({ check, verdict, found: what }) => [check, verdict, what])).toEqual([
      ['freshness_day', 'passed', '2026-01-02T00:00:00.000Z'],
      ['row_count', 'passed', '4 rows'],
      ['flagged', 'passed', '3 rows'],
      ['missing_share_price', 'passed', '25 % (1 of 4 rows)'],
      ['target_health_flag', 'failed', '2 classes, the smallest with 25 %'],
      ['bounded', 'passed', '50 % outside'],
      ['mean_drift_price', 'passed', '1.66667 after 1.6 (4.17 %)'],
      ['schema', 'failed', 'missing: gone; price is int and not double'],
      ['readable', 'failed', '2 of 10 do not (20 %)'],
    ]);
    expect(judged(DAY + 3 * 86_400_000 + 1, 1)[0]!.verdict).toBe('failed');
    expect(judged(DAY, 1)[6]).toMatchObject({ verdict: 'warned', found: '1.66667 after 1 (66.7 %)' });
    expect(judged(DAY, undefined)[6]!.verdict).toBe('passed');
  });
});

describe('parseChecks', () => {
  const told = (text: string): string[] => suitesOf(`s:\n  table: silver.shop\n  checks:\n    - ${text}\n`).problems.map(({ line, message }) => `${line}: ${message}`);

  it.each([
    ['{ check: rnage, column: n }', /^4: check: expected one of schema, .*found 'rnage'; did you mean range\?$/],
    ['{ column: n }', /expected the key check, found column/],
    ['{ check: range, column: n }', /expected min or max, found neither/],
    ['{ check: range, column: n, min: 3, max: 2 }', /max: expected at least min \(3\), found 2/],
    ['{ check: range, column: site, min: 3 }', /column: expected a number, date or timestamp, found site \(string\)/],
    ['{ check: range, column: day, min: 2026-02-31 }', /min: expected a moment such as .*found '2026-02-31'/],
    ['{ check: range, column: price, min: 1e3 }', /min: expected a plain number/],
    ['{ check: range, column: prise, min: 1 }', /column: expected a column of silver.shop, found prise; did you mean price\?/],
    ['{ check: not_null, columns: [n, m] }', /columns: expected a column of silver.shop, found m/],
    ['{ check: not_null, columns: [] }', /columns: expected at least one column/],
    ['{ check: not_null, columns: [n], at_most: 5 }', /at_most: expected a number from 0 to 1, found '5'/],
    ['{ check: not_null, columns: [n], severity: bad }', /severity: expected one of warn, fail, found 'bad'/],
    ['{ check: not_null, columns: [n], wher: flag }', /unknown key wher/],
    ['{ check: not_null, columns: [n], where: n }', /where: expected a boolean expression, found int/],
    ['{ check: one_of, column: n, values: [one] }', /values: expected a plain number/],
    ['{ check: one_of, column: price, values: [1] }', /column: expected a text or integer/],
    ["{ check: pattern, column: site, pattern: '(?<=a)b' }", /pattern: expected a plain group or \(\?:/],
    ["{ check: pattern, column: site, pattern: 'a*?' }", /pattern: expected plain repeats/],
    ["{ check: pattern, column: site, pattern: '[a' }", /pattern: expected \] at the end/],
    ["{ check: pattern, column: site, pattern: '\\s' }", /pattern: expected \\d, \\w or an escaped sign, found \\s/],
    ['{ check: recomputed, column: total, formula: n * prize }', /formula: .*prize/],
    ['{ check: recomputed, column: site, formula: n }', /formula: expected a value of string, found int/],
    ['{ check: expression, name: x, that: n + 1 }', /that: expected a boolean expression, found bigint/],
    ['{ check: expression, that: n > 1 }', /expected the key name/],
    ['{ check: reference, columns: [n], table: users }', /table: expected a table like silver.users, found 'users'/],
    ['{ check: reference, columns: [n], table: silver.users, keys: [a, b] }', /keys: expected 1 columns/],
    ['{ check: freshness, column: day, within: soon }', /within: expected a duration/],
    ['{ check: freshness, column: n, within: 1d }', /column: expected a date or timestamp, found n \(int\)/],
    ['{ check: row_count }', /expected min or max/],
    ['{ check: missing_share, columns: [n] }', /expected the key at_most/],
    ['{ check: target_health, column: flag }', /expected minority_at_least, min or max/],
    ['{ check: mean_drift, columns: [site] }', /columns: expected columns of numbers, found site \(string\)/],
    ['{ check: schema }\n    - { check: schema }', /^5: expected each check once, found schema again/],
    ['nonsense', /checks: expected keys with values, found 'nonsense'/],
  ])('tells the mistake in %s', (text, message) => {
    expect(told(text).join('\n')).toMatch(new RegExp(message.source, 'm'));
  });

  it('tells mistakes of a suite', () => {
    const told = (text: string): string => suitesOf(text).problems.map(({ line, message }) => `${line}: ${message}`).join('\n');
    expect(told('s: { table: silver.shp, checks: [{ check: schema }] }')).toMatch(/1: table: expected one of bronze.shop, .*did you mean silver.shop\?/);
    expect(told('s: { table: silver.shop }')).toMatch(/expected the key checks/);
    expect(told('s: { table: silver.shop, checks: [] }')).toMatch(/expected at least one check/);
    expect(told('S-1: { table: silver.shop, checks: [{ check: schema }] }')).toMatch(/expected a suite's name/);
    expect(told('[1, 2]')).toMatch(/expected keys with values/);
    expect(told('s: {')).not.toBe('');
  });
});
