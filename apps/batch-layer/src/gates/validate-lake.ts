import { tableNames, type Source } from '#tideline/retention';
import type { Clock } from '#tideline/platform';
import { finishRun, placeOf, runChecks, type GateDoors } from './check-run.ts';
import { finishedRuns, RunHistory } from './run-history.ts';
import { lastRunOf } from './production.ts';
import { newRunId } from './run-id.ts';
import type { RunReport } from './run-report.ts';

/** The source has no checks, or none of its suites' tables exists. */
export class NothingToValidateError extends Error {
  override readonly name = 'NothingToValidateError';
}

/** Runs all suites of a source on its tables as they are; rows that an earlier run rejected are not rejected again. */
export async function validateLake(source: Source, doors: GateDoors, clock: Clock, signal?: AbortSignal): Promise<RunReport> {
  if (source.checks.length === 0) throw new NothingToValidateError(`expected suites in sources/${source.name}/checks.yaml, found none`);
  const names = tableNames(source);
  const atMs = clock.nowMs();
  const inputs = await Promise.all([...new Set(source.checks.map(({ table }) => table))].map(async (name) => [name, await doors.lake.table(name).current()] as const));
  const present = inputs.filter(([, snapshot]) => snapshot !== undefined);
  if (present.length === 0) throw new NothingToValidateError(`expected one of ${inputs.map(([name]) => name).join(', ')}, found none of them yet: \`tideline build ${source.name}\` makes them`);
  const productionRun = await lastRunOf(doors.lake.table(names.silver));
  const rejects = await rejectedBefore(source, doors, productionRun);
  const silverRows = present.find(([name]) => name === names.silver)?.[1]?.rowCount ?? (await doors.lake.table(names.silver).current())?.rowCount ?? 0;
  const counts = { ...rejects.byReason, ...(await countLate(source, doors)) };
  const checked = await runChecks({
    source, suites: source.checks, signal, productionRun, known: rejects.known,
    lines: { read: silverRows + rejects.lines, rejected: rejects.lines },
    run: { run: newRunId(atMs), atMs, mode: 'lake', baseRun: undefined, input: present.map(([name, snapshot]) => `${name}@${snapshot!.version}`).join(', ') },
    counts: () => counts,
  }, doors);
  await finishRun(source, checked, productionRun, doors);
  return checked.report;
}

/** Rejects on record: lines that no record was made of, by reason, and the places that finished runs rejected. */
async function rejectedBefore(source: Source, { lake, sql }: GateDoors, productionRun: string | undefined): Promise<{ readonly lines: number; readonly byReason: Readonly<Record<string, number>>; readonly known: ReadonlySet<string> }> {
  const table = lake.table(tableNames(source).rejects);
  if ((await table.current()) === undefined) return { lines: 0, byReason: {}, known: new Set() };
  await sql.bind(table);
  const hasRuns = (await table.schema()).columns.some(({ name }) => name === 'run');
  const letters = await sql.rows(`SELECT reason, count(*) AS n FROM ${table.name}${hasRuns ? ' WHERE run IS NULL' : ''} GROUP BY reason ORDER BY reason`);
  const byReason = Object.fromEntries(letters.map((row) => [`rejected: ${String(row['reason'])}`, Number(row['n'])]));
  const lines = letters.reduce((sum, row) => sum + Number(row['n']), 0);
  const known = new Set<string>();
  if (hasRuns) {
    const finished = new Set(finishedRuns(await new RunHistory(source, { lake, sql }).runs(), productionRun).map(({ run }) => run));
    for (const row of await sql.rows(`SELECT run, suite, _file, _loop, _byte_offset, _topic, _partition, _offset FROM ${table.name} WHERE run IS NOT NULL`)) {
      if (!finished.has(String(row['run']))) continue;
      known.add(placeOf(row['suite'] as string | null, {
        file: String(row['_file']), loop: Number(row['_loop']), byteOffset: Number(row['_byte_offset']), topic: String(row['_topic']), partition: Number(row['_partition']), offset: Number(row['_offset']),
      }));
    }
  }
  return { lines, byReason, known };
}

/** Repeats are found by remembering every place, so only in tables of at most so many rows; `verify` reconciles larger ones. */
const MOST_ROWS_FOR_REPEATS = 5_000_000;

async function countLate(source: Source, { lake, sql }: GateDoors): Promise<Readonly<Record<string, number>>> {
  const names = tableNames(source);
  const [silver, bronze] = [lake.table(names.silver), lake.table(names.bronze)];
  const counts: Record<string, number> = {};
  if ((await silver.current()) !== undefined) {
    await sql.bind(silver);
    const [row] = await sql.rows(`SELECT count(*) AS n, count(*) FILTER (WHERE _late) AS late FROM ${silver.name}`);
    counts['silver rows'] = Number(row!['n']);
    counts['late'] = Number(row!['late']);
  }
  if ((await bronze.current()) !== undefined) {
    await sql.bind(bronze);
    const [row] = await sql.rows(`SELECT count(*) AS n, count(*) FILTER (WHERE _file = '') AS unknown FROM ${bronze.name}`);
    counts['bronze rows'] = Number(row!['n']);
    if (counts['bronze rows'] <= MOST_ROWS_FOR_REPEATS) {
      const [places] = await sql.rows(`SELECT count(*) - count(DISTINCT (_file, _loop, _byte_offset)) AS twice FROM ${bronze.name} WHERE _file <> ''`);
      counts['arrived twice'] = Number(places!['twice']);
    }
    counts['of unknown files'] = Number(row!['unknown']);
    if (counts['silver rows'] !== undefined) counts['refused by the source\'s rules'] = Math.max(0, counts['bronze rows'] - counts['silver rows']);
  }
  return counts;
}
