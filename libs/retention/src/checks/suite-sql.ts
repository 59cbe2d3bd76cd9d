import { expectExpression } from '../expressions/parse-expression.ts';
import { quoteName, quoteText, renderSql, type Dialect } from '../expressions/render-sql.ts';
import type { ColumnType } from '../records/columns.ts';
import { isRowCheck, type Check, type CheckSuite } from './check.ts';
import { checkPattern } from './pattern.ts';

/** Where a suite's rows stand, as the statement writes it, and the columns that its expressions may use. */
export interface SuiteTarget {
  /** A table, a view or a subquery in parentheses. */
  readonly from: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
}

/** The statements of a suite; both read the table once. */
export interface SuiteSql {
  /**
   * One row: `rows`, and for each check by its place: `looked_n` (rows looked at), `failing_n` for those about rows, and what the others measure in
   * `measured_n` and `second_n`.
   */
  readonly measures: string;
  /** Every row that fails at least one of the checks named by place: all its columns, then booleans `_fails_n`. */
  failingRows(checks: readonly number[]): string;
}

/** Compiles a suite; checks that need no statement (`schema`, `readable`) measure nothing in it. */
export function suiteSql(suite: CheckSuite, target: SuiteTarget, dialect: Dialect = 'duckdb'): SuiteSql {
  const writer = new SuiteWriter(target, dialect);
  const flags = suite.checks.map((check) => (isRowCheck(check) ? writer.fails(check) : undefined));
  const flagged = flags.flatMap((flag, place) => (flag === undefined ? [] : [`${flag} AS ${writer.name(`_fails_${place}`)}`]));
  const measures = suite.checks.flatMap((check, place) => writer.measures(check, place));
  return {
    measures: `SELECT ${['count(*) AS rows', ...measures].join(',\n  ')}\nFROM (SELECT ${['*', ...flagged].join(',\n  ')} FROM ${target.from} AS t) AS flagged`,
    failingRows: (checks) => {
      const names = checks.map((place) => writer.name(`_fails_${place}`));
      const asked = checks.map((place, k) => `${flags[place]} AS ${names[k]}`);
      return `SELECT * FROM (SELECT ${['*', ...asked].join(',\n  ')} FROM ${target.from} AS t) AS flagged\nWHERE ${names.join(' OR ')}`;
    },
  };
}

class SuiteWriter {
  readonly #target: SuiteTarget;
  readonly #dialect: Dialect;

  constructor(target: SuiteTarget, dialect: Dialect) {
    this.#target = target;
    this.#dialect = dialect;
  }

  name(column: string): string {
    return quoteName(column, this.#dialect);
  }

  #expression(sql: string): string {
    return renderSql(expectExpression(sql, this.#target.columns), this.#dialect);
  }

  /** A boolean that is never null: whether a row fails. */
  fails(check: Check): string {
    const { rule, holds, where } = check;
    const own = holds !== undefined ? `((${this.#expression(holds)}) IS FALSE)` : this.#keyedFails(check);
    if (where === undefined) return own;
    // Rows that a filter leaves out must not make another row's key look repeated.
    return rule.kind === 'unique' ? own : `(${own} AND (${this.#expression(where)}) IS TRUE)`;
  }

  #keyedFails({ rule, where }: Check): string {
    if (rule.kind === 'pattern') return this.#patternFails(rule.column, rule.pattern);
    const columns = rule.kind === 'unique' || rule.kind === 'reference' ? rule.columns : [];
    const looked = where === undefined ? 'TRUE' : `(${this.#expression(where)}) IS TRUE`;
    const own = columns.map((column) => `t.${this.name(column)}`);
    const known = own.map((column) => `${column} IS NOT NULL`).join(' AND ');
    if (rule.kind === 'unique') {
      const keys = columns.map((column, k) => `${this.name(column)} AS k${k}`);
      const names = keys.map((_, k) => `k${k}`);
      const repeated = `SELECT ${names.join(', ')} FROM (SELECT ${keys.join(', ')} FROM ${this.#target.from} AS other WHERE ${looked}) AS keys GROUP BY ${names.join(', ')} HAVING count(*) > 1`;
      return `(${known} AND ${looked} AND EXISTS (SELECT 1 FROM (${repeated}) AS repeated WHERE ${own.map((column, k) => `repeated.k${k} = ${column}`).join(' AND ')}))`;
    }
    if (rule.kind !== 'reference') throw new TypeError(`expected a check about rows, found ${rule.kind}`);
    const keys = rule.keys.map((key, k) => `other.${this.name(key)} = ${own[k]}`);
    return `(${known} AND NOT EXISTS (SELECT 1 FROM ${rule.table} AS other WHERE ${keys.join(' AND ')}))`;
  }

  #patternFails(column: string, pattern: string): string {
    const checked = checkPattern(pattern);
    if ('problem' in checked) throw new TypeError(`expected a checked pattern, found ${checked.problem}`);
    const text = quoteText(pattern, this.#dialect);
    return `((${this.#dialect === 'duckdb' ? `regexp_matches(t.${this.name(column)}, ${text})` : `t.${this.name(column)} RLIKE ${text}`}) IS FALSE)`;
  }

  measures(check: Check, place: number): string[] {
    const { rule, where } = check;
    const looked = where === undefined ? 'TRUE' : `(${this.#expression(where)}) IS TRUE`;
    const filter = where === undefined ? '' : ` FILTER (WHERE ${looked})`;
    const lookedAt = `count(*)${filter} AS looked_${place}`;
    if (isRowCheck(check)) return [lookedAt, `count(*) FILTER (WHERE ${this.name(`_fails_${place}`)}) AS failing_${place}`];
    const column = 'column' in rule ? this.name(rule.column) : '';
    const type = 'column' in rule ? this.#target.columns[rule.column]! : undefined;
    switch (rule.kind) {
      case 'freshness': return [lookedAt, `${this.#millis(`max(${column})`, type!)} AS measured_${place}`];
      case 'row_count': return [lookedAt, `count(*)${filter} AS measured_${place}`];
      case 'missing_share': return [lookedAt, `count(*) FILTER (WHERE ${column} IS NULL AND ${looked}) AS measured_${place}`];
      case 'mean_drift': return [lookedAt, `CAST(avg(${this.#double(column, type!)})${filter} AS DOUBLE) AS measured_${place}`];
      case 'target_health': {
        if (rule.minorityAtLeast === undefined) {
          const value = this.#double(column, type!);
          const outside = [...(rule.min === undefined ? [] : [`${value} < ${rule.min}`]), ...(rule.max === undefined ? [] : [`${value} > ${rule.max}`])].join(' OR ');
          return [lookedAt, `count(*) FILTER (WHERE (${outside}) AND ${looked}) AS measured_${place}`];
        }
        const classes = `(SELECT count(*) AS c FROM ${this.#target.from} AS other WHERE ${column} IS NOT NULL AND ${looked} GROUP BY ${column})`;
        return [lookedAt, `(SELECT min(c) FROM ${classes} AS classes) AS measured_${place}`, `(SELECT count(*) FROM ${classes} AS classes) AS second_${place}`];
      }
      default: return [];
    }
  }

  #double(column: string, type: ColumnType): string {
    return type.name === 'boolean' ? `CAST(CAST(${column} AS INTEGER) AS DOUBLE)` : `CAST(${column} AS DOUBLE)`;
  }

  #millis(value: string, type: ColumnType): string {
    if (type.name === 'timestamp') return this.#dialect === 'duckdb' ? `epoch_ms(${value})` : `unix_millis(${value})`;
    return this.#dialect === 'duckdb' ? `epoch_ms(CAST(${value} AS TIMESTAMP))` : `unix_millis(CAST(${value} AS TIMESTAMP))`;
  }
}
