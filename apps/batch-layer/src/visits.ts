import { batchFromRows, type ColumnDefinition, type Lake, type Sql } from '#tideline/lake';
import { packTexts, type Clock, type EventLog, type ExperimentTracker } from '#tideline/platform';
import { rewardScale, tableNames, VisitValues, visitCountsSql, type ModelUpdate, type Source, type VisitCount } from '#tideline/retention';
import { appendOnce, MODEL_UPDATES } from '#tideline/streaming';
import { bindSilver, type SilverState } from './silver-view.ts';
import { TableRewrite } from './table-rewrite.ts';

interface VisitDoors {
  readonly log: EventLog;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly tracker: ExperimentTracker;
  readonly clock: Clock;
}

const ARTIFACT_FOLDER = 'model';
const ARTIFACT = `${ARTIFACT_FOLDER}/visit-values.json`;
/** Tag of a run whose values `model-updates` has told of. */
const ANNOUNCED = 'announced';
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
 * the values in force: an artifact of a run, a registered version with the alias `champion`, a message on `model-updates`. Values that are
 * in force already are not published again. Returns how many groups (segments) there are.
 */
export async function publishVisitValues(source: Source, doors: VisitDoors): Promise<number> {
  const silver = await bindSilver(source, doors.lake, doors.sql);
  if (silver === undefined) return 0;
  const counts = await readCounts(source, doors.sql);
  const values = new VisitValues(counts);
  await rewriteTable(source, doors.lake, silver, counts, values);
  const groups = new Set(counts.map(({ by }) => by)).size;
  if (!(await isInForce(source, doors.tracker, values))) {
    await publish(source, doors, values, { groups, pages: counts.reduce((sum, { pages }) => sum + pages, 0) });
  }
  return groups;
}

const modelNameOf = (source: Source): string => `visit-values-${source.name}`;

async function readCounts(source: Source, sql: Sql): Promise<VisitCount[]> {
  const scale = 10 ** rewardScale(source);
  const rows = await sql.rows(visitCountsSql(source, tableNames(source).silver));
  return rows.map((row) => ({
    by: String(row['by']), step: Number(row['step']), pages: Number(row['pages']), leaves: Number(row['leaves']), reward: Number(row['reward']) / scale,
  }));
}

async function rewriteTable(source: Source, lake: Lake, silver: SilverState, counts: readonly VisitCount[], values: VisitValues): Promise<void> {
  const rows = counts.map(({ by, step, pages, leaves }) => ({
    by, step, pages, leaves,
    leave_probability: values.leaveProbability(by, step), mean_reward: values.meanReward(by, step), expected_value: values.expectedValue(by, step),
  }));
  const table = await TableRewrite.open(lake, tableNames(source).visits, columns);
  try {
    await table.write(batchFromRows(columns, rows).columns, rows.length);
  } catch (error) {
    await table.abort();
    throw error;
  }
  await table.publish(source, silver);
}

/** Whether the champion holds these very values and whoever follows `model-updates` was told. */
async function isInForce(source: Source, tracker: ExperimentTracker, values: VisitValues): Promise<boolean> {
  const champion = await tracker.versionByAlias(modelNameOf(source), 'champion');
  if (champion === undefined || (await tracker.getRun(champion.runId)).tags[ANNOUNCED] === undefined) return false;
  return Buffer.from(await tracker.getArtifact(champion.runId, ARTIFACT)).equals(values.save());
}

async function publish(source: Source, doors: VisitDoors, values: VisitValues, metrics: Readonly<Record<string, number>>): Promise<void> {
  const { tracker, clock } = doors;
  const experiment = await tracker.ensureExperiment(source.name);
  const run = await tracker.startRun(experiment.id, 'visit-values', { source: source.name, 'source.version': source.version });
  try {
    const timestampMs = clock.nowMs();
    await tracker.putArtifact(run.id, ARTIFACT, values.save());
    await tracker.logRun(run.id, { metrics: Object.entries(metrics).map(([name, value]) => ({ name, value, step: 0, timestampMs })) });
    await tracker.endRun(run.id, 'FINISHED');
  } catch (error) {
    await tracker.endRun(run.id, 'FAILED').catch(() => undefined);
    throw error;
  }
  const { name, version } = await tracker.registerVersion(modelNameOf(source), run.id, ARTIFACT_FOLDER, { source: source.name, kind: 'visit-values' });
  await tracker.setAlias(name, 'champion', version);
  await announce(source, doors, { source: source.name, kind: 'visit-values', name, version, runId: run.id, artifactPath: ARTIFACT_FOLDER, alias: 'champion' });
  await tracker.logRun(run.id, { tags: { [ANNOUNCED]: version } });
}

async function announce(source: Source, { log, clock }: VisitDoors, update: ModelUpdate): Promise<void> {
  const records = packTexts([{ key: source.name, value: JSON.stringify(update), timestampMs: clock.nowMs() }]);
  await appendOnce({ log, writerId: `batch-layer-${source.name}`, ...MODEL_UPDATES, records });
}
