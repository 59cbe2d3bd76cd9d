import { strict as assert } from 'node:assert';
import { midranks } from './midranks.ts';
import { normalCdf, normalQuantile } from './normal.ts';

/** A value between its confidence bounds. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
}

export interface PairedDifference extends Interval {
  readonly first: number;
  readonly second: number;
  /** Two-sided, of the difference being 0; 1 when both order the rows alike. */
  readonly pValue: number;
}

/** How much each row of class 1, and each of class 0, agrees with the other class: the structural components of DeLong (1988). */
interface Placements {
  readonly auc: number;
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

/**
 * ROC AUC with its confidence interval (DeLong 1988, computed by mid-ranks in O(n log n) after Sun & Xu 2014), kept within [0, 1].
 * NaN throughout when only one class is present; a standard error of 0 when the scores separate the classes.
 */
export function delongInterval(y: Float64Array, scores: Float64Array, level = 0.95): Interval {
  const { auc, positives, negatives } = placementsOf(y, scores);
  const variance = covariance(positives, positives) / positives.length + covariance(negatives, negatives) / negatives.length;
  return clip(intervalOf(auc, variance, level), 0, 1);
}

/** AUC of `first` minus AUC of `second` on the same rows, with the interval that their correlation earns. */
export function delongPaired(y: Float64Array, first: Float64Array, second: Float64Array, level = 0.95): PairedDifference {
  const a = placementsOf(y, first);
  const b = placementsOf(y, second);
  const ofPositives = covariance(a.positives, a.positives) + covariance(b.positives, b.positives) - 2 * covariance(a.positives, b.positives);
  const ofNegatives = covariance(a.negatives, a.negatives) + covariance(b.negatives, b.negatives) - 2 * covariance(a.negatives, b.negatives);
  const variance = ofPositives / a.positives.length + ofNegatives / a.negatives.length;
  const interval = clip(intervalOf(a.auc - b.auc, variance, level), -1, 1);
  const { value, standardError } = interval;
  const pValue = value === 0 ? 1 : standardError === 0 ? 0 : 2 * normalCdf(-Math.abs(value) / standardError);
  return { ...interval, first: a.auc, second: b.auc, pValue };
}

function placementsOf(y: Float64Array, scores: Float64Array): Placements {
  assert(y.length === scores.length, `expected a score for each of ${y.length} labels, found ${scores.length}`);
  const positive = scores.filter((_, i) => y[i] === 1);
  const negative = scores.filter((_, i) => y[i] !== 1);
  const ranks = midranks(scores);
  const ranksOfPositive = midranks(positive);
  const ranksOfNegative = midranks(negative);
  const positives = ranks.filter((_, i) => y[i] === 1).map((rank, i) => (rank - ranksOfPositive[i]!) / negative.length);
  const negatives = ranks.filter((_, i) => y[i] !== 1).map((rank, i) => 1 - (rank - ranksOfNegative[i]!) / positive.length);
  return { auc: mean(positives), positives, negatives };
}

function intervalOf(value: number, variance: number, level: number): Interval {
  const standardError = Math.sqrt(Math.max(0, variance));
  const reach = normalQuantile((1 + level) / 2) * standardError;
  return { value, low: value - reach, high: value + reach, standardError };
}

function clip(interval: Interval, lowest: number, highest: number): Interval {
  return { ...interval, low: Math.max(lowest, interval.low), high: Math.min(highest, interval.high) };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample covariance; 0 for a single pair, which shows no spread. */
function covariance(a: Float64Array, b: Float64Array): number {
  if (a.length === 1) return 0;
  const meanOfA = mean(a);
  const meanOfB = mean(b);
  return a.reduce((sum, value, i) => sum + (value - meanOfA) * (b[i]! - meanOfB), 0) / (a.length - 1);
}
