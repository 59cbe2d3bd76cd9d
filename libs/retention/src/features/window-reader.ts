import type { TrackPlan } from './aggregate-tracks.ts';
import type { BlockPool } from './block-pool.ts';
import type { RowLayout } from './row-layout.ts';
import { ValueTables } from './track-inputs.ts';

/** Forms of a value: difference of 32-bit totals, difference of double totals, folded over rows. */
const COUNT = 0;
const SUM = 1;
const FOLDED = 2;

/**
 * Turns an entity's rows into finished values. Rows are looked for once per window: counts and sums are differences of running
 * totals, minima, maxima and last values are folded from the newest row in the window back.
 */
export class WindowReader {
  /** Aggregates whose value is an id of a text. */
  readonly textAggregates: readonly { readonly aggregate: number; readonly column: number }[];
  /** Per `distinct` track: its aggregates, their windows ascending, and room for their counts. */
  readonly distincts: readonly { readonly aggregates: readonly number[]; readonly windows: readonly number[]; readonly counts: Float64Array }[];
  readonly #plan: TrackPlan;
  readonly #layout: RowLayout;
  /** Folded minima, maxima and last values, in track order. */
  readonly #folded: Float64Array;
  /** Windows in ascending order and, per window, which aggregates end there: `#ends[k] .. #ends[k + 1]` in the two lists. */
  readonly #windows: Int32Array;
  readonly #ends: Int32Array;
  readonly #aggregates: Int32Array;
  /** Per entry of `#aggregates`: where its value is (a form), at which offset there, and what to divide it by. */
  readonly #forms: Uint8Array;
  readonly #offsets: Int32Array;
  readonly #units: Float64Array;

  constructor(plan: TrackPlan, layout: RowLayout) {
    this.#plan = plan;
    this.#layout = layout;
    const { counts, sums, mins, maxs, lasts } = layout;
    this.#folded = new Float64Array(mins + maxs + lasts);
    const walked = plan.aggregates.map((aggregate, position) => ({ ...aggregate, position })).filter(({ track }) => plan.tracks[track].kind !== 'distinct');
    const windows = [...new Set(walked.map(({ window }) => window))].sort((a, b) => a - b);
    const ordered = windows.map((window) => walked.filter((aggregate) => aggregate.window === window));
    this.#windows = Int32Array.from(windows);
    this.#ends = Int32Array.from([0, ...ordered.map((_, k) => ordered.slice(0, k + 1).flat().length)]);
    this.#aggregates = Int32Array.from(ordered.flat(), ({ position }) => position);
    const tracks = ordered.flat().map(({ track }) => track);
    this.#forms = Uint8Array.from(tracks, (track) => track < counts ? COUNT : track < counts + sums ? SUM : FOLDED);
    this.#offsets = Int32Array.from(tracks, (track) => track < counts ? 1 + track : track < counts + sums ? layout.doubles + track - counts : track - counts - sums);
    this.#units = Float64Array.from(tracks, (track) => plan.tracks[track].unit);
    const columns = ValueTables.columnsOf(plan.tracks);
    this.textAggregates = plan.aggregates.flatMap(({ track }, aggregate) => {
      const { kind, interned, of } = plan.tracks[track];
      return kind === 'last' && interned ? [{ aggregate, column: columns.indexOf(of ?? '') }] : [];
    });
    this.distincts = plan.tracks.flatMap(({ kind }, track) => kind === 'distinct' ? [this.#distinctOf(track)] : []);
  }

  /** Values of all but `distinct` aggregates in tiles `[endTile - window, endTile)`; a `last` over text gives its id. */
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
    const { sums, mins, maxs, lasts, doubles } = this.#layout;
    let k = 0;
    let word = row + doubles + sums;
    // Infinity in a row means no value there, NaN in `folded` that none was met yet.
    for (let end = k + mins; k < end; k++, word++) if (f64[word] !== Infinity && !(folded[k] <= f64[word])) folded[k] = f64[word];
    for (let end = k + maxs; k < end; k++, word++) if (f64[word] !== -Infinity && !(folded[k] >= f64[word])) folded[k] = f64[word];
    for (let end = k + lasts; k < end; k++, word += 2) if (f64[word] !== -Infinity && folded[k] !== folded[k]) folded[k] = f64[word + 1];
  }

  #distinctOf(track: number): { aggregates: number[]; windows: number[]; counts: Float64Array } {
    const own = this.#plan.aggregates.map((aggregate, position) => ({ ...aggregate, position }))
      .filter((aggregate) => aggregate.track === track).sort((a, b) => a.window - b.window);
    return { aggregates: own.map(({ position }) => position), windows: own.map(({ window }) => window), counts: new Float64Array(own.length) };
  }
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
