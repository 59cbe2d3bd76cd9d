/**
 * e^x for x <= 0 in float32, by Cody-Waite reduction to |r| <= ln 2 / 2 and Cephes' polynomial of degree 6 (Moshier): within 2e-7
 * relative, 0 below -87. Only single float32 operations in a stated order, so the WASM twin gives the same bits.
 */
export function expNegative(x: number): number {
  const clamped = x < -87 ? -87 : x;
  const n = nearest(fround(clamped * log2e));
  const r = fround(fround(clamped - fround(n * ln2High)) - fround(n * ln2Low));
  let p: number = expTerms[0];
  for (let k = 1; k < expTerms.length; k++) p = fround(fround(p * r) + expTerms[k]!);
  p = fround(fround(fround(p * fround(r * r)) + r) + 1);
  return x < -87 ? 0 : fround(p * 2 ** n);
}

/** ln(1 + e) for e in [0, 1] in float32: e times a polynomial fitted at Chebyshev points, within 2e-7 relative. */
export function log1pOfUnit(e: number): number {
  let p: number = log1pTerms[0];
  for (let k = 1; k < log1pTerms.length; k++) p = fround(fround(p * e) + log1pTerms[k]!);
  return fround(p * e);
}

const { fround } = Math;
const log2e = fround(Math.LOG2E);
const ln2High = 0.693359375;
const ln2Low = fround(-2.12194440e-4);
const expTerms = [fround(1.9875691500e-4), fround(1.3981999507e-3), fround(8.3334519073e-3), fround(4.1665795894e-2), fround(1.6666665459e-1), fround(5.0000001201e-1)] as const;
/** Highest power first. */
const log1pTerms = [
  0.005253457929939032, -0.02958850748836994, 0.07836166769266129, -0.13674770295619965, 0.19111430644989014, -0.24844369292259216,
  0.33319270610809326, -0.49999502301216125, 1,
] as const;

/** To the nearest integer, ties to even, as `f32x4.nearest` and `f64.nearest` do; for magnitudes below 2^51. */
export function nearest(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}
