import type { TrackPlan } from './aggregate-tracks.ts';
import { ValueTables } from './track-inputs.ts';

/**
 * Where a row keeps its partials: the tile and the counts as 32-bit integers, then from word `doubles` on the sums, minima,
 * maxima and the (time, value) pairs of `last`, in the plan's track order.
 */
export interface RowLayout {
  readonly counts: number;
  readonly sums: number;
  readonly mins: number;
  readonly maxs: number;
  readonly lasts: number;
  /** Minima, maxima and last values together. */
  readonly others: number;
  readonly doubles: number;
  readonly words: number;
  /** Value table of each `last` track, or -1 where the value is a number. */
  readonly lastColumns: readonly number[];
}

/** Places a plan's tracks in a row. */
export function layOut({ tracks }: TrackPlan): RowLayout {
  const number = (kind: string): number => tracks.filter((track) => track.kind === kind).length;
  const [counts, sums, mins, maxs, lasts] = ['count', 'sum', 'min', 'max', 'last'].map(number);
  const doubles = (1 + counts + 1) >> 1;
  const columns = ValueTables.columnsOf(tracks);
  const lastColumns = tracks.filter(({ kind }) => kind === 'last').map(({ interned, of }) => interned ? columns.indexOf(of ?? '') : -1);
  return { counts, sums, mins, maxs, lasts, others: mins + maxs + lasts, doubles, words: doubles + sums + mins + maxs + lasts * 2, lastColumns };
}
