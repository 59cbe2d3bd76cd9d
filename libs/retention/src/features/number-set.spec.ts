import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NumberSet } from './number-set.ts';

it('oracle: NumberSet holds what a Set holds, each time it is emptied', () => {
  const value = fc.oneof(fc.integer({ min: -40, max: 40 }), fc.double({ noNaN: true }), fc.constantFrom(0, -0, 1e300, 2 ** 52));
  const numbers = new NumberSet();
  fc.assert(fc.property(fc.array(value, { maxLength: 200 }), (values) => {
    numbers.clear();
    const twin = new Set<number>();
    for (const each of values) {
      expect(numbers.add(each)).toBe(!twin.has(each));
      twin.add(each);
      expect(numbers.size).toBe(twin.size);
    }
  }));
});
