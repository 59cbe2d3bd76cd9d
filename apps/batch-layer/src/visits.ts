import type { ColumnDefinition, Lake, Sql } from '#tideline/lake';
import { packTexts, type Clock, type EventLog, type ExperimentTracker } from '#tideline/platform';
import { rewardScale, VisitValues, visitCountsSql, type Column, type Source, type VisitCount } from '#tideline/retention';
import { tableNames } from './table-names.ts';

interface VisitDoors {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
}

const ARTIFACT_FOLDER = 'model';
const ARTIFACT = `${ARTIFACT_FOLDER}/visit-values.json`;
const TOPIC = 'model-updates';
const string = { name: 'string' } as const;
const int = { name: 'int' } as const;
const bigint = { name: 'bigint' } as const;
const double = { name: 'double' } as const;

const columns: readonly ColumnDefinition[] = [
  { name: 'by', type: string, nullable: false },
  { name: 'step', type: int, nullable: false },
  { name: 'pages', type: bigint, nullable: false },
  { name: 'leaves', type: bigint, nullable: false },
  { name: 'leave_probability', type: double, nullable: false },
  { name: 'mean_reward', type: double, nullable: false },
  { name: 'expected_value', type: double, nullable: false },
];

/**
 * Counts visits in silver, values the rest of a visit after every page (backward recursion), keeps both as `gold.<source>_visits`, and puts
 * the values in force: an artifact of a run, a registered version with the alias `champion`, a message on `model-updates`.
 * Returns how many groups (segments) there are.
 */
export async function publishVisitValues(source: Source, doors: VisitDoors): Promise<number> {
  const counts = await readCounts(source, doors.sql);
  const values = new VisitValues(counts);
  await writeTable(source, doors.lake, counts, values);
  const groups = new Set(counts.map(({ by }) => by)).size;
  await publish(source, doors, values, { groups, pages: counts.reduce((sum, { pages }) => sum + pages, 0) });
  return groups;
}

async function readCounts(source: Source, sql: Sql): Promise<VisitCount[]> {
  const scale = 10 ** rewardScale(source);
  const rows = await sql.rows(visitCountsSql(source, tableNames(source).silver));
  return rows.map((row) => ({
    by: String(row['by']), step: Number(row['step']), pages: Number(row['pages']), leaves: Number(row['leaves']), reward: Number(row['reward']) / scale,
  }));
}

async function writeTable(source: Source, lake: Lake, counts: readonly VisitCount[], values: VisitValues): Promise<void> {
  const table = lake.table(tableNames(source).visits);
  await table.ensure(columns);
  const writer = await table.writer();
  const of = (read: (count: VisitCount) => number): Float64Array => Float64Array.from(counts, read);
  const data: Column[] = [
    texts(counts.map(({ by }) => by)),
    { type: int, values: Int32Array.from(counts, ({ step }) => step) },
    { type: bigint, values: of(({ pages }) => pages) },
    { type: bigint, values: of(({ leaves }) => leaves) },
    { type: double, values: of(({ by, step }) => values.leaveProbability(by, step)!) },
    { type: double, values: of(({ by, step }) => values.meanReward(by, step)!) },
    { type: double, values: of(({ by, step }) => values.expectedValue(by, step)!) },
  ];
  await writer.write({ rowCount: counts.length, names: columns.map(({ name }) => name), columns: data });
  await table.overwrite(await writer.finish());
}

async function publish(source: Source, { log, tracker, clock }: VisitDoors, values: VisitValues, metrics: Readonly<Record<string, number>>): Promise<void> {
  const name = `visit-values-${source.name}`;
  const experiment = await tracker.ensureExperiment(source.name);
  const run = await tracker.startRun(experiment.id, 'visit-values', { source: source.name, 'source.version': source.version });
  const timestampMs = clock.nowMs();
  await tracker.putArtifact(run.id, ARTIFACT, values.save());
  await tracker.logRun(run.id, { metrics: Object.entries(metrics).map(([metric, value]) => ({ name: metric, value, step: 0, timestampMs })) });
  await tracker.endRun(run.id, 'FINISHED');
  const { version } = await tracker.registerVersion(name, run.id, ARTIFACT_FOLDER, { source: source.name, kind: 'visit-values' });
  await tracker.setAlias(name, 'champion', version);
  const update = { source: source.name, kind: 'visit-values', name, version, runId: run.id, artifactPath: ARTIFACT_FOLDER, alias: 'champion' };
  await log.ensureTopics({ [TOPIC]: { partitions: 1, shared: true } });
  const writer = await log.openWriter(`batch-layer-${source.name}`);
  try {
    await writer.commit({ appends: [{ topic: TOPIC, records: packTexts([{ key: source.name, value: JSON.stringify(update), timestampMs }]) }] });
  } finally {
    await writer.close();
  }
}

function texts(values: readonly string[]): Column {
  const bytes = values.map((value) => Buffer.from(value, 'utf8'));
  const offsets = new Int32Array(values.length + 1);
  bytes.forEach((value, i) => (offsets[i + 1] = offsets[i]! + value.length));
  return { type: string, values: Buffer.concat(bytes), offsets };
}
