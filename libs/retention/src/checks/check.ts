/** What happens when a check does not hold: `fail` closes the gate and rejects the rows, `warn` only says so. */
export type Severity = 'warn' | 'fail';

/** A value that a column is held against: dates and timestamps as ISO text. */
export type CheckValue = number | string;

/** Rules that hold or do not hold for a single row; a row whose condition is null passes, as under SQL's CHECK. */
export type RowRule =
  /** None of the columns is null. */
  | { readonly kind: 'not_null'; readonly columns: readonly string[] }
  /** Inclusive; either side may be open. */
  | { readonly kind: 'range'; readonly column: string; readonly min: CheckValue | undefined; readonly max: CheckValue | undefined }
  | { readonly kind: 'one_of'; readonly column: string; readonly values: readonly CheckValue[] }
  /** A regular expression that the text contains; anchors are written out. */
  | { readonly kind: 'pattern'; readonly column: string; readonly pattern: string }
  /** The column equals the formula, numbers within `tolerance`; both null is equal, one null is not. */
  | { readonly kind: 'recomputed'; readonly column: string; readonly formula: string; readonly tolerance: number }
  /** Any boolean expression of the project's language. */
  | { readonly kind: 'expression'; readonly that: string }
  /** No other row has the same values; rows with a null among them pass. Every row of a repeated key fails. */
  | { readonly kind: 'unique'; readonly columns: readonly string[] }
  /** The values stand in `keys` of another table; rows with a null among them pass. */
  | { readonly kind: 'reference'; readonly columns: readonly string[]; readonly table: string; readonly keys: readonly string[] };

/** Rules about a table as a whole. */
export type TableRule =
  /** Every column that the source declares is there with its type. */
  | { readonly kind: 'schema' }
  /** The share of lines that no record could be made of is at most the check's `atMost`. */
  | { readonly kind: 'readable' }
  /** The newest value is at most so old. */
  | { readonly kind: 'freshness'; readonly column: string; readonly withinMs: number }
  | { readonly kind: 'row_count'; readonly min: number | undefined; readonly max: number | undefined }
  /** The share of nulls is at most the check's `atMost`. */
  | { readonly kind: 'missing_share'; readonly column: string }
  /** Classes: at least two, the smallest with at least this share. Numbers: all within the bounds. */
  | { readonly kind: 'target_health'; readonly column: string; readonly minorityAtLeast: number | undefined; readonly min: number | undefined; readonly max: number | undefined }
  /** The mean differs from that of the last accepted run by at most `atMost`, relative to it. */
  | { readonly kind: 'mean_drift'; readonly column: string };

export type CheckRule = RowRule | TableRule;

/** One line of a suite, checked and normalised: plain data. */
export interface Check {
  /** Unique in its suite, in lower case with underscores. */
  readonly name: string;
  readonly severity: Severity;
  readonly rule: CheckRule;
  /** Share of the rows that may fail before the check does; for `mean_drift` the relative difference. */
  readonly atMost: number;
  /** Boolean expression: only rows for which it is true are looked at. */
  readonly where: string | undefined;
  /**
   * For rules that the expression language can say, the condition that every row must meet (not false); compiled to SQL and to a closure like any
   * other expression of the source.
   */
  readonly holds: string | undefined;
}

/** Checks of one table, by one scan of it. */
export interface CheckSuite {
  readonly name: string;
  /** As in SQL: `silver.online_retail`. */
  readonly table: string;
  readonly checks: readonly Check[];
}

const ROW_KINDS: readonly string[] = ['not_null', 'range', 'one_of', 'pattern', 'recomputed', 'expression', 'unique', 'reference'];

/** Whether a check is about single rows, so that failing rows can be named. */
export function isRowCheck(check: Check): check is Check & { readonly rule: RowRule } {
  return ROW_KINDS.includes(check.rule.kind);
}
