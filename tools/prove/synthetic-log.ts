import { writeFileSync } from 'node:fs';
import { Random } from '#tideline/learning';
import { generate, type Source } from '#tideline/retention';

/** Shares of lines that are made wrong, and that come much later than they should. */
const BROKEN = 0.003;
const DELAYED = 0.01;

/**
 * Writes a synthetic log with what real ones have: lines that are no records, and records that come late. The same source, seed and rows give
 * the same bytes; returns how many lines were broken.
 */
export function writeSyntheticLog(path: string, source: Source, rows: number, seed: number): number {
  const text = Buffer.concat([...generate(source.name, { seed, rows })].map((block) => Buffer.from(block))).toString('utf8');
  const lines = text.trimEnd().split('\n');
  const header = source.format.header ? [lines.shift()!] : [];
  const random = new Random(seed);
  const places = lines.map((line, place) => ({ line, place: random.uniform() < DELAYED ? place + random.uniform() * lines.length * 0.3 : place }));
  let broken = 0;
  const roughened = places.sort((a, b) => a.place - b.place).map(({ line }) => (random.uniform() < BROKEN ? `no record ${broken++}` : line));
  writeFileSync(path, `${[...header, ...roughened].join('\n')}\n`);
  return broken;
}
