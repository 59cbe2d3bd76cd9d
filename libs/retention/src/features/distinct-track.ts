import { BlockPool } from './block-pool.ts';
import { NumberSet } from './number-set.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';
import type { ValueNumbering, ValueTable } from './value-table.ts';

/** How many of a tile's newest entries are looked at for a repeat before one is added; the rest goes when a block is full. */
const REPEATS_CHECKED = 8;

/** Thrown when a window holds more different values than its definition allows: the count would be exact, the memory would not. */
export class DistinctLimitError extends Error {
  constructor(name: string, entity: string, limit: number) {
    super(`expected at most ${limit} different values in one window of ${name}, found more for entity ${entity}`);
    this.name = 'DistinctLimitError';
  }
}

/** Words of a row: its tile, its value (a number, or an id of the value table). */
const ROW_WORDS = 2;

/** Per entity the (tile, value) pairs of one `distinct` track, by tile; repeats inside a tile may be there until a block is full. */
export class DistinctTrack {
  #pairs = new BlockPool(ROW_WORDS);
  /** Of text values; a row keeps its id alive. */
  readonly #values: ValueTable | undefined;
  readonly #seen = new NumberSet();

  constructor(values: ValueTable | undefined) {
    this.#values = values;
  }

  get byteSize(): number {
    return this.#pairs.byteSize;
  }

  add(slot: number, tile: number, value: number, keepFrom: number): void {
    const pairs = this.#pairs;
    pairs.ensureSlots(slot + 1);
    if (pairs.isFull(slot) && pairs.countOf(slot) > 0) this.#compact(slot, keepFrom);
    const count = pairs.countOf(slot);
    const start = pairs.startOf(slot);
    const { i32, f64 } = pairs;
    let at = count;
    while (at > 0 && i32[(start + (at - 1) * ROW_WORDS) * 2] > tile) at--;
    for (let i = at - 1; i >= 0 && i >= at - REPEATS_CHECKED; i--) {
      const row = start + i * ROW_WORDS;
      if (i32[row * 2] !== tile) break;
      if (f64[row + 1] === value) return;
    }
    const row = pairs.insert(slot, at, tile);
    pairs.f64[row + 1] = value;
    this.#values?.keep(value);
  }

  /** Different values in tiles `[endTile - windows[k], endTile)` into `counts[k]`; windows ascend. */
  count(slot: number, endTile: number, windows: readonly number[], counts: Float64Array): void {
    const pairs = this.#pairs;
    const { i32, f64 } = pairs;
    const seen = this.#seen;
    seen.clear();
    const rows = pairs.countOf(slot);
    const start = rows === 0 ? 0 : pairs.startOf(slot);
    let row = start + (rows - 1) * ROW_WORDS;
    while (row >= start && i32[row * 2] >= endTile) row -= ROW_WORDS;
    for (let k = 0; k < windows.length; k++) {
      const first = endTile - windows[k];
      for (; row >= start && i32[row * 2] >= first; row -= ROW_WORDS) seen.add(f64[row + 1]);
      counts[k] = seen.size;
    }
  }

  /** Drops pairs of tiles before `keepFrom`. */
  trim(slot: number, keepFrom: number): void {
    const pairs = this.#pairs;
    if (pairs.countOf(slot) === 0) return;
    const old = pairs.countBefore(slot, keepFrom);
    if (this.#values !== undefined) for (let i = 0; i < old; i++) this.#values.release(pairs.f64[pairs.startOf(slot) + i * ROW_WORDS + 1]);
    pairs.dropFirst(slot, old);
  }

  /** Writes what `settle` has left of every slot; `numbering` is that of the track's own values, undefined for numbers. */
  write(out: ByteWriter, slotEnd: number, numbering: ValueNumbering | undefined): void {
    this.#pairs.write(out, slotEnd, (f64) => {
      if (numbering !== undefined) for (let word = 1; word < f64.length; word += ROW_WORDS) f64[word] = numbering.numberOf(f64[word]);
    });
  }

  /** Leaves a slot with each value once per tile, first seen first, however crowded its block was: a snapshot's form. */
  settle(slot: number): void {
    if (this.#pairs.countOf(slot) > 1) this.#dropRepeats(slot);
  }

  readFrom(from: ByteReader): void {
    this.#pairs = BlockPool.read(from, ROW_WORDS);
  }

  /** Drops old tiles and repeats inside a tile; a block that stays crowded grows, so that an insertion is O(1) amortised. */
  #compact(slot: number, keepFrom: number): void {
    this.trim(slot, keepFrom);
    this.#dropRepeats(slot);
    this.#pairs.enlargeIfCrowded(slot);
  }

  #dropRepeats(slot: number): void {
    const pairs = this.#pairs;
    const { i32, f64 } = pairs;
    const start = pairs.startOf(slot);
    const end = start + pairs.countOf(slot) * ROW_WORDS;
    let kept = start;
    let tile = NaN;
    for (let row = start; row < end; row += ROW_WORDS) {
      if (i32[row * 2] !== tile) {
        tile = i32[row * 2];
        this.#seen.clear();
      }
      const value = f64[row + 1];
      if (!this.#seen.add(value)) {
        this.#values?.release(value);
        continue;
      }
      i32[kept * 2] = tile;
      f64[kept + 1] = value;
      kept += ROW_WORDS;
    }
    if (kept > start) pairs.cutTo(slot, (kept - start) / ROW_WORDS);
  }
}
