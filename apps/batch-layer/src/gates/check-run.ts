import type { Lake, Sql } from '#tideline/lake';
import type { ObjectStore } from '#tideline/platform';
import type { ColumnBatch, Source } from '#tideline/retention';
import { plainRow } from './plain-row.ts';
import { RejectWriter, type Reject } from './reject-writer.ts';
import { finishedRuns, RunHistory, type CheckRun } from './run-history.ts';
import { putReportIndex, putRunReport, type FailingRow, type RunReport } from './run-report.ts';
import { placesWithFailures, runSuites, type SuiteRunOptions, type TableOutcome } from './run-suites.ts';

export interface GateDoors {
  readonly store: ObjectStore;
  readonly lake: Lake;
  readonly sql: Sql;
}

/** Failing rows that a report shows, of each suite. */
const ROWS_SHOWN = 100;

export interface RunRequest extends Omit<SuiteRunOptions, 'lake' | 'sql' | 'lastMeans' | 'nowMs'> {
  readonly run: Omit<CheckRun, 'verdict'>;
  /** The last run that production was committed by. */
  readonly productionRun: string | undefined;
  /** Lines that no record was made of, to be rejected with the rest. */
  readonly unreadable?: AsyncIterable<Reject> | Iterable<Reject>;
  /** What the report counts besides; told how many rows each table had that was looked at. */
  readonly counts: (rows: readonly number[]) => Readonly<Record<string, number>>;
  /** Rows of these places (file and byte offset) are rejected already. */
  readonly known?: ReadonlySet<string>;
  /** Told of every row that a check of severity `fail` refuses, also within the share that it allows. */
  readonly onRefused?: (reject: Reject) => void;
}

/** A run that was published, and with it every run on record, oldest first. */
export interface CheckedRun {
  readonly report: RunReport;
  readonly runs: readonly CheckRun[];
}

/**
 * Runs suites and publishes what they find: rejects first, then the run's documents, and its results last, which is what makes a run that refuses
 * or loads nothing finished. The index is left to `finishRun`.
 */
export async function runChecks(request: RunRequest, doors: GateDoors): Promise<CheckedRun> {
  const { source, known = new Set() } = request;
  const history = new RunHistory(source, doors);
  const runs = await history.runs();
  // Later than what was there, so that runs of one millisecond, or of a clock that was set back, keep their order.
  const run = { ...request.run, atMs: Math.max(request.run.atMs, (runs.at(-1)?.atMs ?? 0) + 1) };
  const lastMeans = await history.means(finishedRuns(runs, request.productionRun));
  const { outcomes, absent } = await runSuites({ ...request, ...doors, nowMs: request.run.atMs, lastMeans });
  const results = outcomes.flatMap((outcome) => outcome.results);
  const verdict = results.some((result) => result.verdict === 'failed') ? 'refused' : 'passed';
  const rejects = new RejectWriter(source, doors.lake, run.run, run.atMs);
  const shown: FailingRow[] = [];
  try {
    let unreadable = 0;
    for await (const reject of request.unreadable ?? []) {
      await rejects.add(reject);
      if (unreadable++ < ROWS_SHOWN) shown.push(shownRow(reject));
    }
    for (const outcome of outcomes) {
      shown.push(...(await rejectRows(outcome, known, rejects, request.onRefused)), ...(await warnedRows(outcome)));
    }
    await rejects.publish();
  } catch (error) {
    await rejects.abort();
    throw error;
  }
  const report: RunReport = {
    ...run, verdict, source: source.name, results, absent: absent.map(({ name }) => name), rejected: rejects.count, failingRows: shown, counts: request.counts(outcomes.map(({ rows }) => rows)),
  };
  await putRunReport(doors.store, source, report);
  await history.publish({ ...run, verdict }, results);
  return { report, runs: [...runs, { ...run, verdict }] };
}

/** Leads readers to a finished run, and keeps the history's files few. */
export async function finishRun(source: Source, { report, runs }: CheckedRun, productionRun: string | undefined, doors: GateDoors): Promise<void> {
  await putReportIndex(doors.store, source, finishedRuns(runs, productionRun), report);
  await new RunHistory(source, doors).tidy();
}

async function rejectRows(outcome: TableOutcome, known: ReadonlySet<string>, rejects: RejectWriter, onRefused: RunRequest['onRefused']): Promise<FailingRow[]> {
  const shown: FailingRow[] = [];
  for await (const reject of rowsThatFail(outcome, 'fail')) {
    onRefused?.(reject);
    if (known.has(placeOf(reject.suite, reject))) continue;
    await rejects.add(reject);
    if (shown.length < ROWS_SHOWN) shown.push(shownRow(reject));
  }
  return shown;
}

async function warnedRows(outcome: TableOutcome): Promise<FailingRow[]> {
  const shown: FailingRow[] = [];
  for await (const reject of rowsThatFail(outcome, 'warn')) {
    shown.push(shownRow(reject));
    if (shown.length === ROWS_SHOWN) break;
  }
  return shown;
}

/** Each row that fails checks of the severity, once: the first of them is its reason. */
async function* rowsThatFail(outcome: TableOutcome, severity: 'fail' | 'warn'): AsyncIterable<Reject> {
  const places = placesWithFailures(outcome, [severity]);
  if (places.length === 0) return;
  const { results } = outcome;
  for await (const batch of outcome.failingRows(places)) {
    const flags = places.map((place) => batch.columns[batch.names.indexOf(`_fails_${place}`)]!.values);
    for (let row = 0; row < batch.rowCount; row++) {
      const failed = places.filter((_, k) => flags[k]![row] === 1).map((place) => results[place]!);
      const detail = failed.map(({ check, expected }) => `${check}: expected ${expected}`).join('; ');
      yield { ...rowPlace(batch, row), ...original(batch, row), reason: failed[0]!.check, detail, suite: failed[0]!.suite, check: failed[0]!.check };
    }
  }
}

/** What names a reject for good: its suite, file and byte; or place on the log. */
export function placeOf(suite: string | null, { file, loop, byteOffset, topic, partition, offset }: Pick<Reject, 'file' | 'loop' | 'byteOffset' | 'topic' | 'partition' | 'offset'>): string {
  return [suite ?? '', file, loop, byteOffset, topic, partition, offset].join('\n');
}

function rowPlace(batch: ColumnBatch, row: number): Pick<Reject, 'file' | 'loop' | 'byteOffset' | 'topic' | 'partition' | 'offset'> {
  const place = plainRow(batch, row, (name) => ['_file', '_loop', '_byte_offset', '_topic', '_partition', '_offset'].includes(name));
  return {
    file: String(place['_file'] ?? ''), loop: Number(place['_loop'] ?? 0), byteOffset: Number(place['_byte_offset'] ?? -1),
    topic: String(place['_topic'] ?? ''), partition: Number(place['_partition'] ?? 0), offset: Number(place['_offset'] ?? -1),
  };
}

/** The line where the table still has it, else the row as JSON. */
function original(batch: ColumnBatch, row: number): Pick<Reject, 'original' | 'encoding'> {
  const line = plainRow(batch, row, (name) => name === '_line')['_line'];
  if (typeof line === 'string') return { original: line, encoding: 'utf8' };
  return { original: JSON.stringify(plainRow(batch, row, (name) => !name.startsWith('_'))), encoding: 'json' };
}

function shownRow({ suite, check, reason, detail, file, byteOffset, original: line }: Reject): FailingRow {
  return { suite, check, reason, detail, file, byteOffset, original: line.slice(0, 2000) };
}
