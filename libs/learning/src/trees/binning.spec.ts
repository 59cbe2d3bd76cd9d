// Goal: bins and rounding are exact. Method: naive counts and laws of the cuts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { distributionOf, rowsToRead } from '../weighted-distribution.ts';
import { findCuts } from './binning.ts';
import { orderFreeMean, powerOfTwoAbove, quantizeWeights, rounderFor } from './quantize.ts';

describe('binning', () => {
  it('cuts between all values where they are few, and into even parts where they are many', () => {
    const few = findCuts(distributionOf(Float64Array.of(3, 1, 1, 2), undefined), 255);
    expect([...few]).toEqual([1.5, 2.5]);
    const many = findCuts(distributionOf(Float64Array.from({ length: 10_000 }, (_, i) => i), undefined), 10);
    expect([...many]).toEqual([999.5, 1999.5, 2999.5, 3999.5, 4999.5, 5999.5, 6999.5, 7999.5, 8999.5]);
    expect(findCuts(distributionOf(new Float64Array(0), undefined), 255)).toHaveLength(0);
  });

  it('never cuts into more bins than asked, nor anywhere but between values, even neighbours in float64 and extremes', () => {
    fc.assert(fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 300 }), fc.integer({ min: 2, max: 20 }), (values, bins) => {
      const distribution = distributionOf(Float64Array.from(values), undefined);
      const cuts = findCuts(distribution, bins);
      expect(cuts.length).toBeLessThan(bins);
      const codes = new Set([...distribution.values].map((value) => cuts.filter((cut) => cut < value).length));
      expect(codes.size).toBe(cuts.length + 1);
    }));
    const neighbours = findCuts(distributionOf(Float64Array.of(1, 1 + Number.EPSILON, -Number.MAX_VALUE, Number.MAX_VALUE), undefined), 255);
    expect(new Set([-Number.MAX_VALUE, 1, 1 + Number.EPSILON, Number.MAX_VALUE].map((value) => neighbours.filter((cut) => cut < value).length)).size).toBe(4);
  });

  it('oracle: weights cut as repeats do', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 4 })), { minLength: 1 }), (rows) => {
      const weighted = distributionOf(Float64Array.from(rows, ([v]) => v), Float64Array.from(rows, ([, w]) => w));
      const repeated = distributionOf(Float64Array.from(rows.flatMap(([v, w]) => new Array<number>(w).fill(v))), undefined);
      expect(weighted).toEqual(repeated);
      expect(findCuts(weighted, 7)).toEqual(findCuts(repeated, 7));
    }));
  });

  it('samples rows without repeats where they are many', () => {
    expect(rowsToRead(200_000, new Random(1))).toBeUndefined();
    const rows = rowsToRead(200_050, new Random(1))!;
    expect(new Set(rows).size).toBe(200_000);
    expect(rows.every((row) => row >= 0 && row < 200_050)).toBe(true);
  });
});

describe('rounding', () => {
  it('oracle: adding and taking away the rounder gives the nearest multiple, ties to even', () => {
    fc.assert(fc.property(fc.double({ min: -1000, max: 1000, noNaN: true }), fc.integer({ min: -20, max: 20 }), (value, exponent) => {
      const scale = 2 ** exponent;
      const found = value * scale + rounderFor(scale) - rounderFor(scale);
      expect(Math.abs(found / scale - value)).toBeLessThanOrEqual(2 ** -25);
      expect(Number.isInteger((found / scale) * 2 ** 24)).toBe(true);
    }));
  });

  it('finds the power of two at or above', () => {
    expect([0, 1, 1.5, 2, 3, 0.3, 2 ** -40, 2 ** 40 + 1].map(powerOfTwoAbove)).toEqual([1, 1, 2, 2, 4, 0.5, 2 ** -40, 2 ** 41]);
  });

  it('keeps whole weights, rounds fractions, and means do not depend on order', () => {
    expect(quantizeWeights(Float64Array.of(0, 3, 7)).weights).toEqual(Float64Array.of(0, 3, 7));
    const tiny = quantizeWeights(Float64Array.of(1e-9, 3e-9)).weights;
    expect(tiny[1]! / tiny[0]!).toBeCloseTo(3, 6);
    const random = new Random(8);
    const values = Float64Array.from({ length: 1000 }, () => random.normal() * 1e6);
    const mean = orderFreeMean(values, undefined);
    expect(mean).toBeCloseTo(values.reduce((a, b) => a + b) / 1000, 5);
    expect(orderFreeMean(random.shuffle(values.slice()), undefined)).toBe(mean);
    expect(orderFreeMean(Float64Array.of(0.1), undefined)).toBe(0.1);
  });
});
