import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IsoTimeWriter, TIME_BYTES } from './iso-time.ts';

it('differential: IsoTimeWriter writes what Date writes, in any order of times', () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.integer({ min: -1e14, max: 8.64e15 }), fc.integer({ min: 1.5e12, max: 1.5e12 + 2e8 }))), (times) => {
    const writer = new IsoTimeWriter();
    const bytes = Buffer.alloc(TIME_BYTES + 1);
    for (const time of times) expect(bytes.toString('latin1', 1, writer.write(time, bytes, 1))).toBe(JSON.stringify(new Date(time)));
  }));
});
