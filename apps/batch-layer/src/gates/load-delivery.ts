import type { Clock } from '#tideline/platform';
import { tableNames, type Check, type CheckSuite, type Source, type ValidatedLoad } from '#tideline/retention';
import { takingTurns } from '../taking-turns.ts';
import { finishRun, runChecks, type CheckedRun, type GateDoors } from './check-run.ts';
import { keepDelivery, type Delivery } from './delivery.ts';
import { lastLoadOf, loadWindow, type LoadChanges, type LoadWindow } from './production.ts';
import { RunHistory } from './run-history.ts';
import { newRunId } from './run-id.ts';
import type { RunReport } from './run-report.ts';
import { DeliveryRefused, stageDelivery, type StagedDelivery } from './stage-delivery.ts';

/** What came of a delivery. */
export interface LoadReport extends RunReport {
  readonly window: { readonly start: string; readonly end: string };
  /** `already-loaded`: production is of this very delivery and window, so nothing was done. */
  readonly ended: 'loaded' | 'refused' | 'already-loaded' | 'checked';
  readonly changes: LoadChanges | undefined;
}

export interface LoadOptions {
  readonly source: Source;
  readonly delivery: Delivery;
  readonly clock: Clock;
  /** Last day of the window (any moment of it); by default the newest day of the delivery, but no later than today. */
  readonly asOfMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const DAY_MS = 86_400_000;

/**
 * Validate before load: a delivery is staged, every suite of the source's silver table is run on the rows of its window, what they find is
 * published with the run's name, and only if every check of severity `fail` passed is production changed, last and by one commit that names the
 * run. A crash anywhere leaves production as it was or as it should be; the same delivery again finds out which and goes on. Loads at once take turns,
 * each with an SQL session of its own, which shows one staged delivery at a time.
 */
export async function loadDelivery(options: LoadOptions, doors: GateDoors): Promise<LoadReport> {
  const { source, delivery } = options;
  const load = source.deployment.load;
  if (load === undefined) throw new RangeError(`expected a source with load in deployment.yaml, found ${source.name}`);
  await keepDelivery(doors.store, source, delivery);
  return takingTurns(() => new DeliveryRun(options, load, doors).run());
}

/** Runs the suites on a file that is not loaded; works for every source with suites of its silver table. */
export async function checkDelivery(options: LoadOptions, doors: GateDoors): Promise<LoadReport> {
  return new DeliveryRun(options, options.source.deployment.load, doors).check();
}

class DeliveryRun {
  readonly #options: LoadOptions;
  readonly #load: ValidatedLoad | undefined;
  readonly #doors: GateDoors;
  readonly #atMs: number;
  /** Lines that were refused within the share that a check allows, by byte offset: they are not loaded. */
  readonly #refusedLines = new Set<number>();

  constructor(options: LoadOptions, load: ValidatedLoad | undefined, doors: GateDoors) {
    this.#options = options;
    this.#load = load;
    this.#doors = doors;
    this.#atMs = options.clock.nowMs();
  }

  async run(): Promise<LoadReport> {
    const { source, delivery, signal } = this.#options;
    const load = this.#load!;
    const table = this.#doors.lake.table(tableNames(source).silver);
    // In this order: what is committed between the two readings makes the commit a conflict, and the run begins again.
    const base = await table.current();
    const last = await lastLoadOf(table);
    const staged = await stageDelivery(source, delivery, this.#doors.lake, this.#atMs, load.by);
    const window = this.#windowOf(staged, load);
    const summary = { delivery: delivery.id, windowStart: iso(window.startMs), windowEnd: iso(window.endMs), definition: source.version };
    if (last !== undefined && Object.entries(summary).every(([name, text]) => last.summary[name] === text)) return this.#alreadyLoaded(last.summary['run']!, window);
    this.#refuseStale(last?.summary['windowEnd'], window);
    const checked = await this.#check(staged, window, last?.summary['run'], 'load');
    const { report } = checked;
    signal?.throwIfAborted();
    const facts = { ...report, window: { start: iso(window.startMs), end: iso(window.endMs) } };
    if (report.verdict === 'refused') {
      await finishRun(source, checked, last?.summary['run'], this.#doors);
      return { ...facts, ended: 'refused', changes: undefined };
    }
    const changes = await loadWindow({
      source, load, window, base, run: report.run, summary: { ...summary, run: report.run },
      rows: this.#doors.sql.batches(`SELECT * EXCLUDE (_line) FROM ${this.#rowsOf(staged, window)} WHERE "${load.by}" IS NOT NULL`),
      isRefused: (batch, row) => this.#refusedLines.has(batch.columns[batch.names.indexOf('_byte_offset')]!.values[row]!),
    }, this.#doors);
    await finishRun(source, checked, report.run, this.#doors);
    return { ...facts, ended: 'loaded', changes };
  }

  async check(): Promise<LoadReport> {
    const { source, delivery } = this.#options;
    const staged = await stageDelivery(source, delivery, this.#doors.lake, this.#atMs, this.#load?.by);
    const window = this.#load === undefined ? undefined : this.#windowOf(staged, this.#load);
    const productionRun = (await lastLoadOf(this.#doors.lake.table(tableNames(source).silver)))?.summary['run'];
    const checked = await this.#check(staged, window, productionRun, 'file');
    await finishRun(source, checked, productionRun, this.#doors);
    return { ...checked.report, window: { start: window === undefined ? '' : iso(window.startMs), end: window === undefined ? '' : iso(window.endMs) }, ended: 'checked', changes: undefined };
  }

  async #check(staged: StagedDelivery, window: LoadWindow | undefined, productionRun: string | undefined, mode: 'load' | 'file'): Promise<CheckedRun> {
    const { source, delivery, signal } = this.#options;
    const { silver } = tableNames(source);
    const from = this.#rowsOf(staged, window);
    const suites = source.checks.filter(({ table }) => table === silver);
    return runChecks({
      source, signal, productionRun,
      suites: this.#load === undefined ? suites : [gateSuite(source, this.#load), ...suites],
      candidates: new Map([[silver, { table: staged.table, snapshot: staged.snapshot, from }]]),
      lines: { read: staged.read, rejected: staged.unreadable.length },
      unreadable: staged.unreadable,
      onRefused: ({ byteOffset }) => this.#refusedLines.add(byteOffset),
      run: { run: newRunId(this.#atMs), atMs: this.#atMs, mode, baseRun: productionRun, input: `${delivery.name} (${delivery.id})` },
      counts: ([within = 0]) => ({
        'lines read': staged.read, 'lines that are no record': staged.unreadable.length,
        ...(window === undefined ? { rows: within } : { 'rows in the window': within, 'rows outside the window': staged.snapshot.rowCount - within }),
      }),
    }, this.#doors);
  }

  /** Rows of the window, and those that nobody can place. */
  #rowsOf({ table }: StagedDelivery, window: LoadWindow | undefined): string {
    if (window === undefined) return table.name;
    const by = `CAST("${this.#load!.by}" AS TIMESTAMP)`;
    return `(SELECT * FROM ${table.name} WHERE ${by} IS NULL OR (${by} >= TIMESTAMP '${sqlTime(window.startMs)}' AND ${by} < TIMESTAMP '${sqlTime(window.endMs)}'))`;
  }

  #windowOf({ newestMs }: StagedDelivery, { windowMs }: ValidatedLoad): LoadWindow {
    const last = this.#options.asOfMs ?? Math.min(newestMs ?? this.#atMs, this.#atMs);
    const endMs = Math.floor(last / DAY_MS) * DAY_MS + DAY_MS;
    return { startMs: endMs - windowMs, endMs };
  }

  /** An old file that turns up again would take back what newer ones said of its days. */
  #refuseStale(lastEnd: string | undefined, window: LoadWindow): void {
    if (this.#options.asOfMs !== undefined || lastEnd === undefined || Date.parse(lastEnd) <= window.endMs) return;
    throw new DeliveryRefused(`${this.#options.delivery.name}: expected a delivery up to ${lastEnd} or later, found one up to ${iso(window.endMs)}; --as-of names its last day if it is meant`);
  }

  async #alreadyLoaded(run: string, window: LoadWindow): Promise<LoadReport> {
    const { source } = this.#options;
    const bytes = await this.#doors.store.get(`gold/reports/${source.name}/${run}.json`);
    const report = JSON.parse(Buffer.from(bytes).toString('utf8')) as RunReport;
    // What died after the commit may not have come to lead readers to the run.
    await finishRun(source, { report, runs: await new RunHistory(source, this.#doors).runs() }, run, this.#doors);
    return { ...report, window: { start: iso(window.startMs), end: iso(window.endMs) }, ended: 'already-loaded', changes: undefined };
  }
}

/** What a load needs of its rows whatever the suites say: rows there are, each with its key, no key twice. */
function gateSuite(source: Source, { key, by }: ValidatedLoad): CheckSuite {
  const base = { severity: 'fail', atMost: 0, where: undefined } as const;
  const needed = [...new Set([...key, by])];
  const isDeclared = source.checks.some(({ table, checks: known }) => table === tableNames(source).silver && known.some(({ rule, severity, atMost, where }) =>
    rule.kind === 'unique' && severity === 'fail' && atMost === 0 && where === undefined && rule.columns.every((column) => key.includes(column))));
  const checks: Check[] = [
    { ...base, name: 'rows_in_window', rule: { kind: 'row_count', min: 1, max: undefined }, holds: undefined },
    ...needed.map((column) => ({ ...base, name: `${column}_known`, rule: { kind: 'not_null' as const, columns: [column] }, holds: `${column} is not null` })),
    ...(isDeclared ? [] : [{ ...base, name: 'key_once', rule: { kind: 'unique' as const, columns: key }, holds: undefined }]),
  ];
  return { name: 'load', table: tableNames(source).silver, checks };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const sqlTime = (ms: number): string => iso(ms).replace('T', ' ').replace('Z', '');

