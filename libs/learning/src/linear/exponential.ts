/** 2^-k at place k, down to the smallest normal number. */
const powersOfHalf = Float64Array.from({ length: 1023 }, (_, k) => 2 ** -k);

/** ln 2 in two parts: the first has zeros at its end, so that a whole number below 1024 times it is exact (as in fdlibm). */
const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;

/**
 * e^x for x <= 0, within two units in the last place; 2.2e-308 and less becomes 0. A Taylor polynomial of degree 13 on |r| <= ln 2 / 2 by
 * Horner's rule: additions and multiplications in a fixed order, so that its WASM twin gives the same bits on every machine.
 */
export function expOfNegative(x: number): number {
  if (!(x > -708)) return 0;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * ln2High - k * ln2Low;
  let p = 1 / 6227020800;
  p = p * r + 1 / 479001600;
  p = p * r + 1 / 39916800;
  p = p * r + 1 / 3628800;
  p = p * r + 1 / 362880;
  p = p * r + 1 / 40320;
  p = p * r + 1 / 5040;
  p = p * r + 1 / 720;
  p = p * r + 1 / 120;
  p = p * r + 1 / 24;
  p = p * r + 1 / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  return p * powersOfHalf[-k]!;
}

/** ln(1 + u) for u in [0, 1], within a few units in the last place: 2 artanh(u / (2 + u)) by its series up to the 35th power. */
export function log1pOfShare(u: number): number {
  const s = u / (u + 2);
  const t = s * s;
  let p = 1 / 35;
  p = p * t + 1 / 33;
  p = p * t + 1 / 31;
  p = p * t + 1 / 29;
  p = p * t + 1 / 27;
  p = p * t + 1 / 25;
  p = p * t + 1 / 23;
  p = p * t + 1 / 21;
  p = p * t + 1 / 19;
  p = p * t + 1 / 17;
  p = p * t + 1 / 15;
  p = p * t + 1 / 13;
  p = p * t + 1 / 11;
  p = p * t + 1 / 9;
  p = p * t + 1 / 7;
  p = p * t + 1 / 5;
  p = p * t + 1 / 3;
  p = p * t + 1;
  return 2 * s * p;
}
