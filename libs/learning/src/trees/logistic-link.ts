/** ln(1 + e) for e in [0, 1] in float32: e times a polynomial fitted at Chebyshev points, within 2e-7 relative. */
export function log1pOfUnit(e: number): number {
  let p: number = log1pTerms[0];
  for (let k = 1; k < log1pTerms.length; k++) p = fround(fround(p * e) + log1pTerms[k]!);
  return fround(p * e);
}

const { fround } = Math;
/** Highest power first. */
const log1pTerms = [
  0.005253457929939032, -0.02958850748836994, 0.07836166769266129, -0.13674770295619965, 0.19111430644989014, -0.24844369292259216,
  0.33319270610809326, -0.49999502301216125, 1,
] as const;

/** To the nearest integer, ties to even, as `f32x4.nearest` and `f64.nearest` do; for magnitudes below 2^51. */
export function nearest(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}
