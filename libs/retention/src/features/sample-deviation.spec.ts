// Goal: the deviation is that of the integers, however near they lie and however large they are. Method: random integers around a large one,
// against squared distances from the mean in exact fractions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleDeviation } from './sample-deviation.ts';

/** n (n - 1) times the variance is the sum of (n x - s)^2 over n. */
function fromDefinition(values: readonly number[]): number {
  const count = BigInt(values.length);
  const sum = values.reduce((total, value) => total + BigInt(value), 0n);
  const squared = values.reduce((total, value) => total + (count * BigInt(value) - sum) ** 2n, 0n);
  return Math.sqrt(Number(squared / count) / (values.length * (values.length - 1)));
}

describe('sampleDeviation', () => {
  it('oracle: equals the squared distances from the mean, near values of any size', () => {
    fc.assert(fc.property(fc.integer({ min: -90_000, max: 90_000 }), fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 2, maxLength: 400 }), (base, steps) => {
      const values = steps.map((step) => base + step);
      const sum = values.reduce((total, value) => total + value, 0);
      const squares = values.reduce((total, value) => total + value * value, 0);
      expect(sampleDeviation(values.length, sum, squares)).toBe(fromDefinition(values));
    }));
  });

  it('is 0 of equal values, null of fewer than two, and refuses squares that are not exact', () => {
    expect(sampleDeviation(1_000_000, 94_906 * 1_000_000, 94_906 ** 2 * 1_000_000)).toBe(0);
    expect(sampleDeviation(1_000_000, 94_906 * 1_000_000 - 1, 94_906 ** 2 * 999_999 + 94_905 ** 2)).toBeCloseTo(0.001, 9);
    expect([sampleDeviation(0, 0, 0), sampleDeviation(1, 5, 25)]).toEqual([NaN, NaN]);
    expect(() => sampleDeviation(10, 1, 2 ** 53)).toThrow('expected a sum of squares up to 2^53 - 1, found 9007199254740992 of 10 values; use a shorter window');
  });
});
