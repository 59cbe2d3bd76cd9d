import { windowEnd, type TrackedAggregate } from './aggregate-tracks.ts';
import { BlockPool } from './block-pool.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';
import type { ValueNumbering, ValueTable } from './value-table.ts';

/** Words of a row: its tile, its event time, its value (a number, or an id of the value table). */
const ROW_WORDS = 3;

/** An aggregate that a track of values answers, by its position in the plan. */
export interface PlacedAggregate extends TrackedAggregate {
  readonly position: number;
}

/**
 * Per entity and tile the newest values of one `lag` track, as many as its deepest aggregate goes back, by event time and then by the order
 * in which they came: older ones of a tile can't be among the newest of any window, since a window takes a tile wholly or not.
 */
export class LagTrack {
  #rows = new BlockPool(ROW_WORDS);
  readonly #aggregates: readonly PlacedAggregate[];
  readonly #depth: number;
  readonly #unit: number;
  readonly #originTile: number;
  /** Of text values; a row keeps its id alive. */
  readonly #values: ValueTable | undefined;

  constructor(aggregates: readonly PlacedAggregate[], options: { readonly unit: number; readonly originTile: number; readonly values: ValueTable | undefined }) {
    this.#aggregates = aggregates;
    this.#depth = Math.max(...aggregates.map(({ back }) => back));
    this.#unit = options.unit;
    this.#originTile = options.originTile;
    this.#values = options.values;
  }

  get byteSize(): number {
    return this.#rows.byteSize;
  }

  add(slot: number, tile: number, timeMs: number, value: number, keepFrom: number): void {
    const rows = this.#rows;
    rows.ensureSlots(slot + 1);
    if (rows.isFull(slot) && rows.countOf(slot) > 0) this.trim(slot, keepFrom);
    const start = rows.startOf(slot);
    const count = rows.countOf(slot);
    let at = count;
    while (at > 0 && rows.f64[start + (at - 1) * ROW_WORDS + 1] > timeMs) at--;
    const first = this.#firstOfTile(start, at, tile);
    if (count - first >= this.#depth && this.#endOfTile(start, at, count, tile) - first >= this.#depth) {
      if (at === first) return;
      // Kept first: the two may be the same.
      this.#values?.keep(value);
      this.#values?.release(rows.f64[start + first * ROW_WORDS + 2]);
      rows.f64.copyWithin(start + first * ROW_WORDS, start + (first + 1) * ROW_WORDS, start + at * ROW_WORDS);
      this.#put(start + (at - 1) * ROW_WORDS, tile, timeMs, value);
    } else {
      this.#values?.keep(value);
      this.#put(rows.insert(slot, at, tile), tile, timeMs, value);
    }
  }

  /** Values as of the border that begins `endTile` into `out`, NaN where there are not as many; a text is given by its id. */
  read(slot: number, endTile: number, out: Float64Array): void {
    const { i32, f64 } = this.#rows;
    const count = this.#rows.countOf(slot);
    const start = count === 0 ? 0 : this.#rows.startOf(slot);
    for (let k = 0; k < this.#aggregates.length; k++) {
      const aggregate = this.#aggregates[k];
      const until = windowEnd(aggregate, endTile, this.#originTile);
      let at = count - 1;
      while (at >= 0 && i32[(start + at * ROW_WORDS) * 2] >= until) at--;
      at -= aggregate.back - 1;
      const row = start + at * ROW_WORDS;
      out[aggregate.position] = at >= 0 && i32[row * 2] >= until - aggregate.window ? f64[row + 2] / this.#unit : NaN;
    }
  }

  /** Drops rows of tiles before `keepFrom`. */
  trim(slot: number, keepFrom: number): void {
    const rows = this.#rows;
    if (rows.countOf(slot) === 0) return;
    const old = rows.countBefore(slot, keepFrom);
    if (this.#values !== undefined) for (let k = 0; k < old; k++) this.#values.release(rows.f64[rows.startOf(slot) + k * ROW_WORDS + 2]);
    rows.dropFirst(slot, old);
  }

  write(out: ByteWriter, slotEnd: number, numbering: ValueNumbering | undefined): void {
    this.#rows.write(out, slotEnd, (f64) => {
      if (numbering !== undefined) for (let word = 2; word < f64.length; word += ROW_WORDS) f64[word] = numbering.numberOf(f64[word]);
    });
  }

  readFrom(from: ByteReader): void {
    this.#rows = BlockPool.read(from, ROW_WORDS);
  }

  #put(row: number, tile: number, timeMs: number, value: number): void {
    this.#rows.i32[row * 2] = tile;
    this.#rows.f64[row + 1] = timeMs;
    this.#rows.f64[row + 2] = value;
  }

  #firstOfTile(start: number, at: number, tile: number): number {
    const { i32 } = this.#rows;
    while (at > 0 && i32[(start + (at - 1) * ROW_WORDS) * 2] === tile) at--;
    return at;
  }

  #endOfTile(start: number, at: number, count: number, tile: number): number {
    const { i32 } = this.#rows;
    while (at < count && i32[(start + at * ROW_WORDS) * 2] === tile) at++;
    return at;
  }
}
