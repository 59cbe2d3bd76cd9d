import { planTracks } from '../features/aggregate-tracks.ts';
import type { FeatureFormulas } from '../features/finish-features.ts';
import { RecordRings } from '../features/record-rings.ts';
import type { ByteReader, ByteWriter } from '../features/state-bytes.ts';
import { TrackInputReader } from '../features/track-input-reader.ts';
import { ValueTables } from '../features/track-inputs.ts';
import type { Source } from '../sources/source.ts';
import type { Entities } from './entities.ts';
import type { LiveOutputs, RefinedRecords } from './live-outputs.ts';

/**
 * Entities of a source without time: order is the offset alone, nothing is late, and each record is a step of its own whose
 * state is the entity's last n records before it with the record's own context.
 */
export class SequencedEntities implements Entities {
  readonly watermarkMs = NaN;
  readonly #formulas: FeatureFormulas;
  readonly #tables: ValueTables;
  readonly #inputs: TrackInputReader;
  readonly #rings: RecordRings;
  readonly #statePositions: Int32Array;
  readonly #aggregates: Float64Array;
  readonly #texts: (string | null)[] = [];

  constructor(source: Source, formulas: FeatureFormulas) {
    const plan = planTracks(source);
    this.#formulas = formulas;
    this.#tables = new ValueTables(plan.tracks);
    this.#inputs = new TrackInputReader(source, plan.tracks, this.#tables);
    this.#rings = new RecordRings(plan, this.#tables);
    this.#statePositions = Int32Array.from(source.features.state, (name) => formulas.names.indexOf(name));
    this.#aggregates = new Float64Array(plan.aggregates.length);
  }

  get entityCount(): number {
    return this.#rings.entityCount;
  }

  process(step: RefinedRecords, out: LiveOutputs | undefined): readonly number[] {
    const { batch, records, kept } = step;
    const { keys, keyOffsets } = records;
    const inputs = this.#inputs.read(batch, new Uint8Array(batch.rowCount));
    const context = out === undefined ? undefined : this.#formulas.evaluateRecord(batch);
    const contextWidth = this.#formulas.record.length;
    const features = new Float64Array(this.#formulas.names.length);
    const state = new Float64Array(this.#statePositions.length);
    const scored = new Map<number, { row: number; features: Float64Array }>();
    for (let row = 0; row < batch.rowCount; row++) {
      const at = kept[row];
      const slot = this.#rings.entities.insert(keys, keyOffsets[at], keyOffsets[at + 1]);
      if (out !== undefined && context !== undefined) {
        this.#rings.values(slot, this.#aggregates, this.#texts);
        this.#formulas.finish(this.#aggregates, this.#texts, NaN, features, context, row * contextWidth);
        for (let k = 0; k < state.length; k++) state[k] = features[this.#statePositions[k]];
        out.record(step, row, state);
        keepLast(scored, slot, row, features);
      }
      this.#rings.add(slot, inputs, row);
    }
    for (const last of scored.values()) {
      const at = kept[last.row];
      out?.score(step, last.row, keys, keyOffsets[at], keyOffsets[at + 1], last.features, NaN, NaN, step.decisions.rewards[last.row]);
    }
    this.#tables.sweep();
    return [];
  }

  /** The aggregates over all records so far; what a formula takes from a record is null. */
  /** Without time a score needs a record's own context, so nobody is scored between records. */
  scoreStanding(): void {}

  valueAsOf(entity: string, _asOfMs: number, out: Float64Array): boolean {
    const key = Buffer.from(entity, 'utf8');
    const slot = this.#rings.entities.find(key, 0, key.length);
    if (slot < 0) return false;
    this.#rings.values(slot, this.#aggregates, this.#texts);
    this.#formulas.finish(this.#aggregates, this.#texts, NaN, out, new Float64Array(this.#formulas.record.length).fill(NaN), 0);
    return true;
  }

  isInPopulation(entity: string): boolean {
    const key = Buffer.from(entity, 'utf8');
    return this.#rings.entities.find(key, 0, key.length) >= 0;
  }

  *entities(): Iterable<string> {
    for (let slot = 0; slot < this.#rings.entities.slotEnd; slot++) yield this.#rings.entities.textOf(slot);
  }

  write(out: ByteWriter): void {
    const numberings = this.#tables.numberings();
    this.#rings.write(out, numberings);
    for (const numbering of numberings) numbering.write(out);
  }

  readFrom(from: ByteReader): void {
    this.#rings.readFrom(from);
    this.#tables.readFrom(from);
  }
}

/** Keeps a copy of the entity's newest vector; entities stay in the order in which the batch first saw them. */
function keepLast(scored: Map<number, { row: number; features: Float64Array }>, slot: number, row: number, features: Float64Array): void {
  const known = scored.get(slot);
  if (known === undefined) {
    scored.set(slot, { row, features: features.slice() });
    return;
  }
  known.row = row;
  known.features.set(features);
}
