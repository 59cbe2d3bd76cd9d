// The steps of src/kernels/exponential.ts, one for one; what they rest on is said there.
const log2e: f64 = 1.4426950408889634;
const ln2High: f64 = 0.6931471803691238;
const ln2Low: f64 = 1.9082149292705877e-10;
const roundingShift: f64 = 6755399441055744;

/** 2^k for k in [-1022, 1023]. */
// @ts-ignore: decorator
@inline
function power(k: i64): f64 {
  return reinterpret<f64>((k + 1023) << 52);
}

export function exp(x: f64): f64 {
  if (x != x) return x;
  const clamped: f64 = x > 710 ? 710 : x < -746 ? -746 : x;
  const k = clamped * log2e + roundingShift - roundingShift;
  const r = clamped - k * ln2High - k * ln2Low;
  const r2 = r * r;
  const r4 = r2 * r2;
  const low = 1.0 / 2.0 + (1.0 / 6.0) * r + (1.0 / 24.0 + (1.0 / 120.0) * r) * r2;
  const middle = 1.0 / 720.0 + (1.0 / 5040.0) * r + (1.0 / 40320.0 + (1.0 / 362880.0) * r) * r2;
  const high = 1.0 / 3628800.0 + (1.0 / 39916800.0) * r + (1.0 / 479001600.0 + (1.0 / 6227020800.0) * r) * r2;
  const q = low + (middle + high * r4) * r4;
  const y = 1.0 + (r + r2 * q);
  const whole = <i64>k;
  const half = whole >> 1;
  return y * power(half) * power(whole - half);
}

export function log(x: f64): f64 {
  if (!(x > 0)) return x == 0 ? -Infinity : NaN;
  if (x == Infinity) return x;
  const isSmall = x < 2.2250738585072014e-308;
  const bits = reinterpret<i64>(isSmall ? x * 18014398509481984.0 : x);
  const high = <i32>(bits >> 32);
  const offset = (high - 0x3fe6a09e) >> 20;
  const f = reinterpret<f64>(bits - (<i64>offset << 52)) - 1.0;
  const k = <f64>(isSmall ? offset - 54 : offset);
  const s = f / (2.0 + f);
  const z = s * s;
  const z2 = z * z;
  const z4 = z2 * z2;
  const low = 2.0 / 3.0 + (2.0 / 5.0) * z + (2.0 / 7.0 + (2.0 / 9.0) * z) * z2;
  const middle = 2.0 / 11.0 + (2.0 / 13.0) * z + (2.0 / 15.0 + (2.0 / 17.0) * z) * z2;
  const top = 2.0 / 19.0 + (2.0 / 21.0) * z + (2.0 / 23.0) * z2;
  const q = low + (middle + top * z4) * z4;
  const halfSquare = 0.5 * f * f;
  return k * ln2High - (halfSquare - (s * (halfSquare + q * z) + k * ln2Low) - f);
}

export function log1p(u: f64): f64 {
  const sum = 1.0 + u;
  return sum == 1.0 ? u : log(sum) + (u - (sum - 1.0)) / sum;
}

export function sigmoid(x: f64): f64 {
  const e = exp(x < 0 ? x : -x);
  return (x < 0 ? e : 1.0) / (1.0 + e);
}

export function softplus(x: f64): f64 {
  return (x > 0 ? x : 0.0) + log1p(exp(x < 0 ? x : -x));
}

const log2e32: f32 = 1.4426950408889634;
const ln2High32: f32 = 0.693359375;
const ln2Low32: f32 = -2.1219444005469057e-4;
const roundingShift32: f32 = 12582912;
const s2: f32 = 1.0 / 2.0;
const s3: f32 = 1.0 / 6.0;
const s4: f32 = 1.0 / 24.0;
const s5: f32 = 1.0 / 120.0;
const s6: f32 = 1.0 / 720.0;
const s7: f32 = 1.0 / 5040.0;

// @ts-ignore: decorator
@inline
function power32(k: i32): f32 {
  return reinterpret<f32>((k + 127) << 23);
}

export function exp32(x: f32): f32 {
  if (x != x) return x;
  const clamped: f32 = x > 89 ? 89 : x < -104 ? -104 : x;
  const k: f32 = clamped * log2e32 + roundingShift32 - roundingShift32;
  const r: f32 = clamped - k * ln2High32 - k * ln2Low32;
  let q: f32 = s7 * r + s6;
  q = q * r + s5;
  q = q * r + s4;
  q = q * r + s3;
  q = q * r + s2;
  const y: f32 = <f32>1.0 + (r + r * r * q);
  const whole = <i32>k;
  const half = whole >> 1;
  return y * power32(half) * power32(whole - half);
}

/** exp32 of four numbers. */
// @ts-ignore: decorator
@inline
export function exp32x4(x: v128): v128 {
  // Pseudo-minimum and -maximum are one instruction each, and NaN stays where it stands first.
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-104));
  const shift = f32x4.splat(roundingShift32);
  const shifted = f32x4.add(f32x4.mul(clamped, f32x4.splat(log2e32)), shift);
  const k = f32x4.sub(shifted, shift);
  const r = f32x4.sub(f32x4.sub(clamped, f32x4.mul(k, f32x4.splat(ln2High32))), f32x4.mul(k, f32x4.splat(ln2Low32)));
  let q = f32x4.add(f32x4.mul(f32x4.splat(s7), r), f32x4.splat(s6));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(s5));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(s4));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(s3));
  q = f32x4.add(f32x4.mul(q, r), f32x4.splat(s2));
  const y = f32x4.add(f32x4.splat(1), f32x4.add(r, f32x4.mul(f32x4.mul(r, r), q)));
  // The shifted number's last bits are k.
  const whole = i32x4.sub(shifted, f32x4.splat(roundingShift32));
  const half = i32x4.shr_s(whole, 1);
  const bias = i32x4.splat(127);
  const first = i32x4.shl(i32x4.add(half, bias), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(whole, half), bias), 23);
  return f32x4.mul(f32x4.mul(y, first), second);
}

export function sigmoid32(x: f32): f32 {
  const e = exp32(x < 0 ? x : -x);
  return (x < 0 ? e : <f32>1) / (<f32>1 + e);
}

/** sigmoid32 of four numbers. */
// @ts-ignore: decorator
@inline
export function sigmoid32x4(x: v128): v128 {
  const e = exp32x4(v128.or(x, f32x4.splat(-0.0)));
  const one = f32x4.splat(1);
  const isNegative = f32x4.lt(x, f32x4.splat(0));
  return f32x4.div(v128.bitselect(e, one, isNegative), f32x4.add(one, e));
}

export function log32(x: f32): f32 {
  return <f32>log(<f64>x);
}

/** exp of two numbers. */
// @ts-ignore: decorator
@inline
export function exp64x2(x: v128): v128 {
  const clamped = f64x2.pmax(f64x2.pmin(x, f64x2.splat(710)), f64x2.splat(-746));
  const shift = f64x2.splat(roundingShift);
  const shifted = f64x2.add(f64x2.mul(clamped, f64x2.splat(log2e)), shift);
  const k = f64x2.sub(shifted, shift);
  const r = f64x2.sub(f64x2.sub(clamped, f64x2.mul(k, f64x2.splat(ln2High))), f64x2.mul(k, f64x2.splat(ln2Low)));
  const r2 = f64x2.mul(r, r);
  const r4 = f64x2.mul(r2, r2);
  const low = four(r, r2, 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0);
  const middle = four(r, r2, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0);
  const high = four(r, r2, 1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0, 1.0 / 6227020800.0);
  const q = f64x2.add(low, f64x2.mul(f64x2.add(middle, f64x2.mul(high, r4)), r4));
  const y = f64x2.add(f64x2.splat(1), f64x2.add(r, f64x2.mul(r2, q)));
  const whole = i64x2.sub(shifted, f64x2.splat(roundingShift));
  const half = i64x2.shr_s(whole, 1);
  const bias = i64x2.splat(1023);
  const first = i64x2.shl(i64x2.add(half, bias), 52);
  const second = i64x2.shl(i64x2.add(i64x2.sub(whole, half), bias), 52);
  return f64x2.mul(f64x2.mul(y, first), second);
}

/** a + b x + (c + d x) x2. */
// @ts-ignore: decorator
@inline
function four(x: v128, x2: v128, a: f64, b: f64, c: f64, d: f64): v128 {
  const ab = f64x2.add(f64x2.splat(a), f64x2.mul(f64x2.splat(b), x));
  const cd = f64x2.add(f64x2.splat(c), f64x2.mul(f64x2.splat(d), x));
  return f64x2.add(ab, f64x2.mul(cd, x2));
}

/** log of two positive normal numbers. */
// @ts-ignore: decorator
@inline
export function log64x2(x: v128): v128 {
  const offset = i64x2.shr_s(i64x2.sub(x, i64x2.splat(0x3fe6a09e00000000)), 52);
  const f = f64x2.sub(i64x2.sub(x, i64x2.shl(offset, 52)), f64x2.splat(1));
  const shift = f64x2.splat(roundingShift);
  const k = f64x2.sub(i64x2.add(shift, offset), shift);
  const s = f64x2.div(f, f64x2.add(f64x2.splat(2), f));
  const z = f64x2.mul(s, s);
  const z2 = f64x2.mul(z, z);
  const z4 = f64x2.mul(z2, z2);
  const low = four(z, z2, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0);
  const middle = four(z, z2, 2.0 / 11.0, 2.0 / 13.0, 2.0 / 15.0, 2.0 / 17.0);
  const top = f64x2.add(f64x2.add(f64x2.splat(2.0 / 19.0), f64x2.mul(f64x2.splat(2.0 / 21.0), z)), f64x2.mul(f64x2.splat(2.0 / 23.0), z2));
  const q = f64x2.add(low, f64x2.mul(f64x2.add(middle, f64x2.mul(top, z4)), z4));
  const halfSquare = f64x2.mul(f64x2.mul(f64x2.splat(0.5), f), f);
  const tail = f64x2.add(f64x2.mul(s, f64x2.add(halfSquare, f64x2.mul(q, z))), f64x2.mul(k, f64x2.splat(ln2Low)));
  return f64x2.sub(f64x2.mul(k, f64x2.splat(ln2High)), f64x2.sub(f64x2.sub(halfSquare, tail), f));
}

/** sigmoid of two numbers. */
// @ts-ignore: decorator
@inline
export function sigmoid64x2(x: v128): v128 {
  const e = exp64x2(v128.or(x, f64x2.splat(-0.0)));
  const one = f64x2.splat(1);
  return f64x2.div(v128.bitselect(e, one, f64x2.lt(x, f64x2.splat(0))), f64x2.add(one, e));
}

/** softplus of two numbers. */
// @ts-ignore: decorator
@inline
export function softplus64x2(x: v128): v128 {
  const u = exp64x2(v128.or(x, f64x2.splat(-0.0)));
  const one = f64x2.splat(1);
  const sum = f64x2.add(one, u);
  const large = f64x2.add(log64x2(sum), f64x2.div(f64x2.sub(u, f64x2.sub(sum, one)), sum));
  const log1p = v128.bitselect(u, large, f64x2.eq(sum, one));
  const positive = v128.bitselect(x, f64x2.splat(0), f64x2.gt(x, f64x2.splat(0)));
  return f64x2.add(positive, log1p);
}
