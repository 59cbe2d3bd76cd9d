import { wrongUse } from './command-error.ts';

const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** `1GB`, `100 MB`, `4096` in bytes. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = BYTE_UNITS[(match?.[2] ?? '?').toLowerCase()];
  if (match === null || unit === undefined) throw wrongUse(`expected a number of bytes like 1GB or 100MB, found '${text}'`);
  return Math.round(Number(match[1]) * unit);
}

/** A whole number of at least `least`. */
export function parseCount(name: string, least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) throw wrongUse(`expected --${name} to be a whole number of at least ${least}, found '${text}'`);
    return value;
  };
}

/** `20000/s` or `20000`, in rows a second. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(text);
  if (match === null || Number(match[1]) <= 0) throw wrongUse(`expected --rate like 20000/s, found '${text}'`);
  return Number(match[1]);
}

/** `60x`: how many times faster than the log's own time. */
export function parseSpeed(text: string): number {
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  if (match === null || Number(match[1]) <= 0) throw wrongUse(`expected --speed like 60x, found '${text}'`);
  return Number(match[1]);
}

/** An ISO date or time, UTC, in ms since the epoch. */
export function parseTime(name: string): (text: string) => number {
  return (text) => {
    const value = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : /[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
    if (Number.isNaN(value)) throw wrongUse(`expected --${name} to be a date like 2011-09-09 or 2011-09-09T10:00:00Z (UTC), found '${text}'`);
    return value;
  };
}
