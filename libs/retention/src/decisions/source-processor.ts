import assert from 'node:assert/strict';
import { FeatureFormulas } from '../features/finish-features.ts';
import { ByteReader, ByteWriter, SnapshotMismatch } from '../features/state-bytes.ts';
import { decodeBatch } from '../records/decode-batch.ts';
import type { PackedRecords } from '../records/pack-records.ts';
import type { RecordCodec } from '../records/record-codec.ts';
import { createRefiner } from '../records/refine.ts';
import type { Source } from '../sources/source.ts';
import type { Entities } from './entities.ts';
import { LiveOutputs, type RecordBatchLike } from './live-outputs.ts';
import type { LiveModel } from './live-scorer.ts';
import { pickRecords } from './packed-writer.ts';
import { DecisionReader } from './record-decisions.ts';
import { SequencedEntities } from './sequenced-entities.ts';
import { TimedEntities } from './timed-entities.ts';
import type { VisitLookup } from './visit-lookup.ts';

/** Layout of the snapshot bytes and meaning of the state; another one refuses to load. */
const STATE_LAYOUT = 2;

/** What one batch came to. `rejected` counts records that the source's rules refuse: the ingestor keeps them off the topic. */
export interface BatchCounts {
  readonly read: number;
  readonly late: number;
  readonly rejected: number;
  readonly scores: number;
  readonly transitions: number;
}

/** Outputs of one batch. Scores, transitions and late records go to the partition that the batch came from. */
export interface ProcessedBatch {
  readonly appends: { readonly topic: string; readonly partition?: number; readonly records: PackedRecords }[];
  readonly counts: BatchCounts;
}

/**
 * One partition of one source, live or in replay: batches in, scores, transitions and late records out. Deterministic: the same
 * batches in the same order give the same bytes, wherever a snapshot was taken and restored, and whether or not earlier batches
 * were asked to emit. Models and visit values change between batches only.
 */
export class SourceProcessor {
  /** Names the definition and the layout of the state; snapshots of another version refuse to load. */
  readonly version: string;
  readonly featureNames: readonly string[];
  readonly #source: Source;
  readonly #partition: number;
  readonly #codec: RecordCodec;
  readonly #refine: ReturnType<typeof createRefiner>;
  readonly #decisions: DecisionReader;
  readonly #outputs: LiveOutputs;
  readonly #entities: Entities;
  #snapshotBytes = 0;

  /** `transitionSchemaId` is the registered id of `transitionSchema(source)`. */
  constructor(source: Source, options: { readonly partition: number; readonly codec: RecordCodec; readonly transitionSchemaId: number }) {
    const formulas = new FeatureFormulas(source);
    this.version = `${source.version}-${STATE_LAYOUT}`;
    this.featureNames = formulas.names;
    this.#source = source;
    this.#partition = options.partition;
    this.#codec = options.codec;
    this.#refine = createRefiner(source);
    this.#decisions = new DecisionReader(source);
    this.#outputs = new LiveOutputs(source, formulas.names, options.partition, options.transitionSchemaId);
    this.#entities = source.time === undefined ? new SequencedEntities(source, formulas) : new TimedEntities(source, formulas);
  }

  /** Event time before which records are late, ms; -Infinity before the first record, NaN for a source without time. */
  get watermarkMs(): number {
    return this.#entities.watermarkMs;
  }

  get entityCount(): number {
    return this.#entities.entityCount;
  }

  get model(): LiveModel | undefined {
    return this.#outputs.scorer.model;
  }

  useModel(model: LiveModel | undefined): void {
    this.#outputs.scorer.use(model);
    this.#outputs.modelChanged();
  }

  useVisitValues(values: VisitLookup | undefined): void {
    this.#outputs.useVisitValues(values);
  }

  /** Takes the next batch in. Without `emit` the state moves alike and nothing but `late` and `rejected` is counted. */
  process(records: RecordBatchLike, emit: boolean): ProcessedBatch {
    assert(records.partition === this.#partition, `expected a batch of partition ${this.#partition}, found ${records.partition}`);
    const { batch, kept, rejections } = this.#refine(decodeBatch(this.#codec, records));
    const step = { records, batch, kept, decisions: this.#decisions.read(batch) };
    const out = emit ? this.#outputs : undefined;
    out?.begin(step);
    const late = this.#entities.process(step, out);
    const appends: ProcessedBatch['appends'] = [];
    const counts = { read: records.count, late: late.length, rejected: rejections.length, scores: this.#outputs.scoreCount, transitions: this.#outputs.transitionCount };
    if (!emit) return { appends, counts };
    const { scores, transitions } = this.#outputs.finish();
    this.#append(appends, 'churn-scores', scores);
    this.#append(appends, `transitions.${this.#source.name}`, transitions);
    this.#append(appends, `late.${this.#source.name}`, late.length === 0 ? undefined : pickRecords(records, late.map((row) => kept[row])));
    return { appends, counts };
  }

  /**
   * Scores of the whole population as it stands, for when another model takes over while no record comes; `offset` is the first one not
   * processed. The state stays as it is.
   */
  refresh(offset: number): ProcessedBatch {
    this.#entities.scoreStanding(this.#outputs, offset - 1);
    const counts = { read: 0, late: 0, rejected: 0, scores: this.#outputs.scoreCount, transitions: 0 };
    const appends: ProcessedBatch['appends'] = [];
    this.#append(appends, 'churn-scores', this.#outputs.finish().scores);
    return { appends, counts };
  }

  snapshot(): Uint8Array {
    // A little more than last time: states grow slowly.
    const out = new ByteWriter(this.#snapshotBytes + (this.#snapshotBytes >> 4));
    out.text(this.version);
    out.text(this.#source.name);
    out.number(this.#partition);
    this.#entities.write(out);
    const bytes = out.finish(STATE_LAYOUT);
    this.#snapshotBytes = bytes.length;
    return bytes;
  }

  /** Replaces the state by a snapshot's; `SnapshotMismatch` says what another version, source or partition was expected. */
  restore(bytes: Uint8Array): void {
    const from = new ByteReader(bytes, STATE_LAYOUT);
    const version = from.text();
    const name = from.text();
    const partition = from.number();
    if (name !== this.#source.name || partition !== this.#partition) {
      throw new SnapshotMismatch(`expected a snapshot of ${this.#source.name} partition ${this.#partition}, found ${name} partition ${partition}`);
    }
    if (version !== this.version) throw new SnapshotMismatch(`expected a snapshot of ${name} version ${this.version}, found ${version}: its definition has changed, replay from the start`);
    this.#entities.readFrom(from);
  }

  /**
   * Features of an entity as of a tile border (without time: after its newest record, context null), by `featureNames`; false when the
   * entity is not known.
   */
  valueAsOf(entity: string, asOfMs: number, out: Float64Array): boolean {
    return this.#entities.valueAsOf(entity, asOfMs, out);
  }

  /** Whether the entity has a record in the population's window before the border. */
  isInPopulation(entity: string, asOfMs: number): boolean {
    return this.#entities.isInPopulation(entity, asOfMs);
  }

  /** Every entity that is remembered; no order is promised. */
  entities(): Iterable<string> {
    return this.#entities.entities();
  }

  #append(appends: ProcessedBatch['appends'], topic: string, records: PackedRecords | undefined): void {
    if (records !== undefined) appends.push({ topic, partition: this.#partition, records });
  }
}
