import type { Lake, Snapshot, Sql, Table } from '#tideline/lake';
import { checkedTables, isRowCheck, judgeSuite, suiteSql, type CheckResult, type CheckSuite, type ColumnBatch, type Source, type SuiteTarget } from '#tideline/retention';

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

/** What a suite found, and how to read the rows that fail it. */
export interface SuiteOutcome {
  readonly suite: CheckSuite;
  readonly results: readonly CheckResult[];
  /** Version of the table that was looked at. */
  readonly version: number;
  /** Failing rows with all their columns, then a boolean `_fails_<place>` for each of the checks named by place. */
  failingRows(places: readonly number[]): AsyncIterable<ColumnBatch>;
}

/** Runs suites, each by one scan of its table; suites whose table does not exist yet are left out and named in `absent`. */
export async function runSuites(options: SuiteRunOptions): Promise<{ readonly outcomes: readonly SuiteOutcome[]; readonly absent: readonly CheckSuite[] }> {
  const outcomes: SuiteOutcome[] = [];
  const absent: CheckSuite[] = [];
  for (const suite of options.suites) {
    const outcome = await runSuite(suite, options);
    if (outcome === undefined) absent.push(suite);
    else outcomes.push(outcome);
  }
  return { outcomes, absent };
}

async function runSuite(suite: CheckSuite, options: SuiteRunOptions): Promise<SuiteOutcome | undefined> {
  const { source, lake, sql, candidates, signal } = options;
  const candidate = candidates?.get(suite.table);
  const table = candidate?.table ?? lake.table(suite.table);
  const snapshot = candidate?.snapshot ?? (await table.current());
  if (snapshot === undefined) return undefined;
  await sql.bind(table, snapshot);
  for (const { rule } of suite.checks) if (rule.kind === 'reference') await bindReference(options, rule.table, rule.keys);
  const { columns: expectedColumns } = checkedTables(source).get(suite.table)!;
  const { columns } = await table.schema(snapshot);
  // A column that is not there yet is the schema check's to tell; the others look at nulls.
  const missing = Object.keys(expectedColumns).filter((name) => !columns.some((column) => column.name === name));
  const from = candidate?.from ?? table.name;
  const target: SuiteTarget = { columns: expectedColumns, from: missing.length === 0 ? from : `(SELECT *, ${missing.map((name) => `NULL AS "${name}"`).join(', ')} FROM ${from})` };
  const statements = suiteSql(suite, target);
  const [measures] = await sql.rows(statements.measures, [], 1, signal);
  const lastMeans = new Map(suite.checks.flatMap(({ name }) => {
    const mean = options.lastMeans.get(`${suite.name}/${name}`);
    return mean === undefined ? [] : [[name, mean] as const];
  }));
  const results = judgeSuite(suite, { measures: measures!, nowMs: options.nowMs, columns, expectedColumns, lines: options.lines, lastMeans });
  return { suite, results, version: snapshot.version, failingRows: (places) => sql.batches(statements.failingRows(places), signal === undefined ? {} : { signal }) };
}

/** Another table as it is now; one that does not exist has no rows, so that every reference to it fails. */
async function bindReference({ lake, sql }: SuiteRunOptions, name: string, keys: readonly string[]): Promise<void> {
  const table = lake.table(name);
  if (await table.exists()) await sql.bind(table);
  else await sql.run(`CREATE OR REPLACE VIEW ${name} AS SELECT ${keys.map((key) => `NULL AS "${key}"`).join(', ')} WHERE false`);
}

/** Places of the checks of one suite whose failing rows are wanted: those that have any. */
export function placesWithFailures({ suite, results }: SuiteOutcome, severities: readonly string[]): number[] {
  return suite.checks.flatMap((check, place) => (isRowCheck(check) && severities.includes(check.severity) && results[place]!.failing > 0 ? [place] : []));
}
