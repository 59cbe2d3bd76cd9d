import type { TrackPlan } from './aggregate-tracks.ts';
import type { BlockPool } from './block-pool.ts';
import { ValueTables } from './track-inputs.ts';
import type { RowLayout } from './window-state.ts';

/**
 * Folds an entity's rows into finished values: one walk from the newest row in the window back, with all tracks summed as it goes
 * and each aggregate read off where its window ends.
 */
export class WindowReader {
  /** Aggregates whose value is an id of a text. */
  readonly textAggregates: readonly { readonly aggregate: number; readonly column: number }[];
  /** Per `distinct` track: its aggregates, their windows ascending, and room for their counts. */
  readonly distincts: readonly { readonly aggregates: readonly number[]; readonly windows: readonly number[]; readonly counts: Float64Array }[];
  readonly #plan: TrackPlan;
  readonly #layout: RowLayout;
  readonly #sums: Float64Array;
  /** Windows in ascending order and, per window, which aggregates end there: `#ends[k] .. #ends[k + 1]` in the two lists. */
  readonly #windows: Int32Array;
  readonly #ends: Int32Array;
  readonly #aggregates: Int32Array;
  readonly #accumulators: Int32Array;
  readonly #units: Float64Array;

  constructor(plan: TrackPlan, layout: RowLayout) {
    this.#plan = plan;
    this.#layout = layout;
    const { counts, sums, mins, maxs, lasts } = layout;
    this.#sums = new Float64Array(counts + sums + mins + maxs + lasts);
    const walked = plan.aggregates.map((aggregate, position) => ({ ...aggregate, position })).filter(({ track }) => plan.tracks[track].kind !== 'distinct');
    const windows = [...new Set(walked.map(({ window }) => window))].sort((a, b) => a - b);
    const ordered = windows.map((window) => walked.filter((aggregate) => aggregate.window === window));
    this.#windows = Int32Array.from(windows);
    this.#ends = Int32Array.from([0, ...ordered.map((_, k) => ordered.slice(0, k + 1).flat().length)]);
    this.#aggregates = Int32Array.from(ordered.flat(), ({ position }) => position);
    this.#accumulators = Int32Array.from(ordered.flat(), ({ track }) => track);
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
    const { i32 } = tiles;
    const { words, counts, sums } = this.#layout;
    const folded = this.#sums;
    folded.fill(0, 0, counts + sums).fill(NaN, counts + sums);
    const known = slot < tiles.counts.length;
    const start = known ? tiles.starts[slot] : 0;
    let row = known ? start + (tiles.counts[slot] - 1) * words : -1;
    while (row >= start && i32[row * 2] >= endTile) row -= words;
    for (let k = 0; k < this.#windows.length; k++) {
      const first = endTile - this.#windows[k];
      for (; row >= start && i32[row * 2] >= first; row -= words) this.#fold(tiles, row);
      for (let e = this.#ends[k]; e < this.#ends[k + 1]; e++) {
        const track = this.#accumulators[e];
        out[this.#aggregates[e]] = folded[track] / this.#units[track];
      }
    }
  }

  /** One aggregate that is a count, without the others. */
  countOf(tiles: BlockPool, slot: number, endTile: number, aggregate: number): number {
    const { window, track } = this.#plan.aggregates[aggregate];
    const { words } = this.#layout;
    if (slot >= tiles.counts.length) return 0;
    let total = 0;
    const start = tiles.starts[slot];
    for (let row = start + (tiles.counts[slot] - 1) * words; row >= start; row -= words) {
      const tile = tiles.i32[row * 2];
      if (tile < endTile - window) break;
      if (tile < endTile) total += tiles.i32[row * 2 + 1 + track];
    }
    return total;
  }

  #fold({ i32, f64 }: BlockPool, row: number): void {
    const folded = this.#sums;
    const { counts, sums, mins, maxs, lasts, doubles } = this.#layout;
    let track = 0;
    for (let k = row * 2 + 1; track < counts; k++, track++) folded[track] += i32[k];
    let word = row + doubles;
    let end = counts + sums;
    for (; track < end; track++, word++) folded[track] += f64[word];
    // Infinity in a row means no value there, NaN in `folded` that none was met yet.
    for (end += mins; track < end; track++, word++) if (f64[word] !== Infinity && !(folded[track] <= f64[word])) folded[track] = f64[word];
    for (end += maxs; track < end; track++, word++) if (f64[word] !== -Infinity && !(folded[track] >= f64[word])) folded[track] = f64[word];
    for (end += lasts; track < end; track++, word += 2) if (f64[word] !== -Infinity && folded[track] !== folded[track]) folded[track] = f64[word + 1];
  }

  #distinctOf(track: number): { aggregates: number[]; windows: number[]; counts: Float64Array } {
    const own = this.#plan.aggregates.map((aggregate, position) => ({ ...aggregate, position }))
      .filter((aggregate) => aggregate.track === track).sort((a, b) => a.window - b.window);
    return { aggregates: own.map(({ position }) => position), windows: own.map(({ window }) => window), counts: new Float64Array(own.length) };
  }
}
