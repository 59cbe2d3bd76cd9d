import type { TrackPlan } from './aggregate-tracks.ts';
import { ValueTables } from './track-inputs.ts';

/**
 * Where a row keeps its partials: the tile and the counts as 32-bit integers, then from word `doubles` on the sums (of values, then of
 * squares), minima, maxima and the (time, value) pairs of `last` and of `first`, in the plan's track order. A pair without a value has an
 * infinite time.
 */
export interface RowLayout {
  readonly counts: number;
  readonly sums: number;
  readonly mins: number;
  readonly maxs: number;
  readonly lasts: number;
  readonly firsts: number;
  /** Minima, maxima, last and first values together. */
  readonly others: number;
  readonly doubles: number;
  readonly words: number;
  /** Value table of each `last` and each `first` track, or -1 where the value is a number. */
  readonly pairColumns: readonly number[];
  /** Tracks that rows hold; the plan's further tracks are kept elsewhere. */
  readonly tracks: number;
}

/** Places a plan's tracks in a row. */
export function layOut({ tracks }: TrackPlan): RowLayout {
  const held = tracks.filter(({ gapMs }) => gapMs === undefined);
  const number = (kind: string): number => held.filter((track) => track.kind === kind).length;
  const [counts, plain, squares, mins, maxs, lasts, firsts] = ['count', 'sum', 'squares', 'min', 'max', 'last', 'first'].map(number);
  const sums = plain + squares;
  const doubles = (1 + counts + 1) >> 1;
  const columns = ValueTables.columnsOf(tracks);
  const pairColumns = ['last', 'first'].flatMap((wanted) => held.filter(({ kind }) => kind === wanted)).map(({ interned, of }) => interned ? columns.indexOf(of ?? '') : -1);
  const others = mins + maxs + lasts + firsts;
  return {
    counts, sums, mins, maxs, lasts, firsts, others, doubles, pairColumns, tracks: counts + sums + others,
    words: doubles + sums + mins + maxs + (lasts + firsts) * 2,
  };
}
