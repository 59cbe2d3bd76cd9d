import { type TrackedAggregate, type TrackPlan, windowEnd } from './aggregate-tracks.ts';
import type { BlockPool } from './block-pool.ts';
import type { RowLayout } from './row-layout.ts';
import { ValueTables } from './track-inputs.ts';

/** Forms of a value: difference of 32-bit totals, difference of double totals, folded over rows. */
const COUNT = 0;
const SUM = 1;
const FOLDED = 2;

/** Aggregates whose windows end together, elsewhere than as-of, and are equally long; the value forms of these are entries `[from, to)`. */
interface ShiftedWindow extends Pick<TrackedAggregate, 'window' | 'offset' | 'tumbling'> {
  readonly from: number;
  readonly to: number;
}

/** Aggregates of one `distinct` track whose windows end together: positions, windows ascending, and room for their counts. */
interface DistinctWindows extends Pick<TrackedAggregate, 'window' | 'offset' | 'tumbling'> {
  /** Which of the `distinct` tracks. */
  readonly track: number;
  readonly aggregates: readonly number[];
  readonly windows: readonly number[];
  readonly counts: Float64Array;
}

/**
 * Turns an entity's rows into finished values. Rows are looked for once per window: counts and sums are differences of running
 * totals, minima, maxima and last values are folded from the newest row in the window back.
 */
export class WindowReader {
  /** Aggregates whose value is an id of a text. */
  readonly textAggregates: readonly { readonly aggregate: number; readonly column: number }[];
  readonly distincts: readonly DistinctWindows[];
  readonly #plan: TrackPlan;
  readonly #layout: RowLayout;
  /** Folded minima, maxima, last and first values, in track order. */
  readonly #folded: Float64Array;
  /** Windows that end as of the border, in ascending order, and, per window, which aggregates it is of: `#ends[k] .. #ends[k + 1]` in the lists. */
  readonly #windows: Int32Array;
  readonly #ends: Int32Array;
  readonly #aggregates: Int32Array;
  /** Per entry of `#aggregates`: where its value is (a form), at which offset there, and what to divide it by. */
  readonly #forms: Uint8Array;
  readonly #offsets: Int32Array;
  readonly #units: Float64Array;
  readonly #shifted: readonly ShiftedWindow[];

  constructor(plan: TrackPlan, layout: RowLayout) {
    this.#plan = plan;
    this.#layout = layout;
    const { counts, sums, others } = layout;
    this.#folded = new Float64Array(others);
    const held = plan.aggregates.map((aggregate, position) => ({ ...aggregate, position })).filter(({ track }) => track < layout.tracks);
    const plain = held.filter(({ offset, tumbling }) => offset === 0 && !tumbling);
    const windows = [...new Set(plain.map(({ window }) => window))].sort((a, b) => a - b);
    const ordered = windows.map((window) => plain.filter((aggregate) => aggregate.window === window));
    const shifted = [...Map.groupBy(held.filter((aggregate) => !plain.includes(aggregate)), placeOf).values()];
    this.#windows = Int32Array.from(windows);
    this.#ends = Int32Array.from([0, ...ordered.map((_, k) => ordered.slice(0, k + 1).flat().length)]);
    this.#shifted = shifted.map(([first, ...more], k) => {
      const from = plain.length + shifted.slice(0, k).flat().length;
      return { window: first.window, offset: first.offset, tumbling: first.tumbling, from, to: from + 1 + more.length };
    });
    const entries = [...ordered.flat(), ...shifted.flat()];
    this.#aggregates = Int32Array.from(entries, ({ position }) => position);
    const tracks = entries.map(({ track }) => track);
    this.#forms = Uint8Array.from(tracks, (track) => track < counts ? COUNT : track < counts + sums ? SUM : FOLDED);
    this.#offsets = Int32Array.from(tracks, (track) => track < counts ? 1 + track : track < counts + sums ? layout.doubles + track - counts : track - counts - sums);
    this.#units = Float64Array.from(tracks, (track) => plan.tracks[track].unit);
    const columns = ValueTables.columnsOf(plan.tracks);
    this.textAggregates = plan.aggregates.flatMap(({ track }, aggregate) => {
      const { kind, interned, of } = plan.tracks[track];
      return interned && kind !== 'distinct' ? [{ aggregate, column: columns.indexOf(of ?? '') }] : [];
    });
    const distincts = plan.tracks.flatMap(({ kind }, track) => kind === 'distinct' ? [track] : []);
    this.distincts = distincts.flatMap((track, k) => this.#distinctsOf(track, k));
  }

  /** Values of the aggregates that rows hold, as of the border that begins `endTile`; a text is given by its id. */
  read(tiles: BlockPool, slot: number, endTile: number, out: Float64Array): void {
    const { words } = this.#layout;
    const folds = this.#folded.length > 0;
    if (folds) this.#folded.fill(NaN);
    const windows = this.#windows;
    const count = tiles.countOf(slot);
    const start = count === 0 ? 0 : tiles.startOf(slot);
    // Tiles fit 32 bits, and as such they are compared.
    const until = endTile | 0;
    const end = findRow(tiles.i32, start, start + count * words, words, until);
    let first = end;
    for (let k = 0; k < windows.length; k++) {
      const before = first;
      // The longest window mostly holds every row that is kept.
      const all = k === windows.length - 1 && tiles.i32[start * 2] >= until - windows[k] && before > start;
      first = all ? start : findRow(tiles.i32, start, before, words, (until - windows[k]) | 0);
      if (folds) for (let row = before - words; row >= first; row -= words) this.#fold(tiles.f64, row);
      this.#finish(tiles, this.#ends[k], this.#ends[k + 1], start, first, end, out);
    }
    if (this.#shifted.length > 0) this.#readShifted(tiles, start, end, endTile, out);
  }

  /** Windows that end before as-of, each by itself. */
  #readShifted(tiles: BlockPool, start: number, newestEnd: number, endTile: number, out: Float64Array): void {
    const { words } = this.#layout;
    for (let k = 0; k < this.#shifted.length; k++) {
      const shifted = this.#shifted[k];
      const until = windowEnd(shifted, endTile, this.#plan.originTile);
      const end = findRow(tiles.i32, start, newestEnd, words, until);
      const first = findRow(tiles.i32, start, end, words, until - shifted.window);
      if (this.#folded.length > 0) {
        this.#folded.fill(NaN);
        for (let row = end - words; row >= first; row -= words) this.#fold(tiles.f64, row);
      }
      this.#finish(tiles, shifted.from, shifted.to, start, first, end, out);
    }
  }

  /** Values of the aggregates in entries `[from, to)`, whose window is the rows from `first` to before `end`. */
  #finish({ i32, f64 }: BlockPool, from: number, to: number, start: number, first: number, end: number, out: Float64Array): void {
    const { words } = this.#layout;
    const newest = end - words;
    const before = first - words;
    for (let e = from; e < to; e++) {
      const offset = this.#offsets[e];
      const form = this.#forms[e];
      let value = 0;
      if (form === FOLDED) value = this.#folded[offset] / this.#units[e];
      else if (first !== end) {
        if (form === COUNT) value = i32[newest * 2 + offset] - (first === start ? 0 : i32[before * 2 + offset]);
        else value = (f64[newest + offset] - (first === start ? 0 : f64[before + offset])) / this.#units[e];
      }
      out[this.#aggregates[e]] = value;
    }
  }

  /** One aggregate that is a count, without the others. */
  countOf(tiles: BlockPool, slot: number, endTile: number, aggregate: number): number {
    const { window, track } = this.#plan.aggregates[aggregate];
    const { words } = this.#layout;
    const count = tiles.countOf(slot);
    if (count === 0) return 0;
    const start = tiles.startOf(slot);
    const end = findRow(tiles.i32, start, start + count * words, words, endTile);
    const first = findRow(tiles.i32, start, end, words, endTile - window);
    if (first === end) return 0;
    return tiles.i32[(end - words) * 2 + 1 + track] - (first === start ? 0 : tiles.i32[(first - words) * 2 + 1 + track]);
  }

  #fold(f64: Float64Array, row: number): void {
    const folded = this.#folded;
    const { sums, mins, maxs, lasts, firsts, doubles } = this.#layout;
    let k = 0;
    let word = row + doubles + sums;
    // Infinity in a row means no value there, NaN in `folded` that none was met yet.
    for (let end = k + mins; k < end; k++, word++) if (f64[word] !== Infinity && !(folded[k] <= f64[word])) folded[k] = f64[word];
    for (let end = k + maxs; k < end; k++, word++) if (f64[word] !== -Infinity && !(folded[k] >= f64[word])) folded[k] = f64[word];
    for (let end = k + lasts; k < end; k++, word += 2) if (f64[word] !== -Infinity && folded[k] !== folded[k]) folded[k] = f64[word + 1];
    // Rows come newest first: the oldest has the last word.
    for (let end = k + firsts; k < end; k++, word += 2) if (f64[word] !== Infinity) folded[k] = f64[word + 1];
  }

  #distinctsOf(track: number, place: number): DistinctWindows[] {
    const own = this.#plan.aggregates.map((aggregate, position) => ({ ...aggregate, position })).filter((aggregate) => aggregate.track === track);
    // Tumbling windows of several widths end at several tiles.
    const groups = Map.groupBy(own, ({ window, offset, tumbling }) => JSON.stringify([tumbling ? window : 0, offset]));
    return [...groups.values()].map((group) => {
      const ascending = group.sort((a, b) => a.window - b.window);
      const { window, offset, tumbling } = ascending[0];
      return {
        track: place, window, offset, tumbling, aggregates: ascending.map(({ position }) => position), windows: ascending.map((aggregate) => aggregate.window),
        counts: new Float64Array(ascending.length),
      };
    });
  }
}

/** Text that is equal for windows that take in the same tiles whatever the border. */
function placeOf({ window, offset, tumbling }: Pick<TrackedAggregate, 'window' | 'offset' | 'tumbling'>): string {
  return JSON.stringify([window, offset, tumbling]);
}

/** Rows looked at one by one before halving: they lie side by side, and guessing right beats few steps. */
const STEPS = 32;

/** Word index of the first row in `[start, end)` whose tile is at least `tile`, or `end`; tiles ascend. */
function findRow(i32: Int32Array, start: number, end: number, words: number, tile: number): number {
  const stop = Math.max(start, end - STEPS * words);
  let row = end - words;
  while (row >= stop && i32[row * 2] >= tile) row -= words;
  if (row >= stop || stop === start) return row + words;
  let low = 0;
  let high = (stop - start) / words;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (i32[(start + middle * words) * 2] < tile) low = middle + 1;
    else high = middle;
  }
  return start + low * words;
}
