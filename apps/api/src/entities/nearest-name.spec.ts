import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from './nearest-name.ts';

/** Levenshtein's recurrence as it is defined. */
function naive(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const same = a.at(-1) === b.at(-1) ? 0 : 1;
  return Math.min(naive(a.slice(0, -1), b.slice(0, -1)) + same, naive(a.slice(0, -1), b) + 1, naive(a, b.slice(0, -1)) + 1);
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', '1'), maxLength: 5 });

describe('the nearest name', () => {
  it('oracle: the distance is that of the recurrence, and a limit only cuts off what is not below it', () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 6 }), (a, b, limit) => {
        const expected = naive(a, b);
        expect(editDistance(a, b)).toBe(expected);
        expect(Math.min(editDistance(a, b, limit), limit)).toBe(Math.min(expected, limit));
      }),
      { numRuns: 200 },
    );
  });

  it('is the closest one, the first among equals, or none', () => {
    expect(nearestName('17851', ['12346', '17850', '17852'])).toBe('17850');
    expect(nearestName('anything', [])).toBeUndefined();
  });
});
