import assert from 'node:assert/strict';
import { planTracks } from '../features/aggregate-tracks.ts';
import { EntityVersions } from '../features/entity-versions.ts';
import type { FeatureFormulas } from '../features/finish-features.ts';
import type { ByteReader, ByteWriter } from '../features/state-bytes.ts';
import { columnOf, TrackInputReader } from '../features/track-input-reader.ts';
import { type TrackInputs, ValueTables } from '../features/track-inputs.ts';
import { AHEAD, WindowState } from '../features/window-state.ts';
import { tableIndexes } from '../records/union-batch.ts';
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
  /** Newest rows that attributes and population read; undefined for a source of one table. */
  readonly #versions: EntityVersions | undefined;
  /** Running maximum of event time in offset order; of a source of several tables that of all of them, and each event table's own. */
  #newestMs = -Infinity;
  readonly #newestByTable: Float64Array;
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
    this.#aggregates = new Float64Array(Math.max(plan.aggregates.length, formulas.aggregates.length));
    this.#versions = source.tables === undefined ? undefined : new EntityVersions(source);
    this.#newestByTable = new Float64Array(source.tables?.length ?? 0).fill(-Infinity);
    this.#features = new Float64Array(formulas.names.length);
    this.#state = new Float64Array(source.features.state.length);
  }

  get entityCount(): number {
    return Math.max(this.#windows.entityCount, this.#versions?.entities.size ?? 0);
  }

  /** With several event tables that of the one furthest behind, since their files may be replayed one after the other. */
  get watermarkMs(): number {
    const { tables, latenessMs } = this.#source;
    if (tables === undefined) return this.#newestMs - latenessMs;
    return tables.reduce((least, table, k) => table.kind === 'events' ? Math.min(least, this.#newestByTable[k] - table.latenessMs) : least, Infinity);
  }

  get byteSize(): number {
    return this.#windows.byteSize + this.#epochs.byteSize + (this.#versions?.byteSize ?? 0);
  }

  process(step: RefinedRecords, out: LiveOutputs | undefined): readonly number[] {
    const times = columnOf(step.batch, this.#source.time ?? '').values as Float64Array;
    const tables = tableIndexes(this.#source, step.batch);
    const marked = tables === undefined ? this.#markLate(times, step.batch.rowCount) : this.#markLateByTable(times, tables);
    this.#addRows(step, times, marked, this.#inputs.read(step.batch, marked.isLate), out);
    if (out !== undefined) this.#scoreTouched(step, times, marked.newestAt, out);
    for (const slot of this.#touched) this.#lastRows[slot] = -1;
    this.#touched.length = 0;
    this.#settle(out);
    this.#tables.sweep();
    this.#versions?.sweep();
    return marked.late;
  }

  scoreStanding(out: LiveOutputs, offset: number): void {
    if (this.#newestMs === -Infinity || this.entityCount > STANDING_AT_MOST) return;
    const border = Math.floor(this.#newestMs / this.#tileMs) * this.#tileMs;
    for (const key of this.#populationAsOf(border)) out.standing(key, this.#features, offset, this.#newestMs, border);
  }

  valueAsOf(entity: string, asOfMs: number, out: Float64Array): boolean {
    const key = Buffer.from(entity, 'utf8');
    const slot = this.#windows.entities.find(key, 0, key.length);
    const version = this.#versions?.find(key, 0, key.length) ?? -1;
    if (slot < 0 && version < 0) return false;
    this.#finishFeatures(slot, version, asOfMs, out);
    return true;
  }

  isInPopulation(entity: string, asOfMs: number): boolean {
    const key = Buffer.from(entity, 'utf8');
    if (this.#source.features.population?.from !== undefined) return this.#versions!.exists(this.#versions!.find(key, 0, key.length), asOfMs);
    const slot = this.#windows.entities.find(key, 0, key.length);
    return slot >= 0 && this.#windows.isInPopulation(slot, asOfMs);
  }

  *entities(): Iterable<string> {
    const { entities } = this.#windows;
    for (let slot = 0; slot < entities.slotEnd; slot++) if (entities.holds(slot)) yield entities.textOf(slot);
    if (this.#versions === undefined) return;
    const known = this.#versions.entities;
    for (let slot = 0; slot < known.slotEnd; slot++) {
      const key = known.bytesOf(slot);
      if (entities.find(key, 0, key.length) < 0) yield known.textOf(slot);
    }
  }

  write(out: ByteWriter): void {
    out.number(this.#newestMs);
    // Settling what is old gives up values, which must be before they are numbered.
    this.#windows.settle();
    const numberings = this.#tables.numberings();
    this.#windows.write(out, numberings);
    for (const numbering of numberings) numbering.write(out);
    this.#epochs.write(out, this.#windows.entities.slotEnd);
    if (this.#versions === undefined) return;
    out.float64s(this.#newestByTable);
    this.#versions.write(out);
  }

  readFrom(from: ByteReader): void {
    this.#newestMs = from.number();
    this.#windows.readFrom(from);
    this.#tables.readFrom(from);
    this.#epochs.readFrom(from);
    if (this.#versions === undefined) return;
    this.#newestByTable.set(from.float64s());
    this.#versions.readFrom(from);
  }

  /** Decides row by row, in offset order, what is late, and where the running maximum stands after each row. */
  #markLate(times: Float64Array, rowCount: number): MarkedRows {
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
    return { newestAt, isLate, late, isEvent: undefined };
  }

  /** As `#markLate`, each event table by its own running maximum; rows of snapshot tables are never late and move nothing. */
  #markLateByTable(times: Float64Array, indexes: Uint8Array): MarkedRows {
    const tables = this.#source.tables!;
    const rowCount = indexes.length;
    const marked = { newestAt: new Float64Array(rowCount), isLate: new Uint8Array(rowCount), late: [] as number[], isEvent: new Uint8Array(rowCount) };
    const newestByTable = this.#newestByTable;
    let newest = this.#newestMs;
    for (let row = 0; row < rowCount; row++) {
      const table = indexes[row];
      if (tables[table].kind === 'events') {
        marked.isEvent[row] = 1;
        if (times[row] < newestByTable[table] - tables[table].latenessMs) {
          marked.isLate[row] = 1;
          marked.late.push(row);
        } else if (times[row] > newestByTable[table]) newestByTable[table] = times[row];
        if (newestByTable[table] > newest) newest = newestByTable[table];
      }
      marked.newestAt[row] = newest;
    }
    return marked;
  }

  #addRows(step: RefinedRecords, times: Float64Array, { newestAt, isLate, isEvent }: MarkedRows, inputs: TrackInputs, out: LiveOutputs | undefined): void {
    const versions = this.#versions?.read(step.batch, isLate);
    const { keys, keyOffsets } = step.records;
    const { rewards, actions, actionOffsets, terminals } = step.decisions;
    const { entities } = this.#windows;
    const { rescoreEveryMs } = this.#source.deployment;
    const { rowCount } = step.batch;
    for (let row = 0; row < rowCount; row++) {
      if (row % AHEAD === 0) this.#windows.loadAhead(keys, keyOffsets, step.kept[row], step.kept[Math.min(row + AHEAD, rowCount) - 1] + 1);
      if (isLate[row] === 1) continue;
      if (newestAt[row] > this.#newestMs) {
        if (rescoreEveryMs !== undefined) this.#rescore(step, row, newestAt[row], rescoreEveryMs, out);
        this.#newestMs = newestAt[row];
      }
      const at = step.kept[row];
      if (versions !== undefined) this.#versions!.add(keys, keyOffsets[at], keyOffsets[at + 1], times[row], versions, row);
      if (isEvent !== undefined && isEvent[row] === 0) continue;
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
    let border = (Math.floor(this.#newestMs / everyMs) + 1) * everyMs;
    // Once every record is older than the longest window, nobody is left to score.
    for (; border <= timeMs && border < this.#newestMs + spanMs + this.#tileMs; border += everyMs) {
      for (const key of this.#populationAsOf(border)) out.score(step, row, key, 0, key.length, this.#features, timeMs, border, NaN);
    }
  }

  /** Keys of the population as of a border, each with its features in `#features` until the next one is asked for. */
  *#populationAsOf(border: number): Iterable<Uint8Array> {
    const { entities } = this.#windows;
    if (this.#source.features.population?.from === undefined) {
      for (let slot = 0; slot < entities.slotEnd; slot++) {
        if (!entities.holds(slot) || !this.#windows.isInPopulation(slot, border)) continue;
        this.#readFeatures(slot, border, this.#features);
        yield entities.bytesOf(slot);
      }
      return;
    }
    const versions = this.#versions!;
    for (let version = 0; version < versions.entities.slotEnd; version++) {
      if (!versions.exists(version, border)) continue;
      const key = versions.entities.bytesOf(version);
      this.#finishFeatures(entities.find(key, 0, key.length), version, border, this.#features);
      yield key;
    }
  }

  #settle(out: LiveOutputs | undefined): void {
    if (this.#newestMs === -Infinity) return;
    const { watermarkMs } = this;
    // Before every event table has a record, any of their past may still come.
    if (watermarkMs === -Infinity) return;
    const { entities } = this.#windows;
    const closed = (epoch: Parameters<LiveOutputs['epoch']>[1]): void => out?.epoch(entities, epoch);
    const stateAt = (slot: number, tile: number, state: Float64Array): void => {
      this.#readFeatures(slot, tile * this.#tileMs, this.#features);
      this.#pickState(state);
    };
    this.#epochs.advance(Math.floor(watermarkMs / this.#tileMs), stateAt, closed);
    this.#windows.evict(watermarkMs, (slot) => { this.#epochs.forget(slot, closed); });
    this.#versions?.evict(watermarkMs);
  }

  #readFeatures(slot: number, asOfMs: number, features: Float64Array): void {
    if (this.#versions === undefined) {
      this.#windows.valueAsOf(slot, asOfMs, this.#aggregates, this.#texts);
      this.#formulas.finish(this.#aggregates, this.#texts, asOfMs, features);
      return;
    }
    const { entities } = this.#windows;
    const start = entities.keyStart(slot);
    this.#finishFeatures(slot, this.#versions.find(entities.keyBytes(slot), start, start + entities.keyLength(slot)), asOfMs, features);
  }

  /** Features of an entity by its slots in windows and versions; -1 where one does not know it. */
  #finishFeatures(slot: number, version: number, asOfMs: number, features: Float64Array): void {
    this.#windows.valueAsOf(slot, asOfMs, this.#aggregates, this.#texts);
    this.#versions?.valueAsOf(version, asOfMs, this.#aggregates, this.#texts);
    this.#formulas.finish(this.#aggregates, this.#texts, asOfMs, features);
  }
}

/** Rows of a batch as they stand in the stream of event time. */
interface MarkedRows {
  /** Running maximum of event time behind each row. */
  readonly newestAt: Float64Array;
  readonly isLate: Uint8Array;
  readonly late: number[];
  /** 0 for rows of snapshot tables; undefined where there are none. */
  readonly isEvent: Uint8Array | undefined;
}
