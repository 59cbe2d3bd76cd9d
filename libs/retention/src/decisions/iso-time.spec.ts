import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IsoTimeWriter } from './iso-time.ts';

it('differential: writes times as Date does', () => {
  const writer = new IsoTimeWriter();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(2100, 0) }), (ms) => {
      expect(writer.write(ms)).toBe(new Date(ms).toISOString());
    }),
  );
});
