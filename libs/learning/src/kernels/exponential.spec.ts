// Goal: errors of the shared exp and log stay within what they state, at the ends of their ranges too. Method: oracle, `Math` on seeded arguments
// (itself within one unit in the last place); that WebAssembly gives the same bits is shown in operations.spec.ts and by what rests on it.
import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { exp, exp32, log, log1p, log32, sigmoid, sigmoid32, softplus } from './exponential.ts';

const float64 = new Float64Array(1);
const bits64 = new BigInt64Array(float64.buffer);
const float32 = new Float32Array(1);
const bits32 = new Int32Array(float32.buffer);

/** Distance from a float64 to the next. */
function unit64(x: number): number {
  float64[0] = Math.abs(x);
  bits64[0]!++;
  return float64[0] - Math.abs(x);
}

function unit32(x: number): number {
  float32[0] = Math.abs(x);
  const here = float32[0];
  bits32[0]!++;
  return float32[0] - here;
}

function largestError(f: (x: number) => number, oracle: (x: number) => number, unit: (x: number) => number, draw: () => number): number {
  let worst = 0;
  for (let i = 0; i < 100_000; i++) {
    const x = draw();
    worst = Math.max(worst, Math.abs(f(x) - oracle(x)) / unit(oracle(x)));
  }
  return worst;
}

describe('exponential', () => {
  const random = new Random(5);
  const between = (low: number, high: number) => (): number => low + (high - low) * random.uniform();
  const single = (low: number, high: number) => (): number => Math.fround(between(low, high)());

  it('float64: oracle, within 2 units in the last place', () => {
    expect(largestError(exp, Math.exp, unit64, between(-745, 709.7))).toBeLessThanOrEqual(2);
    expect(largestError(exp, Math.exp, unit64, between(-1, 1))).toBeLessThanOrEqual(2);
    expect(largestError(log, Math.log, unit64, between(0.3, 3))).toBeLessThanOrEqual(2);
    expect(largestError(log, Math.log, unit64, () => 2 ** between(-1074, 1023)())).toBeLessThanOrEqual(2);
    expect(largestError(log1p, Math.log1p, unit64, () => 2 ** between(-60, 3)())).toBeLessThanOrEqual(2);
    expect(largestError(sigmoid, (x) => 1 / (1 + Math.exp(-x)), unit64, between(-30, 30))).toBeLessThanOrEqual(4);
    expect(largestError(softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), unit64, between(-30, 30))).toBeLessThanOrEqual(4);
  });

  it('float32: oracle, within 2 units in the last place', () => {
    expect(largestError(exp32, Math.exp, unit32, single(-87, 88.7))).toBeLessThanOrEqual(2);
    expect(largestError(exp32, Math.exp, unit32, single(-1, 1))).toBeLessThanOrEqual(2);
    expect(largestError(log32, Math.log, unit32, single(0.3, 3))).toBeLessThanOrEqual(1);
    expect(largestError(sigmoid32, (x) => 1 / (1 + Math.exp(-x)), unit32, single(-80, 30))).toBeLessThanOrEqual(3);
  });

  it('ends: overflow to infinity, underflow through subnormals to 0, NaN stays', () => {
    expect([exp(710), exp(Infinity), exp(-746), exp(-Infinity), exp(0), exp(-745)]).toEqual([Infinity, Infinity, 0, 0, 1, 5e-324]);
    expect([exp32(89), exp32(-104), exp32(0), exp32(-103)]).toEqual([Infinity, 0, 1, Math.fround(Math.exp(-103))]);
    expect([log(0), log(-1), log(Infinity), log(1), log(5e-324)]).toEqual([-Infinity, NaN, Infinity, 0, Math.log(5e-324)]);
    expect([exp(NaN), exp32(NaN), log(NaN), sigmoid(NaN), softplus(NaN)]).toEqual([NaN, NaN, NaN, NaN, NaN]);
    expect([sigmoid(-800), sigmoid(800), softplus(800), softplus(-800)]).toEqual([0, 1, 800, 0]);
  });
});
