/**
 * exp, log and what rests on them, from additions and multiplications in a stated order, so that typed arrays and WebAssembly give the same
 * bits on every machine; `Math.exp` does not. `assembly/exponential.ts` holds the same steps. Errors: exp and log within 2 units in the last
 * place of float64, exp32 within 2 of float32, over their whole ranges; overflow gives infinity, underflow subnormals and 0; NaN stays NaN.
 */
const { fround } = Math;

const log2e = 1.4426950408889634;
// ln 2 in two parts: the upper has 21 zero bits at its end (32 bits in all), so that multiples of it are exact.
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
// Adding and subtracting 1.5 x 2^52 rounds to the nearest integer, halves to even.
const roundingShift = 6_755_399_441_055_744;

/** 2^k for k in [-1022, 1023], at k + 1022. */
const powers = Float64Array.from({ length: 2046 }, (_, at) => 2 ** (at - 1022));
/** e^x in float64: x = k ln 2 + r with |r| at most 0.347, the Taylor series of e^r to the 13th power, times 2^k in two steps. */
export function exp(x: number): number {
  if (x !== x) return x;
  const clamped = x > 710 ? 710 : x < -746 ? -746 : x;
  const k = clamped * log2e + roundingShift - roundingShift;
  const r = clamped - k * ln2High - k * ln2Low;
  // Coefficients 1 / n! in pairs, pairs in pairs: a short chain of dependent steps. Literals, as a named constant costs a load each.
  const r2 = r * r;
  const r4 = r2 * r2;
  const low = 1 / 2 + (1 / 6) * r + (1 / 24 + (1 / 120) * r) * r2;
  const middle = 1 / 720 + (1 / 5040) * r + (1 / 40320 + (1 / 362880) * r) * r2;
  const high = 1 / 3628800 + (1 / 39916800) * r + (1 / 479001600 + (1 / 6227020800) * r) * r2;
  const q = low + (middle + high * r4) * r4;
  const y = 1 + (r + r2 * q);
  const half = k >> 1;
  return y * powers[half + 1022]! * powers[k - half + 1022]!;
}

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
/** ln x in float64: x = 2^k (1 + f) with 1 + f in [0.7071, 1.4142), s = f / (2 + f), ln(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))). */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return x;
  // Subnormals are brought up by 2^54.
  const isSmall = x < 2.2250738585072014e-308;
  bits[0] = isSmall ? x * 18_014_398_509_481_984 : x;
  const high = words[1]!;
  // The exponent field of x over sqrt(1/2), whose upper word is 0x3fe6a09e.
  const offset = (high - 0x3fe6a09e) >> 20;
  words[1] = high - (offset << 20);
  const f = bits[0] - 1;
  const k = isSmall ? offset - 54 : offset;
  const s = f / (2 + f);
  const z = s * s;
  // The series of 2 atanh(s): coefficients 2 / (2n + 1).
  const z2 = z * z;
  const z4 = z2 * z2;
  const low = 2 / 3 + (2 / 5) * z + (2 / 7 + (2 / 9) * z) * z2;
  const middle = 2 / 11 + (2 / 13) * z + (2 / 15 + (2 / 17) * z) * z2;
  const top = 2 / 19 + (2 / 21) * z + (2 / 23) * z2;
  const q = low + (middle + top * z4) * z4;
  const halfSquare = 0.5 * f * f;
  return k * ln2High - (halfSquare - (s * (halfSquare + q * z) + k * ln2Low) - f);
}

/** ln(1 + u) for u above -1, also where u is tiny. */
export function log1p(u: number): number {
  const sum = 1 + u;
  return sum === 1 ? u : log(sum) + (u - (sum - 1)) / sum;
}

/** 1 / (1 + e^-x), exact to rounding at both ends. */
export function sigmoid(x: number): number {
  const e = exp(x < 0 ? x : -x);
  return (x < 0 ? e : 1) / (1 + e);
}

/** ln(1 + e^x) without overflow. */
export function softplus(x: number): number {
  return (x > 0 ? x : 0) + log1p(exp(x < 0 ? x : -x));
}

const log2e32 = fround(1.4426950408889634);
// 355/512 has 9 bits: its multiples by whole numbers below 2^15 are exact in float32.
const ln2High32 = 0.693359375;
const ln2Low32 = fround(-2.1219444005469057e-4);
const roundingShift32 = 12_582_912;
const s2 = fround(1 / 2), s3 = fround(1 / 6), s4 = fround(1 / 24), s5 = fround(1 / 120), s6 = fround(1 / 720), s7 = fround(1 / 5040);

/** e^x of a float32 in float32 arithmetic, the same way: Taylor to the 7th power. */
export function exp32(x: number): number {
  if (x !== x) return x;
  const clamped = x > 89 ? 89 : x < -104 ? -104 : x;
  const k = fround(fround(fround(clamped * log2e32) + roundingShift32) - roundingShift32);
  const r = fround(fround(clamped - fround(k * ln2High32)) - fround(k * ln2Low32));
  let q = fround(fround(s7 * r) + s6);
  q = fround(fround(q * r) + s5);
  q = fround(fround(q * r) + s4);
  q = fround(fround(q * r) + s3);
  q = fround(fround(q * r) + s2);
  const y = fround(1 + fround(r + fround(fround(r * r) * q)));
  const half = k >> 1;
  return fround(fround(y * powers[half + 1022]!) * powers[k - half + 1022]!);
}

/** 1 / (1 + e^-x) of a float32 in float32 arithmetic. */
export function sigmoid32(x: number): number {
  const e = exp32(x < 0 ? x : -x);
  return fround((x < 0 ? e : 1) / fround(1 + e));
}

/** ln x of a float32: that of float64, rounded. */
export function log32(x: number): number {
  return fround(log(x));
}
