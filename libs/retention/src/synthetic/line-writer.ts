import { writeInteger } from '../records/integer-text.ts';

const ZERO = 48;
const POINT = 46;

/** Makes the lines of one synthetic log, in order. */
export interface LineWriter {
  /** Most bytes of one line. */
  readonly lineBytesAtMost: number;
  /** Header line with its newline, or empty. */
  readonly header: string;
  /** Writes the next line with its newline and gives the position behind it, or -1 when the log is at its end. */
  write(target: Uint8Array, position: number): number;
}

/** Writes `value / 10^scale` as such logs do: trailing zeros dropped, but one digit behind the point (`29.9`, `272.0`). */
export function writeTrimmed(value: number, scale: number, target: Uint8Array, position: number): number {
  const unit = scale === 2 ? 100 : scale === 6 ? 1_000_000 : 10 ** scale;
  const whole = (value / unit) | 0;
  let fraction = value - whole * unit;
  let next = whole < 10 ? position + 1 : writeInteger(whole, target, position);
  if (whole < 10) target[position] = ZERO + whole;
  target[next++] = POINT;
  let digits = scale;
  while (digits > 1 && fraction % 10 === 0) {
    fraction = (fraction / 10) | 0;
    digits--;
  }
  for (let at = next + digits - 1; at >= next; at--) {
    const tenth = (fraction / 10) | 0;
    target[at] = ZERO + fraction - tenth * 10;
    fraction = tenth;
  }
  return next + digits;
}

/** Writes ASCII text. */
export function writeText(text: string, target: Uint8Array, position: number): number {
  for (let index = 0; index < text.length; index++) target[position + index] = text.charCodeAt(index);
  return position + text.length;
}
