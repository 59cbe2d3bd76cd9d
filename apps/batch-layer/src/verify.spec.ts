// Goal: verify agrees on a sound system, at rest and at work, and names whatever was planted: a wrong state, lost rows, another log's lake.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { batchFromRows } from '#tideline/lake';
import { generate, SourceProcessor, tableNames, type Source } from '#tideline/retention';
import { Checkpoints } from '#tideline/streaming';
import { appendText, BatchWorld, readTable, saveStates, sourceNamed, textOf } from './batch-fixtures.ts';
import { GappedEventLog } from './gapped-log-fixtures.ts';
import { verifySource, type Verification } from './verify.ts';

const clicks = sourceNamed('user-behavior');
const alibaba = sourceNamed('alibaba');

const worlds: BatchWorld[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const world of worlds.splice(0)) await world.close();
});

/** A log with a rejected line and latecomers, replayed, landed and processed. */
async function soundWorld(source: Source, rows: number, world = new BatchWorld()): Promise<BatchWorld> {
  worlds.push(world);
  const lines = textOf(generate(source.name, { seed: 11, rows })).trimEnd().split('\n');
  if (source === clicks) for (let k = 0; k < 5; k++) lines.push(lines[k]!);
  await appendText(world, source, `${['broken', ...lines].join('\n')}\n`, { chunkRows: 200 });
  await (await world.layer()).land(source);
  await saveStates(world, source, { records: rows / 10 });
  return world;
}

const verify = async (world: BatchWorld, source: Source): Promise<Verification> => verifySource(source, await world.doors());

describe('verify', () => {
  it('agrees on a sound system, source with time', async () => {
    const world = await soundWorld(clicks, 1_600);
    const found = await verify(world, clicks);
    expect(found).toMatchObject({ source: 'user-behavior', problems: [], notes: [], ok: true });
    expect(found.counts).toEqual({ read: 1_606, accepted: 1_605, rejected: 1, topic: 1_605, bronze: 1_605, silver: 1_605, late: 5, deadLetter: 1 });
    expect(found.features.map(({ name }) => name)).toEqual(clicks.features.features.map(({ name }) => name));
    for (const { entities, different, maxDifference } of found.features) {
      expect(entities).toBeGreaterThan(50);
      expect([different, maxDifference]).toEqual([0, 0]);
    }
    expect(Object.keys(found.comparedAt)).toEqual(['0', '1', '2', '3']);
    for (const offset of Object.values(found.comparedAt)) expect(offset).toBeGreaterThan(0);
  });

  it('counts records, not offsets: a log with gaps between its batches is sound too', async () => {
    const world = await soundWorld(clicks, 800, new BatchWorld({ log: new GappedEventLog() }));
    const found = await verify(world, clicks);
    expect(found).toMatchObject({ problems: [], notes: [], ok: true, counts: { read: 806, accepted: 805, topic: 805, bronze: 805, silver: 805 } });
    const { start, end } = await world.log.offsets('raw.user-behavior', 0);
    const records = (await world.log.read('raw.user-behavior', 0, 0)).reduce((sum, { count }) => sum + count, 0);
    expect(end - start).toBeGreaterThan(records);
  });

  it('agrees on a sound system, source without time', async () => {
    const found = await verify(await soundWorld(alibaba, 700), alibaba);
    expect(found).toMatchObject({ problems: [], notes: [], ok: true, counts: { read: 701, accepted: 700, silver: 700, deadLetter: 1 } });
    expect(found.features[0]!.entities).toBeGreaterThan(20);
  });

  it('finds a state that is not what the log says', async () => {
    const world = await soundWorld(clicks, 1_200);
    const identity = { group: 'speed-layer', topic: 'raw.user-behavior', partition: 2 };
    const checkpoints = new Checkpoints(world.store, identity);
    const { checkpoint } = await checkpoints.newest(Infinity);
    // A state without the last batch, saved as if it had it.
    const processor = new SourceProcessor(clicks, { partition: 2, codec: await world.codec(clicks), transitionSchemaId: 0 });
    for (const batch of await world.log.read(identity.topic, 2, 0)) {
      if (batch.baseOffset + batch.count < checkpoint!.offset) processor.process(batch, false);
    }
    await checkpoints.save({ ...checkpoint!, state: processor.snapshot() });
    const { ok, problems, features } = await verify(world, clicks);
    expect(ok).toBe(false);
    expect(features.some(({ different, maxDifference }) => different > 0 && maxDifference > 0)).toBe(true);
    expect(problems.some((problem) => /^events60: expected speed and batch to agree, found \d+ entities that differ, the first \d+ with/.test(problem)), problems.join('\n')).toBe(true);
  });

  it('finds a damaged state, and compares with the one before it', async () => {
    const world = await soundWorld(clicks, 800);
    const earlier = (await verify(world, clicks)).comparedAt;
    await saveStates(world, clicks);
    const key = `gold/_checkpoints/speed-layer/raw.user-behavior/1/${(await world.log.offsets('raw.user-behavior', 1)).end}.bin`;
    const bytes = (await world.store.get(key)).slice();
    bytes[bytes.length - 9]! ^= 1;
    await world.store.put(key, bytes);
    const { problems, comparedAt } = await verify(world, clicks);
    expect(problems).toEqual([`partition 1: checkpoint ${key} is passed over: its checksum does not match: it is damaged`]);
    expect(comparedAt['1']).toBe(earlier['1']);
  });

  it('finds a row that silver has lost', async () => {
    const world = await soundWorld(clicks, 800);
    const table = world.lake.table(tableNames(clicks).silver);
    const snapshot = (await table.current())!;
    const rows = (await readTable(world.store, table)).filter(({ _partition, _offset }) => !(_partition === 0 && _offset === 9));
    const writer = await table.writer();
    await writer.write(batchFromRows((await table.schema()).columns, rows));
    await table.overwrite(await writer.finish(), { offsets: snapshot.offsets });
    const { problems, features } = await verify(world, clicks);
    expect(problems).toContain('records that silver covers = its rows: expected 805, found 804');
    expect(features.some(({ different }) => different > 0) || problems.some((problem) => problem.includes('as the speed layer does, found nothing'))).toBe(true);
  });

  it("finds another log's lake, and lost dead letters", async () => {
    const world = await soundWorld(clicks, 400);
    const other = new BatchWorld({ store: world.store });
    worlds.push(other);
    await appendText(other, clicks, textOf(generate('user-behavior', { seed: 12, rows: 100 })));
    const { problems } = await verify(other, clicks);
    expect(problems).toContain("records on the topic: expected at least the 405 that silver covers, found 100: another log's lake?");
    const { log } = world;
    const describeTopics = log.describeTopics.bind(log);
    vi.spyOn(log, 'describeTopics').mockImplementation(async () => (await describeTopics()).filter(({ topic }) => topic !== 'dead-letter'));
    expect((await verify(world, clicks)).problems).toEqual(['rejected = dead letters: expected 1, found 0']);
  });

  it('counts what a replay that was begun anew had put on the topic before', async () => {
    const world = await soundWorld(clicks, 400);
    const { log } = world;
    const topic = 'raw.user-behavior';
    const before = JSON.parse((await log.committed('replay-file-1', topic, 0))!.metadata) as Record<string, number>;
    const { offset } = (await log.committed('replay-file-1', topic, 0))!;
    const writer = await log.openWriter('replay-user-behavior-file-1');
    await writer.commit({ appends: [], offsets: [{ group: 'replay-file-1', topic, partition: 0, offset, metadata: JSON.stringify({ rows: 0, accepted: 0, rejected: 0, earlier: before }) }] });
    expect(await verify(world, clicks)).toMatchObject({ ok: true, counts: { read: 406, accepted: 405, rejected: 1 } });
  });

  it('notes what has not landed yet, and does not take it for lost', async () => {
    const world = await soundWorld(clicks, 400);
    await appendText(world, clicks, textOf(generate('user-behavior', { seed: 12, rows: 100 })), { fileId: 'file-2' });
    const found = await verify(world, clicks);
    expect(found).toMatchObject({ ok: true, problems: [], notes: ['100 records of the topic are not in bronze yet', '100 records of the topic are not in silver yet'] });
    expect(found.counts).toMatchObject({ topic: 505, bronze: 405, silver: 405 });
  });

  it('is right while a replay goes on: it looks again until the log stood still, or bounds what it counts', async () => {
    for (const commits of [3, Infinity]) {
      const world = await soundWorld(clicks, 400);
      const { log } = world;
      const describeTopics = log.describeTopics.bind(log);
      let left = commits;
      vi.spyOn(log, 'describeTopics').mockImplementation(async () => {
        const topics = await describeTopics();
        // Right after each look a chunk with one good line and one bad one arrives.
        if (left-- > 0) await appendText(world, clicks, '1,11,22,pv,1511658000\nbroken\n', { fileId: 'file-2' });
        return topics;
      });
      const { ok, problems, notes, counts } = await verify(world, clicks);
      expect({ ok, problems }).toEqual({ ok: true, problems: [] });
      if (commits === 3) expect(counts).toMatchObject({ read: 412, accepted: 408, rejected: 4, topic: 408, deadLetter: 4 });
      else expect(notes.some((note) => note.startsWith('a replay is going on'))).toBe(true);
      vi.restoreAllMocks();
    }
  });

  it('does not affirm what it could not compare', async () => {
    const world = new BatchWorld();
    worlds.push(world);
    await appendText(world, clicks, textOf(generate('user-behavior', { seed: 12, rows: 300 })), { chunkRows: 50 });
    expect(await verify(world, clicks)).toMatchObject({ ok: true, notes: ['300 records of the topic are not in bronze yet', '300 records of the topic are not in silver yet'] });
    await (await world.layer()).land(clicks);
    const before = await verify(world, clicks);
    expect(before.ok).toBe(false);
    expect(before.problems).toEqual([expect.stringContaining('nothing could be compared')]);
    expect(before.notes).toContain('partition 0: the speed layer has not begun with it');
    // States of a log that was begun anew, and of another definition, are not held against this one.
    await saveStates(world, clicks, { records: 1 });
    const checkpoints = new Checkpoints(world.store, { group: 'speed-layer', topic: 'raw.user-behavior', partition: 0 });
    const { checkpoint } = await checkpoints.newest(Infinity);
    await checkpoints.save({ ...checkpoint!, offset: checkpoint!.offset + 1, lineage: 'of another log' });
    const { ok, notes, comparedAt } = await verify(world, clicks);
    expect(ok).toBe(true);
    expect(notes.some((note) => note.endsWith('it is of another log'))).toBe(true);
    const redefined = sourceNamed('user-behavior', (file, text) => (file === 'features.yaml' ? text.replaceAll('window: 60m', 'window: 30m') : text));
    expect((await verify(world, redefined)).notes.some((note) => note.endsWith('it is of another definition of the source'))).toBe(true);
    expect(Object.values(comparedAt)).not.toContain(null);
  });
});
