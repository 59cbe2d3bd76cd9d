// Goal: five tables become one row a customer. Method: the real toy tables of the exercise, five customers whose features are worked out by hand;
// the generator's files, whose labels are checked against their own lines.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateTables, tableNames } from '#tideline/retention';
import { appendText, BatchWorld, sourceNamed, textOf } from './batch-fixtures.ts';

const payments = sourceNamed('payments');
const shared = [process.env['TIDELINE_SHARED'] ?? '', ...['..', '../..'].map((up) => join(import.meta.dirname, '../../..', up, 'shared'))].find((path) => path !== '' && existsSync(join(path, 'data/meli')));
if (shared === undefined) console.warn('skipped: the tables of the payments exercise are not at hand (shared/data/meli)');
const FILES: Readonly<Record<string, string>> = {
  payments: 'PAYMENTS.csv', active_users: 'ACTIVE_USER.csv', demographics: 'DEMOGRAFICOS.csv', account_money: 'DINERO_CUENTA.csv', marketplace: 'MARKETPLACE_DATA.csv',
};
const DAY_MS = 86_400_000;

describe('payments', () => {
  it.skipIf(shared === undefined)('gives the exercise\'s five customers the features that their lines say', async () => {
    const world = new BatchWorld();
    try {
      for (const [table, name] of Object.entries(FILES)) {
        const text = readFileSync(join(shared!, 'data/meli', name), 'utf8');
        const done = await appendText(world, payments, text, { table, fileId: table });
        expect(done, name).toMatchObject({ rejected: 0, accepted: text.trim().split('\n').length - 1 });
      }
      const layer = await world.layer();
      await layer.land(payments);
      await layer.build(payments, { asOfMs: Date.UTC(2024, 5, 16) });
      const rows = await world.query(`SELECT * EXCLUDE (as_of) FROM ${tableNames(payments).features} ORDER BY entity`, tableNames(payments).features);
      expect(rows.map(({ entity }) => entity)).toEqual(['1001', '1002', '1003', '1004', '1005']);
      // 2024-05-10 120.50 at 5 % and 2024-05-16 80.00; logged in on 2024-06-14, bought on 2024-05-28.
      expect(rows[0]).toEqual({
        entity: '1001', payments_60d: 2, spent_60d: 200.5, mean_discount_60d: 0.025, sellers_60d: 2, days_since_payment: 31, wallet_actives: 8, market_actives: 5,
        market_actives_before: 4, days_since_login: 2, balance: 800, balance_before: 700, is_investing: 1, market_spend: 430, market_recency: 19, market_orders: 6, age_years: 34, is_female: 1,
      });
      expect(rows[1]).toMatchObject({ payments_60d: 2, spent_60d: 140.8, mean_discount_60d: 0.01, days_since_payment: 1, is_investing: 0, is_female: 0 });
      expect(rows[3]).toMatchObject({ payments_60d: 1, spent_60d: 60, days_since_payment: 55, is_investing: 0, market_recency: 57 });
    } finally {
      await world.close();
    }
  });

  it('oracle: labels forward, and nothing at or after the as-of time is in a feature', async () => {
    const files = generateTables('payments', { seed: 3, entities: 30, days: 190 }).map(({ table, blocks }) => ({ table, text: textOf(blocks) }));
    const paid = files.find(({ table }) => table === 'payments')!.text.trimEnd().split('\n').slice(1).map((line) => line.split(',')).map(([day, , customer, spent]) => ({ ms: Date.parse(day!), customer: customer!, spent: Number(spent) }));
    const world = new BatchWorld();
    try {
      for (const { table, text } of files) await appendText(world, payments, text, { table, fileId: table, chunkRows: 5_000 });
      const layer = await world.layer();
      await layer.land(payments);
      const report = await layer.build(payments);
      expect(report.asOf.length).toBeGreaterThan(1);
      const rows = await world.query(`SELECT entity, CAST(epoch_ms(as_of) AS BIGINT) AS t, payments_60d, spent_60d, days_since_payment, label FROM ${tableNames(payments).training}`, tableNames(payments).training);
      expect(rows.length).toBe((report.asOf.length - 1) * 30);
      for (const row of rows) {
        const [entity, asOfMs] = [String(row['entity']), Number(row['t'])];
        const own = paid.filter(({ customer }) => customer === entity);
        const before = own.filter(({ ms }) => ms < asOfMs && ms >= asOfMs - 60 * DAY_MS);
        const last = Math.max(...own.filter(({ ms }) => ms < asOfMs).map(({ ms }) => ms));
        expect(row, `${entity} as of ${new Date(asOfMs).toISOString()}`).toMatchObject({
          payments_60d: before.length, spent_60d: before.reduce((sum, { spent }) => sum + Math.round(spent * 100), 0) / 100,
          days_since_payment: Number.isFinite(last) ? Math.min(365, (asOfMs - last) / DAY_MS) : 365,
          label: own.some(({ ms }) => ms >= asOfMs && ms < asOfMs + 60 * DAY_MS) ? 0 : 1,
        });
      }
    } finally {
      await world.close();
    }
  });
});
