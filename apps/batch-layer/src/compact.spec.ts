import { expect, it } from 'vitest';
import { checkTable } from '#tideline/lake';
import { generate, tableNames } from '#tideline/retention';
import { appendText, BatchWorld, readTable, sourceNamed, textOf } from './batch-fixtures.ts';

it('puts small files together once there are enough; rows, their order and offsets stay, and landing goes on behind them', async () => {
  const clicks = sourceNamed('user-behavior', (file, text) => (file === 'deployment.yaml' ? text.replace('partitions: 4', 'partitions: 1') : text));
  const names = tableNames(clicks);
  const world = new BatchWorld();
  const layer = await world.layer();
  const lines = textOf(generate('user-behavior', { seed: 8, rows: 900 })).trimEnd().split('\n');
  const landNext = async (k: number): Promise<void> => {
    await appendText(world, clicks, `${lines.slice(k * 90, k * 90 + 90).join('\n')}\n`, { fileId: `file-${k}` });
    await layer.land(clicks);
  };
  for (let k = 0; k < 7; k++) await landNext(k);
  // Seven files are fewer than it is worth.
  expect(await layer.compact(clicks)).toEqual([]);
  await landNext(7);
  const table = world.lake.table(names.silver);
  const before = { rows: await readTable(world.store, table), snapshot: (await table.current())! };
  expect(await layer.compact(clicks)).toEqual([{ table: names.bronze, filesBefore: 8, filesAfter: 1 }, { table: names.silver, filesBefore: 8, filesAfter: 1 }]);
  expect(await readTable(world.store, table)).toEqual(before.rows);
  expect(await table.current()).toMatchObject({ operation: 'replace', offsets: before.snapshot.offsets, rowCount: 720 });
  for (let k = 8; k < 10; k++) await landNext(k);
  expect((await readTable(world.store, table)).map(({ _offset }) => _offset)).toEqual(lines.map((_, offset) => offset));
  expect((await checkTable(world.store, table)).problems).toEqual([]);
  await world.close();
});
