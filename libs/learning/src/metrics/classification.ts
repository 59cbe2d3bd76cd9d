import { strict as assert } from 'node:assert';
import { midranks } from './midranks.ts';

/**
 * Chance that a row of class 1 scores above one of class 0, ties counting half (Mann-Whitney U by mid-ranks). Labels are 0 and 1;
 * NaN when only one class is present.
 */
export function rocAuc(y: Float64Array, scores: Float64Array): number {
  checkLengths(y, scores);
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

/** Average precision: precision at each distinct score, weighted by the recall gained there, not interpolated. NaN without class 1. */
export function prAuc(y: Float64Array, scores: Float64Array): number {
  checkLengths(y, scores);
  const order = Int32Array.from({ length: y.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const positives = y.reduce((sum, label) => sum + label, 0);
  let taken = 0;
  let hits = 0;
  let area = 0;
  for (let start = 0; start < order.length;) {
    const hitsBefore = hits;
    const score = scores[order[start]!];
    let end = start;
    while (end < order.length && scores[order[end]!] === score) hits += y[order[end++]!]!;
    taken += end - start;
    area += ((hits - hitsBefore) / positives) * (hits / taken);
    start = end;
  }
  return positives === 0 ? NaN : area;
}

/** Mean -ln of the probability given to the label; probabilities are kept 2.2e-16 away from 0 and 1. */
export function logLoss(y: Float64Array, probabilities: Float64Array): number {
  return meanOver(y, probabilities, (label, p) => {
    const clipped = Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, p));
    return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
  });
}

/** Mean squared distance of probability and label (Brier 1950, for two classes). */
export function brier(y: Float64Array, probabilities: Float64Array): number {
  return meanOver(y, probabilities, (label, p) => (p - label) ** 2);
}

/** Share of rows on the right side of the threshold; a probability at the threshold counts as class 1. */
export function accuracy(y: Float64Array, probabilities: Float64Array, threshold = 0.5): number {
  const { truePositives, trueNegatives } = confusion(y, probabilities, threshold);
  return (truePositives + trueNegatives) / y.length;
}

/** Share of class 1 among the rows called class 1; 0 when none is. */
export function precision(y: Float64Array, probabilities: Float64Array, threshold = 0.5): number {
  const { truePositives, falsePositives } = confusion(y, probabilities, threshold);
  return ratio(truePositives, truePositives + falsePositives);
}

/** Share of class 1 that is called class 1; 0 when there is none. */
export function recall(y: Float64Array, probabilities: Float64Array, threshold = 0.5): number {
  const { truePositives, falseNegatives } = confusion(y, probabilities, threshold);
  return ratio(truePositives, truePositives + falseNegatives);
}

/** Harmonic mean of precision and recall; 0 when nothing is called class 1 rightly. */
export function f1(y: Float64Array, probabilities: Float64Array, threshold = 0.5): number {
  const { truePositives, falsePositives, falseNegatives } = confusion(y, probabilities, threshold);
  return ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
}

export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/** Counts of rows by label and by side of the threshold. */
export function confusion(y: Float64Array, probabilities: Float64Array, threshold = 0.5): Confusion {
  checkLengths(y, probabilities);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < y.length; i++) counts[2 * y[i]! + (probabilities[i]! >= threshold ? 1 : 0)]!++;
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

function meanOver(y: Float64Array, values: Float64Array, term: (label: number, value: number) => number): number {
  checkLengths(y, values);
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += term(y[i]!, values[i]!);
  return sum / y.length;
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function checkLengths(y: Float64Array, scores: Float64Array): void {
  assert(y.length === scores.length, `expected a score for each of ${y.length} labels, found ${scores.length}`);
}
