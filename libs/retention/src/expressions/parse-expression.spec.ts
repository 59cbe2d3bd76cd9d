import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { compileExpression } from './compile-expression.ts';
import { compileNumeric } from './compile-numeric.ts';
import { expectExpression, parseExpression } from './parse-expression.ts';
import { RandomExpression, RANDOM_SCOPE, seededDraw } from './random-expression.ts';
import { renderSql } from './render-sql.ts';
import type { Scalar, Scope } from './typed-tree.ts';

const SCOPE: Scope = { ...RANDOM_SCOPE, quantity: { name: 'int' }, last_purchase: { name: 'timestamp' }, seq__1: { name: 'string' }, seq__2: { name: 'string' } };

function valueOf(sql: string, row: Record<string, Scalar> = {}): Scalar {
  return compileExpression(expectExpression(sql, SCOPE)).evaluate((name) => row[name] ?? null);
}

describe('parseExpression', () => {
  it.each([
    ['quantty + 1', 0, /^unknown name quantty; did you mean quantity\?/],
    ['i + flor(x)', 4, /^unknown function flor; did you mean floor\(number\)\?/],
    ['i + 1e3', 4, /plain number such as 1000 or 0\.5, found 1e3/],
    ['i--j', 1, /-- starts a comment/],
    ['i /* no */ + 1', 2, /starts a comment/],
    ['i; j', 1, /one expression, found ;/],
    ['i j', 3, /found its end too early|unexpected/],
    ['i as k', 2, /unexpected as/],
    ['"i" + 1', 0, /bare name/],
    ["E'x'", 1, /prefix E/],
    ["s = 'a", 4, /closing quote/],
    ['i + 9007199254740993', 4, /within 2\^53 - 1/],
    ['(i + 1', 6, /end too early/],
    ['i + ', 4, /end too early/],
    ['', 0, /found nothing/],
    ['i = null', 0, /use is null/],
    ['i = 1 is null', 0, /parentheses around 1 is null/],
    ['b = c is null', 0, /parentheses/],
    ['i < j = b', 0, /parentheses around i < j/],
    ["i = 'x'", 0, /found int and string/],
    ["t > '2011-09-09'", 0, /timestamp '2011-09-09 00:00:00'/],
    ['t + 1', 0, /found timestamp; use days_between/],
    ['s + 1', 0, /expected numbers, found string/],
    ["s || 1", 0, /cast numbers to string/],
    ['not i', 4, /not: expected boolean, found int/],
    ['i and b', 0, /and: expected boolean, found int/],
    ['x ^ 2', 0, /use power/],
    ['s ilike \'x\'', 0, /expected an operator/],
    ['s like u', 0, /literal pattern/],
    ['cast(x as string)', 0, /no cast from double to string/],
    ['cast(s as timestamp)', 0, /only a literal/],
    ["timestamp '2011-02-30 00:00:00'", 0, /moment of the calendar/],
    ["date '2011-9-1'", 0, /expected yyyy-MM-dd/],
    ['cast(i as decimal(10,2))', 0, /expected one of int, bigint, double/],
    ['count(*)', 0, /unknown function count/],
    ['round(x, i)', 0, /0 to 15 as a literal/],
    ['round(x, 1, 2)', 0, /expected round\(number\[, places\]\), found 3 arguments/],
    ['current_date', 0, /reserved word current_date/],
    ['(select 1)', 1, /leaves out/],
    ['r.i', 0, /bare column name/],
    ['li', 0, /use list_count/],
    ['li + 1', 0, /found list/],
    ['sequence_at(seq, 3)', 17, /sequence_at: expected a literal from 1 \(newest\) to 2, found 3/],
    ['sequence_at(seq, i)', 17, /sequence_at: expected a literal from 1 \(newest\) to 2/],
    ['sequence_at(i, 1)', 12, /expected the name of a sequence, found i/],
    ['sequence_at(seq)', 0, /expected sequence_at\(sequence, k\)/],
    ["seq = 'a'", 0, /found the sequence seq; write sequence_at\(seq, 1\) for its newest/],
    ['list_sum(i)', 0, /expected a list column, found int/],
    ['null', 0, /typed value/],
    ["case when b then 1 else 'x' end", 0, /one type, found int, string/],
    ["interval '1 day'", 0, /expected one of int/],
    ['i in (1, \'x\')', 0, /one type/],
    ['t in (1)', 0, /one type/],
    ['least(b, c)', 0, /one type/],
    ["date_trunc('week', t)", 0, /'day' or 'hour', found week/],
    ['substring(s, 0)', 0, /start of 1 or more/],
    [`${'('.repeat(80)}i${' + 1)'.repeat(80)}`, expect.any(Number) as unknown as number, /64 levels/],
  ])('refuses %s', (sql, offset, message) => {
    const parsed = parseExpression(sql, SCOPE);
    expect(parsed.problem).toMatch(message);
    if (typeof offset === 'number') expect(parsed.expression === undefined && parsed.offset).toBe(offset);
  });

  it('reads minus signs, whatever the spaces', () => {
    expect(valueOf('i-1', { i: 5 })).toBe(4);
    expect(valueOf('i -1', { i: 5 })).toBe(4);
    expect(valueOf('i - -1', { i: 5 })).toBe(6);
    expect(valueOf('(i)-1', { i: 5 })).toBe(4);
    expect(valueOf('length(s)-1', { s: 'abc' })).toBe(2);
    expect(valueOf('-i', { i: 5 })).toBe(-5);
    expect(valueOf('case when i = -1 then -2 else -3 end', { i: -1 })).toBe(-2);
    expect(valueOf('1-2-3')).toBe(-4);
    expect(valueOf('2*-3')).toBe(-6);
  });

  it('points at the mistake behind a minus that it had to part', () => {
    expect(parseExpression('i-1 + quantty', SCOPE)).toMatchObject({ offset: 6 });
  });

  it('reads a sequence\'s value as a column of its own', () => {
    expect(parseExpression("sequence_at(seq, 2) = 'a'", SCOPE).expression).toMatchObject({ type: { name: 'boolean' }, columns: ['seq__2'] });
  });

  it('gives types and columns', () => {
    const about = (sql: string): unknown[] => {
      const { type, columns } = expectExpression(sql, SCOPE);
      return [type.name, ...columns];
    };
    expect(about('i')).toEqual(['int', 'i']);
    expect(about('i + j')).toEqual(['bigint', 'i', 'j']);
    expect(about('i / j')).toEqual(['double', 'i', 'j']);
    expect(about('m * i')).toEqual(['double', 'm', 'i']);
    expect(about("case when s = 'x' then 1 else 0 end")).toEqual(['int', 's']);
    expect(about('QUANTITY')).toEqual(['int', 'quantity']);
  });

  it('differential: precedence without parentheses equals DuckDB', async () => {
    const draw = seededDraw(5);
    const pick = (items: readonly string[]): string => items[Math.floor(draw() * items.length)] as string;
    const sum = (): string => Array.from({ length: 4 }, (_, k) => `${k === 0 ? '' : ` ${pick(['+', '-', '*', '%'])} `}${pick(['', '-'])}${pick(['i', 'j', '3', '7'])}`).join('').replace(/- -/g, '- ').replace(/--/g, '-');
    const test = (): string => `${sum()} ${pick(['<', '>=', '=', '<>'])} ${sum()}`;
    const logic = (): string => Array.from({ length: 3 }, (_, k) => `${k === 0 ? '' : pick([' and ', ' or '])}${pick(['', 'not '])}${pick([test(), 'b', 'c', `i between ${pick(['1', 'j'])} and 5`, 'j is null', 'i in (1, 2)'])}`).join('');
    const sources = [...Array.from({ length: 60 }, sum), ...Array.from({ length: 60 }, logic)];
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const rows: Record<string, Scalar>[] = [{ i: 4, j: -3, b: true, c: false }, { i: 1, j: 5, b: false, c: null }, { i: -7, j: 2, b: null, c: true }];
    for (const row of rows) {
      const given = Object.entries(row).map(([name, value]) => `CAST(${String(value)} AS ${typeof value === 'number' ? 'BIGINT' : 'BOOLEAN'}) AS ${name}`);
      const answer = (await connection.runAndReadAll(`SELECT ${sources.join(', ')} FROM (SELECT ${given.join(', ')})`)).getRows()[0] ?? [];
      sources.forEach((sql, k) => {
        const found = typeof answer[k] === 'bigint' ? Number(answer[k]) : answer[k];
        expect(valueOf(sql, row), `${sql} on ${JSON.stringify(row)}`).toBe(found);
      });
    }
    connection.closeSync();
  });
});

describe('the rules of the language', () => {
  it.each<[string, Record<string, Scalar>, Scalar]>([
    ['i / j', { i: 7, j: 2 }, 3.5], ['i / j', { i: 7, j: 0 }, null], ['i % j', { i: -7, j: 3 }, -1], ['i % j', { i: -6, j: 3 }, 0],
    ['g + 1', { g: Number.MAX_SAFE_INTEGER }, null], ['g * g', { g: 94906267 }, null], ['g * g', { g: 94906265 }, 94906265 ** 2], ['x * x', { x: 1e300 }, null],
    ['0.1 + 0.2', {}, 0.30000000000000004], ['x * i', { x: 0, i: -5 }, 0], ['0.0 - x', { x: 0 }, 0],
    ['round(x)', { x: -2.5 }, -3], ['round(x, 2)', { x: 1.005 }, 1], ['round(x, 1)', { x: -0.04 }, 0], ['ln(x)', { x: 0 }, null], ['sqrt(x)', { x: -1 }, null],
    ['power(x, 0)', { x: null }, null], ['power(x, 0.5)', { x: -8 }, null],
    ['least(i, j, 3)', { i: null, j: 5 }, 3], ['greatest(i, j)', { i: null, j: null }, null], ['nullif(i, 0)', { i: 0 }, null], ['coalesce(i, 7)', { i: null }, 7],
    ['b and c', { b: false, c: null }, false], ['b and c', { b: true, c: null }, null], ['b or c', { b: null, c: true }, true], ['not b', { b: null }, null],
    ['i in (1, null)', { i: 2 }, null], ['i in (1, null)', { i: 1 }, true], ['i not in (1, null)', { i: 2 }, null], ['(i = 1) is true', { i: null }, false],
    ['s < u', { s: '\uffee', u: '😀' }, true], ['length(s)', { s: 'é😀' }, 2], ['upper(s)', { s: 'é1a' }, 'é1A'], ['lower(s)', { s: 'ÀB' }, 'Àb'],
    ['substring(s, 2, 2)', { s: 'a😀bc' }, '😀b'], ['substring(s, i)', { s: 'abc', i: 0 }, null], ["s like '_b%'", { s: '😀bx' }, true], ["s like 'a\\%'", { s: 'a\\z' }, true],
    ['cast(s as int)', { s: '12' }, 12], ['cast(s as int)', { s: ' 12' }, null], ['cast(s as int)', { s: '1.0' }, null], ['cast(s as int)', { s: '3000000000' }, null],
    ['cast(x as int)', { x: -2.9 }, -2], ['cast(x as bigint)', { x: 1e16 }, null], ['cast(i as string)', { i: -0 }, '0'], ['cast(b as string)', { b: true }, 'true'],
    ['days_between(t, v)', { t: 86_400_000, v: 129_600_000 }, 0.5], ['hour(t)', { t: -1 }, 23], ['day_of_week(t)', { t: 0 }, 4], ['day_of_week(w)', { w: 3 }, 0],
    ["date_trunc('day', t)", { t: -1 }, -86_400_000], ['cast(t as date)', { t: -1 }, -1], ["t = timestamp '2011-09-09 00:00:00'", { t: Date.UTC(2011, 8, 9) }, true],
    ["s || '-' || u", { s: 'a', u: null }, null], ["case s when 'buy' then 1.0 else 0.0 end", { s: 'buy' }, 1], ['case when b then i end', { b: null, i: 1 }, null],
  ])('%s on %o is %s', (sql, row, expected) => {
    expect(valueOf(sql, row)).toBe(expected);
  });

  it('renders for Spark what differs there', () => {
    const spark = (sql: string): string => renderSql(expectExpression(sql, SCOPE), 'spark');
    expect(spark("s like 'a\\%'")).toBe("(`s` LIKE 'a\\\\\\\\%')");
    expect(spark("s = 'it''s'")).toBe("(`s` = CAST('it\\'s' AS STRING))");
    expect(spark('day_of_week(t)')).toBe('(dayofweek(`t`) - 1)');
    expect(spark('starts_with(s, u)')).toBe('startswith(`s`, `u`)');
    expect(spark('days_between(t, v)')).toContain('unix_millis(`v`) - unix_millis(`t`)');
  });
});

describe('compileNumeric', () => {
  it('oracle: equals the scalar closure on random formulas, NaN for null', () => {
    const numeric: Scope = { i: { name: 'int' }, j: { name: 'int' }, g: { name: 'bigint' }, m: { name: 'double' }, n: { name: 'double' }, x: { name: 'double' }, y: { name: 'double' }, b: { name: 'boolean' }, c: { name: 'boolean' }, t: { name: 'timestamp' }, v: { name: 'timestamp' }, w: { name: 'date' } };
    const draw = seededDraw(3);
    const random = new RandomExpression(draw);
    const names = Object.keys(numeric);
    let compared = 0;
    for (let k = 0; compared < 2000 && k < 4000; k++) {
      const sql = random.of(k % 2 === 0 ? 'double' : 'boolean', 3);
      const parsed = parseExpression(sql, numeric);
      if (parsed.expression === undefined) continue;
      const closure = compileNumeric(sql, numeric);
      const scalar = compileExpression(parsed.expression);
      for (let row = 0; row < 10; row++) {
        const values = Float64Array.from(names, (name) => draw() < 0.2 ? NaN : name === 'b' || name === 'c' ? Math.round(draw()) : Math.floor(draw() * 40) - 20);
        const expected = scalar.evaluate((name) => {
          const value = values[names.indexOf(name)] as number;
          return Number.isNaN(value) ? null : numeric[name]?.name === 'boolean' ? value === 1 : value;
        });
        expect(closure(values), `${sql} on ${String(values)}`).toBe(expected === null ? NaN : Number(expected));
        compared++;
      }
    }
    expect(compared).toBeGreaterThanOrEqual(2000);
  });

  it('takes names as doubles in order', () => {
    const formula = compileNumeric('recency / case when gap > 0 then gap else greatest(tenure, 1) end', ['recency', 'gap', 'tenure']);
    expect(formula(Float64Array.of(6, 2, 100))).toBe(3);
    expect(formula(Float64Array.of(6, 0, 0.5))).toBe(6);
    expect(formula(Float64Array.of(6, NaN, 12))).toBe(0.5);
    expect(formula(Float64Array.of(NaN, 2, 12))).toBeNaN();
  });
});
