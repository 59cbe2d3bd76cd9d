// Goal: what is on the topic is in bronze and silver, once each, with `_late` decided as one uninterrupted pass would (invariants I2, I5).
// Method: synthetic and hand-made logs on memory and file doors; every single call to the store fails in turn, before or after it took
// effect, once or for good as when the process dies; a seeded unreliable store; landings that race. The seed is in the test's name.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { checkTable, compact, Lake } from '#tideline/lake';
import { FileEventLog, FileObjectStore, isPlatformError, MemoryObjectStore, UnreliableObjectStore, type ObjectStore } from '#tideline/platform';
import { generate, SourceProcessor, tableNames, type Source } from '#tideline/retention';
import { appendText, BatchWorld, readTable, sourceNamed, textOf } from './batch-fixtures.ts';
import { FailingStore } from './failing-store-fixtures.ts';
import { landSource, type Landing } from './land.ts';

const clicks = sourceNamed('user-behavior');
const single = sourceNamed('user-behavior', (file, text) => (file === 'deployment.yaml' ? text.replace('partitions: 4', 'partitions: 1') : text));
const { bronze: BRONZE, silver: SILVER } = tableNames(clicks);
const SECOND_0 = 1_511_658_000;

const line = (user: number, second: number, behavior = 'pv'): string => `${user},11,22,${behavior},${second}\n`;

async function land(world: BatchWorld, source: Source, rowsPerCommit?: number): Promise<Landing> {
  return landSource({ source, log: world.log, lake: world.lake, codec: await world.codec(source), ...(rowsPerCommit && { rowsPerCommit }) });
}

/** Rows in the topic's order. */
async function rowsOf(world: BatchWorld, name: string): ReturnType<typeof readTable> {
  const rows = await readTable(world.store, world.lake.table(name));
  return rows.sort((a, b) => Number(a['_partition']) - Number(b['_partition']) || Number(a['_offset']) - Number(b['_offset']));
}

describe('landing', () => {
  for (const door of ['memory', 'file']) {
    it(`puts every record of several partitions and batches into bronze and silver, with where it came from (${door} doors)`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tideline-land-'));
      const doors = door === 'memory' ? {} : { log: new FileEventLog(join(folder, 'log'), { app: 'ingestor' }), store: await FileObjectStore.open(join(folder, 'lake')) };
      const world = new BatchWorld(doors);
      const text = textOf(generate('user-behavior', { seed: 3, rows: 2_000 })).replace(/^(.*)\n(.*)\n/, '$1\nnot,a,row\n$2\n');
      const appended = await appendText(world, clicks, text, { chunkRows: 300 });
      expect(appended).toEqual({ rows: 2_001, accepted: 2_000, rejected: 1 });
      expect(await land(world, clicks, 700)).toEqual({ bronzeRows: 2_000, silverRows: 2_000, refusedRows: 0, lateRows: 0 });
      // A second landing finds nothing new.
      expect(await land(world, clicks)).toEqual({ bronzeRows: 0, silverRows: 0, refusedRows: 0, lateRows: 0 });

      const silver = await rowsOf(world, SILVER);
      // Each row stands at its byte offset in the text, and each line but the bad one is some row's.
      for (const row of silver) {
        const start = Number(row['_byte_offset']);
        const fields = [row['user_id'], row['item_id'], row['category_id'], row['behavior'], Number(row['event_time']) / 1000];
        expect(text.slice(start, text.indexOf('\n', start))).toBe(fields.join(','));
        expect(row).toMatchObject({ _file: 'file-1', _loop: 0, _topic: 'raw.user-behavior', _late: false, is_buy: row['behavior'] === 'buy' ? 1 : 0 });
        expect(row['_arrived_at']).toBeGreaterThan(0);
      }
      expect(new Set(silver.map((row) => row['_byte_offset'])).size).toBe(2_000);
      for (let partition = 0; partition < 4; partition++) {
        const offsets = silver.filter((row) => row['_partition'] === partition).map((row) => row['_offset']);
        expect(offsets).toEqual(offsets.map((_, offset) => offset));
        expect(offsets.length).toBe((await world.log.offsets('raw.user-behavior', partition)).end);
      }
      // Bronze is silver without what was derived.
      expect(await rowsOf(world, BRONZE)).toEqual(silver.map(({ is_buy: _derived, ...row }) => row));
      for (const name of [BRONZE, SILVER]) expect((await checkTable(world.store, world.lake.table(name))).problems).toEqual([]);
      await world.log.close();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  it('finds nothing on an empty topic, nor on one that does not exist', async () => {
    const world = new BatchWorld();
    const nothing = { bronzeRows: 0, silverRows: 0, refusedRows: 0, lateRows: 0 };
    expect(await land(world, clicks)).toEqual(nothing);
    await world.log.ensureTopics({ 'raw.user-behavior': { partitions: 4 } });
    expect(await land(world, clicks)).toEqual(nothing);
    expect(await world.lake.table(SILVER).current()).toBeUndefined();
  });

  it('lands what was on the topic when it began, in whole transactions of the log', async () => {
    const world = new BatchWorld();
    await appendText(world, single, line(1, SECOND_0) + line(2, SECOND_0 + 1), { chunkRows: 1 });
    const codec = await world.codec(single);
    // While the first partition is read, another replay puts more on the topic.
    const { log } = world;
    const read = log.read.bind(log);
    vi.spyOn(log, 'read').mockImplementationOnce(async (...request) => {
      await appendText(world, single, line(3, SECOND_0 + 2), { fileId: 'file-2' });
      return read(...request);
    });
    expect(await landSource({ source: single, log, lake: world.lake, codec })).toMatchObject({ bronzeRows: 2, silverRows: 2 });
    expect((await log.offsets('raw.user-behavior', 0)).end).toBe(3);
    expect((await world.lake.table(SILVER).current())!.offsets).toEqual({ 0: [0, 2] });
  });

  it('keeps refused records in bronze only, and lets them make nothing late', async () => {
    const strict = sourceNamed('user-behavior', (file, text) => {
      if (file === 'deployment.yaml') return text.replace('partitions: 4', 'partitions: 1');
      return file === 'schema.yaml' ? `${text}rejects:\n  - { when: "category_id = 99", reason: category-closed }\n` : text;
    });
    const world = new BatchWorld();
    const hour = 3_600;
    // The refused record is an hour ahead: if it moved the running maximum, the next one would be late.
    const text = line(1, SECOND_0) + `2,11,99,pv,${SECOND_0 + hour}\n` + line(3, SECOND_0 + 60) + `4,11,99,pv,${SECOND_0 - hour}\n` + line(5, SECOND_0 - hour);
    await appendText(world, strict, text, { unruly: true });
    expect(await land(world, strict)).toEqual({ bronzeRows: 5, silverRows: 3, refusedRows: 2, lateRows: 1 });
    const [bronze, silver] = [await rowsOf(world, BRONZE), await rowsOf(world, SILVER)];
    expect(bronze.map((row) => [row['user_id'], row['_late']])).toEqual([[1, false], [2, false], [3, false], [4, false], [5, true]]);
    expect(silver.map((row) => [row['user_id'], row['_offset'], row['_late']])).toEqual([[1, 0, false], [3, 2, false], [5, 4, true]]);
    // The stream decides the same.
    const processor = new SourceProcessor(strict, { partition: 0, codec: await world.codec(strict), transitionSchemaId: 0 });
    const counts = (await world.log.read('raw.user-behavior', 0, 0)).map((batch) => processor.process(batch, true).counts);
    expect(counts).toMatchObject([{ read: 5, rejected: 2, late: 1 }]);
  });

  it('oracle: marks late records as a naive pass does, however landings and compactions cut the topic', async () => {
    const steps = fc.array(fc.record({ behind: fc.integer({ min: -900, max: 300 }), land: fc.boolean(), compact: fc.boolean() }), { minLength: 1, maxLength: 30 });
    await fc.assert(fc.asyncProperty(steps, async (plan) => {
      const world = new BatchWorld();
      let newest = -Infinity;
      let second = SECOND_0;
      const expected: boolean[] = [];
      for (const [index, step] of plan.entries()) {
        second += step.behind;
        expected.push(second < newest - 600);
        newest = Math.max(newest, second);
        await appendText(world, single, line(index, second), { fileId: `file-${index}` });
        if (step.land) await land(world, single);
        if (!step.compact) continue;
        const table = world.lake.table(SILVER);
        const files = await table.files();
        if (files.length < 2) continue;
        await compact(table, [{ files, byteCount: 0, rowCount: files.reduce((sum, file) => sum + file.rowCount, 0) }], await world.sql());
      }
      await land(world, single);
      for (const name of [BRONZE, SILVER]) expect((await rowsOf(world, name)).map((row) => row['_late'])).toEqual(expected);
      await world.close();
    }), { numRuns: 6 });
  });
});

/** A topic with out-of-order and late records, and what an undisturbed landing makes of it. */
async function disturbedWorld(partitions: number, rows: number): Promise<{ source: Source; log: BatchWorld['log']; registered: BatchWorld; expected: Awaited<ReturnType<typeof readTable>>[] }> {
  const source = sourceNamed('user-behavior', (file, text) => (file === 'deployment.yaml' ? text.replace('partitions: 4', `partitions: ${partitions}`) : text));
  const registered = new BatchWorld();
  let text = '';
  for (let row = 0; row < rows; row++) text += line(row, SECOND_0 + row * 100 - (row % 5 === 3 ? 2_000 : 0));
  await appendText(registered, source, text, { chunkRows: 2 });
  await land(registered, source, 4);
  const expected = [await rowsOf(registered, BRONZE), await rowsOf(registered, SILVER)];
  expect(expected[1]!.some((row) => row['_late'])).toBe(true);
  return { source, log: registered.log, registered, expected };
}

async function expectWhole(store: ObjectStore, expected: readonly unknown[], told: string): Promise<void> {
  const world = new BatchWorld({ store });
  for (const [k, name] of [BRONZE, SILVER].entries()) {
    expect(await rowsOf(world, name), told).toEqual(expected[k]);
    expect((await checkTable(store, world.lake.table(name))).problems, told).toEqual([]);
  }
}

describe('a landing that is killed', () => {
  for (const { applied, dies } of [{ applied: false, dies: true }, { applied: true, dies: true }, { applied: false, dies: false }, { applied: true, dies: false }]) {
    it(`goes on where it was, whichever call to the store failed ${dies ? 'for good' : 'once'} ${applied ? 'after' : 'before'} it took effect`, async () => {
      const { source, log, registered, expected } = await disturbedWorld(1, 8);
      const codec = await registered.codec(source);
      let failures = 0;
      for (let call = 0; ; call++) {
        const inner = new MemoryObjectStore();
        const failing = new FailingStore(inner, { call, applied, dies });
        const lake = new Lake(failing);
        failures += await landSource({ source, log, lake, codec, rowsPerCommit: 4 }).then(() => 0, () => 1);
        if (!failing.hasFailed) break;
        await landSource({ source, log, lake: dies ? new Lake(inner) : lake, codec, rowsPerCommit: 4 });
        await expectWhole(inner, expected, `failed at call ${call}`);
      }
      expect(failures).toBeGreaterThan(30);
    });
  }

  const seed = process.env['SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['SEED']);

  it(`survives an unreliable store: failures before and after, commits whose answer is lost, SEED=${seed}`, async () => {
    const { source, log, registered, expected } = await disturbedWorld(2, 12);
    const codec = await registered.codec(source);
    let failures = 0;
    for (let run = 0; run < 20; run++) {
      const inner = new MemoryObjectStore();
      const lake = new Lake(new UnreliableObjectStore(inner, { seed: seed + run, failBefore: 0.02, failAfter: 0.02 }));
      for (;;) {
        try {
          await landSource({ source, log, lake, codec, rowsPerCommit: 4 });
          break;
        } catch (error) {
          if (!isPlatformError(error)) throw error;
          failures++;
        }
      }
      await expectWhole(inner, expected, `SEED=${seed + run}`);
    }
    expect(failures).toBeGreaterThan(5);
  });

  it('takes turns with other landings of the same topic', async () => {
    const { source, log, registered, expected } = await disturbedWorld(2, 12);
    const codec = await registered.codec(source);
    const store = new MemoryObjectStore();
    const landings = await Promise.all([1, 2, 4, 60].map((rowsPerCommit) => landSource({ source, log, lake: new Lake(store), codec, rowsPerCommit })));
    await expectWhole(store, expected, 'racing landings');
    expect(landings.reduce((sum, { silverRows }) => sum + silverRows, 0)).toBe(12);
    expect(landings.reduce((sum, { lateRows }) => sum + lateRows, 0)).toBe(expected[1]!.filter((row) => (row as { _late: boolean })._late).length);
  });
});
