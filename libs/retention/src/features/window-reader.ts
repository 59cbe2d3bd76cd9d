import type { TrackPlan } from './aggregate-tracks.ts';
import type { BlockPool } from './block-pool.ts';
import type { RowLayout } from './row-layout.ts';
import { ValueTables } from './track-inputs.ts';

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
  /** Folded minima, maxima and last values, by track from `#firstFolded` on. */
  readonly #folded: Float64Array;
  readonly #firstFolded: number;
  /** Windows in ascending order and, per window, which aggregates end there: `#ends[k] .. #ends[k + 1]` in the two lists. */
  readonly #windows: Int32Array;
  readonly #ends: Int32Array;
  readonly #aggregates: Int32Array;
  readonly #tracks: Int32Array;
  readonly #units: Float64Array;

  constructor(plan: TrackPlan, layout: RowLayout) {
    this.#plan = plan;
    this.#layout = layout;
    const { counts, sums, mins, maxs, lasts } = layout;
    this.#firstFolded = counts + sums;
    this.#folded = new Float64Array(mins + maxs + lasts);
    const walked = plan.aggregates.map((aggregate, position) => ({ ...aggregate, position })).filter(({ track }) => plan.tracks[track].kind !== 'distinct');
    const windows = [...new Set(walked.map(({ window }) => window))].sort((a, b) => a - b);
    const ordered = windows.map((window) => walked.filter((aggregate) => aggregate.window === window));
    this.#windows = Int32Array.from(windows);
    this.#ends = Int32Array.from([0, ...ordered.map((_, k) => ordered.slice(0, k + 1).flat().length)]);
    this.#aggregates = Int32Array.from(ordered.flat(), ({ position }) => position);
    this.#tracks = Int32Array.from(ordered.flat(), ({ track }) => track);
    this.#units = Float64Array.from(plan.tracks, ({ unit }) => unit);
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
    const folded = this.#folded;
    folded.fill(NaN);
    const count = tiles.countOf(slot);
    const start = count === 0 ? 0 : tiles.startOf(slot);
    const end = findRow(tiles.i32, start, start + count * words, words, endTile);
    let first = end;
    for (let k = 0; k < this.#windows.length; k++) {
      const before = first;
      first = findRow(tiles.i32, start, before, words, endTile - this.#windows[k]);
      if (folded.length > 0) for (let row = before - words; row >= first; row -= words) this.#fold(tiles.f64, row);
      for (let e = this.#ends[k]; e < this.#ends[k + 1]; e++) {
        const track = this.#tracks[e];
        out[this.#aggregates[e]] = track < this.#firstFolded
          ? this.#difference(tiles, track, start, first, end) / this.#units[track]
          : folded[track - this.#firstFolded] / this.#units[track];
      }
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
    return this.#difference(tiles, track, start, findRow(tiles.i32, start, end, words, endTile - window), end);
  }

  /** Total of a count or sum over the rows from `first` to before `end`, for rows that begin at `start`. */
  #difference({ i32, f64 }: BlockPool, track: number, start: number, first: number, end: number): number {
    if (first === end) return 0;
    const { counts, doubles, words } = this.#layout;
    if (track < counts) {
      const at = 1 + track;
      return i32[(end - words) * 2 + at] - (first === start ? 0 : i32[(first - words) * 2 + at]);
    }
    const at = doubles + track - counts;
    return f64[end - words + at] - (first === start ? 0 : f64[first - words + at]);
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

/**
 * Word index of the first row in `[start, end)` whose tile is at least `tile`, or `end`. Tiles ascend without repeats, so the
 * last row bounds how far back it can be; entities with a record in most tiles are found at once.
 */
function findRow(i32: Int32Array, start: number, end: number, words: number, tile: number): number {
  if (start === end) return end;
  const newest = i32[(end - words) * 2];
  if (newest < tile) return end;
  let low = end - (newest - tile + 1) * words;
  if (low < start) low = start;
  if (i32[low * 2] >= tile) return low;
  let high = end - words;
  // Rows at `low` are before the tile, rows at `high` are not.
  while (high - low > words) {
    const middle = low + (((high - low) / words) >>> 1) * words;
    if (i32[middle * 2] < tile) low = middle;
    else high = middle;
  }
  return high;
}
