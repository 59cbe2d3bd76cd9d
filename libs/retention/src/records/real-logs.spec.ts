// The scanner on the real logs, where they are at hand: counts against the facts known about them.
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import type { Source } from '../sources/source.ts';
import { ONLINE_RETAIL, USER_BEHAVIOR } from './fixtures.ts';
import { LogScanner } from './log-scanner.ts';
import type { Chunk } from './log-scanner.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const SHARED = [process.env['TIDELINE_SHARED'], `${ROOT}../shared`, `${ROOT}../../shared`].find((path) => path !== undefined && existsSync(path));
const RETAIL = `${SHARED}/data/online-retail/online-retail.csv.gz`;
const CLICKS = `${SHARED}/data/user-behavior/user-behavior-110300.csv.gz`;
const hasRetail = SHARED !== undefined && existsSync(RETAIL);
const hasClicks = SHARED !== undefined && existsSync(CLICKS);
if (!hasRetail || !hasClicks) console.warn('skipped: real logs are not at hand (set TIDELINE_SHARED)');

async function* chunksOf(source: Source, path: string): AsyncGenerator<Chunk> {
  const scanner = new LogScanner(source, { chunkRows: 5000, byteOffset: 0, skipHeader: source.format.header });
  for await (const block of createReadStream(path).pipe(createGunzip())) yield* scanner.push(block as Buffer);
  const last = scanner.end();
  expect(scanner.problem).toBeUndefined();
  if (last !== undefined) yield last;
}

describe('real logs', () => {
  it.runIf(hasRetail)('Online Retail: every row is read, and only those without a customer are rejected', async () => {
    let [read, accepted, negative, cancelled, missingDescriptions] = [0, 0, 0, 0, 0];
    const reasons = new Map<string, number>();
    let [first, last, cents] = [Infinity, -Infinity, 0];
    for await (const { batch, rejections, rowsRead } of chunksOf(ONLINE_RETAIL, RETAIL)) {
      const [invoice, , description, quantity, date, price] = batch.columns;
      read += rowsRead;
      accepted += batch.rowCount;
      for (const { reason } of rejections) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      for (let row = 0; row < batch.rowCount; row++) {
        if (quantity.values[row] < 0) negative++;
        if (invoice.values[invoice.offsets![row]] === 67) cancelled++;
        if (description.nulls?.[row] === 1) missingDescriptions++;
        first = Math.min(first, date.values[row]);
        last = Math.max(last, date.values[row]);
        cents += quantity.values[row] * price.values[row];
      }
    }
    expect(read).toBe(541_909);
    expect(accepted).toBe(541_909 - 135_080);
    expect([...reasons]).toEqual([['missing-customer-id', 135_080]]);
    // Of all 9,288 cancellations and 10,624 negative quantities, those of known customers.
    expect([cancelled, negative, missingDescriptions]).toEqual([8_905, 8_905, 0]);
    expect(new Date(first).toISOString()).toBe('2010-12-01T08:26:00.000Z');
    expect(new Date(last).toISOString()).toBe('2011-12-09T12:50:00.000Z');
    expect(cents).toBe(8_300_065_814);
  });

  it.runIf(hasClicks)('UserBehavior: every row is accepted', async () => {
    const counts = new Map<string, number>();
    const users = new Set<number>();
    let read = 0;
    for await (const { batch, rowsRead } of chunksOf(USER_BEHAVIOR, CLICKS)) {
      read += rowsRead;
      const [user, , , behavior] = batch.columns;
      for (let row = 0; row < batch.rowCount; row++) {
        const name = Buffer.from(behavior.values.slice(behavior.offsets![row], behavior.offsets![row + 1])).toString();
        counts.set(name, (counts.get(name) ?? 0) + 1);
        users.add(user.values[row]);
      }
    }
    expect(read).toBe(110_300);
    expect(Object.fromEntries(counts)).toEqual({ pv: 98_361, cart: 6_063, fav: 3_383, buy: 2_493 });
    expect(users.size).toBe(66_454);
  });
});
