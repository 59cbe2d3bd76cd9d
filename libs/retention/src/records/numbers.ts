/** Powers of ten that are exact in a double. */
export const POWERS_OF_TEN: readonly number[] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

const ZERO = 48;
const POINT = 46;
const PLUS = 43;
const MINUS = 45;
// An exponent beyond this decides the outcome (zero or too large) whatever the digits of a bounded line are.
const EXPONENT_LIMIT = 100_000_000;

/**
 * An integer written in bytes `[start, end)` with an optional sign, or NaN when it is not one or lies beyond +-(2^53 - 1).
 * With `zeroFraction` a point followed by zeros alone is accepted (`17850.0`).
 */
export function parseInteger(bytes: Uint8Array, start: number, end: number, zeroFraction: boolean): number {
  let position = start;
  const negative = bytes[position] === MINUS;
  if (negative || bytes[position] === PLUS) position++;
  if (position >= end) return NaN;
  let value = 0;
  const firstDigit = position;
  for (; position < end; position++) {
    const digit = bytes[position] - ZERO;
    if (digit >>> 0 > 9) break;
    value = value * 10 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return NaN;
  }
  if (position === firstDigit) return NaN;
  if (position < end) {
    if (!zeroFraction || bytes[position] !== POINT || position + 1 >= end) return NaN;
    for (position++; position < end; position++) if (bytes[position] !== ZERO) return NaN;
  }
  return negative && value !== 0 ? -value : value;
}

/**
 * A decimal in bytes `[start, end)` as the exact integer `value x 10^scale`, or NaN when it is no number, needs more fraction
 * digits than the scale (zeros aside), or has more than `precision` digits. Signs and exponents are read. Precision is at most 15.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number, precision: number, scale: number): number {
  const exponentAt = findExponent(bytes, start, end);
  let exponent = 0;
  if (exponentAt < end) {
    exponent = parseExponent(bytes, exponentAt + 1, end);
    if (Number.isNaN(exponent)) return NaN;
  }
  let position = start;
  const negative = bytes[position] === MINUS;
  if (negative || bytes[position] === PLUS) position++;
  const firstDigit = position;
  let pointAt = -1;
  for (; position < exponentAt; position++) {
    if (bytes[position] === POINT && pointAt < 0) pointAt = position;
    else if ((bytes[position] - ZERO) >>> 0 > 9) return NaN;
  }
  const digitCount = exponentAt - firstDigit - (pointAt < 0 ? 0 : 1);
  if (digitCount <= 0) return NaN;
  const shift = exponent - (pointAt < 0 ? 0 : exponentAt - pointAt - 1) + scale;
  const value = shiftedDigits(bytes, firstDigit, exponentAt, digitCount, shift, POWERS_OF_TEN[precision] - 1);
  return negative && value !== 0 ? -value : value;
}

/** The digits as an integer times 10^shift, at most `limit`; NaN when it is larger or a digit that is no zero is shifted out. */
function shiftedDigits(bytes: Uint8Array, start: number, end: number, digitCount: number, shift: number, limit: number): number {
  const kept = digitCount + Math.min(shift, 0);
  let value = 0;
  let seen = 0;
  for (let position = start; position < end; position++) {
    if (bytes[position] === POINT) continue;
    const digit = bytes[position] - ZERO;
    if (seen++ < kept) {
      value = value * 10 + digit;
      if (value > limit) return NaN;
    } else if (digit !== 0) return NaN;
  }
  for (let left = shift; left > 0 && value !== 0; left--) {
    value *= 10;
    if (value > limit) return NaN;
  }
  return value;
}

/** A finite double in bytes `[start, end)` rounded as the language does, never minus zero; NaN when it is not one. */
export function parseDouble(bytes: Uint8Array, start: number, end: number): number {
  let mantissa = 0;
  let pointAt = -1;
  let position = start;
  for (; position < end; position++) {
    const byte = bytes[position];
    const digit = byte - ZERO;
    if (digit >>> 0 <= 9) mantissa = mantissa * 10 + digit;
    else if (byte === POINT && pointAt < 0) pointAt = position;
    else break;
  }
  const fraction = pointAt < 0 ? 0 : end - pointAt - 1;
  // Both operands are exact here, so the one division rounds correctly (Clinger 1990).
  const digits = end - start - (pointAt < 0 ? 0 : 1);
  if (position === end && digits > 0 && digits <= 15) return mantissa / POWERS_OF_TEN[fraction];
  let text = '';
  for (position = start; position < end; position++) {
    const byte = bytes[position];
    const numeric = (byte - ZERO) >>> 0 <= 9 || byte === POINT || byte === PLUS || byte === MINUS || (byte | 32) === 101;
    if (!numeric) return NaN;
    text += String.fromCharCode(byte);
  }
  const value = text === '' ? NaN : Number(text);
  return Number.isFinite(value) ? value + 0 : NaN;
}

/** 1 for `1` and `true`, 0 for `0` and `false` in any case, else NaN. */
export function parseBoolean(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 1) return bytes[start] === ZERO ? 0 : bytes[start] === ZERO + 1 ? 1 : NaN;
  if (length === 4 && matches(bytes, start, 'true')) return 1;
  if (length === 5 && matches(bytes, start, 'false')) return 0;
  return NaN;
}

function matches(bytes: Uint8Array, start: number, lowerCase: string): boolean {
  for (let index = 0; index < lowerCase.length; index++) {
    if ((bytes[start + index] | 32) !== lowerCase.charCodeAt(index)) return false;
  }
  return true;
}

function findExponent(bytes: Uint8Array, start: number, end: number): number {
  for (let position = start; position < end; position++) if ((bytes[position] | 32) === 101) return position;
  return end;
}

function parseExponent(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  const negative = bytes[position] === MINUS;
  if (negative || bytes[position] === PLUS) position++;
  if (position >= end) return NaN;
  let value = 0;
  for (; position < end; position++) {
    const digit = bytes[position] - ZERO;
    if (digit >>> 0 > 9) return NaN;
    value = Math.min(value * 10 + digit, EXPONENT_LIMIT);
  }
  return negative ? -value : value;
}
