import { strict as assert } from 'node:assert';
import { groupsByScore } from './classification.ts';

/** What reaching the best-scored share of rows brings. */
export interface GainStep {
  /** Share of all rows (by weight) taken so far, from the highest score on. */
  readonly share: number;
  /** Lowest score taken, in part at least. */
  readonly score: number;
  /** Share of class 1 found so far: the cumulative gain. */
  readonly gain: number;
  /** Gain over share: how many times as much as rows drawn at random would have brought. */
  readonly lift: number;
  /** Lift of this step's rows alone. */
  readonly stepLift: number;
}

/**
 * Cumulative gain and lift at `stepCount` equal shares of the rows. Where rows of equal score fall on both sides of a border, each side is
 * given its share of their class 1, so that the order of rows does not matter. NaN without class 1.
 */
export function gainTable(y: Float64Array, scores: Float64Array, options: { readonly stepCount?: number; readonly weights?: Float64Array | undefined } = {}): readonly GainStep[] {
  const { stepCount = 10, weights } = options;
  assert(y.length === scores.length && y.length > 0, `expected a score for each of ${y.length} labels, at least one, found ${scores.length}`);
  assert(Number.isInteger(stepCount) && stepCount >= 1, `expected a whole number of steps, found ${stepCount}`);
  const groups = groupsByScore(y, scores, weights).filter(({ taken }) => taken > 0);
  const total = groups.reduce((sum, { taken }) => sum + taken, 0);
  const positives = groups.reduce((sum, { hits }) => sum + hits, 0);
  const steps: GainStep[] = [];
  let [at, takenBefore, hitsBefore, gainBefore] = [0, 0, 0, 0];
  for (let step = 1; step <= stepCount; step++) {
    const share = step / stepCount;
    while (at < groups.length - 1 && takenBefore + groups[at]!.taken < share * total) {
      takenBefore += groups[at]!.taken;
      hitsBefore += groups[at++]!.hits;
    }
    const group = groups[at]!;
    const part = step === stepCount ? 1 : Math.min(1, (share * total - takenBefore) / group.taken);
    const gain = (hitsBefore + part * group.hits) / positives;
    steps.push({ share, score: group.score, gain, lift: gain / share, stepLift: (gain - gainBefore) * stepCount });
    gainBefore = gain;
  }
  return steps;
}
