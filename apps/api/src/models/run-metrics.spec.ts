import { describe, expect, it } from 'vitest';
import { groupMetrics } from './run-metrics.ts';

describe('metrics of a run', () => {
  it.each(['_', '.', '/', '-'])('joins values with their intervals and keeps the baseline apart (separator %s)', (s) => {
    const flat = { rocAuc: 0.8, [`rocAuc${s}low`]: 0.7, [`rocAuc${s}high`]: 0.9, f1: 0.5, [`baseline${s}rocAuc`]: 0.6, [`baseline${s}rocAuc${s}low`]: 0.55, [`baseline${s}rocAuc${s}high`]: 0.65 };
    expect(groupMetrics(flat)).toEqual({
      metrics: { rocAuc: { value: 0.8, low: 0.7, high: 0.9 }, f1: { value: 0.5 } },
      baseline: { rocAuc: { value: 0.6, low: 0.55, high: 0.65 } },
    });
  });

  it('keeps a metric that merely ends like a bound', () => {
    expect(groupMetrics({ price_low: 3 }).metrics).toEqual({ price_low: { value: 3 } });
  });
});
