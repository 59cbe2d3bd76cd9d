import { valueAt, type Sql } from '#tideline/lake';
import { FeatureFormulas, PartialReader, partialsSql, recordFeaturesSql, tableNames, type Source, type SourceProcessor } from '#tideline/retention';

export interface FeatureComparison {
  readonly name: string;
  readonly entities: number;
  readonly different: number;
  /** Infinity where one layer has a value and the other has none. */
  readonly maxDifference: number;
}

/** Problems beyond these are counted, not named. */
const MOST_NAMED = 10;

/** Differences between speed and batch over all partitions; two nulls are equal, and so are only equal numbers. */
export class LayerComparison {
  readonly #names: readonly string[];
  readonly #different: Float64Array;
  readonly #largest: Float64Array;
  readonly #examples: (string | undefined)[];
  readonly #disagreements: string[] = [];
  #disagreementCount = 0;
  #entities = 0;

  constructor(source: Source) {
    this.#names = new FeatureFormulas(source).names;
    this.#different = new Float64Array(this.#names.length);
    this.#largest = new Float64Array(this.#names.length);
    this.#examples = this.#names.map(() => undefined);
  }

  get entityCount(): number {
    return this.#entities;
  }

  add(entity: string, speed: Float64Array, batch: Float64Array): void {
    this.#entities++;
    for (let k = 0; k < speed.length; k++) {
      if (speed[k] === batch[k] || (Number.isNaN(speed[k]) && Number.isNaN(batch[k]))) continue;
      const difference = Math.abs(speed[k]! - batch[k]!);
      this.#different[k]!++;
      this.#largest[k] = Math.max(this.#largest[k]!, Number.isNaN(difference) ? Infinity : difference);
      this.#examples[k] ??= `${entity} with ${speed[k]} and ${batch[k]}`;
    }
  }

  /** What only one layer knows, or knows otherwise: an entity, a watermark. */
  addDisagreement(problem: string): void {
    if (this.#disagreementCount++ < MOST_NAMED) this.#disagreements.push(problem);
  }

  features(): FeatureComparison[] {
    return this.#names.map((name, k) => ({ name, entities: this.#entities, different: this.#different[k]!, maxDifference: this.#largest[k]! }));
  }

  problems(): string[] {
    const named = this.#names.flatMap((name, k) =>
      this.#different[k] === 0 ? [] : [`${name}: expected speed and batch to agree, found ${this.#different[k]} entities that differ, the first ${this.#examples[k]}`]);
    const rest = this.#disagreementCount - this.#disagreements.length;
    return [...named, ...this.#disagreements, ...(rest > 0 ? [`${rest} more entities that only one layer knows`] : [])];
  }
}

/**
 * Compares a processor's state with silver (bound) cut at the offset that the state covers, each feature of each entity of one
 * partition, as of the tile border after the newest record, so that every record counts. Batch's partials come from SQL and are finished by
 * the very closure that the stream uses.
 */
export async function comparePartition(source: Source, sql: Sql, processor: SourceProcessor, partition: number, offset: number, comparison: LayerComparison): Promise<void> {
  const cut = `SELECT * FROM ${tableNames(source).silver} WHERE _partition = ${partition} AND _offset < ${offset}`;
  const newestMs = source.time === undefined ? NaN : await newestTime(source, sql, cut);
  if (source.time !== undefined && processor.watermarkMs !== newestMs - source.latenessMs) {
    const text = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : 'none');
    comparison.addDisagreement(`watermark of partition ${partition}: expected ${text(newestMs - source.latenessMs)}, as batch has it, found ${text(processor.watermarkMs)} in the speed layer`);
  }
  // Without any event time there is nothing to ask for.
  if (newestMs === -Infinity) return;
  const asOfMs = source.tileMs === undefined ? NaN : (Math.floor(newestMs / source.tileMs) + 1) * source.tileMs;
  const statement = source.time === undefined ? afterNewestRecordSql(source, cut) : partialsSql(source, `(${cut})`, asOfMs);
  const formulas = new FeatureFormulas(source);
  const partials = new Float64Array(formulas.aggregates.length);
  const texts = new Array<string | null>(formulas.aggregates.length).fill(null);
  const noRecord = new Float64Array(formulas.record.length).fill(NaN);
  const batchValues = new Float64Array(formulas.names.length);
  const speedValues = new Float64Array(formulas.names.length);
  const seen = new Set<string>();
  for await (const batch of sql.batches(statement)) {
    const reader = new PartialReader(source, batch);
    const entities = batch.columns[batch.names.indexOf('entity')]!;
    for (let row = 0; row < batch.rowCount; row++) {
      const entity = String(valueAt(entities, row));
      seen.add(entity);
      reader.read(row, partials, texts);
      formulas.finish(partials, texts, asOfMs, batchValues, noRecord);
      if (processor.valueAsOf(entity, asOfMs, speedValues)) comparison.add(entity, speedValues, batchValues);
      else comparison.addDisagreement(`${entity}: expected the speed layer to know it, as batch does, found nothing (partition ${partition})`);
    }
  }
  for (const entity of processor.entities()) {
    if (seen.has(entity) || (source.time !== undefined && !processor.isInPopulation(entity, asOfMs))) continue;
    comparison.addDisagreement(`${entity}: expected batch to know it, as the speed layer does, found nothing (partition ${partition})`);
  }
}

/** Largest event time of the cut, ms; -Infinity without rows. Late rows are below it by definition. */
async function newestTime(source: Source, sql: Sql, cut: string): Promise<number> {
  const [row] = await sql.rows(`SELECT CAST(epoch_ms(max("${source.time}")) AS BIGINT) AS newest FROM (${cut})`);
  const newest = row!['newest'];
  return newest === null ? -Infinity : Number(newest);
}

/**
 * Each entity's aggregates over its last n records, which is what a next record would see: asked by adding such a record to the cut. Of
 * lists only those are read that a condition needs: a log's lists are most of its bytes.
 */
function afterNewestRecordSql(source: Source, cut: string): string {
  const next = Number.MAX_SAFE_INTEGER;
  const { aggregates } = source.features;
  const longest = Math.max(1, ...aggregates.map(({ windowRecords, offsetRecords }) => (windowRecords ?? 1) + (offsetRecords ?? 0)));
  const columns = [...source.columns, ...source.derived].filter(({ name, type }) => type.name !== 'list' || aggregates.some(({ where }) => where?.includes(name) === true));
  const read = [...columns.map(({ name }) => `"${name}"`), '_partition', '_offset', '_late'].join(', ');
  const newest = `SELECT ${read} FROM (${cut}) QUALIFY row_number() OVER (PARTITION BY "${source.entity}" ORDER BY _offset DESC) <= ${longest}`;
  const withNext = `(WITH newest AS (${newest}) SELECT * FROM newest UNION ALL SELECT * REPLACE (CAST(${next} AS BIGINT) AS _offset) FROM newest QUALIFY row_number() OVER (PARTITION BY "${source.entity}" ORDER BY _offset DESC) = 1)`;
  const withoutRecord = { ...source, features: { ...source.features, features: [] } };
  return `SELECT * FROM (${recordFeaturesSql(withoutRecord, withNext)}) WHERE _offset = ${next}`;
}
