// @ts-ignore: decorator
@inline
export function exp(x: f64): f64 {
  if (x < -708) return 0;
  if (x > 709) return Infinity;
  const k = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  let p = 1.6059043836821613e-10;
  p = p * r + 2.08767569878681e-9; p = p * r + 2.505210838544172e-8; p = p * r + 2.755731922398589e-7; p = p * r + 2.7557319223985893e-6;
  p = p * r + 2.48015873015873e-5; p = p * r + 1.984126984126984e-4; p = p * r + 1.388888888888889e-3; p = p * r + 8.333333333333333e-3;
  p = p * r + 4.1666666666666664e-2; p = p * r + 1.6666666666666666e-1; p = p * r + 0.5; p = p * r + 1; p = p * r + 1;
  return p * reinterpret<f64>((<i64>k + 1023) << 52);
}
export function log(x: f64): f64 {
  let b = reinterpret<i64>(x);
  let k = <f64>(<i32>(b >> 52) - 1023);
  b = (b & 0xfffffffffffff) | 0x3ff0000000000000;
  let m = reinterpret<f64>(b);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k += 1;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let p: f64 = 1.0 / 21.0;
  p = p * q + 1.0 / 19.0; p = p * q + 1.0 / 17.0; p = p * q + 1.0 / 15.0; p = p * q + 1.0 / 13.0; p = p * q + 1.0 / 11.0;
  p = p * q + 1.0 / 9.0; p = p * q + 1.0 / 7.0; p = p * q + 1.0 / 5.0; p = p * q + 1.0 / 3.0; p = p * q + 1;
  return k * 0.6931471805599453 + 2 * s * p;
}
