// Goal: production equals a naive model of it after every one of 1,000 seeded days, and a day that fails, or dies at any call of the store, changes
// nothing but what it should. Method: random edits upstream, deliveries broken in every way, a store that fails or dies at a random call.
import { afterAll, describe, expect, it } from 'vitest';
import { Lake, Sql } from '#tideline/lake';
import { ManualClock, MemoryObjectStore } from '#tideline/platform';
import { tableNames } from '#tideline/retention';
import { readTable, sourceNamed } from '../batch-fixtures.ts';
import { FailingStore } from '../failing-store-fixtures.ts';
import type { GateDoors } from './check-run.ts';
import { deliveryOfBytes } from './delivery.ts';
import { Chance, DAY_MS, deliveryText, linesOfTable, MISTAKES, NaiveProduction, Upstream } from './ledger-fixtures.ts';
import { loadDelivery, type LoadReport } from './load-delivery.ts';
import { lastRunOf } from './production.ts';
import { finishedRuns, RunHistory } from './run-history.ts';

const ledger = sourceNamed('ledger');
const names = tableNames(ledger);
const FIRST_DAY = Date.UTC(2026, 0, 10) / DAY_MS;
const DAYS = Number(process.env['LEDGER_DAYS'] ?? 1000);
// Reading all of production back after each day costs more the more days it has.
const WORLDS = 20;

const opened: Sql[] = [];
afterAll(async () => { for (const sql of opened) await sql.close(); });

class LedgerWorld {
  readonly store = new MemoryObjectStore();
  readonly clock = new ManualClock(FIRST_DAY * DAY_MS);
  #sql: Sql | undefined;

  async doors(store = this.store as ConstructorParameters<typeof Lake>[0]): Promise<GateDoors> {
    // The engine reads the store itself; what the gates do to it goes through the one that fails.
    if (this.#sql === undefined) opened.push((this.#sql = await Sql.open(this.store, { threads: 1 })));
    return { store, lake: new Lake(store), sql: this.#sql };
  }

  async load(bytes: Buffer, day: number, store?: FailingStore): Promise<LoadReport> {
    return loadDelivery({ source: ledger, delivery: await deliveryOfBytes(`day ${day}`, bytes), clock: this.clock, asOfMs: day * DAY_MS }, await this.doors(store));
  }

  async production(): Promise<string[]> {
    return linesOfTable(await readTable(this.store, new Lake(this.store).table(names.silver)));
  }
}

describe('a ledger that is validated before it is loaded', () => {
  it.each(Array.from({ length: WORLDS }, (_, k) => k + 1))('oracle: equals the naive model after every day (seed %i)', { timeout: 300_000 }, async (seed) => {
    const chance = new Chance(seed);
    const upstream = new Upstream(chance);
    const model = new NaiveProduction();
    const world = new LedgerWorld();
    // Calls of the store that a load makes, as the day before counted them: any of them may fail.
    let calls = 100;
    let failures = 0;
    for (let day = FIRST_DAY; day < FIRST_DAY + DAYS / WORLDS; day++) {
      const where = `seed ${seed}, day ${day - FIRST_DAY}`;
      world.clock.set(DAY_MS);
      upstream.edit(day);
      const mistake = chance.below(3) === 0 ? chance.pick(MISTAKES) : undefined;
      const bytes = deliveryText(upstream.rows, day, chance, mistake);
      const before = model.lines;
      if (chance.below(2) === 0) {
        const failing = new FailingStore(world.store, { call: chance.below(calls), applied: chance.below(2) === 0, dies: chance.below(3) > 0 });
        const died = await world.load(bytes, day, failing).then(() => false, () => true);
        if (failing.hasFailed) failures++;
        const found = await world.production();
        // A load that died has changed all or nothing.
        if (mistake === undefined && !died) model.load(upstream.rows, day);
        const after = new NaiveProduction();
        for (const [key, row] of model.rows) after.rows.set(key, row);
        if (mistake === undefined) after.load(upstream.rows, day);
        expect(died ? [before, after.lines].some((lines) => lines.join() === found.join()) : found.join() === model.lines.join(), `${where}: died ${died}`).toBe(true);
      }
      const counting = new FailingStore(world.store, { call: Infinity, applied: false, dies: false });
      const report = await world.load(bytes, day, counting);
      expect(report.ended, `${where}: ${mistake ?? 'good'}`).toBe(mistake === undefined ? report.ended : 'refused');
      if (mistake === undefined) {
        expect(['loaded', 'already-loaded'], where).toContain(report.ended);
        model.load(upstream.rows, day);
      }
      expect(await world.production(), where).toEqual(model.lines);
      if (report.ended !== 'already-loaded') calls = counting.callCount;
    }
    expect(failures, `seed ${seed}: calls that failed`).toBeGreaterThanOrEqual(Math.floor(DAYS / WORLDS / 5));
    await everyAcceptedRunIsNamed(world, seed);
  });
});

/** Readers believe exactly the runs that refused and those that production's chain names. */
async function everyAcceptedRunIsNamed(world: LedgerWorld, seed: number): Promise<void> {
  const doors = await world.doors();
  const runs = await new RunHistory(ledger, doors).runs();
  const table = doors.lake.table(names.silver);
  const committed = (await table.snapshots(Infinity)).map(({ summary }) => summary['run']).filter((run) => run !== undefined);
  const finished = finishedRuns(runs, await lastRunOf(table));
  expect(finished.filter(({ verdict }) => verdict === 'passed').map(({ run }) => run).sort(), `seed ${seed}`).toEqual([...new Set(committed)].sort());
}
