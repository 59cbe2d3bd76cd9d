// Synthetic logs: repeatable byte for byte, readable to the last row, and with the structure that they claim to have.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ALIBABA, ONLINE_RETAIL, USER_BEHAVIOR } from '../records/fixtures.ts';
import { LogScanner } from '../records/log-scanner.ts';
import type { Chunk } from '../records/log-scanner.ts';
import type { Source } from '../sources/source.ts';
import { generate, SYNTHETIC_SOURCES } from './generate.ts';
import { SeededRandom } from './seeded-random.ts';

function bytesOf(source: string, options: Parameters<typeof generate>[1]): Buffer {
  return Buffer.concat([...generate(source, options)]);
}

function scan(source: Source, log: Buffer): Chunk {
  const scanner = new LogScanner(source, { chunkRows: 1_000_000, byteOffset: 0, skipHeader: source.format.header });
  scanner.push(log);
  return scanner.end()!;
}

function column(source: Source, chunk: Chunk, name: string): { values: ArrayLike<number>; offsets?: Int32Array } {
  return chunk.batch.columns[source.columns.findIndex((each) => each.name === name)];
}

/** Area under the ROC curve of a score for a label, ties counted half. */
function auc(scores: readonly number[], labels: readonly boolean[]): number {
  const order = scores.map((_, index) => index).sort((a, b) => scores[a] - scores[b]);
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && scores[order[end]] === scores[order[start]]) end++;
    for (let at = start; at < end; at++) if (labels[order[at]]) rankSum += (start + end + 1) / 2;
    start = end;
  }
  const positives = labels.filter(Boolean).length;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (labels.length - positives));
}

describe('generate', () => {
  it.each(SYNTHETIC_SOURCES)('gives the same bytes for the same seed, whatever the size of blocks (%s)', (source) => {
    const expected = bytesOf(source, { seed: 7, rows: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (blockBytes) => {
        expect(bytesOf(source, { seed: 7, rows: 300, blockBytes }).equals(expected)).toBe(true);
      }),
      { numRuns: 10 },
    );
    expect(bytesOf(source, { seed: 8, rows: 300 }).equals(expected)).toBe(false);
    expect(bytesOf(source, { seed: 7 + 2 ** 32, rows: 300 }).equals(expected)).toBe(false);
  });

  it.each([
    ['alibaba', '3b1ad7b307cfd02a'],
    ['user-behavior', 'b184e4371b0e9058'],
    ['online-retail', 'cfdd585c1f4435d8'],
  ])('gives the bytes it always gave (%s)', (source, digest) => {
    expect(createHash('sha256').update(bytesOf(source, { seed: 7, rows: 1000 })).digest('hex').slice(0, 16)).toBe(digest);
  });

  it.each([[ALIBABA], [USER_BEHAVIOR], [ONLINE_RETAIL]])('gives exactly the rows asked for, all of them readable ($name)', (source) => {
    for (const rows of [1, 2, 3000]) {
      const chunk = scan(source, bytesOf(source.name, { seed: rows, rows }));
      expect(chunk.rowsRead).toBe(rows);
      expect(chunk.rejections.every(({ reason }) => reason === 'missing-customer-id')).toBe(true);
    }
  });

  it('comes near the bytes asked for', () => {
    const alibaba = bytesOf('alibaba', { seed: 1, bytes: 500_000 }).length;
    expect(alibaba).toBeGreaterThanOrEqual(500_000);
    expect(alibaba).toBeLessThan(503_000);
    for (const source of ['user-behavior', 'online-retail']) {
      expect(Math.abs(bytesOf(source, { seed: 1, bytes: 1_000_000 }).length / 1_000_000 - 1)).toBeLessThan(0.05);
    }
  });

  it('alibaba: positions match the page, and leaving can be learned from page, rates, prices and segment', () => {
    const chunk = scan(ALIBABA, bytesOf('alibaba', { seed: 3, rows: 6000 }));
    const [page, last] = ['page_id', 'is_last_page'].map((name) => column(ALIBABA, chunk, name).values);
    const positions = column(ALIBABA, chunk, 'item_position');
    const ctr = column(ALIBABA, chunk, 'item_ctr');
    const clicked = column(ALIBABA, chunk, 'item_clicked').values;
    const labels = Array.from({ length: chunk.batch.rowCount }, (_, row) => last[row] === 1);
    let misplaced = 0;
    const meanCtr = labels.map((_, row) => {
      let sum = 0;
      for (let at = ctr.offsets![row]; at < ctr.offsets![row + 1]; at++) {
        sum += ctr.values[at];
        if (Math.floor(positions.values[at] / 50) !== page[row]) misplaced++;
      }
      return sum / (ctr.offsets![row + 1] - ctr.offsets![row]);
    });
    expect(misplaced).toBe(0);
    expect(auc(Array.from(page), labels)).toBeGreaterThan(0.58);
    expect(auc(Array.from(page), labels)).toBeLessThan(0.8);
    expect(auc(meanCtr, labels)).toBeLessThan(0.45);
    const clickRates = Array.from(ctr.values);
    expect(auc(clickRates, Array.from(clicked, (click) => click === 1))).toBeGreaterThan(0.55);
    expect(labels.filter(Boolean).length / labels.length).toBeGreaterThan(0.1);
    expect(labels.filter(Boolean).length / labels.length).toBeLessThan(0.4);
  });

  it('user-behavior: sorted within two hours, and silence tells leaving, but not perfectly', () => {
    const chunk = scan(USER_BEHAVIOR, bytesOf('user-behavior', { seed: 3, rows: 40_000 }));
    const [user, time] = ['user_id', 'event_time'].map((name) => Array.from(column(USER_BEHAVIOR, chunk, name).values));
    const start = Date.UTC(2017, 10, 26, 1);
    expect(time).toEqual([...time].sort((a, b) => a - b));
    expect(time[0]).toBeGreaterThanOrEqual(start);
    expect(Math.abs((time[time.length - 1] - start) / 7_200_000 - 1)).toBeLessThan(0.1);
    const timesByUser = Map.groupBy(time.keys(), (row) => user[row]);
    const asOf = start + 4_200_000;
    const silences: number[] = [];
    const labels: boolean[] = [];
    for (const rows of timesByUser.values()) {
      const before = rows.map((row) => time[row]).filter((each) => each < asOf && each >= asOf - 3_600_000);
      if (before.length === 0) continue;
      silences.push(asOf - before[before.length - 1]);
      labels.push(!rows.some((row) => time[row] >= asOf && time[row] < asOf + 1_800_000));
    }
    expect(auc(silences, labels)).toBeGreaterThan(0.7);
    expect(auc(silences, labels)).toBeLessThan(0.9);
    const shifted = bytesOf('user-behavior', { seed: 3, rows: 2000, startMs: Date.UTC(2020, 0, 1), durationMs: 600_000 });
    const moved = column(USER_BEHAVIOR, scan(USER_BEHAVIOR, shifted), 'event_time').values;
    expect(moved[0]).toBeGreaterThanOrEqual(Date.UTC(2020, 0, 1));
    expect(moved[1999]).toBeLessThan(Date.UTC(2020, 0, 1) + 1_200_000);
  });

  it('user-behavior and online-retail: shares are those of the real logs', () => {
    const clicks = bytesOf('user-behavior', { seed: 3, rows: 40_000 }).toString();
    const share = (text: string, pattern: RegExp, rows: number): number => (text.match(pattern)?.length ?? 0) / rows;
    expect(share(clicks, /,pv,/g, 40_000)).toBeCloseTo(0.89, 1.9);
    expect(share(clicks, /,cart,/g, 40_000)).toBeCloseTo(0.055, 1.9);
    const invoices = bytesOf('online-retail', { seed: 3, rows: 40_000 }).toString();
    const cancelled = share(invoices, /^C\d{6},.*,-\d+,\d{4}-/gm, 40_000);
    expect(cancelled).toBeGreaterThan(0.012);
    expect(cancelled).toBeLessThan(0.03);
    const unknown = share(invoices, /,,United Kingdom$/gm, 40_000);
    expect(unknown).toBeGreaterThan(0.2);
    expect(unknown).toBeLessThan(0.3);
    expect(share(invoices, /,"[^"]*,/g, 40_000)).toBeGreaterThan(0.01);
    expect(share(invoices, /""/g, 40_000)).toBeGreaterThan(0.01);
    expect(share(invoices, /,\d+\.\d{3},/g, 40_000)).toBeGreaterThan(0.001);
  });

  it.each([3_000, 60_000])('online-retail: %d rows cover the whole year, and a long silence tells who has gone', (rows) => {
    const chunk = scan(ONLINE_RETAIL, bytesOf('online-retail', { seed: 5, rows }));
    const [customer, time] = ['customer_id', 'invoice_date'].map((name) => Array.from(column(ONLINE_RETAIL, chunk, name).values));
    expect(time).toEqual([...time].sort((a, b) => a - b));
    expect(time[0]).toBeLessThan(Date.UTC(2010, 11, 8));
    expect(time[time.length - 1]).toBeGreaterThan(Date.UTC(2011, 11, 7));
    const asOf = Date.UTC(2011, 8, 9);
    const silences: number[] = [];
    const labels: boolean[] = [];
    for (const lines of Map.groupBy(time.keys(), (row) => customer[row]).values()) {
      const before = lines.map((row) => time[row]).filter((each) => each < asOf);
      if (before.length === 0) continue;
      silences.push(asOf - before[before.length - 1]);
      labels.push(!lines.some((row) => time[row] >= asOf && time[row] < asOf + 90 * 86_400_000));
    }
    expect(auc(silences, labels)).toBeGreaterThan(0.6);
    if (rows > 10_000) expect(auc(silences, labels)).toBeLessThan(0.9);
  });

  it('refuses unknown sources and unclear sizes', () => {
    expect(() => bytesOf('nothing', { seed: 1, rows: 1 })).toThrow(/expected one of alibaba, user-behavior, online-retail.*, found /);
    expect(() => bytesOf('alibaba', { seed: 1 })).toThrow(/expected rows or bytes/);
    expect(() => bytesOf('alibaba', { seed: 1, rows: 1, bytes: 1 })).toThrow(/expected rows or bytes/);
  });
});

describe('SeededRandom', () => {
  it('has uniforms with the right mean and spread, and streams that differ', () => {
    const random = new SeededRandom(1);
    const drawn = Array.from({ length: 20_000 }, () => random.uniform());
    const mean = drawn.reduce((sum, each) => sum + each, 0) / drawn.length;
    const variance = drawn.reduce((sum, each) => sum + (each - mean) ** 2, 0) / drawn.length;
    expect(mean).toBeCloseTo(0.5, 1.9);
    expect(variance).toBeCloseTo(1 / 12, 2.2);
    expect(new SeededRandom(1, 0).bits()).not.toBe(new SeededRandom(1, 1).bits());
  });
});
