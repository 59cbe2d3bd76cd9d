import type { ObjectStore } from '#tideline/platform';
import type { CheckResult, Source } from '#tideline/retention';
import { indexPage, runPage } from './report-page.ts';
import type { CheckRun } from './run-history.ts';

/** A failing row as a report shows it. */
export interface FailingRow {
  readonly suite: string | null;
  readonly check: string | null;
  readonly reason: string;
  readonly detail: string;
  readonly file: string;
  readonly byteOffset: number;
  readonly original: string;
}

/** Everything about one run: what `--json` prints and what its document shows. */
export interface RunReport extends CheckRun {
  readonly source: string;
  readonly results: readonly CheckResult[];
  /** Suites whose table does not exist yet. */
  readonly absent: readonly string[];
  /** Rows that checks of severity `fail` refused, and lines that no record was made of. */
  readonly rejected: number;
  /** The first of them, and of those that only warn. */
  readonly failingRows: readonly FailingRow[];
  /** What arrived late, twice, unknown or broken, by name; see docs/gates.md. */
  readonly counts: Readonly<Record<string, number>>;
}

/** One line of the index. */
export interface RunSummary extends CheckRun {
  readonly checks: number;
  readonly failed: readonly string[];
  readonly warned: readonly string[];
  readonly rejected: number;
}

/** At most so many runs are named by the index; all are in the table. */
const RUNS_IN_INDEX = 200;

/** Where a source's documents lie: `gold/reports/<source>/`. */
export function reportFolder(source: Pick<Source, 'name'>): string {
  return `gold/reports/${source.name}`;
}

/** A run's documents: `<run>.html` and `<run>.json`. Nobody is led to them before the run is finished. */
export async function putRunReport(store: ObjectStore, source: Source, report: RunReport): Promise<void> {
  const folder = reportFolder(source);
  await store.put(`${folder}/${report.run}.json`, text(JSON.stringify(report)));
  await store.put(`${folder}/${report.run}.html`, text(runPage(report)));
}

/** The index of a source's finished runs, newest first; it is made anew from the table, so a lost one comes back with the next run. */
export async function putReportIndex(store: ObjectStore, source: Source, finished: readonly CheckRun[], newest: RunReport): Promise<void> {
  const folder = reportFolder(source);
  const known = await readIndex(store, source);
  const summaries = finished.slice(-RUNS_IN_INDEX).reverse().map((run) => (run.run === newest.run ? summaryOf(newest) : (known.get(run.run) ?? { ...run, checks: 0, failed: [], warned: [], rejected: 0 })));
  await store.put(`${folder}/index.json`, text(JSON.stringify({ source: source.name, runs: summaries })));
  await store.put(`${folder}/index.html`, text(indexPage(source.name, summaries)));
  // Results stay in the table; documents of looks at the lake go when the index no longer leads to them.
  const named = new Set(summaries.map(({ run }) => run));
  const dropped = [...known.values()].filter(({ run, mode }) => mode !== 'load' && !named.has(run)).flatMap(({ run }) => [`${folder}/${run}.html`, `${folder}/${run}.json`]);
  if (dropped.length > 0) await store.delete(dropped);
}

async function readIndex(store: ObjectStore, source: Source): Promise<ReadonlyMap<string, RunSummary>> {
  const key = `${reportFolder(source)}/index.json`;
  if ((await store.head(key)) === undefined) return new Map();
  const { runs } = JSON.parse(Buffer.from(await store.get(key)).toString('utf8')) as { runs: readonly RunSummary[] };
  return new Map(runs.map((run) => [run.run, run]));
}

function summaryOf(report: RunReport): RunSummary {
  const { run, atMs, mode, verdict, baseRun, input, results, rejected } = report;
  const named = (wanted: CheckResult['verdict']): string[] => results.filter((result) => result.verdict === wanted).map(({ suite, check }) => `${suite}/${check}`);
  return { run, atMs, mode, verdict, baseRun, input, checks: results.length, failed: named('failed'), warned: named('warned'), rejected };
}

function text(value: string): Uint8Array {
  return Buffer.from(value, 'utf8');
}
