import assert from 'node:assert/strict';
import { type TrackPlan, windowEnd } from './aggregate-tracks.ts';
import { BlockPool } from './block-pool.ts';
import { DistinctLimitError, DistinctTrack } from './distinct-track.ts';
import { KeyTable } from './key-table.ts';
import { LagTrack, type PlacedAggregate } from './lag-track.ts';
import { layOut, type RowLayout } from './row-layout.ts';
import { SessionTrack } from './session-track.ts';
import { type ByteReader, type ByteWriter, readSchedule, writeSchedule } from './state-bytes.ts';
import type { TrackInputs, ValueTables } from './track-inputs.ts';
import type { ValueNumbering } from './value-table.ts';
import { WindowReader } from './window-reader.ts';

/** Records whose entities are loaded ahead at a time: their rows fit the second cache. */
export const AHEAD = 128;

/**
 * Rolling windows of every entity of one partition, on tiles of event time. An entity has a row per tile in which it has
 * records, newest last, with one exact partial per track. Counts and sums are running totals from the first row kept, so that a
 * window is the difference of two rows; the other kinds fold the rows of their window. Records may come in any order as long as
 * their tile is still kept. Memory is bounded by the windows: `evict` drops what no later border can reach.
 */
export class WindowState {
  readonly plan: TrackPlan;
  /** Entity keys to slots; a slot is valid until its entity is dropped by `evict`. */
  entities = new KeyTable();
  /** Newest event time of a slot's entity, ms. */
  lastTimeMs = new Float64Array(8);
  readonly #values: ValueTables;
  readonly #tileMs: number;
  readonly #layout: RowLayout;
  readonly #reader: WindowReader;
  #tiles: BlockPool;
  readonly #distincts: readonly DistinctTrack[];
  readonly #lags: readonly LagTrack[];
  readonly #sessions: readonly SessionTrack[];
  /** Tiles before this are dropped or about to be; -Infinity before the first eviction. */
  #keepFrom = -Infinity;
  /** Entities to look at once tiles up to the key are dropped, in the order in which they came. */
  #expiry = new Map<number, number[]>();
  readonly #ahead = new Int32Array(AHEAD);
  /** Sum of what `loadAhead` loaded; a load whose value goes nowhere is left out by the compiler. */
  loaded = 0;

  constructor(plan: TrackPlan, values: ValueTables) {
    assert(plan.tileMs !== undefined, 'expected a plan with tiles');
    this.plan = plan;
    this.#values = values;
    this.#tileMs = plan.tileMs;
    this.#layout = layOut(plan);
    this.#tiles = new BlockPool(this.#layout.words);
    this.#distincts = plan.tracks.filter(({ kind }) => kind === 'distinct').map((track) => new DistinctTrack(track.interned ? values.of(track) : undefined));
    const { originTile } = plan;
    this.#lags = plan.tracks.flatMap((track, k) => track.kind !== 'lag' ? []
      : [new LagTrack(aggregatesOf(plan, [k]), { unit: track.unit, originTile, values: track.interned ? values.of(track) : undefined })]);
    this.#sessions = sessionGroups(plan).map((group) => new SessionTrack(group.map((k) => plan.tracks[k]), group[0], aggregatesOf(plan, group), originTile));
    this.#reader = new WindowReader(plan, this.#layout);
  }

  get entityCount(): number {
    return this.entities.size;
  }

  /** The earliest border at which `valueAsOf` still has all it needs. */
  get oldestAsOfMs(): number {
    return (this.#keepFrom + this.plan.span) * this.#tileMs;
  }

  /** Bytes of state held, for accounting. */
  get byteSize(): number {
    const others = [...this.#distincts, ...this.#lags, ...this.#sessions].reduce((sum, track) => sum + track.byteSize, 0);
    return this.entities.byteSize + this.lastTimeMs.byteLength + this.#tiles.byteSize + others + this.#values.byteSize;
  }

  /**
   * Loads what the records of keys `[from, to)` will touch, at most `AHEAD` of them. It changes nothing: entities are spread over more
   * memory than caches hold, and waiting for each of them in turn took two thirds of the time.
   */
  loadAhead(keys: Uint8Array, keyOffsets: Uint32Array, from: number, to: number): void {
    const count = Math.min(to - from, AHEAD);
    const slots = this.#ahead;
    this.entities.guessSlots(keys, keyOffsets, from, from + count, slots);
    const { lastTimeMs } = this;
    let sum = this.entities.loadCells(slots, count);
    for (let k = 0; k < count; k++) if (slots[k] >= 0 && slots[k] < lastTimeMs.length) sum += lastTimeMs[slots[k]];
    this.loaded = sum + this.#tiles.loadNewest(slots, count);
  }

  /**
   * Adds record `row` of the inputs to an entity. Its tile must not be older than what `evict` kept: late records are for the
   * caller to set aside.
   */
  add(slot: number, timeMs: number, inputs: TrackInputs, row: number): void {
    const tile = Math.floor(timeMs / this.#tileMs);
    const made = this.#rowOf(slot, tile, timeMs);
    const { words } = this.#layout;
    const tiles = this.#tiles;
    const end = tiles.startOf(slot) + tiles.countOf(slot) * words;
    for (let later = made; later < end; later += words) this.#addTotals(later, inputs, row);
    if (this.#layout.others > 0) this.#addOthers(made, timeMs, inputs, row);
    if (this.#layout.tracks < inputs.width) this.#addElsewhere(slot, tile, timeMs, inputs, row);
  }

  /** Gives the record to the tracks that rows do not hold, in the plan's order. */
  #addElsewhere(slot: number, tile: number, timeMs: number, inputs: TrackInputs, row: number): void {
    const { passes, values } = inputs;
    let track = row * inputs.width + this.#layout.tracks;
    for (let k = 0; k < this.#distincts.length; k++, track++) {
      if (passes[track] === 1) this.#distincts[k].add(slot, tile, values[track], this.#keepFrom);
    }
    for (let k = 0; k < this.#lags.length; k++, track++) {
      if (passes[track] === 1) this.#lags[k].add(slot, tile, timeMs, values[track], this.#keepFrom);
    }
    for (let k = 0; k < this.#sessions.length; k++) {
      this.#sessions[k].add(slot, tile, timeMs, inputs, track, this.#keepFrom);
      track += this.#sessions[k].trackCount;
    }
  }

  /**
   * Finished values of the plan's aggregates over `[asOf - window, asOf)` into `out` (NaN is null; a value that is a
   * text goes to `texts`). `asOfMs` must be a tile border that is not older than `oldestAsOfMs`.
   */
  valueAsOf(slot: number, asOfMs: number, out: Float64Array, texts: (string | null)[]): void {
    const endTile = asOfMs / this.#tileMs;
    // Messages are built on failure alone: this runs for every score.
    if (!Number.isInteger(endTile)) assert.fail(`expected an as-of time on a tile border of ${this.#tileMs} ms, found ${asOfMs}`);
    if (!(endTile - this.plan.span >= this.#keepFrom)) assert.fail(`expected an as-of time from ${this.oldestAsOfMs} on, found ${asOfMs}`);
    this.#reader.read(this.#tiles, slot, endTile, out);
    for (let k = 0; k < this.#lags.length; k++) this.#lags[k].read(slot, endTile, out);
    for (let k = 0; k < this.#sessions.length; k++) this.#sessions[k].read(slot, endTile, out);
    const { textAggregates } = this.#reader;
    for (let k = 0; k < textAggregates.length; k++) {
      const { aggregate, column } = textAggregates[k];
      texts[aggregate] = Number.isNaN(out[aggregate]) ? null : this.#values.at(column).textOf(out[aggregate]);
      out[aggregate] = NaN;
    }
    for (let k = 0; k < this.#reader.distincts.length; k++) this.#countDistinct(k, slot, endTile, out);
  }

  /** Whether the entity has a record in `[asOf - window, asOf)` that makes it part of the population (always, when none is defined). */
  isInPopulation(slot: number, asOfMs: number): boolean {
    const { population } = this.plan;
    return population < 0 || this.#reader.countOf(this.#tiles, slot, asOfMs / this.#tileMs, population) > 0;
  }

  /**
   * Drops what no border at or after the watermark can reach, one tile of margin aside. `dropped` is told of each entity that
   * goes, oldest tile first, before its slot is freed.
   */
  evict(watermarkMs: number, dropped: (slot: number) => void): void {
    const keepFrom = Math.floor(watermarkMs / this.#tileMs) - this.plan.span - 1;
    if (!(keepFrom > this.#keepFrom)) return;
    this.#keepFrom = keepFrom;
    const due = [...this.#expiry.keys()].filter((tile) => tile < keepFrom).sort((a, b) => a - b);
    for (const tile of due) {
      const slots = this.#expiry.get(tile) ?? [];
      this.#expiry.delete(tile);
      for (const slot of slots) this.#expire(slot, keepFrom, dropped);
    }
  }

  /**
   * Writes a settled state in a form that depends on the records alone: values go by the tables' numberings. Slots stay as they are, since
   * rescoring and forgetting follow their order.
   */
  write(out: ByteWriter, numberings: readonly ValueNumbering[]): void {
    const end = this.entities.slotEnd;
    out.number(this.#keepFrom);
    this.entities.write(out);
    out.float64s(this.lastTimeMs.subarray(0, end));
    this.#tiles.write(out, end, (f64) => { this.#numberPairs(f64, numberings); });
    const distincts = this.plan.tracks.filter(({ kind }) => kind === 'distinct');
    distincts.forEach((track, k) => { this.#distincts[k].write(out, end, track.interned ? numberings[this.#values.columnOf(track)] : undefined); });
    const lags = this.plan.tracks.filter(({ kind }) => kind === 'lag');
    lags.forEach((track, k) => { this.#lags[k].write(out, end, track.interned ? numberings[this.#values.columnOf(track)] : undefined); });
    for (const track of this.#sessions) track.write(out, end);
    writeSchedule(out, this.#expiry);
  }

  readFrom(from: ByteReader): void {
    this.#keepFrom = from.number();
    this.entities = KeyTable.read(from);
    this.lastTimeMs = from.float64s();
    this.#tiles = BlockPool.read(from, this.#layout.words);
    for (const track of [...this.#distincts, ...this.#lags, ...this.#sessions]) track.readFrom(from);
    this.#expiry = readSchedule(from);
  }

  /** Drops old tiles and repeated values everywhere, which else waits until a block is full: what stays depends on the records alone. */
  settle(): void {
    const end = this.entities.slotEnd;
    if (end > this.lastTimeMs.length) this.#ensureSlots(end);
    for (let slot = 0; slot < end; slot++) {
      if (this.#tiles.countOf(slot) === 0) {
        this.lastTimeMs[slot] = 0;
        continue;
      }
      this.#trim(slot);
      for (const track of this.#distincts) track.settle(slot);
    }
  }

  #numberPairs(f64: Float64Array, numberings: readonly ValueNumbering[]): void {
    const { pairColumns, words } = this.#layout;
    for (let k = 0; k < pairColumns.length; k++) {
      if (pairColumns[k] < 0) continue;
      const numbering = numberings[pairColumns[k]];
      for (let word = words - (pairColumns.length - k) * 2; word < f64.length; word += words) if (Number.isFinite(f64[word])) f64[word + 1] = numbering.numberOf(f64[word + 1]);
    }
  }

  /** Word index of the entity's row for a tile, opened when there is none. */
  #rowOf(slot: number, tile: number, timeMs: number): number {
    const tiles = this.#tiles;
    if (slot >= this.lastTimeMs.length) this.#ensureSlots(slot + 1);
    const count = tiles.countOf(slot);
    const newest = tiles.startOf(slot) + (count - 1) * this.#layout.words;
    if (count > 0) {
      if (timeMs > this.lastTimeMs[slot]) this.lastTimeMs[slot] = timeMs;
      if (tiles.i32[newest * 2] === tile) return newest;
    } else this.lastTimeMs[slot] = timeMs;
    return this.#openRow(slot, tile);
  }

  #openRow(slot: number, tile: number): number {
    if (tile < this.#keepFrom) assert.fail(`expected a record in tile ${this.#keepFrom} or later, found ${tile}`);
    const tiles = this.#tiles;
    if (tiles.countOf(slot) === 0) this.#schedule(slot, tile);
    else if (tiles.isFull(slot)) this.#trim(slot);
    const { words } = this.#layout;
    const at = tiles.countBefore(slot, tile);
    const row = tiles.startOf(slot) + at * words;
    if (at < tiles.countOf(slot) && tiles.i32[row * 2] === tile) return row;
    const made = tiles.insert(slot, at, tile);
    const { counts, sums, mins, maxs, lasts, firsts, doubles } = this.#layout;
    const { i32, f64 } = tiles;
    if (at > 0) {
      for (let k = 1; k <= counts; k++) i32[made * 2 + k] = i32[(made - words) * 2 + k];
      for (let k = doubles; k < doubles + sums; k++) f64[made + k] = f64[made - words + k];
    }
    let word = made + doubles + sums;
    for (let k = 0; k < mins; k++) f64[word++] = Infinity;
    for (let k = 0; k < maxs + lasts * 2; k++) f64[word++] = -Infinity;
    for (let k = 0; k < firsts * 2; k++) f64[word++] = Infinity;
    return made;
  }

  #addTotals(row: number, { passes, values, width }: TrackInputs, record: number): void {
    const { i32, f64 } = this.#tiles;
    const { counts, sums, doubles } = this.#layout;
    let track = record * width;
    for (let k = row * 2 + 1, end = k + counts; k < end; k++) i32[k] += passes[track++];
    for (let k = row + doubles, end = k + sums; k < end; k++, track++) if (passes[track] === 1) f64[k] += values[track];
  }

  #addOthers(row: number, timeMs: number, { passes, values, width }: TrackInputs, record: number): void {
    const { f64 } = this.#tiles;
    const { counts, sums, mins, maxs, lasts, firsts, doubles } = this.#layout;
    let track = record * width + counts + sums;
    let word = row + doubles + sums;
    for (let k = 0; k < mins; k++, track++, word++) if (passes[track] === 1 && values[track] < f64[word]) f64[word] = values[track];
    for (let k = 0; k < maxs; k++, track++, word++) if (passes[track] === 1 && values[track] > f64[word]) f64[word] = values[track];
    for (let k = 0; k < lasts; k++, track++, word += 2) {
      if (passes[track] === 1 && timeMs >= f64[word]) this.#setPair(k, word, timeMs, values[track]);
    }
    for (let k = lasts; k < lasts + firsts; k++, track++, word += 2) {
      if (passes[track] === 1 && timeMs < f64[word]) this.#setPair(k, word, timeMs, values[track]);
    }
  }

  #setPair(k: number, word: number, timeMs: number, value: number): void {
    const { f64 } = this.#tiles;
    const column = this.#layout.pairColumns[k];
    if (column >= 0) {
      const table = this.#values.at(column);
      table.keep(value);
      if (Number.isFinite(f64[word])) table.release(f64[word + 1]);
    }
    f64[word] = timeMs;
    f64[word + 1] = value;
  }

  #countDistinct(k: number, slot: number, endTile: number, out: Float64Array): void {
    const group = this.#reader.distincts[k];
    const { windows, aggregates, counts } = group;
    this.#distincts[group.track].count(slot, windowEnd(group, endTile, this.plan.originTile), windows, counts);
    for (let i = 0; i < aggregates.length; i++) {
      const { name, limit } = this.plan.aggregates[aggregates[i]];
      if (counts[i] > limit) throw new DistinctLimitError(name, this.entities.textOf(slot), limit);
      out[aggregates[i]] = counts[i];
    }
  }

  #expire(slot: number, keepFrom: number, dropped: (slot: number) => void): void {
    const tiles = this.#tiles;
    const newest = tiles.i32[(tiles.startOf(slot) + (tiles.countOf(slot) - 1) * this.#layout.words) * 2];
    if (newest < keepFrom) dropped(slot);
    this.#trim(slot);
    if (newest < keepFrom) this.entities.remove(slot);
    else this.#schedule(slot, newest);
  }

  #schedule(slot: number, tile: number): void {
    const slots = this.#expiry.get(tile);
    if (slots === undefined) this.#expiry.set(tile, [slot]);
    else slots.push(slot);
  }

  #trim(slot: number): void {
    const tiles = this.#tiles;
    if (!(tiles.i32[tiles.startOf(slot) * 2] < this.#keepFrom)) return;
    const old = tiles.countBefore(slot, this.#keepFrom);
    if (old > 0) {
      const { words } = this.#layout;
      for (let row = 0; row < old; row++) this.#releasePairs(tiles.startOf(slot) + row * words);
      this.#rebase(slot, tiles.startOf(slot) + (old - 1) * words);
      tiles.dropFirst(slot, old);
    }
    for (const track of this.#distincts) track.trim(slot, this.#keepFrom);
    for (const track of this.#lags) track.trim(slot, this.#keepFrom);
    for (const track of this.#sessions) track.trim(slot, this.#keepFrom);
  }

  /** Takes a row's totals off the rows after it, so that totals stay as small, and sums as exact, as what is kept. */
  #rebase(slot: number, base: number): void {
    const { i32, f64 } = this.#tiles;
    const { counts, sums, doubles, words } = this.#layout;
    const end = this.#tiles.startOf(slot) + this.#tiles.countOf(slot) * words;
    for (let row = base + words; row < end; row += words) {
      for (let k = 1; k <= counts; k++) i32[row * 2 + k] -= i32[base * 2 + k];
      for (let k = doubles; k < doubles + sums; k++) f64[row + k] -= f64[base + k];
    }
  }

  #releasePairs(row: number): void {
    const { pairColumns, words } = this.#layout;
    for (let k = 0; k < pairColumns.length; k++) {
      const word = row + words - (pairColumns.length - k) * 2;
      if (pairColumns[k] >= 0 && Number.isFinite(this.#tiles.f64[word])) this.#values.at(pairColumns[k]).release(this.#tiles.f64[word + 1]);
    }
  }

  #ensureSlots(end: number): void {
    const times = new Float64Array(Math.max(end, this.lastTimeMs.length * 2));
    times.set(this.lastTimeMs);
    this.lastTimeMs = times;
    this.#tiles.ensureSlots(times.length);
  }
}

/** Positions of session tracks, those of one gap and filter together. */
function sessionGroups({ tracks }: TrackPlan): number[][] {
  const positions = tracks.flatMap(({ gapMs }, k) => gapMs === undefined ? [] : [k]);
  return [...Map.groupBy(positions, (k) => JSON.stringify([tracks[k].gapMs, tracks[k].where ?? null])).values()];
}

function aggregatesOf({ aggregates }: TrackPlan, tracks: readonly number[]): PlacedAggregate[] {
  return aggregates.map((aggregate, position) => ({ ...aggregate, position })).filter(({ track }) => tracks.includes(track));
}
