import { batchFromRows, compact, type ColumnDefinition, type Lake, type Sql } from '#tideline/lake';
import { tableNames, type CheckResult, type Source } from '#tideline/retention';

/** `lake` looks at tables as they are, `file` at a file that is not loaded, `load` decides whether a delivery is loaded. */
export type RunMode = 'lake' | 'file' | 'load';

/** One run of a source's suites; it counts once it is finished (`finishedRuns`). */
export interface CheckRun {
  readonly run: string;
  readonly atMs: number;
  readonly mode: RunMode;
  /** Every check of severity `fail` passed. */
  readonly verdict: 'passed' | 'refused';
  /** For loads: the run that production was of when this one began; undefined for the first. */
  readonly baseRun: string | undefined;
  /** What was looked at: `silver.online_retail@12`, or the delivery. */
  readonly input: string;
}

const string = { name: 'string' } as const;
const bigint = { name: 'bigint' } as const;

const columns: readonly ColumnDefinition[] = [
  ...['run', 'mode', 'run_verdict', 'input', 'suite', 'table_name', 'check_name', 'kind', 'severity', 'verdict', 'expected', 'found'].map((name) => ({ name, type: string, nullable: false })),
  { name: 'base_run', type: string, nullable: true },
  { name: 'run_at', type: { name: 'timestamp' }, nullable: false },
  { name: 'row_count', type: bigint, nullable: false },
  { name: 'failing_count', type: bigint, nullable: false },
  { name: 'measured', type: { name: 'double' }, nullable: true },
];

/** Runs make a small file each; so many and they are put together. */
const MOST_FILES = 12;

/** The table `gold.<source>_checks`: a row for every check of every run, appended by one commit a run. */
export class RunHistory {
  readonly #source: Source;
  readonly #lake: Lake;
  readonly #sql: Sql;

  constructor(source: Source, { lake, sql }: { readonly lake: Lake; readonly sql: Sql }) {
    this.#source = source;
    this.#lake = lake;
    this.#sql = sql;
  }

  get #table(): ReturnType<Lake['table']> {
    return this.#lake.table(tableNames(this.#source).checks);
  }

  /** Publishes what a run found; the same run is published once. */
  async publish(run: CheckRun, results: readonly CheckResult[]): Promise<void> {
    const table = this.#table;
    await table.ensure(columns);
    const writer = await table.writer();
    let files;
    try {
      await writer.write(batchFromRows(columns, results.map((result) => rowOf(run, result))));
      files = await writer.finish();
    } catch (error) {
      await writer.abort().catch(() => undefined);
      throw error;
    }
    // A commit that fails without an answer may stand: its files stay then too.
    await table.append(files, { commitId: `${run.run}/checks`, summary: { run: run.run } });
  }

  /** Every run that was published, oldest first, finished or not. */
  async runs(): Promise<readonly CheckRun[]> {
    if (!(await this.#bind())) return [];
    const rows = await this.#sql.rows(`SELECT DISTINCT run, mode, run_verdict, base_run, input, CAST(epoch_ms(run_at) AS BIGINT) AS ms FROM ${this.#table.name} ORDER BY ms, run`);
    return rows.map((row) => ({
      run: String(row['run']), atMs: Number(row['ms']), mode: row['mode'] as RunMode, verdict: row['run_verdict'] as CheckRun['verdict'],
      baseRun: row['base_run'] === null ? undefined : String(row['base_run']), input: String(row['input']),
    }));
  }

  /** Means that drift is held against: of the newest of these runs, by `suite/check`. */
  async means(runs: readonly CheckRun[]): Promise<ReadonlyMap<string, number>> {
    const accepted = runs.filter(({ mode, verdict }) => mode !== 'file' && verdict === 'passed');
    if (accepted.length === 0 || !(await this.#bind())) return new Map();
    const order = new Map(accepted.map(({ run }, place) => [run, place]));
    const rows = await this.#sql.rows(`SELECT run, suite, check_name, measured FROM ${this.#table.name} WHERE kind = 'mean_drift' AND measured IS NOT NULL`);
    const known = rows.filter((row) => order.has(String(row['run']))).sort((a, b) => order.get(String(a['run']))! - order.get(String(b['run']))!);
    return new Map(known.map((row) => [`${String(row['suite'])}/${String(row['check_name'])}`, Number(row['measured'])]));
  }

  /** Puts the runs' small files together, once there are many. */
  async tidy(): Promise<void> {
    await tidyTable(this.#table, this.#sql, MOST_FILES);
  }

  async #bind(): Promise<boolean> {
    const table = this.#table;
    return (await table.current()) !== undefined && (await this.#sql.bind(table)) !== undefined;
  }
}

/** Puts all files of a small table into one, once there are so many. */
export async function tidyTable(table: ReturnType<Lake['table']>, sql: Sql, mostFiles: number): Promise<void> {
  const snapshot = await table.current();
  if (snapshot === undefined || snapshot.fileCount < mostFiles) return;
  const files = (await table.files(snapshot)).filter(({ byteCount }) => byteCount < 8 << 20);
  if (files.length < mostFiles) return;
  const sum = (of: (file: (typeof files)[number]) => number): number => files.reduce((total, file) => total + of(file), 0);
  await compact(table, [{ files, rowCount: sum(({ rowCount }) => rowCount), byteCount: sum(({ byteCount }) => byteCount) }], sql);
}

function rowOf(run: CheckRun, result: CheckResult): Record<string, string | number | null> {
  const { suite, table, check, kind, severity, verdict, rows, failing, measured, expected, found } = result;
  return {
    run: run.run, mode: run.mode, run_verdict: run.verdict, input: run.input, base_run: run.baseRun ?? null, run_at: run.atMs,
    suite, table_name: table, check_name: check, kind, severity, verdict, row_count: rows, failing_count: failing, measured: measured === null || !Number.isFinite(measured) ? null : measured, expected, found,
  };
}

/**
 * The runs that readers may believe, oldest first. A run is finished when it refused, or when it loads nothing, or when production was committed by
 * it: those are production's own run, named by its snapshot, and from there the one that each began on. What a run published that died before its
 * last commit is thus never seen.
 */
export function finishedRuns(runs: readonly CheckRun[], productionRun: string | undefined): readonly CheckRun[] {
  const byName = new Map(runs.map((run) => [run.run, run]));
  const committed = new Set<string>();
  for (let at = productionRun; at !== undefined && !committed.has(at); at = byName.get(at)?.baseRun) committed.add(at);
  return runs.filter(({ run, mode, verdict }) => mode !== 'load' || verdict === 'refused' || committed.has(run));
}
