// Goal: synthetic worlds are the same for the same seed, of the shape that is told, and read by their sources without a rejection. Method: bytes twice,
// shares and means of a larger world within bounds that chance does not leave, every file scanned.
import { describe, expect, it } from 'vitest';
import { readSource } from '../decisions/processor-fixtures.ts';
import { LogScanner } from '../records/log-scanner.ts';
import { fileSource } from '../sources/source-tables.ts';
import { generateTables, SYNTHETIC_TABLE_SOURCES } from './generate-tables.ts';

const textsOf = (source: string, options: Parameters<typeof generateTables>[1]): Record<string, string> =>
  Object.fromEntries(generateTables(source, options).map(({ table, blocks }) => [table, Buffer.concat([...blocks]).toString()]));

describe.each(SYNTHETIC_TABLE_SOURCES)('generateTables of %s', (name) => {
  const small = textsOf(name, { seed: 9, entities: 50, days: 70 });

  it('gives the same bytes for the same seed, others for another', () => {
    expect(textsOf(name, { seed: 9, entities: 50, days: 70 })).toEqual(small);
    expect(textsOf(name, { seed: 10, entities: 50, days: 70 })).not.toEqual(small);
  });

  it('gives files that their tables read whole', () => {
    const source = readSource(name);
    expect(Object.keys(small)).toEqual(source.tables!.map((table) => table.name).sort((a, b) => Object.keys(small).indexOf(a) - Object.keys(small).indexOf(b)));
    for (const [table, text] of Object.entries(small)) {
      const scanner = new LogScanner(fileSource(source, table), { chunkRows: 1_000_000, byteOffset: 0, skipHeader: true });
      const chunk = scanner.push(Buffer.from(text))[0] ?? scanner.end();
      expect(scanner.problem).toBeUndefined();
      expect(chunk!.rejections).toEqual([]);
      expect(chunk!.batch.rowCount).toBe(text.trimEnd().split('\n').length - 1);
    }
  });
});

describe('the subscription that is told', () => {
  const texts = textsOf('subscription', { seed: 42, entities: 2_000, days: 60 });
  const users = texts['users']!.trimEnd().split('\n').slice(1).map((line) => line.split(','));
  const events = texts['events']!.trimEnd().split('\n').slice(1).map((line) => line.split(','));

  it('has 35 % paid users and engagement as Beta(2, 2.5)', () => {
    expect(users).toHaveLength(2_000);
    const share = users.filter(([, , , isPaid]) => isPaid === 'true').length / 2_000;
    expect(Math.abs(share - 0.35)).toBeLessThan(0.04);
    const engagement = users.map((user) => Number(user[6]));
    const mean = engagement.reduce((sum, value) => sum + value, 0) / 2_000;
    const variance = engagement.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2_000;
    expect(Math.abs(mean - 2 / 4.5)).toBeLessThan(0.02);
    expect(Math.abs(variance - (2 * 2.5) / (4.5 ** 2 * 5.5))).toBeLessThan(0.004);
  });

  it('has events in order of time, engaged users active more often, nobody active once gone', () => {
    const times = events.map((event) => event[2]!);
    expect(times.findIndex((time, k) => k > 0 && times[k - 1]! > time)).toBe(-1);
    // Before anybody leaves, a day is active with probability 0.15 + 0.8 e.
    const days = new Map<string, Set<string>>();
    for (const [, user, time, type] of events) {
      if (type === 'login' && time! < '2026-01-16') days.set(user!, (days.get(user!) ?? new Set()).add(time!.slice(0, 10)));
    }
    const off = users.reduce((sum, user) => sum + (days.get(user[0]!)?.size ?? 0) / 15 - (0.15 + 0.8 * Number(user[6])), 0) / 2_000;
    expect(Math.abs(off)).toBeLessThan(0.01);
    const lastLogin = new Map(events.filter((event) => event[3] === 'login').map((event) => [event[1]!, event[2]!]));
    const gone = users.map(([user]) => lastLogin.get(user!) ?? '').filter((day) => day < '2026-02-15').length / 2_000;
    expect(gone).toBeGreaterThan(0.15);
    expect(gone).toBeLessThan(0.45);
  });
});
