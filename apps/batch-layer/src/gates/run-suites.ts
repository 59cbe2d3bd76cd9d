import type { Lake, Snapshot, Sql, Table } from '#tideline/lake';
import { checkedTables, isRowCheck, judgeSuite, suiteSql, type Check, type CheckResult, type CheckSuite, type ColumnBatch, type Source, type SuiteTarget } from '#tideline/retention';

/** A table that stands in for the one that a suite names: a delivery before it is loaded. */
export interface Candidate {
  readonly table: Table;
  readonly snapshot: Snapshot;
  /** Its rows, as SQL. */
  readonly from: string;
}

export interface SuiteRunOptions {
  readonly source: Source;
  readonly suites: readonly CheckSuite[];
  readonly lake: Lake;
  readonly sql: Sql;
  readonly nowMs: number;
  /** By the name of the table that they stand in for. */
  readonly candidates?: ReadonlyMap<string, Candidate>;
  readonly lines: { readonly read: number; readonly rejected: number } | undefined;
  /** By `suite/check`. */
  readonly lastMeans: ReadonlyMap<string, number>;
  readonly signal?: AbortSignal | undefined;
}

/** What the suites of one table found, and how to read the rows that fail them. */
export interface TableOutcome {
  /** Of all its suites, in their order; a check's place is its place here. */
  readonly checks: readonly Check[];
  readonly results: readonly CheckResult[];
  /** Rows that were looked at. */
  readonly rows: number;
  /** Failing rows with all their columns, then a boolean `_fails_<place>` for each of the checks named by place. */
  failingRows(places: readonly number[]): AsyncIterable<ColumnBatch>;
}

/** Runs suites, all of one table by one scan of it; suites whose table does not exist yet are left out and named in `absent`. */
export async function runSuites(options: SuiteRunOptions): Promise<{ readonly outcomes: readonly TableOutcome[]; readonly absent: readonly CheckSuite[] }> {
  const outcomes: TableOutcome[] = [];
  const absent: CheckSuite[] = [];
  for (const table of new Set(options.suites.map((suite) => suite.table))) {
    const suites = options.suites.filter((suite) => suite.table === table);
    const outcome = await runTable(table, suites, options);
    if (outcome === undefined) absent.push(...suites);
    else outcomes.push(outcome);
  }
  return { outcomes, absent };
}

async function runTable(name: string, suites: readonly CheckSuite[], options: SuiteRunOptions): Promise<TableOutcome | undefined> {
  const { source, lake, sql, candidates, signal } = options;
  const candidate = candidates?.get(name);
  const table = candidate?.table ?? lake.table(name);
  const snapshot = candidate?.snapshot ?? (await table.current());
  if (snapshot === undefined) return undefined;
  await sql.bind(table, snapshot);
  const checks = suites.flatMap((suite) => suite.checks.map((check) => ({ ...check, name: `${suite.name}/${check.name}` })));
  for (const { rule } of checks) if (rule.kind === 'reference') await bindReference(options, rule.table, rule.keys);
  const { columns: expectedColumns } = checkedTables(source).get(name)!;
  const { columns } = await table.schema(snapshot);
  // A column that is not there yet is the schema check's to tell; the others look at nulls.
  const missing = Object.keys(expectedColumns).filter((column) => !columns.some((known) => known.name === column));
  const from = candidate?.from ?? table.name;
  const target: SuiteTarget = { columns: expectedColumns, from: missing.length === 0 ? from : `(SELECT *, ${missing.map((column) => `NULL AS "${column}"`).join(', ')} FROM ${from})` };
  const together = { name: '', table: name, checks };
  const statements = suiteSql(together, target);
  const [measures] = await sql.rows(statements.measures, [], 1, signal);
  const { nowMs, lines, lastMeans } = options;
  const results = judgeSuite(together, { measures: measures!, nowMs, columns, expectedColumns, lines, lastMeans }).map((result) => {
    const [suite, check] = result.check.split('/');
    return { ...result, suite: suite!, check: check! };
  });
  return { checks, results, rows: Number(measures!['rows']), failingRows: (places) => sql.batches(statements.failingRows(places), signal === undefined ? {} : { signal }) };
}

/** Another table as it is now; one that does not exist has no rows, so that every reference to it fails. */
async function bindReference({ lake, sql }: SuiteRunOptions, name: string, keys: readonly string[]): Promise<void> {
  const table = lake.table(name);
  if (await table.exists()) await sql.bind(table);
  else await sql.run(`CREATE OR REPLACE VIEW ${name} AS SELECT ${keys.map((key) => `NULL AS "${key}"`).join(', ')} WHERE false`);
}

/** Places of the checks of these severities whose failing rows can be named and are there. */
export function placesWithFailures({ checks, results }: TableOutcome, severities: readonly string[]): number[] {
  return checks.flatMap((check, place) => (isRowCheck(check) && severities.includes(check.severity) && results[place]!.failing > 0 ? [place] : []));
}
