const bits = new Int32Array(2);
const number = new Float64Array(bits.buffer);
export function exp(x: number): number {
  if (x < -708) return 0;
  if (x > 709) return Infinity;
  const k = Math.floor(x * 1.4426950408889634 + 0.5);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  let p = 1.6059043836821613e-10;
  p = p * r + 2.08767569878681e-9; p = p * r + 2.505210838544172e-8; p = p * r + 2.755731922398589e-7; p = p * r + 2.7557319223985893e-6;
  p = p * r + 2.48015873015873e-5; p = p * r + 1.984126984126984e-4; p = p * r + 1.388888888888889e-3; p = p * r + 8.333333333333333e-3;
  p = p * r + 4.1666666666666664e-2; p = p * r + 1.6666666666666666e-1; p = p * r + 0.5; p = p * r + 1; p = p * r + 1;
  bits[0] = 0;
  bits[1] = (k + 1023) << 20;
  return p * number[0]!;
}
export function log(x: number): number {
  number[0] = x;
  let k = (bits[1]! >> 20) - 1023;
  bits[1] = (bits[1]! & 0xfffff) | 0x3ff00000;
  let m = number[0]!;
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k++;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let p = 1 / 21;
  p = p * q + 1 / 19; p = p * q + 1 / 17; p = p * q + 1 / 15; p = p * q + 1 / 13; p = p * q + 1 / 11;
  p = p * q + 1 / 9; p = p * q + 1 / 7; p = p * q + 1 / 5; p = p * q + 1 / 3; p = p * q + 1;
  return k * 0.6931471805599453 + 2 * s * p;
}
