import { parseInteger } from './numbers.ts';

const ZERO = 48;
const SLASH = 47;
const DAY_MS = 86_400_000;
/** The widest range that a JavaScript date holds. */
const TIMESTAMP_LIMIT_MS = 8.64e15;
const DAYS_IN_MONTH: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Parses the bytes `[start, end)` into milliseconds since the epoch, UTC, or gives NaN. */
export type TimestampParser = (bytes: Uint8Array, start: number, end: number) => number;

/** The parser of a source's `time_format`: `yyyy-MM-dd HH:mm:ss`, `unix-seconds`, `unix-millis`, `d/M/yyyy` or `iso` (no zone means UTC). */
export function timestampParser(format: string): TimestampParser {
  if (format === 'unix-seconds') return (bytes, start, end) => bounded(parseInteger(bytes, start, end, false) * 1000);
  if (format === 'unix-millis') return (bytes, start, end) => bounded(parseInteger(bytes, start, end, false));
  if (format === 'iso') return parseIso;
  if (format === 'd/M/yyyy') return (bytes, start, end) => parseDayFirst(bytes, start, end) * DAY_MS;
  return (bytes, start, end) =>
    end - start === 19 && bytes[start + 10] === 32 ? parseDate(bytes, start) * DAY_MS + parseClock(bytes, start + 11) : NaN;
}

/** `yyyy-MM-dd` in bytes `[start, end)` as days since the epoch, or NaN. */
export function parseDateOnly(bytes: Uint8Array, start: number, end: number): number {
  return end - start === 10 ? parseDate(bytes, start) : NaN;
}

/** `9/2/2026` or `09/02/2026` in bytes `[start, end)` as days since the epoch, or NaN: also for days that the month does not have. */
function parseDayFirst(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes.indexOf(SLASH, start);
  const second = first < 0 ? -1 : bytes.indexOf(SLASH, first + 1);
  if (second < 0 || second >= end || end - second !== 5) return NaN;
  const [day, month] = [digitsBetween(bytes, start, first), digitsBetween(bytes, first + 1, second)];
  const year = twoDigits(bytes, second + 1) * 100 + twoDigits(bytes, second + 3);
  return day >= 1 && day <= daysInMonth(year, month) ? daysOf(year, month, day) : NaN;
}

/** One or two digits `[start, end)` as a number, or NaN. */
function digitsBetween(bytes: Uint8Array, start: number, end: number): number {
  if (end - start === 2) return twoDigits(bytes, start);
  const digit = bytes[start] - ZERO;
  return end - start === 1 && digit >>> 0 <= 9 ? digit : NaN;
}

/** 0 for a month that does not exist, NaN where year or month is NaN. */
function daysInMonth(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  return month >= 1 && month <= 12 ? DAYS_IN_MONTH[month - 1] + leap : year * 0;
}

/** Days since the epoch of a date in the proleptic Gregorian calendar; month from 1. */
export function daysOf(year: number, month: number, day: number): number {
  // Years that begin in March put the leap day last, so that the days before a month need no table.
  const shifted = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return shifted * 365 + Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400) + dayOfYear - 719_468;
}

function bounded(ms: number): number {
  return Math.abs(ms) <= TIMESTAMP_LIMIT_MS ? ms : NaN;
}

function parseIso(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 10) return parseDate(bytes, start) * DAY_MS;
  if (length < 16 || (bytes[start + 10] !== 84 && bytes[start + 10] !== 32)) return NaN;
  let ms = parseDate(bytes, start) * DAY_MS;
  let position = start + 16;
  if (bytes[position] === 58 && position + 3 <= end) {
    ms += parseClock(bytes, start + 11);
    position += 3;
    if (position < end && bytes[position] === 46) {
      const first = ++position;
      let weight = 100;
      while (position < end && (bytes[position] - ZERO) >>> 0 <= 9) {
        // Digits past the millisecond are cut, not rounded, so that a time never moves into the next second.
        if (weight >= 1) ms += (bytes[position] - ZERO) * weight;
        weight /= 10;
        position++;
      }
      if (position === first || position - first > 9) return NaN;
    }
  } else {
    ms += hoursAndMinutes(bytes, start + 11);
  }
  return bounded(ms - parseZone(bytes, position, end));
}

/** Zone offset in milliseconds at `[start, end)`: nothing, `Z`, `+hh:mm` or `-hh:mm`; else NaN. */
function parseZone(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  if (end - start === 1) return bytes[start] === 90 ? 0 : NaN;
  if (end - start !== 6 || (bytes[start] !== 43 && bytes[start] !== 45)) return NaN;
  const offset = hoursAndMinutes(bytes, start + 1);
  return bytes[start] === 45 ? -offset : offset;
}

function parseDate(bytes: Uint8Array, start: number): number {
  if (bytes[start + 4] !== 45 || bytes[start + 7] !== 45) return NaN;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  if (!(month >= 1 && month <= 12 && day >= 1)) return NaN;
  return day <= daysInMonth(year, month) ? daysOf(year, month, day) : NaN;
}

function parseClock(bytes: Uint8Array, start: number): number {
  const second = twoDigits(bytes, start + 6);
  return bytes[start + 5] === 58 && second <= 59 ? hoursAndMinutes(bytes, start) + second * 1000 : NaN;
}

function hoursAndMinutes(bytes: Uint8Array, start: number): number {
  const hour = twoDigits(bytes, start);
  const minute = twoDigits(bytes, start + 3);
  return bytes[start + 2] === 58 && hour <= 23 && minute <= 59 ? hour * 3_600_000 + minute * 60_000 : NaN;
}

function twoDigits(bytes: Uint8Array, start: number): number {
  const tens = bytes[start] - ZERO;
  const ones = bytes[start + 1] - ZERO;
  return tens >>> 0 <= 9 && ones >>> 0 <= 9 ? tens * 10 + ones : NaN;
}
