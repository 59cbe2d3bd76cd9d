// Goal: from gold's training table to the message on `model-updates`, on real engines in memory.
import { afterEach, describe, expect, it } from 'vitest';
import { batchFromRows, type ColumnDefinition, type PlainValue } from '#tideline/lake';
import { Random } from '#tideline/learning';
import { unpackTexts } from '#tideline/platform';
import { tableNames } from '#tideline/retention';
import { BatchWorld, sourceNamed } from '../../batch-layer/src/batch-fixtures.ts';
import { NothingToLearnError } from './train.ts';
import { Trainer } from './trainer.ts';
import { readTrainingFrame } from './training-frame.ts';

const quick = (file: string, text: string): string => (file === 'models.yaml' ? text.replace(/ {2}boosting: .*\n/, '').replace(/features: \[.*\]/, 'features: [recency, freq]').replace(', except: [uk]', '') : text);
const shop = sourceNamed('online-retail', quick);
const { training: TRAINING } = tableNames(shop);
const DAY_MS = 86_400_000;

const columns: ColumnDefinition[] = [
  { name: 'entity', type: { name: 'string' }, nullable: false },
  { name: 'as_of', type: { name: 'timestamp' }, nullable: false },
  { name: 'recency', type: { name: 'double' }, nullable: true },
  { name: 'freq', type: { name: 'double' }, nullable: true },
  { name: 'label', type: { name: 'int' }, nullable: true },
];

const worlds: BatchWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function worldWith(rows: readonly Record<string, PlainValue>[]): Promise<{ world: BatchWorld; trainer: Trainer }> {
  const world = new BatchWorld();
  worlds.push(world);
  await rewrite(world, rows);
  return { world, trainer: new Trainer(await world.doors()) };
}

async function rewrite(world: BatchWorld, rows: readonly Record<string, PlainValue>[]): Promise<void> {
  const table = world.lake.table(TRAINING);
  await table.ensure(columns);
  const writer = await table.writer();
  await writer.write(batchFromRows(columns, rows));
  await table.overwrite(await writer.finish());
}

/** Customers as of two times; frequent ones stay. With `useless`, only silence tells. */
function customers(useless: boolean): Record<string, PlainValue>[] {
  const random = new Random(7);
  return Array.from({ length: 800 }, (_, k) => {
    const [recency, freq] = [random.uniform() * 90, random.uniform() * 10];
    const margin = useless ? recency / 10 - 4.5 : 4 - freq;
    return { entity: `c${k}`, as_of: (k < 400 ? 0 : 90) * DAY_MS, recency, freq, label: random.uniform() < 1 / (1 + Math.exp(-margin)) ? 1 : 0 };
  });
}

describe('the trainer', () => {
  it('learns from the training table, promotes and tells; a new process knows what was learned', async () => {
    const { world, trainer } = await worldWith(customers(false));
    const version = (await trainer.trainingVersion(shop))!;
    expect(await trainer.learnedFrom(shop)).toBeUndefined();
    const report = await trainer.train(shop, { seed: 42 });
    expect(report).toMatchObject({ candidate: { model: 'logistic', promoted: true }, split: { trainRows: 400, testRows: 400 } });
    const champion = (await world.tracker.versionByAlias('churn-online-retail', 'champion'))!;
    const messages = (await world.log.read('model-updates', 0, 0)).flatMap((batch) => unpackTexts(batch));
    expect(messages.map(({ key, value }) => [key, JSON.parse(value)])).toEqual([
      ['online-retail', { source: 'online-retail', kind: 'model', name: 'churn-online-retail', version: '1', runId: champion.runId, artifactPath: 'model', alias: 'champion' }],
    ]);
    expect((await world.tracker.getRun(champion.runId)).tags).toMatchObject({ gate: 'passed', 'table.name': TRAINING, 'table.version': String(version) });
    const another = new Trainer(await world.doors());
    expect(await another.learnedFrom(shop)).toBe(version);
    // Another definition has learned nothing yet.
    expect(await another.learnedFrom({ ...shop, version: 'other' })).toBeUndefined();
  });

  it('remembers a training whose candidate the gate refused, and tells nobody', async () => {
    const { world, trainer } = await worldWith(customers(true));
    const { candidate } = await trainer.train(shop, { seed: 42 });
    expect(candidate).toMatchObject({ promoted: false });
    expect(await trainer.learnedFrom(shop)).toBe(await trainer.trainingVersion(shop));
    expect((await world.log.describeTopics()).map(({ topic }) => topic)).not.toContain('model-updates');
  });

  it('trains again what it could not tell of', async () => {
    const { world } = await worldWith(customers(false));
    const doors = await world.doors();
    const mute = new Proxy(doors.log, { get: (log, name) => (name === 'openWriter' ? () => Promise.reject(new Error('away')) : Reflect.get(log, name).bind(log)) });
    const trainer = new Trainer({ ...doors, log: mute });
    await expect(trainer.train(shop, { seed: 42 })).rejects.toThrow('away');
    expect(await trainer.learnedFrom(shop)).toBeUndefined();
  });

  it('says what is missing without a table, or without labels', async () => {
    const world = new BatchWorld();
    worlds.push(world);
    const trainer = new Trainer(await world.doors());
    expect(await trainer.trainingVersion(shop)).toBeUndefined();
    await expect(trainer.train(shop, { seed: 42 })).rejects.toThrow(`expected labelled rows in ${TRAINING}, found none`);
    await rewrite(world, [{ entity: 'a', as_of: 0, recency: 1, freq: 1, label: null }]);
    await expect(trainer.train(shop, { seed: 42 })).rejects.toThrow(NothingToLearnError);
  });

  it('reads a frame in the order of as-of time and entity, nulls as NaN, the newest rows when there are too many', async () => {
    const { world } = await worldWith([
      { entity: 'b', as_of: 2 * DAY_MS, recency: 5, freq: null, label: 1 },
      { entity: 'a', as_of: 2 * DAY_MS, recency: 4, freq: 40, label: 0 },
      { entity: 'z', as_of: DAY_MS, recency: 3, freq: 30, label: 1 },
      { entity: 'y', as_of: DAY_MS, recency: 2, freq: 20, label: null },
    ]);
    const sql = await world.sql();
    await sql.bind(world.lake.table(TRAINING));
    const { data, asOfMs } = await readTrainingFrame(sql, shop, TRAINING);
    expect(data).toMatchObject({ rowCount: 3, columnCount: 2, featureNames: ['recency', 'freq'] });
    expect([...data.X]).toEqual([3, 30, 4, 40, 5, NaN]);
    expect([...data.y]).toEqual([1, 0, 1]);
    expect([...asOfMs!]).toEqual([DAY_MS, 2 * DAY_MS, 2 * DAY_MS]);
    expect([...(await readTrainingFrame(sql, shop, TRAINING, 2)).data.X]).toEqual([4, 40, 5, NaN]);
  });
});
