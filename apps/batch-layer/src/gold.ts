import type { ColumnDefinition, DataFileWriter, Lake, Snapshot, Sql, Table } from '#tideline/lake';
import { FeatureFormulas, labelsSql, PartialReader, partialsSql, recordFeaturesSql, type Column, type ColumnBatch, type Source } from '#tideline/retention';
import { asOfTimes, type AsOfTimes } from './as-of-times.ts';
import { tableNames } from './table-names.ts';

export interface GoldOptions {
  readonly source: Source;
  readonly lake: Lake;
  readonly sql: Sql;
  /** Only this as-of time (a tile border), instead of the models' grid and the newest. */
  readonly asOfMs?: number | undefined;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/** What a build put into gold, and of which silver snapshot. */
export interface GoldReport {
  readonly silverVersion: number;
  readonly asOf: readonly string[];
  readonly featureRows: number;
  readonly trainingRows: number;
  readonly labelledRows: number;
}

const string = { name: 'string' } as const;
const timestamp = { name: 'timestamp' } as const;
const double = { name: 'double' } as const;
const int = { name: 'int' } as const;
const bigint = { name: 'bigint' } as const;

/** There is nothing in silver to build from. */
export class NothingToBuildError extends Error {
  override readonly name = 'NothingToBuildError';
}

/**
 * Rebuilds the source's gold tables from the newest silver snapshot: features as of each time, labels that look forward, and both joined
 * as the training frame. A row as of T uses records before T; its label uses records from T on.
 */
export async function buildGold(options: GoldOptions): Promise<GoldReport> {
  const { source, lake, sql } = options;
  const names = tableNames(source);
  const silver = lake.table(names.silver);
  const snapshot = await silver.current();
  if (snapshot === undefined || snapshot.rowCount === 0) {
    throw new NothingToBuildError(`expected rows in ${names.silver}, found none: replay a log of ${source.name} first`);
  }
  await sql.bind(silver, snapshot);
  const report = source.time === undefined ? await buildRecordFrame(options, snapshot) : await buildAsOfFrames(options, snapshot);
  return { silverVersion: snapshot.version, ...report };
}

/** Columns of gold's feature tables: who, as of when, the features. */
const keyColumns: readonly ColumnDefinition[] = [
  { name: 'entity', type: string, nullable: false },
  { name: 'as_of', type: timestamp, nullable: false },
];
const featureColumns = (source: Source): ColumnDefinition[] =>
  source.features.features.map(({ name }) => ({ name, type: double, nullable: true }));
const labelColumn: ColumnDefinition = { name: 'label', type: int, nullable: true };

async function buildAsOfFrames(options: GoldOptions, silver: Snapshot): Promise<Omit<GoldReport, 'silverVersion'>> {
  const { source, lake, sql, onProgress } = options;
  const names = tableNames(source);
  const times = await timesOf(options);
  const all = [...new Set([...times.labelled, times.latest])].sort((a, b) => a - b);
  const features = await TableRewrite.open(lake, names.features, [...keyColumns, ...featureColumns(source)]);
  const labels = await TableRewrite.open(lake, names.labels, [...keyColumns, labelColumn]);
  const training = await TableRewrite.open(lake, names.training, [...keyColumns, ...featureColumns(source), labelColumn]);
  const formulas = new FeatureFormulas(source);
  let done = 0;
  for (const asOfMs of all) {
    const labelOf = times.labelled.includes(asOfMs) ? await readLabels(options, asOfMs) : undefined;
    for await (const batch of sql.batches(partialsSql(source, names.silver, asOfMs))) {
      const keys = withAsOf(batch.columns[batch.names.indexOf('entity')]!, asOfMs, batch.rowCount);
      const frame = finishBatch(source, formulas, batch, asOfMs);
      await features.write([...keys, ...frame], batch.rowCount);
      if (labelOf === undefined) continue;
      const label = labelColumnOf(keys[0], batch.rowCount, labelOf);
      await labels.write([...keys, label], batch.rowCount);
      await training.write([...keys, ...frame, label], batch.rowCount);
    }
    onProgress?.(++done, all.length);
  }
  const summary = { silver: `${names.silver}@${silver.version}`, definition: source.version };
  const rows = { featureRows: await features.publish(silver, summary), labelledRows: await labels.publish(silver, summary), trainingRows: await training.publish(silver, summary) };
  return { asOf: all.map((ms) => new Date(ms).toISOString()), ...rows };
}

async function timesOf({ source, sql, asOfMs }: GoldOptions): Promise<AsOfTimes> {
  const tileMs = source.tileMs!;
  if (asOfMs !== undefined && asOfMs % tileMs !== 0) {
    throw new RangeError(`expected an as-of time on a tile border of ${tileMs / 60_000} min (UTC), found ${new Date(asOfMs).toISOString()}`);
  }
  const [span] = await sql.rows(
    `SELECT CAST(epoch_ms(min("${source.time}")) AS BIGINT) AS first, CAST(epoch_ms(max("${source.time}")) AS BIGINT) AS last FROM ${tableNames(source).silver} WHERE NOT _late`,
  );
  const times = asOfTimes(source.models, tileMs, Number(span!['first']), Number(span!['last']));
  if (asOfMs === undefined) return times;
  const label = source.models.label;
  const whole = label.kind === 'absence' && asOfMs + label.horizonMs <= Number(span!['last']);
  return { labelled: whole ? [asOfMs] : [], latest: asOfMs };
}

async function readLabels({ source, sql }: GoldOptions, asOfMs: number): Promise<Map<string, number>> {
  const labels = new Map<string, number>();
  for await (const batch of sql.batches(labelsSql(source, tableNames(source).silver, asOfMs))) {
    const entity = batch.columns[batch.names.indexOf('entity')]!;
    const label = batch.columns[batch.names.indexOf('label')]!;
    for (let row = 0; row < batch.rowCount; row++) labels.set(textAt(entity, row), label.values[row]!);
  }
  return labels;
}

function labelColumnOf(entity: Column, rowCount: number, labelOf: ReadonlyMap<string, number>): Column {
  const values = new Int32Array(rowCount);
  const nulls = new Uint8Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const label = labelOf.get(textAt(entity, row));
    if (label === undefined) nulls[row] = 1;
    else values[row] = label;
  }
  return { type: int, values, nulls };
}

const withAsOf = (entity: Column, asOfMs: number, rowCount: number): [Column, Column] => [
  entity,
  { type: timestamp, values: new Float64Array(rowCount).fill(asOfMs) },
];

/** Feature columns of a batch of partials, finished by the closure that the stream uses too; NaN is null. */
function finishBatch(source: Source, formulas: FeatureFormulas, batch: ColumnBatch, asOfMs: number): Column[] {
  const reader = new PartialReader(source, batch, formulas);
  const partials = new Float64Array(formulas.aggregates.length);
  const texts = new Array<string | null>(formulas.aggregates.length).fill(null);
  const record = new Float64Array(formulas.record.length);
  const out = new Float64Array(formulas.names.length);
  const values = formulas.names.map(() => new Float64Array(batch.rowCount));
  const nulls = formulas.names.map(() => new Uint8Array(batch.rowCount));
  for (let row = 0; row < batch.rowCount; row++) {
    reader.read(row, partials, texts, record);
    formulas.finish(partials, texts, asOfMs, out, record);
    for (let k = 0; k < out.length; k++) {
      const value = out[k]!;
      if (Number.isFinite(value)) values[k]![row] = value;
      else nulls[k]![row] = 1;
    }
  }
  return values.map((column, k) => ({ type: double, values: column, nulls: nulls[k]! }));
}

/** Sources without time: every record is a decision, its features are the entity's last n records before it and its own context. */
async function buildRecordFrame({ source, lake, sql, onProgress }: GoldOptions, silver: Snapshot): Promise<Omit<GoldReport, 'silverVersion'>> {
  const names = tableNames(source);
  const identity: ColumnDefinition[] = [
    { name: 'entity', type: string, nullable: false },
    { name: '_partition', type: int, nullable: false },
    { name: '_offset', type: bigint, nullable: false },
  ];
  const training = await TableRewrite.open(lake, names.training, [...identity, ...featureColumns(source), labelColumn]);
  const formulas = new FeatureFormulas(source);
  let done = 0;
  for await (const batch of sql.batches(recordFeaturesSql(source, names.silver))) {
    const find = (name: string): Column => batch.columns[batch.names.indexOf(name)]!;
    const frame = finishBatch(source, formulas, batch, NaN);
    await training.write([...identity.map(({ name }) => find(name)), ...frame, toLabel(find('label'))], batch.rowCount);
    onProgress?.((done += batch.rowCount), silver.rowCount);
  }
  const trainingRows = await training.publish(silver, { silver: `${names.silver}@${silver.version}`, definition: source.version });
  return { asOf: [], featureRows: trainingRows, trainingRows, labelledRows: trainingRows };
}

/** Outcomes are 0 or 1, or null where unknown. */
const toLabel = (column: Column): Column => ({ type: int, values: Int32Array.from(column.values), ...(column.nulls === undefined ? {} : { nulls: column.nulls }) });

const decoder = new TextDecoder();
const textAt = (column: Column, row: number): string =>
  decoder.decode((column.values as Uint8Array).subarray(column.offsets![row]!, column.offsets![row + 1]!));

/** A table whose rows are all replaced by one commit. */
class TableRewrite {
  readonly #table: Table;
  readonly #names: readonly string[];
  readonly #writer: DataFileWriter;

  private constructor(table: Table, names: readonly string[], writer: DataFileWriter) {
    this.#table = table;
    this.#names = names;
    this.#writer = writer;
  }

  static async open(lake: Lake, name: string, columns: readonly ColumnDefinition[]): Promise<TableRewrite> {
    const table = lake.table(name);
    await table.ensure(columns);
    return new TableRewrite(table, columns.map((column) => column.name), await table.writer());
  }

  async write(columns: readonly Column[], rowCount: number): Promise<void> {
    if (rowCount > 0) await this.#writer.write({ rowCount, names: this.#names, columns });
  }

  /** Publishes what was written in the place of everything; returns its rows. */
  async publish(silver: Snapshot, summary: Readonly<Record<string, string>>): Promise<number> {
    const files = await this.#writer.finish();
    await this.#table.overwrite(files, { offsets: silver.offsets, summary });
    return files.reduce((rows, file) => rows + file.rowCount, 0);
  }
}
