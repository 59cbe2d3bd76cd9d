import { log } from '../kernels/exponential.ts';

export interface SplitRules {
  /** `criteria`: gini, entropy or squared error. */
  readonly criterion: number;
  readonly weightOf0: number;
  readonly weightOf1: number;
  /** Rows, by weight, that each side needs. */
  readonly minRowsInLeaf: number;
}

/** The best split so far, by places in a list of numbers. */
export const bestPlaces = { score: 0, place: 1, bin: 2, next: 3, missingLeft: 4, leftTarget: 5, leftWeight: 6, parentScore: 7, size: 8 } as const;

/**
 * Tries every cut of a column between bins that hold rows, missing values on the right and then, where there are some, on the left; with all present ones on
 * the left the missing ones may be alone on the right. Keeps in `best` what scores more than all before, so of equals the column
 * tried first, then the lowest cut, stays. True when the rows differ in this column at all.
 */
export function scanColumn(histogram: Float64Array, start: number, binCount: number, place: number, target: number, weight: number, rules: SplitRules, best: Float64Array): boolean {
  const missing = start + 2 * binCount;
  const missingWeight = histogram[missing + 1]!;
  best[bestPlaces.parentScore] = nodeScore(target, weight, rules);
  let left = 0, leftWeight = 0;
  let before = -1;
  let filled = missingWeight > 0 ? 1 : 0;
  for (let bin = 0; bin < binCount; bin++) {
    const cell = start + 2 * bin;
    if (histogram[cell + 1] === 0) continue;
    filled++;
    if (before >= 0) tryCut(place, before, bin, missingWeight > 0 ? 0 : -1, left, leftWeight, target, weight, rules, best);
    left += histogram[cell]!;
    leftWeight += histogram[cell + 1]!;
    before = bin;
  }
  if (missingWeight === 0) return filled > 1;
  if (before >= 0) tryCut(place, before, -1, 0, left, leftWeight, target, weight, rules, best);
  left = histogram[missing]!;
  leftWeight = missingWeight;
  before = -1;
  for (let bin = 0; bin < binCount; bin++) {
    const cell = start + 2 * bin;
    if (histogram[cell + 1] === 0) continue;
    if (before >= 0) tryCut(place, before, bin, 1, left, leftWeight, target, weight, rules, best);
    left += histogram[cell]!;
    leftWeight += histogram[cell + 1]!;
    before = bin;
  }
  return filled > 1;
}

/** `missingLeft` below 0: no row of the node misses this value, later ones follow the heavier side. */
function tryCut(place: number, bin: number, next: number, missingLeft: number, left: number, leftWeight: number, target: number, weight: number, rules: SplitRules, best: Float64Array): void {
  const rightWeight = weight - leftWeight;
  if (leftWeight < rules.minRowsInLeaf || rightWeight < rules.minRowsInLeaf) return;
  const score = nodeScore(left, leftWeight, rules) + nodeScore(target - left, rightWeight, rules);
  if (!(score > best[bestPlaces.score]!)) return;
  best[bestPlaces.score] = score;
  best[bestPlaces.place] = place;
  best[bestPlaces.bin] = bin;
  best[bestPlaces.next] = next;
  best[bestPlaces.missingLeft] = missingLeft < 0 ? +(leftWeight > rightWeight) : missingLeft;
  best[bestPlaces.leftTarget] = left;
  best[bestPlaces.leftWeight] = leftWeight;
}

/** What a split's children gain together over their parent is what the node loses in impurity, by weight: here the part that differs between splits. */
function nodeScore(target: number, weight: number, rules: SplitRules): number {
  if (rules.criterion === 2) return (target * target) / weight;
  const ones = rules.weightOf1 * target;
  const zeros = rules.weightOf0 * (weight - target);
  const all = ones + zeros;
  if (rules.criterion === 0) return (ones * ones + zeros * zeros) / all;
  return (ones > 0 ? ones * log(ones / all) : 0) + (zeros > 0 ? zeros * log(zeros / all) : 0);
}
