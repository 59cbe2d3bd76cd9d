import { strict as assert } from 'node:assert';
import type { Random } from '../random.ts';
import type { Interval, PairedDifference } from './delong.ts';

export interface BootstrapOptions {
  readonly random: Random;
  /** Resamples drawn; 1000 unless told. */
  readonly repeats?: number;
  readonly level?: number;
}

/**
 * Percentile interval of any statistic of rows (Efron 1979): `statistic` is called once with rows 0, 1, … and then with resamples drawn
 * with replacement. A NaN (one class drawn alone, say) is left out; bounds are NaN when every resample gave one.
 */
export function bootstrap(rowCount: number, statistic: (rows: Int32Array) => number, options: BootstrapOptions): Interval {
  return bootstrapAll(rowCount, (rows) => [statistic(rows)], options)[0]!;
}

/** Intervals of several statistics of the same resamples, in their order: each is what `bootstrap` gives for it alone. */
export function bootstrapAll(rowCount: number, statistics: (rows: Int32Array) => readonly number[], options: BootstrapOptions): Interval[] {
  assert(Number.isInteger(rowCount) && rowCount > 0, `expected at least one row to resample, found ${rowCount}`);
  const { random, repeats = 1000, level = 0.95 } = options;
  const rows = Int32Array.from({ length: rowCount }, (_, i) => i);
  const values = statistics(rows);
  const drawn: number[][] = values.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (let i = 0; i < rowCount; i++) rows[i] = random.int(rowCount);
    statistics(rows).forEach((result, k) => {
      if (!Number.isNaN(result)) drawn[k]!.push(result);
    });
  }
  return values.map((value, k) => intervalOf(value, drawn[k]!, level));
}

/**
 * First statistic minus second on the same resamples, with the percentile interval of their difference. The p-value is twice the smaller
 * share of resamples on one side of 0, the sample itself counted on both: never 0, at least 2 / (repeats + 1).
 */
export function bootstrapPaired(rowCount: number, first: (rows: Int32Array) => number, second: (rows: Int32Array) => number, options: BootstrapOptions): PairedDifference {
  const differences: number[] = [];
  const [a, b, difference] = bootstrapAll(rowCount, (rows) => {
    const [ofFirst, ofSecond] = [first(rows), second(rows)];
    differences.push(ofFirst - ofSecond);
    return [ofFirst, ofSecond, ofFirst - ofSecond];
  }, options) as [Interval, Interval, Interval];
  const drawn = differences.slice(1).filter((d) => !Number.isNaN(d));
  const lesser = Math.min(drawn.filter((d) => d <= 0).length, drawn.filter((d) => d >= 0).length);
  return { ...difference, first: a.value, second: b.value, pValue: Math.min(1, (2 * (lesser + 1)) / (drawn.length + 1)) };
}

function intervalOf(value: number, drawn: readonly number[], level: number): Interval {
  const sorted = Float64Array.from(drawn).sort();
  const mean = sorted.reduce((sum, result) => sum + result, 0) / sorted.length;
  const standardError = Math.sqrt(sorted.reduce((sum, result) => sum + (result - mean) ** 2, 0) / (sorted.length - 1));
  return { value, low: quantileOfSorted(sorted, (1 - level) / 2), high: quantileOfSorted(sorted, (1 + level) / 2), standardError };
}

/** Linear between order statistics (type 7 of Hyndman & Fan 1996); NaN for no values. */
export function quantileOfSorted(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return NaN;
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}
