import { compileExpression } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import type { Scalar } from '../expressions/typed-tree.ts';
import type { ColumnType } from '../records/columns.ts';
import type { Check, CheckSuite } from './check.ts';
import { checkPattern } from './pattern.ts';

/** A row as people see it: decimals as numbers, timestamps in ms, dates in days. */
export type NaiveRow = Readonly<Record<string, Scalar>>;

/** For each check about rows the rows that fail it, found one by one from what the check says; undefined for checks about the table. */
export function naiveFailures(suite: CheckSuite, rows: readonly NaiveRow[], columns: Readonly<Record<string, ColumnType>>, tables: Readonly<Record<string, readonly NaiveRow[]>> = {}): (number[] | undefined)[] {
  return suite.checks.map((check) => {
    const looked = rows.map((row) => check.where === undefined || evaluate(check.where, row, columns) === true);
    const fails = rowFails(check, rows, looked, columns, tables);
    return fails && rows.flatMap((row, at) => (looked[at] && fails(row) ? [at] : []));
  });
}

function rowFails({ rule }: Check, rows: readonly NaiveRow[], looked: readonly boolean[], columns: Readonly<Record<string, ColumnType>>, tables: Readonly<Record<string, readonly NaiveRow[]>>): ((row: NaiveRow) => boolean) | undefined {
  switch (rule.kind) {
    case 'not_null': return (row) => rule.columns.some((name) => row[name] === null);
    case 'range': {
      const unit = (value: number | string): number => (typeof value === 'number' ? value : Date.parse(value) / (columns[rule.column]!.name === 'date' ? 86_400_000 : 1));
      return (row) => {
        const value = row[rule.column] as number | null;
        return value !== null && ((rule.min !== undefined && value < unit(rule.min)) || (rule.max !== undefined && value > unit(rule.max)));
      };
    }
    case 'one_of': return (row) => row[rule.column] !== null && !rule.values.includes(row[rule.column] as number | string);
    case 'pattern': {
      const checked = checkPattern(rule.pattern);
      if ('problem' in checked) throw new Error(checked.problem);
      return (row) => row[rule.column] !== null && !checked.expression.test(String(row[rule.column]));
    }
    case 'recomputed': return (row) => {
      const [value, again] = [row[rule.column]!, evaluate(rule.formula, row, columns)];
      if (value === null || again === null) return (value === null) !== (again === null);
      return typeof value === 'number' && rule.tolerance > 0 ? Math.abs(value - (again as number)) > rule.tolerance : value !== again;
    };
    case 'expression': return (row) => evaluate(rule.that, row, columns) === false;
    case 'unique': return (row) => {
      if (rule.columns.some((name) => row[name] === null)) return false;
      return rows.filter((other, at) => looked[at] && rule.columns.every((name) => other[name] === row[name])).length > 1;
    };
    case 'reference': return (row) => {
      if (rule.columns.some((name) => row[name] === null)) return false;
      return !tables[rule.table]!.some((other) => rule.keys.every((key, k) => other[key] === row[rule.columns[k]!]));
    };
    default: return undefined;
  }
}

function evaluate(sql: string, row: NaiveRow, columns: Readonly<Record<string, ColumnType>>): Scalar {
  return compileExpression(expectExpression(sql, columns)).evaluate((name) => row[name]!);
}
