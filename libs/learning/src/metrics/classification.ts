import { strict as assert } from 'node:assert';
import { midranks } from './midranks.ts';

/**
 * Chance that a row of class 1 scores above one of class 0, ties counting half (Mann-Whitney U by mid-ranks; with weights, of rows drawn by
 * weight). Labels are 0 and 1; NaN when only one class is present.
 */
export function rocAuc(y: Float64Array, scores: Float64Array, weights?: Float64Array): number {
  checkLengths(y, scores, weights);
  if (weights !== undefined) return weightedRocAuc(y, scores, weights);
  const ranks = midranks(scores);
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < y.length; i++) {
    if (y[i] !== 1) continue;
    positives++;
    rankSum += ranks[i]!;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (y.length - positives));
}

function weightedRocAuc(y: Float64Array, scores: Float64Array, weights: Float64Array): number {
  let [ordered, above, total] = [0, 0, 0];
  for (const { hits, taken } of groupsByScore(y, scores, weights)) {
    const misses = taken - hits;
    // Rows of class 0 in this group lose to all of class 1 above and to half of those in the group.
    ordered += misses * (above + hits / 2);
    above += hits;
    total += misses;
  }
  return ordered / (above * total);
}

/** Average precision: precision at each distinct score, weighted by the recall gained there, not interpolated. NaN without class 1. */
export function prAuc(y: Float64Array, scores: Float64Array, weights?: Float64Array): number {
  checkLengths(y, scores, weights);
  const groups = groupsByScore(y, scores, weights);
  const positives = groups.reduce((sum, { hits }) => sum + hits, 0);
  let [taken, found, area] = [0, 0, 0];
  for (const group of groups) {
    taken += group.taken;
    found += group.hits;
    if (taken > 0) area += (group.hits / positives) * (found / taken);
  }
  return positives === 0 ? NaN : area;
}

/** Weight of all rows, and of those of class 1, at each distinct score, the highest first. */
export function groupsByScore(y: Float64Array, scores: Float64Array, weights?: Float64Array): readonly { readonly score: number; readonly taken: number; readonly hits: number }[] {
  const order = Int32Array.from({ length: y.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const groups: { score: number; taken: number; hits: number }[] = [];
  for (let start = 0; start < order.length;) {
    const group = { score: scores[order[start]!]!, taken: 0, hits: 0 };
    for (; start < order.length && scores[order[start]!] === group.score; start++) {
      const weight = weights?.[order[start]!] ?? 1;
      group.taken += weight;
      group.hits += weight * y[order[start]!]!;
    }
    groups.push(group);
  }
  return groups;
}

/** Mean -ln of the probability given to the label; probabilities are kept 2.2e-16 away from 0 and 1. */
export function logLoss(y: Float64Array, probabilities: Float64Array, weights?: Float64Array): number {
  return meanOver(y, probabilities, weights, (label, p) => {
    const clipped = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, p));
    return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
  });
}

/** Mean squared distance of probability and label (Brier 1950, for two classes). */
export function brier(y: Float64Array, probabilities: Float64Array, weights?: Float64Array): number {
  return meanOver(y, probabilities, weights, (label, p) => (p - label) ** 2);
}

/** Share of rows on the right side of the threshold; a probability at the threshold counts as class 1. */
export function accuracy(y: Float64Array, probabilities: Float64Array, threshold = 0.5, weights?: Float64Array): number {
  const { truePositives, trueNegatives, falsePositives, falseNegatives } = confusion(y, probabilities, threshold, weights);
  return (truePositives + trueNegatives) / (truePositives + trueNegatives + falsePositives + falseNegatives);
}

/** Mean of the classes' recalls; of the one recall where only one class is present. */
export function balancedAccuracy(y: Float64Array, probabilities: Float64Array, threshold = 0.5, weights?: Float64Array): number {
  const { truePositives, trueNegatives, falsePositives, falseNegatives } = confusion(y, probabilities, threshold, weights);
  const recalls = [[truePositives, falseNegatives], [trueNegatives, falsePositives]].filter(([right, wrong]) => right! + wrong! > 0).map(([right, wrong]) => right! / (right! + wrong!));
  return recalls.reduce((sum, share) => sum + share, 0) / recalls.length;
}

/** Share of class 1 among the rows called class 1; 0 when none is. */
export function precision(y: Float64Array, probabilities: Float64Array, threshold = 0.5, weights?: Float64Array): number {
  const { truePositives, falsePositives } = confusion(y, probabilities, threshold, weights);
  return ratio(truePositives, truePositives + falsePositives);
}

/** Share of class 1 that is called class 1; 0 when there is none. */
export function recall(y: Float64Array, probabilities: Float64Array, threshold = 0.5, weights?: Float64Array): number {
  const { truePositives, falseNegatives } = confusion(y, probabilities, threshold, weights);
  return ratio(truePositives, truePositives + falseNegatives);
}

/** Harmonic mean of precision and recall; 0 when nothing is called class 1 rightly. */
export function f1(y: Float64Array, probabilities: Float64Array, threshold = 0.5, weights?: Float64Array): number {
  const { truePositives, falsePositives, falseNegatives } = confusion(y, probabilities, threshold, weights);
  return ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
}

export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/** Rows, counted by weight where given, by label and by side of the threshold. */
export function confusion(y: Float64Array, probabilities: Float64Array, threshold = 0.5, weights?: Float64Array): Confusion {
  checkLengths(y, probabilities, weights);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < y.length; i++) counts[2 * y[i]! + (probabilities[i]! >= threshold ? 1 : 0)]! += weights?.[i] ?? 1;
  const [trueNegatives, falsePositives, falseNegatives, truePositives] = counts as [number, number, number, number];
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

export interface CalibrationBin {
  /** Probabilities in [low, high), the last bin closed above. */
  readonly low: number;
  readonly high: number;
  readonly rowCount: number;
  /** Mean probability and share of class 1 in the bin; NaN in an empty one. */
  readonly predicted: number;
  readonly observed: number;
}

/** Reliability diagram over bins of equal width. */
export function calibrationBins(y: Float64Array, probabilities: Float64Array, binCount = 10): readonly CalibrationBin[] {
  checkLengths(y, probabilities);
  const rows = new Float64Array(binCount);
  const predicted = new Float64Array(binCount);
  const observed = new Float64Array(binCount);
  for (let i = 0; i < y.length; i++) {
    const bin = Math.min(binCount - 1, Math.floor(probabilities[i]! * binCount));
    rows[bin]!++;
    predicted[bin]! += probabilities[i]!;
    observed[bin]! += y[i]!;
  }
  return Array.from(rows, (rowCount, bin) => ({
    low: bin / binCount, high: (bin + 1) / binCount, rowCount, predicted: predicted[bin]! / rowCount, observed: observed[bin]! / rowCount,
  }));
}

/** Expected calibration error: the bins' mean distance of prediction and outcome, weighted by rows. */
export function calibrationError(bins: readonly CalibrationBin[]): number {
  const filled = bins.filter(({ rowCount }) => rowCount > 0);
  const total = filled.reduce((sum, { rowCount }) => sum + rowCount, 0);
  return filled.reduce((sum, bin) => sum + (bin.rowCount / total) * Math.abs(bin.predicted - bin.observed), 0);
}

function meanOver(y: Float64Array, values: Float64Array, weights: Float64Array | undefined, term: (label: number, value: number) => number): number {
  checkLengths(y, values, weights);
  let sum = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = weights?.[i] ?? 1;
    sum += weight * term(y[i]!, values[i]!);
    total += weight;
  }
  return sum / total;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function checkLengths(y: Float64Array, scores: Float64Array, weights?: Float64Array): void {
  assert(y.length === scores.length, `expected a score for each of ${y.length} labels, found ${scores.length}`);
  assert(weights === undefined || weights.length === y.length, `expected a weight for each of ${y.length} labels, found ${weights?.length}`);
}
