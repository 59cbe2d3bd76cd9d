import assert from 'node:assert/strict';
import { planTracks } from '../features/aggregate-tracks.ts';
import type { FeatureFormulas } from '../features/finish-features.ts';
import type { ByteReader, ByteWriter } from '../features/state-bytes.ts';
import { columnOf, TrackInputReader } from '../features/track-input-reader.ts';
import { type TrackInputs, ValueTables } from '../features/track-inputs.ts';
import { AHEAD, WindowState } from '../features/window-state.ts';
import type { Source } from '../sources/source.ts';
import type { Entities } from './entities.ts';
import type { LiveOutputs, RefinedRecords } from './live-outputs.ts';
import { OpenEpochs } from './open-epochs.ts';

/** One transaction holds all standing scores, so a larger population waits for its next records instead. */
const STANDING_AT_MOST = 200_000;

/**
 * Entities of a source with time. Nothing is dropped inside a batch; at its end scores are written, states and transitions settled up
 * to the watermark, and what no later border can reach is forgotten.
 */
export class TimedEntities implements Entities {
  readonly #source: Source;
  readonly #tileMs: number;
  readonly #formulas: FeatureFormulas;
  readonly #tables: ValueTables;
  readonly #inputs: TrackInputReader;
  readonly #windows: WindowState;
  readonly #epochs: OpenEpochs;
  /** Running maximum of event time in offset order. */
  #newestMs = -Infinity;
  readonly #statePositions: Int32Array;
  readonly #aggregates: Float64Array;
  readonly #texts: (string | null)[] = [];
  readonly #features: Float64Array;
  readonly #state: Float64Array;
  /** Per slot, the last row of the batch at hand, or -1; and the slots that have one, first seen first. */
  #lastRows = new Int32Array(8).fill(-1);
  readonly #touched: number[] = [];

  constructor(source: Source, formulas: FeatureFormulas) {
    const plan = planTracks(source);
    assert(plan.tileMs !== undefined && source.time !== undefined, `expected a source with time, found ${source.name}`);
    const { rescoreEveryMs } = source.deployment;
    assert(rescoreEveryMs === undefined || rescoreEveryMs % plan.tileMs === 0, `expected rescore_every of whole tiles, found ${rescoreEveryMs} ms and tiles of ${plan.tileMs} ms`);
    this.#source = source;
    this.#tileMs = plan.tileMs;
    this.#formulas = formulas;
    this.#tables = new ValueTables(plan.tracks);
    this.#inputs = new TrackInputReader(source, plan.tracks, this.#tables);
    this.#windows = new WindowState(plan, this.#tables);
    this.#epochs = new OpenEpochs(source.features.state.length, plan.span);
    this.#statePositions = Int32Array.from(source.features.state, (name) => formulas.names.indexOf(name));
    this.#aggregates = new Float64Array(plan.aggregates.length);
    this.#features = new Float64Array(formulas.names.length);
    this.#state = new Float64Array(source.features.state.length);
  }

  get entityCount(): number {
    return this.#windows.entityCount;
  }

  get watermarkMs(): number {
    return this.#newestMs - this.#source.latenessMs;
  }

  get byteSize(): number {
    return this.#windows.byteSize + this.#epochs.byteSize;
  }

  process(step: RefinedRecords, out: LiveOutputs | undefined): readonly number[] {
    const times = columnOf(step.batch, this.#source.time ?? '').values as Float64Array;
    const { newestAt, isLate, late } = this.#markLate(times, step.batch.rowCount);
    const inputs = this.#inputs.read(step.batch, isLate);
    this.#addRows(step, times, newestAt, isLate, inputs, out);
    if (out !== undefined) this.#scoreTouched(step, times, newestAt, out);
    for (const slot of this.#touched) this.#lastRows[slot] = -1;
    this.#touched.length = 0;
    this.#settle(out);
    this.#tables.sweep();
    return late;
  }

  scoreStanding(out: LiveOutputs, offset: number): void {
    const { entities } = this.#windows;
    if (this.#newestMs === -Infinity || entities.size > STANDING_AT_MOST) return;
    const border = Math.floor(this.#newestMs / this.#tileMs) * this.#tileMs;
    for (let slot = 0; slot < entities.slotEnd; slot++) {
      if (!entities.holds(slot) || !this.#windows.isInPopulation(slot, border)) continue;
      this.#readFeatures(slot, border, this.#features);
      out.standing(entities.bytesOf(slot), this.#features, offset, this.#newestMs, border);
    }
  }

  valueAsOf(entity: string, asOfMs: number, out: Float64Array): boolean {
    const slot = this.#slotOf(entity);
    if (slot >= 0) this.#readFeatures(slot, asOfMs, out);
    return slot >= 0;
  }

  isInPopulation(entity: string, asOfMs: number): boolean {
    const slot = this.#slotOf(entity);
    return slot >= 0 && this.#windows.isInPopulation(slot, asOfMs);
  }

  *entities(): Iterable<string> {
    const { entities } = this.#windows;
    for (let slot = 0; slot < entities.slotEnd; slot++) if (entities.holds(slot)) yield entities.textOf(slot);
  }

  write(out: ByteWriter): void {
    out.number(this.#newestMs);
    // Settling what is old gives up values, which must be before they are numbered.
    this.#windows.settle();
    const numberings = this.#tables.numberings();
    this.#windows.write(out, numberings);
    for (const numbering of numberings) numbering.write(out);
    this.#epochs.write(out, this.#windows.entities.slotEnd);
  }

  readFrom(from: ByteReader): void {
    this.#newestMs = from.number();
    this.#windows.readFrom(from);
    this.#tables.readFrom(from);
    this.#epochs.readFrom(from);
  }

  /** Decides row by row, in offset order, what is late, and where the running maximum stands after each row. */
  #markLate(times: Float64Array, rowCount: number): { newestAt: Float64Array; isLate: Uint8Array; late: number[] } {
    const newestAt = new Float64Array(rowCount);
    const isLate = new Uint8Array(rowCount);
    const late: number[] = [];
    let newest = this.#newestMs;
    for (let row = 0; row < rowCount; row++) {
      if (times[row] < newest - this.#source.latenessMs) {
        isLate[row] = 1;
        late.push(row);
      } else if (times[row] > newest) newest = times[row];
      newestAt[row] = newest;
    }
    return { newestAt, isLate, late };
  }

  #addRows(step: RefinedRecords, times: Float64Array, newestAt: Float64Array, isLate: Uint8Array, inputs: TrackInputs, out: LiveOutputs | undefined): void {
    const { keys, keyOffsets } = step.records;
    const { rewards, actions, actionOffsets, terminals } = step.decisions;
    const { entities } = this.#windows;
    const { rescoreEveryMs } = this.#source.deployment;
    const { rowCount } = step.batch;
    for (let row = 0; row < rowCount; row++) {
      if (row % AHEAD === 0) this.#windows.loadAhead(keys, keyOffsets, step.kept[row], step.kept[Math.min(row + AHEAD, rowCount) - 1] + 1);
      if (isLate[row] === 1) continue;
      if (newestAt[row] > this.#newestMs) {
        if (rescoreEveryMs !== undefined) this.#rescore(step, row, times[row], rescoreEveryMs, out);
        this.#newestMs = newestAt[row];
      }
      const at = step.kept[row];
      const slot = entities.insert(keys, keyOffsets[at], keyOffsets[at + 1]);
      this.#windows.add(slot, times[row], inputs, row);
      const tile = Math.floor(times[row] / this.#tileMs);
      this.#epochs.add(slot, tile, times[row], actions, actionOffsets[row], actionOffsets[row + 1], rewards[row], terminals[row] === 1);
      this.#touch(slot, row);
    }
  }

  #touch(slot: number, row: number): void {
    if (slot >= this.#lastRows.length) {
      const larger = new Int32Array(Math.max(slot + 1, this.#lastRows.length * 2)).fill(-1);
      larger.set(this.#lastRows);
      this.#lastRows = larger;
    }
    if (this.#lastRows[slot] < 0) this.#touched.push(slot);
    this.#lastRows[slot] = row;
  }

  /** One score an entity and batch, of its last record: no later record of the batch is the entity's, so nothing has changed since. */
  #scoreTouched(step: RefinedRecords, times: Float64Array, newestAt: Float64Array, out: LiveOutputs): void {
    const { keys, keyOffsets } = step.records;
    for (const slot of this.#touched) {
      const row = this.#lastRows[slot];
      const featureTimeMs = Math.floor(newestAt[row] / this.#tileMs) * this.#tileMs;
      this.#readFeatures(slot, featureTimeMs, this.#features);
      const at = step.kept[row];
      out.score(step, row, keys, keyOffsets[at], keyOffsets[at + 1], this.#features, times[row], featureTimeMs, step.decisions.rewards[row]);
      // Most records are in order: the state that their transition will need is the one just read.
      if (times[row] >= featureTimeMs) {
        this.#pickState(this.#state);
        this.#epochs.noteState(slot, featureTimeMs / this.#tileMs, this.#state);
      }
    }
  }

  #pickState(state: Float64Array): void {
    for (let k = 0; k < state.length; k++) state[k] = this.#features[this.#statePositions[k]];
  }

  /** Scores the population as of each multiple that the running maximum passes with this row. */
  #rescore(step: RefinedRecords, row: number, timeMs: number, everyMs: number, out: LiveOutputs | undefined): void {
    if (out === undefined || this.#newestMs === -Infinity) return;
    const spanMs = this.#windows.plan.span * this.#tileMs;
    const { entities } = this.#windows;
    let border = (Math.floor(this.#newestMs / everyMs) + 1) * everyMs;
    // Once every record is older than the longest window, nobody is left to score.
    for (; border <= timeMs && border < this.#newestMs + spanMs + this.#tileMs; border += everyMs) {
      for (let slot = 0; slot < entities.slotEnd; slot++) {
        if (!entities.holds(slot) || !this.#windows.isInPopulation(slot, border)) continue;
        this.#readFeatures(slot, border, this.#features);
        const key = entities.bytesOf(slot);
        out.score(step, row, key, 0, key.length, this.#features, timeMs, border, NaN);
      }
    }
  }

  #settle(out: LiveOutputs | undefined): void {
    if (this.#newestMs === -Infinity) return;
    const { watermarkMs } = this;
    const { entities } = this.#windows;
    const closed = (epoch: Parameters<LiveOutputs['epoch']>[1]): void => out?.epoch(entities, epoch);
    const stateAt = (slot: number, tile: number, state: Float64Array): void => {
      this.#readFeatures(slot, tile * this.#tileMs, this.#features);
      this.#pickState(state);
    };
    this.#epochs.advance(Math.floor(watermarkMs / this.#tileMs), stateAt, closed);
    this.#windows.evict(watermarkMs, (slot) => { this.#epochs.forget(slot, closed); });
  }

  #readFeatures(slot: number, asOfMs: number, features: Float64Array): void {
    this.#windows.valueAsOf(slot, asOfMs, this.#aggregates, this.#texts);
    this.#formulas.finish(this.#aggregates, this.#texts, asOfMs, features);
  }

  #slotOf(entity: string): number {
    const key = Buffer.from(entity, 'utf8');
    return this.#windows.entities.find(key, 0, key.length);
  }
}
