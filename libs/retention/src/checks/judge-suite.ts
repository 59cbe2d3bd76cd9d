import { formatType } from '../expressions/typed-tree.ts';
import type { ColumnType } from '../records/columns.ts';
import { isRowCheck, type Check, type CheckRule, type CheckSuite, type Severity } from './check.ts';

/** What one check found. */
export interface CheckResult {
  readonly suite: string;
  readonly table: string;
  readonly check: string;
  readonly kind: CheckRule['kind'];
  readonly severity: Severity;
  /** `warned` and `failed` by severity; only `failed` closes a gate. */
  readonly verdict: 'passed' | 'warned' | 'failed';
  /** Rows (or lines) looked at, and those of them that fail; 0 for checks about the table as a whole. */
  readonly rows: number;
  readonly failing: number;
  /** What a check about the table measured: a share, a mean, milliseconds since 1970 of the newest value, rows. */
  readonly measured: number | null;
  readonly expected: string;
  readonly found: string;
}

/** What judging needs besides the measures. */
export interface JudgeFacts {
  /** The row that `SuiteSql.measures` gives. */
  readonly measures: Readonly<Record<string, unknown>>;
  readonly nowMs: number;
  /** Columns that the table has. */
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  /** Columns that it should have. */
  readonly expectedColumns: Readonly<Record<string, ColumnType>>;
  /** Lines read, and those of them that no record was made of; undefined where that is not known. */
  readonly lines: { readonly read: number; readonly rejected: number } | undefined;
  /** Mean that the check measured in the last accepted run, by the check's name. */
  readonly lastMeans: ReadonlyMap<string, number>;
}

interface Finding {
  readonly holds: boolean;
  readonly rows: number;
  readonly failing?: number;
  readonly measured?: number | null;
  readonly expected: string;
  readonly found: string;
}

/** Decides every check of a suite by what was measured. */
export function judgeSuite(suite: CheckSuite, facts: JudgeFacts): CheckResult[] {
  return suite.checks.map((check, place) => {
    const { holds, rows, failing = 0, measured = null, expected, found } = findingOf(check, place, facts);
    const verdict = holds ? 'passed' : check.severity === 'fail' ? 'failed' : 'warned';
    return { suite: suite.name, table: suite.table, check: check.name, kind: check.rule.kind, severity: check.severity, verdict, rows, failing, measured, expected, found };
  });
}

function findingOf(check: Check, place: number, facts: JudgeFacts): Finding {
  const { rule, atMost } = check;
  const read = (what: string): number => Number(facts.measures[`${what}_${place}`] ?? 0);
  const value = (what: string): number | null => {
    const found = facts.measures[`${what}_${place}`];
    return found === null || found === undefined ? null : Number(found);
  };
  if (isRowCheck(check)) return shareFinding(read('failing'), read('looked'), atMost, describeRule(rule));
  const rows = read('looked');
  switch (rule.kind) {
    case 'schema': return schemaFinding(facts);
    case 'readable': {
      const lines = facts.lines ?? { read: 0, rejected: 0 };
      return shareFinding(lines.rejected, lines.read, atMost, 'every line becomes a record');
    }
    case 'freshness': {
      const newest = value('measured');
      const holds = newest !== null && newest >= facts.nowMs - rule.withinMs;
      const expected = `newest ${rule.column} at or after ${iso(facts.nowMs - rule.withinMs)}`;
      return { holds, rows, measured: newest, expected, found: newest === null ? 'no value' : iso(newest) };
    }
    case 'row_count': {
      const count = read('measured');
      const holds = count >= (rule.min ?? 0) && count <= (rule.max ?? Infinity);
      return { holds, rows, measured: count, expected: between(rule.min, rule.max, 'rows'), found: `${count} rows` };
    }
    case 'missing_share': {
      const missing = read('measured');
      const share = rows === 0 ? 0 : missing / rows;
      return { holds: share <= atMost, rows, measured: share, expected: `at most ${percent(atMost)} of ${rule.column} missing`, found: `${percent(share)} (${missing} of ${rows} rows)` };
    }
    case 'target_health': return healthFinding(rule, atMost, rows, value('measured'), value('second'));
    case 'mean_drift': return driftFinding(rule.column, atMost, rows, value('measured'), facts.lastMeans.get(check.name));
    default: throw new TypeError(`expected a check about the table, found ${rule.kind}`);
  }
}

function shareFinding(failing: number, rows: number, atMost: number, expected: string): Finding {
  const allowed = atMost === 0 ? '' : `, in all but ${percent(atMost)}`;
  return { holds: rows === 0 || failing / rows <= atMost, rows, failing, expected: `${expected}${allowed}`, found: failing === 0 ? 'all do' : `${failing} of ${rows} do not (${percent(failing / rows)})` };
}

function schemaFinding({ columns, expectedColumns }: JudgeFacts): Finding {
  const found = new Map(columns.map(({ name, type }) => [name, formatType(type)]));
  const missing = Object.keys(expectedColumns).filter((name) => !found.has(name));
  const changed = Object.entries(expectedColumns).filter(([name, type]) => found.has(name) && found.get(name) !== formatType(type));
  const problems = [
    ...(missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
    ...changed.map(([name, type]) => `${name} is ${found.get(name)} and not ${formatType(type)}`),
  ];
  return { holds: problems.length === 0, rows: 0, expected: `the ${Object.keys(expectedColumns).length} columns of the source`, found: problems.length === 0 ? 'all are there' : problems.join('; ') };
}

function healthFinding(rule: CheckRule & { readonly kind: 'target_health' }, atMost: number, rows: number, measured: number | null, classes: number | null): Finding {
  if (rule.minorityAtLeast === undefined) {
    const outside = measured ?? 0;
    const share = rows === 0 ? 0 : outside / rows;
    return { holds: rows > 0 && share <= atMost, rows, measured: share, expected: `${between(rule.min, rule.max, rule.column)}${atMost === 0 ? '' : `, in all but ${percent(atMost)}`}`, found: rows === 0 ? 'no rows' : `${percent(share)} outside` };
  }
  const share = rows === 0 || measured === null ? 0 : measured / rows;
  const expected = `at least two classes of ${rule.column}, the smallest with ${percent(rule.minorityAtLeast)}`;
  return { holds: (classes ?? 0) >= 2 && share >= rule.minorityAtLeast, rows, measured: share, expected, found: `${classes ?? 0} classes, the smallest with ${percent(share)}` };
}

function driftFinding(column: string, atMost: number, rows: number, mean: number | null, before: number | undefined): Finding {
  const expected = `mean of ${column} within ${percent(atMost)} of the last accepted run`;
  if (mean === null) return { holds: before === undefined, rows, measured: null, expected, found: 'no value' };
  if (before === undefined) return { holds: true, rows, measured: mean, expected, found: `${short(mean)}; no accepted run before` };
  const scale = Math.abs(before);
  const drift = scale === 0 ? (mean === 0 ? 0 : Infinity) : Math.abs(mean - before) / scale;
  return { holds: drift <= atMost, rows, measured: mean, expected, found: `${short(mean)} after ${short(before)} (${drift === Infinity ? 'from 0' : percent(drift)})` };
}

/** What a check about rows expects, for people. */
function describeRule(rule: CheckRule): string {
  switch (rule.kind) {
    case 'not_null': return `${rule.columns.join(', ')} not null`;
    case 'range': return between(rule.min, rule.max, rule.column);
    case 'one_of': return `${rule.column} one of ${rule.values.slice(0, 10).join(', ')}${rule.values.length > 10 ? ', …' : ''}`;
    case 'pattern': return `${rule.column} contains /${rule.pattern}/`;
    case 'recomputed': return `${rule.column} = ${rule.formula}${rule.tolerance > 0 ? ` within ${rule.tolerance}` : ''}`;
    case 'expression': return rule.that;
    case 'unique': return `${rule.columns.join(', ')} unique`;
    case 'reference': return `${rule.columns.join(', ')} in ${rule.table} (${rule.keys.join(', ')})`;
    default: return rule.kind;
  }
}

function between(min: number | string | undefined, max: number | string | undefined, what: string): string {
  if (min === undefined) return `${what} at most ${max}`;
  return max === undefined ? `${what} at least ${min}` : `${what} from ${min} to ${max}`;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const short = (value: number): string => String(Number(value.toPrecision(6)));

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
