import type { Lake, Sql } from '#tideline/lake';
import { isPlatformError, type EventLog, type ObjectStore, type SchemaRegistry } from '#tideline/platform';
import { FeatureFormulas, PartialReader, partialsSql, recordFeaturesSql, registeredCodec, SourceProcessor, type Column, type Source } from '#tideline/retention';
import { Checkpoints } from '#tideline/streaming';
import { tableNames } from './table-names.ts';

export interface VerifyDoors {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly lake: Lake;
  readonly sql: Sql;
  readonly registry: SchemaRegistry;
}

export interface Counts {
  /** Rows read, accepted and rejected by all replays of the source, over all loops. */
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly topic: number;
  readonly bronze: number;
  readonly silver: number;
  readonly late: number;
  readonly deadLetter: number;
}

export interface FeatureComparison {
  readonly name: string;
  readonly entities: number;
  readonly different: number;
  readonly maxDifference: number;
}

export interface Verification {
  readonly source: string;
  readonly counts: Counts;
  /** Offset per partition at which speed and batch were compared; null where the speed layer has no checkpoint yet. */
  readonly comparedAt: Readonly<Record<string, number | null>>;
  readonly features: readonly FeatureComparison[];
  readonly problems: readonly string[];
  readonly ok: boolean;
}

const GROUP = 'speed-layer';

/**
 * Checks that counts reconcile from file to lake, and that every feature of every entity is the same in the speed layer's newest checkpoint
 * and in silver cut at that checkpoint's offset. Lands nothing: what the batch layer has not landed yet is a problem it names.
 */
export async function verifySource(source: Source, doors: VerifyDoors): Promise<Verification> {
  const { counts, problems } = await reconcile(source, doors);
  const codec = await registeredCodec(source, doors.registry);
  const comparison = new Comparison(new FeatureFormulas(source).names);
  const comparedAt: Record<string, number | null> = {};
  const silver = doors.lake.table(tableNames(source).silver);
  const snapshot = await silver.current();
  if (snapshot !== undefined) await doors.sql.bind(silver, snapshot);
  for (let partition = 0; partition < source.deployment.partitions; partition++) {
    const covered = snapshot?.offsets[String(partition)]?.[1] ?? 0;
    const identity = { group: GROUP, topic: `raw.${source.name}`, partition };
    const { checkpoint } = await new Checkpoints(doors.store, identity).newest(covered);
    comparedAt[String(partition)] = checkpoint?.offset ?? null;
    if (checkpoint === undefined) {
      if (covered > 0) problems.push(`partition ${partition}: expected a checkpoint of the speed layer at or before offset ${covered}, found none`);
      continue;
    }
    const processor = new SourceProcessor(source, { partition, codec, transitionSchemaId: 0 });
    processor.restore(checkpoint.state);
    await comparePartition(source, doors.sql, processor, partition, checkpoint.offset, comparison);
  }
  const features = comparison.report();
  for (const { name, different } of features) if (different > 0) problems.push(`${name}: expected speed and batch to agree, found ${different} entities that differ`);
  problems.push(...comparison.problems);
  return { source: source.name, counts, comparedAt, features, problems, ok: problems.length === 0 };
}

async function reconcile(source: Source, { log, lake, sql }: VerifyDoors): Promise<{ counts: Counts; problems: string[] }> {
  const names = tableNames(source);
  const topic = `raw.${source.name}`;
  const description = (await log.describeTopics()).find((candidate) => candidate.topic === topic);
  const totals = { read: 0, accepted: 0, rejected: 0 };
  for (const { group } of description?.groups ?? []) {
    if (!group.startsWith('replay-')) continue;
    const committed = await log.committed(group, topic, 0);
    const progress = JSON.parse(committed?.metadata ?? '{}') as Partial<Record<'rows' | 'accepted' | 'rejected', number>>;
    totals.read += progress.rows ?? 0;
    totals.accepted += progress.accepted ?? 0;
    totals.rejected += progress.rejected ?? 0;
  }
  const bronze = await lake.table(names.bronze).current();
  const silver = await lake.table(names.silver).current();
  let late = 0;
  if (silver !== undefined) {
    await sql.bind(lake.table(names.silver), silver);
    late = Number((await sql.rows(`SELECT count(*) AS n FROM ${names.silver} WHERE _late`))[0]?.['n'] ?? 0);
  }
  const counts: Counts = {
    ...totals,
    topic: (description?.partitions ?? []).reduce((sum, { start, end }) => sum + end - start, 0),
    bronze: bronze?.rowCount ?? 0,
    silver: silver?.rowCount ?? 0,
    late,
    deadLetter: await countDeadLetters(source, log),
  };
  const problems: string[] = [];
  const expectEqual = (what: string, a: number, b: number): void => {
    if (a !== b) problems.push(`${what}: expected ${a}, found ${b}`);
  };
  expectEqual('read = accepted + rejected', counts.read, counts.accepted + counts.rejected);
  expectEqual('accepted = records on the topic', counts.accepted, counts.topic);
  expectEqual('records on the topic = rows in bronze', counts.topic, counts.bronze);
  expectEqual('rows in bronze = rows in silver', counts.bronze, counts.silver);
  expectEqual('rejected = dead letters', counts.rejected, counts.deadLetter);
  return { counts, problems };
}

async function countDeadLetters(source: Source, log: EventLog): Promise<number> {
  const description = (await log.describeTopics()).find(({ topic }) => topic === 'dead-letter');
  const marker = Buffer.from(`{"source":${JSON.stringify(source.name)},`);
  let count = 0;
  for (const { partition, start, end } of description?.partitions ?? []) {
    for (let offset = start; offset < end; ) {
      let batches;
      try {
        batches = await log.read('dead-letter', partition, offset, { maxWaitMs: 0 });
      } catch (error) {
        if (isPlatformError(error, 'NOT_FOUND')) break;
        throw error;
      }
      if (batches.length === 0) break;
      for (const batch of batches) {
        const values = Buffer.from(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
        for (let i = 0; i < batch.count; i++) {
          if (values.compare(marker, 0, marker.length, batch.valueOffsets[i], batch.valueOffsets[i]! + marker.length) === 0) count++;
        }
        offset = batch.baseOffset + batch.count;
      }
    }
  }
  return count;
}

/** Batch's side of the comparison is finished by the very closure that the stream uses; its partials come from SQL over silver. */
async function comparePartition(source: Source, sql: Sql, processor: SourceProcessor, partition: number, offset: number, comparison: Comparison): Promise<void> {
  const silver = tableNames(source).silver;
  const cut = `SELECT * FROM ${silver} WHERE _partition = ${partition} AND _offset < ${offset}`;
  const asOfMs = source.tileMs === undefined ? NaN : Math.floor(processor.watermarkMs / source.tileMs) * source.tileMs;
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
    const entity = batch.columns[batch.names.indexOf('entity')]!;
    for (let row = 0; row < batch.rowCount; row++) {
      const name = textAt(entity, row);
      seen.add(name);
      reader.read(row, partials, texts);
      formulas.finish(partials, texts, asOfMs, batchValues, noRecord);
      if (processor.valueAsOf(name, asOfMs, speedValues)) comparison.add(speedValues, batchValues);
      else comparison.problems.push(`${name}: expected the speed layer to know it, as batch does, found nothing (partition ${partition})`);
    }
  }
  for (const name of processor.entities()) {
    if (!seen.has(name) && (source.time === undefined || processor.isInPopulation(name, asOfMs))) {
      comparison.problems.push(`${name}: expected batch to know it, as the speed layer does, found nothing (partition ${partition})`);
    }
  }
}

/** Aggregates over each entity's last n records: what a next record would see, asked by adding such a record to the cut. */
function afterNewestRecordSql(source: Source, cut: string): string {
  const next = Number.MAX_SAFE_INTEGER;
  const withNext = `(WITH cut AS (${cut}) SELECT * FROM cut UNION ALL SELECT * REPLACE (CAST(${next} AS BIGINT) AS _offset) FROM cut QUALIFY row_number() OVER (PARTITION BY "${source.entity}" ORDER BY _offset DESC) = 1)`;
  return `SELECT * FROM (${recordFeaturesSql(source, withNext)}) WHERE _offset = ${next}`;
}

const decoder = new TextDecoder();
const textAt = (column: Column, row: number): string =>
  decoder.decode((column.values as Uint8Array).subarray(column.offsets![row]!, column.offsets![row + 1]!));

/** Counts differences by feature; two nulls are equal. */
class Comparison {
  readonly problems: string[] = [];
  readonly #names: readonly string[];
  readonly #different: Float64Array;
  readonly #largest: Float64Array;
  #entities = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#different = new Float64Array(names.length);
    this.#largest = new Float64Array(names.length);
  }

  add(speed: Float64Array, batch: Float64Array): void {
    this.#entities++;
    for (let k = 0; k < speed.length; k++) {
      if (Object.is(speed[k], batch[k]) || speed[k] === batch[k]) continue;
      this.#different[k]!++;
      const difference = Math.abs(speed[k]! - batch[k]!);
      this.#largest[k] = Math.max(this.#largest[k]!, Number.isNaN(difference) ? Infinity : difference);
    }
  }

  report(): FeatureComparison[] {
    return this.#names.map((name, k) => ({ name, entities: this.#entities, different: this.#different[k]!, maxDifference: this.#largest[k]! }));
  }
}

