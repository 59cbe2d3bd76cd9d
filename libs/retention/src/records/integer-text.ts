const ZERO = 48;
const POINT = 46;
const MINUS = 45;

/** Writes an integer within +-(2^53 - 1) as decimal digits and gives the position behind it; needs at most 17 bytes. */
export function writeInteger(value: number, target: Uint8Array, position: number): number {
  let rest = value;
  let next = position;
  if (rest < 0) {
    target[next++] = MINUS;
    rest = -rest;
  }
  let digits = 1;
  for (let limit = 10; rest >= limit; limit *= 10) digits++;
  const end = next + digits;
  for (let at = end - 1; at >= next; at--) {
    const tenth = rest <= 0x7fffffff ? (rest / 10) | 0 : Math.floor(rest / 10);
    target[at] = ZERO + (rest - tenth * 10);
    rest = tenth;
  }
  return end;
}

/** Writes `value / 10^scale` with all its fraction digits; scale 0 writes no point. Needs at most 19 bytes. */
export function writeScaled(value: number, scale: number, target: Uint8Array, position: number): number {
  if (scale === 0) return writeInteger(value, target, position);
  const unit = 10 ** scale;
  let next = position;
  if (value < 0) target[next++] = MINUS;
  const magnitude = Math.abs(value);
  const whole = Math.floor(magnitude / unit);
  next = writeInteger(whole, target, next);
  target[next] = POINT;
  let fraction = magnitude - whole * unit;
  for (let at = next + scale; at > next; at--) {
    const tenth = Math.floor(fraction / 10);
    target[at] = ZERO + (fraction - tenth * 10);
    fraction = tenth;
  }
  return next + 1 + scale;
}
