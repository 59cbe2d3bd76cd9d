import { invalidRequest } from './problem.ts';

/** A whole number of the query string within bounds, or a 400 problem that names the parameter. */
export function wholeNumber(name: string, text: unknown, bounds: { least: number; most: number; otherwise: number }): number {
  if (text === undefined) return bounds.otherwise;
  const value = typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(value >= bounds.least && value <= bounds.most)) {
    throw invalidRequest([{ pointer: `?${name}`, detail: `expected a whole number from ${bounds.least} to ${bounds.most}, found ${JSON.stringify(text)}` }]);
  }
  return value;
}

/** A number from 0 to 1 of the query string, or a 400 problem that names the parameter. */
export function probability(name: string, text: unknown): number {
  if (text === undefined) return 0;
  const value = typeof text === 'string' && /^(0|1|0?\.\d+|0\.\d*|1\.0*)$/.test(text) ? Number(text) : NaN;
  if (!(value >= 0 && value <= 1)) throw invalidRequest([{ pointer: `?${name}`, detail: `expected a number from 0 to 1, found ${JSON.stringify(text)}` }]);
  return value;
}
