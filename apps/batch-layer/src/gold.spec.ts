// Goal: gold's rows are what the definitions say, computed by hand on a small log; no feature row as of T depends on a record at or after
// T (invariant I4, property); labels are known only where their whole horizon was watched.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { tableNames } from '#tideline/retention';
import { appendText, BatchWorld, sourceNamed } from './batch-fixtures.ts';
import { NothingToBuildError, type GoldReport } from './gold.ts';

const retail = sourceNamed('online-retail');
const gold = tableNames(retail);
const DAY_MS = 86_400_000;
const at = (date: string): number => Date.parse(`${date}T00:00:00Z`);

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n';
const line = (invoice: string, stock: string, quantity: number, time: string, price: string, customer: number): string =>
  `${invoice},${stock},A THING,${quantity},${time},${price},${customer},United Kingdom\n`;

// Customer 1 buys in February, in early June and after the as-of time; 2 buys once, sends half of it back and is gone; 3 comes later.
const LOG = HEADER
  + line('500', 'A', 10, '2010-12-01 08:00:00', '1.50', 9)
  + line('501', 'A', 2, '2011-02-01 12:00:00', '3.25', 1)
  + line('501', 'B', 1, '2011-02-01 12:00:00', '0.50', 1)
  + line('502', 'A', 4, '2011-05-20 00:00:00', '2.00', 2)
  + line('C503', 'A', -2, '2011-05-28 06:00:00', '2.00', 2)
  + line('504', 'A', 1, '2011-06-01 12:00:00', '3.25', 1)
  + line('505', 'A', 1, '2011-06-11 00:00:00', '100.00', 1)
  + line('506', 'C', 1, '2011-07-01 09:00:00', '9.00', 3)
  + line('507', 'C', 1, '2011-12-09 09:00:00', '9.00', 3);

const worlds: BatchWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function built(text: string, options: { asOfMs?: number } = {}): Promise<{ world: BatchWorld; report: GoldReport }> {
  const world = new BatchWorld();
  worlds.push(world);
  await appendText(world, retail, text);
  const layer = await world.layer();
  await layer.land(retail);
  return { world, report: await layer.build(retail, options) };
}

describe('gold of a source with time', () => {
  it('has features, labels and the training frame that one computes by hand', async () => {
    const { world, report } = await built(LOG);
    // 90 days apart through 2011-09-09, with 180 days before them and 90 after; and the last day that the log reaches.
    expect(report.asOf).toEqual(['2011-06-11T00:00:00.000Z', '2011-09-09T00:00:00.000Z', '2011-12-09T00:00:00.000Z']);
    expect(report).toMatchObject({ featureRows: 3 + 4 + 3, trainingRows: 7, labelledRows: 7 });

    const rows = await world.query(`SELECT * FROM ${gold.training} WHERE as_of = TIMESTAMP '2011-06-11' ORDER BY entity`, gold.training);
    expect(rows.map(({ entity, label }) => [entity, label])).toEqual([['1', 0], ['2', 1], ['9', 1]]);
    // Customer 1 as of 2011-06-11: the purchase of that very midnight belongs to the future.
    expect(rows[0]).toMatchObject({
      recency: 9.5, tenure: 129.5, freq: 2, money: 10.25, lines: 3, items: 2, aov: 5.125, gap: 120, rec_over_gap: 9.5 / 120,
      ord30: 1, mon30: 3.25, ord60: 1, mon60: 3.25, ord90: 1, mon90: 3.25, ret_n: 0, ret_v: 0, uk: 1,
    });
    // Customer 2: one order, so the gap is 0 and recency is measured by tenure instead.
    expect(rows[1]).toMatchObject({ recency: 22, tenure: 22, freq: 1, money: 8, gap: 0, rec_over_gap: 1, ord30: 1, ret_n: 1, ret_v: 4 });

    // As of 2011-09-09 customer 3 has bought in July, comes back in December (92 days later), and so has left by the label.
    const [third] = await world.query(`SELECT * FROM ${gold.labels} WHERE as_of = TIMESTAMP '2011-09-09' AND entity = '3'`, gold.labels);
    expect(third).toMatchObject({ label: 1 });
    // The newest as-of time has features and no labels.
    const newest = await world.query(`SELECT entity, money FROM ${gold.features} WHERE as_of = TIMESTAMP '2011-12-09' ORDER BY entity`, gold.features);
    expect(newest).toEqual([{ entity: '1', money: 110.25 }, { entity: '2', money: 8 }, { entity: '3', money: 9 }]);
    expect(await world.query(`SELECT * FROM ${gold.labels} WHERE as_of = TIMESTAMP '2011-12-09'`)).toEqual([]);
    const silver = (await world.lake.table(gold.silver).current())!;
    expect(await (await world.layer()).lastBuild(retail)).toEqual({ silverRows: 9, definition: retail.version, rowCount: 7 });
    expect(await (await world.layer()).lastBuild({ ...retail, version: 'other' })).toBeUndefined();
    expect((await world.lake.table(gold.training).current())!).toMatchObject({ offsets: silver.offsets, summary: { silver: `${gold.silver}@${silver.version}`, definition: retail.version } });
  });

  it('builds one as-of time alone; without its whole horizon there is no label, and the training frame stays', async () => {
    const { world, report } = await built(LOG, { asOfMs: at('2011-09-10') });
    expect(report).toMatchObject({ asOf: ['2011-09-10T00:00:00.000Z'], featureRows: 4, labelledRows: 4, trainingRows: 4 });
    const layer = await world.layer();
    // The schedule does not take it for a whole build.
    expect(await layer.lastBuild(retail)).toBeUndefined();
    // One day later the horizon ends at 2011-12-10, after the data.
    expect(await layer.build(retail, { asOfMs: at('2011-09-11') })).toMatchObject({ featureRows: 4, labelledRows: 0, trainingRows: 0 });
    expect(await world.query(`SELECT DISTINCT strftime(as_of, '%Y-%m-%d') AS day FROM ${gold.training}`, gold.training)).toEqual([{ day: '2011-09-10' }]);
    expect(await world.query(`SELECT DISTINCT strftime(as_of, '%Y-%m-%d') AS day FROM ${gold.features}`, gold.features)).toEqual([{ day: '2011-09-11' }]);
  });

  it('refuses an as-of time off the tile borders, and one for a source without time', async () => {
    const { world } = await built(LOG);
    const layer = await world.layer();
    await expect(layer.build(retail, { asOfMs: at('2011-09-09') + 1 })).rejects.toThrow('expected an as-of time on a tile border of 1440 min (UTC), found 2011-09-09T00:00:00.001Z');
    await expect(layer.build(sourceNamed('alibaba'), { asOfMs: 0 })).rejects.toThrow('alibaba has no time column');
    await expect(layer.build(sourceNamed('user-behavior'))).rejects.toThrow(NothingToBuildError);
  });

  it('stops when told to, and what stood in gold stays', async () => {
    const { world } = await built(LOG);
    const before = (await world.lake.table(gold.features).current())!.version;
    await expect((await world.layer()).build(retail, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect((await world.lake.table(gold.features).current())!.version).toBe(before);
    const committed = (await world.lake.table(gold.features).files()).map(({ key }) => key);
    for await (const { key } of world.store.list('gold/online_retail_features/data/')) expect(committed).toContain(key);
  });

  it('property: records at or after T change no feature as of T (I4)', async () => {
    const asOfMs = at('2011-06-11');
    const record = fc.record({ day: fc.integer({ min: 0, max: 20 }), second: fc.integer({ min: 0, max: 86_399 }), customer: fc.constantFrom(1, 2, 9, 77), quantity: fc.constantFrom(-3, 1, 5), cancels: fc.boolean() });
    const features = async (text: string): Promise<unknown> => {
      const { world } = await built(text, { asOfMs });
      return world.query(`SELECT * FROM ${gold.features} ORDER BY entity`, gold.features);
    };
    const until = LOG.split('\n').filter((row) => !/,2011-(06-11|0[7-9]|1[0-2])/.test(row)).join('\n');
    const expected = await features(until);
    await fc.assert(fc.asyncProperty(fc.array(record, { maxLength: 12 }), async (records) => {
      const later = records.map(({ day, second, customer, quantity, cancels }, k) => {
        const time = new Date(asOfMs + day * DAY_MS + second * 1000).toISOString().slice(0, 19).replace('T', ' ');
        return line(`${cancels ? 'C' : ''}9${k}`, 'Z', quantity, time, '7.00', customer);
      });
      expect(await features(until + later.join(''))).toEqual(expected);
    }), { numRuns: 8 });
  });
});

describe('gold of a source without time', () => {
  it('has for each record the last n records of its entity before it, counted by hand', async () => {
    const windows = (file: string, text: string): string => (file === 'features.yaml' ? text.replaceAll('500 records', '2 records') : text);
    const alibaba = sourceNamed('alibaba', windows);
    const world = new BatchWorld();
    worlds.push(world);
    // Age, gender, power, page, hour, then lists of 50 with two real items, then whether it is the last page.
    const list = (...values: readonly (number | string)[]): string => [...values, ...new Array<number>(50 - values.length).fill(0)].join(',');
    const page = (segment: string, pageId: number, clicked: readonly [number, number], paid: readonly [number, number], isLast: number): string =>
      [...segment.split('-'), pageId, 10, list(pageId * 50, pageId * 50 + 1), list('0.1', '0.3'), list('0.01', '0.02'), list('5.00', '7.50'), list(...clicked), list(0, 0), list(0, 0), list(...paid), list(1, 1), isLast].join(';');
    const log = [page('1-1-7', 0, [1, 0], [5, 0], 0), page('2-0-3', 0, [0, 0], [0, 0], 1), page('1-1-7', 1, [1, 1], [0, 0], 0), page('1-1-7', 2, [0, 0], [0, 0], 1), page('1-1-7', 0, [0, 1], [0, 7.5], 0)];
    expect(await appendText(world, alibaba, `${log.join('\n')}\n`)).toMatchObject({ accepted: 5 });
    const layer = await world.layer();
    await layer.land(alibaba);
    expect(await layer.build(alibaba)).toMatchObject({ asOf: [], trainingRows: 5, featureRows: 5, labelledRows: 5, visitSegments: 2 });
    const { training } = tableNames(alibaba);
    const rows = await world.query(`SELECT * FROM ${training} ORDER BY _offset`, training);
    expect(rows.map(({ entity, _offset, label }) => [entity, _offset, label])).toEqual([['1-1-7', 0, 0], ['2-0-3', 1, 1], ['1-1-7', 2, 0], ['1-1-7', 3, 1], ['1-1-7', 4, 0]]);
    // Nothing before the first record of a segment: rates of nothing are null.
    expect(rows[0]).toMatchObject({ segment_leave_rate: null, segment_click_rate: null, segment_spending: null, items: 2, page: 0, purchase_power01: 1, ctr_mean: 0.2, price_min: 5, price_max: 7.5 });
    expect(rows[2]).toMatchObject({ segment_leave_rate: 0, segment_click_rate: 0.5, segment_spending: 5, page: 1 });
    expect(rows[3]).toMatchObject({ segment_leave_rate: 0, segment_click_rate: 0.75, segment_spending: 2.5, page: 2 });
    // The first record has left the window of two.
    expect(rows[4]).toMatchObject({ segment_leave_rate: 0.5, segment_click_rate: 0.5, segment_spending: 0 });
  });
});
