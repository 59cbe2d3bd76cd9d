import { strict as assert } from 'node:assert';
import type { Interval } from './delong.ts';
import { studentCdf, studentQuantile } from './student.ts';

/**
 * Interval and two-sided p-value of the mean difference of two models over the folds of one cross-validation. Folds share training rows, so
 * the variance is raised by testRows / trainRows (the corrected resampled t-test of Nadeau & Bengio 2003); t with one degree of
 * freedom fewer than folds.
 */
export function correctedResampledT(differences: ArrayLike<number>, rows: { readonly trainRows: number; readonly testRows: number }, level = 0.95): Interval & { readonly pValue: number } {
  const count = differences.length;
  assert(count >= 2, `expected the differences of at least 2 folds, found ${count}`);
  assert(rows.trainRows > 0 && rows.testRows > 0, `expected rows to train and to test on, found ${rows.trainRows} and ${rows.testRows}`);
  const all = Array.from(differences);
  const value = all.reduce((sum, difference) => sum + difference, 0) / count;
  const variance = all.reduce((sum, difference) => sum + (difference - value) ** 2, 0) / (count - 1);
  const standardError = Math.sqrt(variance * (1 / count + rows.testRows / rows.trainRows));
  const reach = studentQuantile((1 + level) / 2, count - 1) * standardError;
  const pValue = value === 0 ? 1 : standardError === 0 ? 0 : 2 * studentCdf(-Math.abs(value) / standardError, count - 1);
  return { value, low: value - reach, high: value + reach, standardError, pValue };
}
