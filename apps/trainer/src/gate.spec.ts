import { describe, expect, it } from 'vitest';
import { gateReasons } from './gate.ts';

const gate = { metric: 'rocAuc', atLeast: 0.6, maxDrop: 0.05, beatsBaseline: true };
const interval = (value: number, half = 0.02) => ({ value, low: value - half, high: value + half });

describe('gate', () => {
  it('lets a candidate through that is good enough, better than the baseline and not below the champion', () => {
    expect(gateReasons({ gate, candidate: { rocAuc: interval(0.74) }, champion: 0.75, overBaseline: interval(0.05) })).toEqual([]);
  });
  it('names each rule that is broken', () => {
    const reasons = gateReasons({ gate, candidate: { rocAuc: interval(0.55) }, champion: 0.7, overBaseline: interval(0.01) });
    expect(reasons).toHaveLength(3);
    expect(reasons[0]).toContain('at least 0.6, found 0.5500');
    expect(reasons[1]).toContain('0.0100 (-0.0100 to 0.0300)');
    expect(reasons[2]).toContain("5 % below the champion's 0.7000");
  });
  it('refuses a metric that could not be measured', () => {
    expect(gateReasons({ gate, candidate: { rocAuc: interval(NaN) }, champion: undefined, overBaseline: undefined })[0]).toContain('one class');
  });
});
