// Goal: the tables of a source move together, whatever a landing died of. Method: a landing of users and events that fails at one call to the store after
// the other, before or after it took effect; what is shown then is the record of the offsets that all tables cover, and the next landing makes every table whole.
import { describe, expect, it } from 'vitest';
import { Lake, Sql } from '#tideline/lake';
import { MemoryObjectStore, type EventLog } from '#tideline/platform';
import { generateTables, silverTables } from '#tideline/retention';
import { appendText, BatchWorld, readTable, sourceNamed, textOf } from './batch-fixtures.ts';
import { FailingStore } from './failing-store-fixtures.ts';
import { landSource } from './land.ts';
import { bindSilver, commonOffsets } from './silver-view.ts';

const subscription = sourceNamed('subscription', (file, text) => file === 'deployment.yaml' ? text.replace('partitions: 2', 'partitions: 1') : text);
const files = generateTables('subscription', { seed: 4, entities: 4, days: 8 }).map(({ table, blocks }) => ({ table, text: textOf(blocks) }));

/** A log that gives one batch a read, so that a small topic is landed with several commits. */
function batchwise(log: EventLog): EventLog {
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'read') return (topic: string, partition: number, offset: number) => target.read(topic, partition, offset, { maxBytes: 1, maxWaitMs: 0 });
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

describe('a landing of several tables that is killed', () => {
  it('leaves what all tables cover, and goes on', async () => {
    const log = new BatchWorld();
    for (const { table, text } of files) await appendText(log, subscription, text.split('\n').slice(0, 5).join('\n'), { table, fileId: table, chunkRows: 3 });
    const codec = await log.codec(subscription);
    const slow = batchwise(log.log);
    const total = (await log.log.offsets(`raw.${subscription.name}`, 0)).end;
    let [uneven, failures] = [0, 0];
    for (let call = 0; ; call += 3) {
      const store = new MemoryObjectStore();
      const failing = new FailingStore(store, { call, applied: call % 2 === 0, dies: true });
      failures += await landSource({ source: subscription, log: slow, lake: new Lake(failing), codec, rowsPerCommit: 3 }).then(() => 0, () => 1);
      if (!failing.hasFailed) break;
      const lake = new Lake(store);
      const snapshots = await Promise.all(silverTables(subscription).map(({ name }) => lake.table(name).current()));
      if (snapshots.every((snapshot) => snapshot !== undefined) && snapshots.some((snapshot) => snapshot!.offsets['0']![1] !== snapshots[0]!.offsets['0']![1])) {
        uneven++;
        const sql = await Sql.open(store, { threads: 1 });
        const shown = await bindSilver(subscription, lake, sql);
        expect(shown!.offsets).toEqual(commonOffsets(snapshots as never));
        const rows = await sql.rows('SELECT _offset FROM silver.subscription ORDER BY _offset');
        // Nothing was refused here, so every offset up to the end has its row.
        expect(rows.map((row) => Number(row['_offset'])), `failed at call ${call}`).toEqual(Array.from({ length: shown!.offsets['0']![1] }, (_, offset) => offset));
        expect(shown!.rowCount).toBe(rows.length);
        await sql.close();
      }
      await landSource({ source: subscription, log: slow, lake, codec, rowsPerCommit: 3 });
      const landed = (await Promise.all(silverTables(subscription).map(({ name }) => readTable(store, lake.table(name))))).flat();
      expect(landed.map((row) => Number(row['_offset'])).sort((a, b) => a - b), `failed at call ${call}`).toEqual(Array.from({ length: total }, (_, offset) => offset));
    }
    expect(failures).toBeGreaterThan(10);
    expect(uneven).toBeGreaterThan(1);
    await log.close();
  }, 120_000);
});
