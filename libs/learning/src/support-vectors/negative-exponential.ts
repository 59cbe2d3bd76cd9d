const log2e = Math.fround(1.44269504);
const ln2High = Math.fround(0.693359375);
const ln2Low = Math.fround(-2.12194440e-4);
const c2 = Math.fround(5.0000001201e-1);
const c3 = Math.fround(1.6666665459e-1);
const c4 = Math.fround(4.1665795894e-2);
const c5 = Math.fround(8.3334519073e-3);
const c6 = Math.fround(1.3981999507e-3);
const c7 = Math.fround(1.98756915e-4);
const powers = Float32Array.from({ length: 128 }, (_, k) => 2 ** -k);

/**
 * e^x in float32 for x of at most 0, 0 below -87: within 2e-7 of the true value, relative. x = k ln 2 + r with |r| at most ln 2 / 2, and
 * a polynomial of degree seven in r (Cephes' coefficients); every step a single float32 operation, as in the WebAssembly twin.
 */
export function negativeExponential(x: number): number {
  if (!(x >= -87)) return 0;
  const k = Math.floor(Math.fround(Math.fround(x * log2e) + 0.5));
  const r = Math.fround(Math.fround(x - Math.fround(k * ln2High)) - Math.fround(k * ln2Low));
  let p = Math.fround(Math.fround(c7 * r) + c6);
  p = Math.fround(Math.fround(p * r) + c5);
  p = Math.fround(Math.fround(p * r) + c4);
  p = Math.fround(Math.fround(p * r) + c3);
  p = Math.fround(Math.fround(p * r) + c2);
  p = Math.fround(Math.fround(Math.fround(Math.fround(p * r) * r) + r) + 1);
  return Math.fround(p * powers[-k]!);
}
