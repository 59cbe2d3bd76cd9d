import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absenceLabel, trainableAsOfs } from './absence-label.ts';

describe('absenceLabel', () => {
  it('looks at [asOf, asOf + horizon) alone', () => {
    const label = { asOfMs: 100, horizonMs: 50 };
    expect(absenceLabel([], label, 150)).toBe(1);
    expect(absenceLabel([99, 150], label, 200)).toBe(1);
    expect(absenceLabel([100], label, 200)).toBe(0);
    expect(absenceLabel([149], label, 200)).toBe(0);
  });

  it('is not there while the horizon is not whole, whatever was seen', () => {
    expect(absenceLabel([120], { asOfMs: 100, horizonMs: 50 }, 149)).toBeUndefined();
    expect(absenceLabel([], { asOfMs: 100, horizonMs: 50 }, 149)).toBeUndefined();
  });

  it('does not change once it is there', () => {
    const times = fc.array(fc.integer({ min: 0, max: 300 }));
    fc.assert(fc.property(times, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 90 }), fc.nat(200), fc.nat(200), (all, asOfMs, horizonMs, end, later) => {
      const known = (dataEndMs: number) => absenceLabel(all.filter((time) => time < dataEndMs), { asOfMs, horizonMs }, dataEndMs);
      if (known(end) !== undefined) expect(known(end + later)).toBe(known(end));
    }));
  });
});

describe('trainableAsOfs', () => {
  it('oracle: are the grid points with history before and the horizon after them', () => {
    const time = fc.integer({ min: -50, max: 200 });
    fc.assert(fc.property(fc.integer({ min: 1, max: 30 }), time, fc.nat(40), fc.nat(40), time, fc.nat(200), (everyMs, anchorMs, historyMs, horizonMs, start, length) => {
      const expected: number[] = [];
      for (let t = -400; t <= 600; t++) {
        if ((t - anchorMs) % everyMs === 0 && t - historyMs >= start && t + horizonMs <= start + length) expected.push(t);
      }
      expect(trainableAsOfs({ everyMs, anchorMs, historyMs }, horizonMs, start, start + length)).toEqual(expected);
    }));
  });
});
