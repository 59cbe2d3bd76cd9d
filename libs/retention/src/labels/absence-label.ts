/** What a label is decided by: the times of the entity's records that match the label's `where`. */
export interface AbsenceLabel {
  readonly asOfMs: number;
  readonly horizonMs: number;
}

/**
 * 1 when the entity has no matching record in `[asOf, asOf + horizon)`, else 0; undefined (censored) when the data do not reach the
 * end of the horizon, because an absence that nobody could have seen is no label. `dataEndMs` is the time up to which every record
 * is known. The definition in its plainest form; `labelsSql` says the same to an engine.
 */
export function absenceLabel(matchingTimesMs: Iterable<number>, { asOfMs, horizonMs }: AbsenceLabel, dataEndMs: number): 0 | 1 | undefined {
  if (asOfMs + horizonMs > dataEndMs) return undefined;
  for (const timeMs of matchingTimesMs) if (timeMs >= asOfMs && timeMs < asOfMs + horizonMs) return 0;
  return 1;
}

/** Which as-of times of a source's grid can be trained on. */
export interface AsOfGrid {
  readonly everyMs: number;
  readonly anchorMs: number;
  readonly historyMs: number;
}

/**
 * As-of times `anchor + k every` (k any integer), ascending, that have `historyMs` of data before them and the label's whole horizon after
 * them, for data in `[dataStartMs, dataEndMs)`.
 */
export function trainableAsOfs({ everyMs, anchorMs, historyMs }: AsOfGrid, horizonMs: number, dataStartMs: number, dataEndMs: number): number[] {
  const asOfs: number[] = [];
  const first = Math.ceil((dataStartMs + historyMs - anchorMs) / everyMs);
  for (let k = first; anchorMs + k * everyMs + horizonMs <= dataEndMs; k++) asOfs.push(anchorMs + k * everyMs);
  return asOfs;
}
