import { windowEnd, type Track } from './aggregate-tracks.ts';
import { BlockPool } from './block-pool.ts';
import type { PlacedAggregate } from './lag-track.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';
import type { TrackInputs } from './track-inputs.ts';

/** Words of a row before its values: its tile, its first and its last event time. */
const HEAD_WORDS = 3;

/** Aggregates that look at the same tiles, each with its place among the tracks; `counted` where one is of the number of sessions. */
interface SessionWindow {
  readonly aggregates: readonly (PlacedAggregate & { readonly column: number })[];
  readonly counted: boolean;
}

/**
 * Per entity the sessions of one gap and filter, cut at tile borders: a row has the times and the exact partials of a session's records in
 * one tile. A record joins the rows that it is near enough to, so that the rows depend on the records and not on their order; rows of
 * neighbouring tiles become one session when they are read.
 */
export class SessionTrack {
  readonly #words: number;
  #rows: BlockPool;
  /** The count of records first. */
  readonly #tracks: readonly Track[];
  readonly #gapMs: number;
  readonly #originTile: number;
  readonly #windows: readonly SessionWindow[];
  readonly #columns: Float64Array;

  /** `tracks` lie side by side in the plan from position `firstTrack` on. */
  constructor(tracks: readonly Track[], firstTrack: number, aggregates: readonly PlacedAggregate[], originTile: number) {
    this.#tracks = tracks;
    this.#gapMs = tracks[0].gapMs ?? 0;
    this.#originTile = originTile;
    this.#words = HEAD_WORDS + tracks.length;
    this.#rows = new BlockPool(this.#words);
    const placed = aggregates.map((aggregate) => ({ ...aggregate, column: aggregate.track - firstTrack }));
    const groups = Map.groupBy(placed, ({ window, offset, tumbling }) => JSON.stringify([window, offset, tumbling]));
    this.#windows = [...groups.values()].map((own) => ({ aggregates: own, counted: own.some(({ kind }) => kind === 'sessions') }));
    this.#columns = new Float64Array(tracks.length);
  }

  get byteSize(): number {
    return this.#rows.byteSize;
  }

  get trackCount(): number {
    return this.#tracks.length;
  }

  /** Adds the record whose first pass of the track's is at `at`. */
  add(slot: number, tile: number, timeMs: number, { passes, values }: TrackInputs, at: number, keepFrom: number): void {
    if (passes[at] === 0) return;
    const rows = this.#rows;
    rows.ensureSlots(slot + 1);
    if (rows.isFull(slot) && rows.countOf(slot) > 0) this.trim(slot, keepFrom);
    const words = this.#words;
    const start = rows.startOf(slot);
    const count = rows.countOf(slot);
    let next = count;
    while (next > 0 && rows.f64[start + (next - 1) * words + 1] > timeMs) next--;
    let row = start + (next - 1) * words;
    const { f64, i32 } = rows;
    const joinsNext = next < count && i32[(row + words) * 2] === tile && f64[row + words + 1] - timeMs <= this.#gapMs;
    if (next > 0 && i32[row * 2] === tile && timeMs - f64[row + 2] <= this.#gapMs) {
      if (timeMs > f64[row + 2]) f64[row + 2] = timeMs;
      if (joinsNext) this.#unite(slot, row);
    } else if (joinsNext) {
      row += words;
      f64[row + 1] = timeMs;
    } else row = this.#open(slot, next, tile, timeMs);
    for (let k = 0; k < this.#tracks.length; k++) {
      const { kind } = this.#tracks[k];
      if (passes[at + k] === 1) this.#fold(this.#rows.f64, row + HEAD_WORDS + k, kind, kind === 'count' ? 1 : values[at + k]);
    }
  }

  /** Values as of the border that begins `endTile` into `out`. */
  read(slot: number, endTile: number, out: Float64Array): void {
    for (let k = 0; k < this.#windows.length; k++) this.#readWindow(slot, endTile, this.#windows[k], out);
  }

  /** Drops rows of tiles before `keepFrom`. */
  trim(slot: number, keepFrom: number): void {
    const rows = this.#rows;
    if (rows.countOf(slot) > 0) rows.dropFirst(slot, rows.countBefore(slot, keepFrom));
  }

  write(out: ByteWriter, slotEnd: number): void {
    this.#rows.write(out, slotEnd);
  }

  readFrom(from: ByteReader): void {
    this.#rows = BlockPool.read(from, this.#words);
  }

  #readWindow(slot: number, endTile: number, { aggregates, counted }: SessionWindow, out: Float64Array): void {
    const { i32, f64 } = this.#rows;
    const words = this.#words;
    const count = this.#rows.countOf(slot);
    const start = count === 0 ? 0 : this.#rows.startOf(slot);
    const until = windowEnd(aggregates[0], endTile, this.#originTile);
    const from = until - aggregates[0].window;
    let row = start + (count - 1) * words;
    while (row >= start && i32[row * 2] >= until) row -= words;
    this.#clear(this.#columns, 0);
    let sessions = 0;
    let durationMs = NaN;
    if (row >= start && i32[row * 2] >= from) {
      const endMs = f64[row + 2];
      let begun = row;
      this.#addColumns(f64, row);
      while (begun - words >= start && this.#isOne(f64, begun - words) && i32[(begun - words) * 2] >= from) this.#addColumns(f64, begun -= words);
      durationMs = endMs - f64[begun + 1];
      sessions = 1;
      if (counted) {
        for (row = begun - words; row >= start && i32[row * 2] >= from; row -= words) if (!this.#isOne(f64, row)) sessions++;
      }
    }
    for (let k = 0; k < aggregates.length; k++) {
      const { kind, column, position } = aggregates[k];
      const value = kind === 'sessions' ? sessions : kind === 'duration' ? durationMs : this.#columns[column] / this.#tracks[column].unit;
      out[position] = value === Infinity || value === -Infinity ? NaN : value;
    }
  }

  /** Whether a row's session goes on in the next row. */
  #isOne(f64: Float64Array, row: number): boolean {
    return f64[row + this.#words + 1] - f64[row + 2] <= this.#gapMs;
  }

  #addColumns(f64: Float64Array, row: number): void {
    for (let k = 0; k < this.#tracks.length; k++) this.#fold(this.#columns, k, this.#tracks[k].kind, f64[row + HEAD_WORDS + k]);
  }

  #fold(into: Float64Array, at: number, kind: Track['kind'], value: number): void {
    if (kind === 'min') {
      if (value < into[at]) into[at] = value;
    } else if (kind === 'max') {
      if (value > into[at]) into[at] = value;
    } else into[at] += value;
  }

  #clear(into: Float64Array, at: number): void {
    for (let k = 0; k < this.#tracks.length; k++) into[at + k] = this.#tracks[k].kind === 'min' ? Infinity : this.#tracks[k].kind === 'max' ? -Infinity : 0;
  }

  #open(slot: number, at: number, tile: number, timeMs: number): number {
    const row = this.#rows.insert(slot, at, tile);
    const { f64 } = this.#rows;
    f64[row + 1] = timeMs;
    f64[row + 2] = timeMs;
    this.#clear(f64, row + HEAD_WORDS);
    return row;
  }

  /** Takes the next row, which a record has brought near enough, into this one. */
  #unite(slot: number, row: number): void {
    const rows = this.#rows;
    const { f64 } = rows;
    const next = row + this.#words;
    f64[row + 2] = f64[next + 2];
    for (let k = HEAD_WORDS; k < this.#words; k++) this.#fold(f64, row + k, this.#tracks[k - HEAD_WORDS].kind, f64[next + k]);
    f64.copyWithin(next, next + this.#words, rows.startOf(slot) + rows.countOf(slot) * this.#words);
    rows.cutTo(slot, rows.countOf(slot) - 1);
  }
}
