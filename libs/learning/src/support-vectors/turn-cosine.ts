// Taylor's series of sin(2 pi t) about 0: (2 pi)^n / n!, signs alternating.
const s1 = Math.fround(6.283185307179586);
const s3 = Math.fround(-41.341702240399755);
const s5 = Math.fround(81.60524927607504);
const s7 = Math.fround(-76.70585975306136);
const s9 = Math.fround(42.05869394489765);
const s11 = Math.fround(-15.094642576822984);

/**
 * Cosine of an angle given in turns, in float32, within 3e-7: cos(2 pi u) = sin(2 pi (1/4 - |u|)) for u in [-1/2, 1/2], by a polynomial
 * of degree eleven; every step a single float32 operation, as in the WebAssembly twin.
 */
export function turnCosine(turns: number): number {
  const u = Math.fround(turns - Math.floor(Math.fround(turns + 0.5)));
  const t = Math.fround(0.25 - Math.abs(u));
  const square = Math.fround(t * t);
  let p = Math.fround(Math.fround(s11 * square) + s9);
  p = Math.fround(Math.fround(p * square) + s7);
  p = Math.fround(Math.fround(p * square) + s5);
  p = Math.fround(Math.fround(p * square) + s3);
  p = Math.fround(Math.fround(p * square) + s1);
  return Math.fround(p * t);
}
