import type { ColumnDefinition, Lake, Sql } from '#tideline/lake';
import { eventTables, labelsSql, partialsSql, recordFeaturesSql, tableNames, type Column, type ColumnBatch, type Source } from '#tideline/retention';
import { replayAsOf } from './as-of-replay.ts';
import { asOfTimes, hasWholeHorizon, type AsOfTimes } from './as-of-times.ts';
import { FeatureFrame } from './feature-frame.ts';
import { bindSilver, type SilverState } from './silver-view.ts';
import { TableRewrite } from './table-rewrite.ts';

export interface GoldOptions {
  readonly source: Source;
  readonly lake: Lake;
  readonly sql: Sql;
  /** Only this as-of time (a tile border), instead of the models' grid and the newest. */
  readonly asOfMs?: number | undefined;
  /** Aborting it ends the build with the signal's reason; what stood in gold stays. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/** What a build put into gold, and of which silver snapshot. */
export interface GoldReport {
  readonly silverVersion: number;
  /** As-of times, ISO; empty for a source without time. */
  readonly asOf: readonly string[];
  readonly featureRows: number;
  readonly trainingRows: number;
  readonly labelledRows: number;
}

/** There is nothing in silver to build from. */
export class NothingToBuildError extends Error {
  override readonly name = 'NothingToBuildError';
}

/**
 * Rebuilds the source's gold tables from the newest silver snapshot: features as of each time, labels that look forward, and both joined
 * as the training frame. A row as of T uses records before T; its label uses records from T on. With one as-of time whose label is not
 * known yet, labels and training frame stay as they were. `RangeError` for an as-of time that the source can't have.
 */
export async function buildGold(options: GoldOptions): Promise<GoldReport> {
  const { source, lake, sql } = options;
  checkAsOf(options);
  const names = tableNames(source);
  const snapshot = await bindSilver(source, lake, sql);
  if (snapshot === undefined || snapshot.rowCount === 0) {
    throw new NothingToBuildError(`expected rows in ${names.silver}, found none: replay a log of ${source.name} first`);
  }
  const report = source.time === undefined ? await buildRecordFrame(options, snapshot) : await buildAsOfFrames(options, snapshot);
  return { silverVersion: snapshot.version, ...report };
}

/** Silver, without rows that vanished from their source's deliveries. */
function rowsThatCount(source: Source): string {
  const { silver } = tableNames(source);
  return source.deployment.load === undefined ? silver : `(SELECT * FROM ${silver} WHERE is_active)`;
}

function checkAsOf({ source, asOfMs }: GoldOptions): void {
  if (asOfMs === undefined) return;
  const { name, tileMs } = source;
  if (tileMs === undefined) throw new RangeError(`expected no as-of time: ${name} has no time column`);
  if (asOfMs % tileMs !== 0) {
    throw new RangeError(`expected an as-of time on a tile border of ${tileMs / 60_000} min (UTC), found ${new Date(asOfMs).toISOString()}`);
  }
}

type Frames = Omit<GoldReport, 'silverVersion'>;

const string = { name: 'string' } as const;
const double = { name: 'double' } as const;
const int = { name: 'int' } as const;

/** Whose row it is, as of when. */
const keyColumns: readonly ColumnDefinition[] = [
  { name: 'entity', type: string, nullable: false },
  { name: 'as_of', type: { name: 'timestamp' }, nullable: false },
];
const featureColumns = (source: Source): ColumnDefinition[] =>
  source.features.features.map(({ name }) => ({ name, type: double, nullable: true }));
/** Classes are whole numbers; what a regression learns need not be. */
const labelColumn = (source: Source): ColumnDefinition => ({ name: 'label', type: source.models.task === 'classification' ? int : double, nullable: true });

async function buildAsOfFrames(options: GoldOptions, silver: SilverState): Promise<Frames> {
  const { source, lake, onProgress } = options;
  const names = tableNames(source);
  const times = await timesOf(options);
  const all = [...new Set([...times.labelled, times.latest])].sort((a, b) => a - b);
  const label = labelColumn(source);
  const features = await TableRewrite.open(lake, names.features, [...keyColumns, ...featureColumns(source)]);
  const labels = await TableRewrite.open(lake, names.labels, [...keyColumns, label]);
  const training = await TableRewrite.open(lake, names.training, [...keyColumns, ...featureColumns(source), label]);
  const keepLabels = options.asOfMs !== undefined && times.labelled.length === 0;
  const tables = [features, labels, training];
  try {
    for await (const { keys, columns, label: known, rowCount, done } of framesOf(options, all, times.labelled)) {
      await features.write([...keys, ...columns], rowCount);
      if (known !== undefined) {
        await labels.write([...keys, known], rowCount);
        await training.write([...keys, ...columns, known], rowCount);
      }
      onProgress?.(done, all.length);
    }
    const featureRows = await publishNext(tables, options, silver);
    const labelledRows = keepLabels ? 0 : await publishNext(tables, options, silver);
    const trainingRows = keepLabels ? 0 : await publishNext(tables, options, silver);
    return { asOf: all.map((ms) => new Date(ms).toISOString()), featureRows, labelledRows, trainingRows };
  } finally {
    for (const table of tables) await table.abort();
  }
}

/** Publishes the first of the tables and takes it off the list: what a failed commit wrote may belong to the table. */
async function publishNext(tables: TableRewrite[], { source, asOfMs }: GoldOptions, silver: SilverState): Promise<number> {
  return tables.shift()!.publish(source, silver, asOfMs === undefined ? undefined : new Date(asOfMs).toISOString());
}

interface Frame {
  readonly keys: readonly [entity: Column, asOf: Column];
  readonly columns: readonly Column[];
  /** Undefined where the label is not known yet. */
  readonly label: Column | undefined;
  readonly rowCount: number;
  /** As-of times begun so far. */
  readonly done: number;
}

/** Of more as-of times than this, one pass in order of time takes less than a statement for each. */
const MOST_STATEMENTS = 8;

async function* framesOf(options: GoldOptions, asOfs: readonly number[], labelled: readonly number[]): AsyncIterable<Frame> {
  const { source, sql, signal } = options;
  if (source.tables === undefined || asOfs.length <= MOST_STATEMENTS) {
    const frame = new FeatureFrame(source);
    for (const [k, asOfMs] of asOfs.entries()) yield* framesAsOf(options, frame, asOfMs, labelled.includes(asOfMs), k + 1);
    return;
  }
  let done = 0;
  for await (const { asOfMs, entities, features, label, rowCount } of replayAsOf(source, sql, asOfs, new Set(labelled), signal)) {
    const asOf: Column = { type: { name: 'timestamp' }, values: new Float64Array(rowCount).fill(asOfMs) };
    yield { keys: [entities, asOf], columns: features, label: label && toLabel(source, label), rowCount, done: ++done };
  }
}

/** Rows of the population as of a time, by entity. */
async function* framesAsOf({ source, sql, signal }: GoldOptions, frame: FeatureFrame, asOfMs: number, labelled: boolean, done: number): AsyncIterable<Frame> {
  const silver = rowsThatCount(source);
  const partials = partialsSql(source, silver, asOfMs);
  // Features and labels are of the same population by definition; a left join would show it if they weren't.
  const statement = labelled
    ? `SELECT f.*, l.label AS ${LABEL} FROM (${partials}) f LEFT JOIN (${labelsSql(source, silver, asOfMs)}) l USING (entity) ORDER BY entity`
    : partials;
  for await (const batch of sql.batches(statement, signal === undefined ? {} : { signal })) {
    const { rowCount } = batch;
    const asOf: Column = { type: { name: 'timestamp' }, values: new Float64Array(rowCount).fill(asOfMs) };
    const label = labelled ? toLabel(source, columnOf(batch, LABEL)) : undefined;
    yield { keys: [columnOf(batch, 'entity'), asOf], columns: frame.finish(batch, asOfMs), label, rowCount, done };
  }
}

/** Aggregates have names of their own, so the label joined to them takes one that none can have. */
const LABEL = '_label';

async function timesOf({ source, sql, asOfMs }: GoldOptions): Promise<AsOfTimes> {
  const time = `"${source.time}"`;
  const [span] = await sql.rows(
    `SELECT CAST(epoch_ms(min(${time})) AS BIGINT) AS first, CAST(epoch_ms(max(${time})) AS BIGINT) AS last FROM ${rowsThatCount(source)} WHERE ${isEvent(source)} AND NOT _late`,
  );
  if (span!['first'] === null) throw new NothingToBuildError(`expected events of ${source.name}, found none: replay the file of ${eventTables(source).map(({ name }) => name).join(' or ')}`);
  const [firstMs, lastMs] = [Number(span!['first']), Number(span!['last'])];
  if (asOfMs === undefined) return asOfTimes(source.models, source.tileMs!, firstMs, lastMs);
  return { labelled: hasWholeHorizon(source.models, asOfMs, lastMs) ? [asOfMs] : [], latest: asOfMs };
}

/** Rows that happened, unlike those of snapshot tables, whose time is when they begin to hold. */
export function isEvent(source: Source): string {
  return source.tables === undefined ? 'TRUE' : `_table IN (${eventTables(source).map(({ name }) => `'${name}'`).join(', ')})`;
}

/** Sources without time: every record is a decision, its features are the entity's last n records before it and its own context. */
async function buildRecordFrame(options: GoldOptions, silver: SilverState): Promise<Frames> {
  const { source, lake, sql, signal, onProgress } = options;
  const names = tableNames(source);
  const identity: ColumnDefinition[] = [
    { name: 'entity', type: string, nullable: false },
    { name: '_partition', type: int, nullable: false },
    { name: '_offset', type: { name: 'bigint' }, nullable: false },
  ];
  const training = await TableRewrite.open(lake, names.training, [...identity, ...featureColumns(source), labelColumn(source)]);
  const frame = new FeatureFrame(source);
  const tables = [training];
  let done = 0;
  try {
    for await (const batch of sql.batches(recordFeaturesSql(source, rowsThatCount(source)), signal === undefined ? {} : { signal })) {
      const keys = identity.map(({ name }) => columnOf(batch, name));
      await training.write([...keys, ...frame.finish(batch, NaN), toLabel(source, columnOf(batch, 'label'))], batch.rowCount);
      onProgress?.((done += batch.rowCount), silver.rowCount);
    }
    const trainingRows = await publishNext(tables, options, silver);
    return { asOf: [], featureRows: trainingRows, trainingRows, labelledRows: trainingRows };
  } finally {
    for (const table of tables) await table.abort();
  }
}

function columnOf(batch: ColumnBatch, name: string): Column {
  return batch.columns[batch.names.indexOf(name)]!;
}

function toLabel(source: Source, { values, nulls }: Column): Column {
  const { type } = labelColumn(source);
  return { type, values: type.name === 'int' ? Int32Array.from(values) : Float64Array.from(values), ...(nulls === undefined ? {} : { nulls }) };
}
