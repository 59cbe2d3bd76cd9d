// Goal: what the ring still gives is exactly what was put, and it always holds the newest. Method: random strings against a list of them all.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteRing } from './byte-ring.ts';

it('oracle: gives back what was put or nothing, and everything that fits between here and now', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 60 }), (strings) => {
      const ring = new ByteRing(40);
      const places = strings.map((bytes) => ring.put(bytes));
      let since = 0;
      for (let i = strings.length - 1; i >= 0; i--) {
        since += strings[i].length;
        const found = ring.get(places[i], strings[i].length);
        if (found !== undefined) expect(found).toEqual(Uint8Array.from(strings[i]));
        // A string that would part over the end leaves at most 11 bytes unused.
        if (since <= 40 - 11) expect(found).toBeDefined();
      }
    }),
  );
});

it('refuses what does not fit at all', () => {
  expect(() => new ByteRing(4).put(new Uint8Array(5))).toThrow(/at most 4 bytes, found 5/);
  expect(new ByteRing(4).get(0, 1)).toBeUndefined();
});
