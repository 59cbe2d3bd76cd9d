import type { ModelDefinitions } from '#tideline/retention';

/** As-of times of one build, ms, ascending. */
export interface AsOfTimes {
  /** Those whose label is known: enough history before, the whole horizon after. */
  readonly labelled: readonly number[];
  /** The last tile border that the data reach: what scoring and the newest features use. */
  readonly latest: number;
}

/** More would seldom make a better model, only a longer build; the newest are kept, and a source may ask for more. */
const MOST_AS_OFS = 100;

/** The grid `anchor + k * every` within data that span `[firstMs, lastMs]`; a label's horizon must have passed by `lastMs`. */
export function asOfTimes(models: ModelDefinitions, tileMs: number, firstMs: number, lastMs: number): AsOfTimes {
  const latest = Math.floor(lastMs / tileMs) * tileMs;
  if (models.asOf === undefined || models.label.kind !== 'absence') return { labelled: [], latest };
  const { everyMs, anchorMs, historyMs, most = MOST_AS_OFS } = models.asOf;
  const labelled: number[] = [];
  for (let k = Math.floor((lastMs - models.label.horizonMs - anchorMs) / everyMs); labelled.length < most; k--) {
    const time = anchorMs + k * everyMs;
    if (time < firstMs + historyMs) break;
    labelled.unshift(time);
  }
  return { labelled, latest };
}

/** Whether data up to `lastMs` tell the label as of a time: an absence is one only when the whole horizon was watched. */
export function hasWholeHorizon({ label }: ModelDefinitions, asOfMs: number, lastMs: number): boolean {
  return label.kind === 'absence' && asOfMs + label.horizonMs <= lastMs;
}
