import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LateMarker } from './late-marker.ts';

describe('late marker', () => {
  it('oracle: equals the definition, wherever the records are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 })), fc.nat(30), fc.nat(40), (times, lateness, cut) => {
        const naive = times.map((time, i) => (time < Math.max(...times.slice(0, i + 1)) - lateness ? 1 : 0));
        const marker = new LateMarker(lateness);
        const found = [...marker.mark(Float64Array.from(times.slice(0, cut)))];
        const rest = new LateMarker(lateness, marker.watermarkMs);
        found.push(...rest.mark(Float64Array.from(times.slice(cut))));
        expect(found).toEqual(naive);
      }),
    );
  });
});
