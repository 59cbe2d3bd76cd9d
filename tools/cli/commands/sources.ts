import type { Command } from 'commander';
import { silverRows } from '../../../apps/batch-layer/src/silver-view.ts';
import { RecordCount } from '../../../apps/batch-layer/src/record-count.ts';
import { nextOffset, type Snapshot } from '#tideline/lake';
import type { EventLog } from '#tideline/platform';
import { silverTables, tableNames } from '#tideline/retention';
import type { CommandContext, Runner } from '../context.ts';
import { formatTable } from '../output.ts';

export function addSources(program: Command, run: Runner): void {
  program.command('sources').description('the sources with entity, time column, tables, feature count, rows on hand').action(run(showSources));
}

async function showSources({ world, output }: CommandContext): Promise<void> {
  const sources = await world.sources();
  const lake = await world.lake();
  const log = await world.log('command');
  const rows = await Promise.all(
    sources.map(async (source) => {
      const names = [...new Set([...Object.values(tableNames(source)), ...silverTables(source).map(({ name }) => name)])];
      const present = (await Promise.all(names.map(async (name) => ((await lake.table(name).exists()) ? [name] : [])))).flat();
      return {
        name: source.name,
        title: source.title,
        entity: source.entity,
        time: source.time ?? null,
        features: source.features.features.length,
        models: source.models.models.map((model) => model.name),
        tables: present,
        topicRecords: await recordsOn(log, `raw.${source.name}`, await lake.table(tableNames(source).bronze).current()),
        silverRows: await silverRows(source, lake),
      };
    }),
  );
  output.result(rows, () =>
    formatTable(
      ['source', 'entity', 'time', 'features', 'on topic', 'in silver', 'what it is'],
      rows.map((row) => [row.name, row.entity, row.time ?? 'none', row.features, row.topicRecords, row.silverRows, row.title]),
    ),
  );
}

/** Records of the topic: those that bronze holds, and those behind them, which are counted by reading (offsets may have gaps). */
async function recordsOn(log: EventLog, topic: string, bronze: Snapshot | undefined): Promise<number> {
  const partitions = (await log.describeTopics()).find((description) => description.topic === topic)?.partitions ?? [];
  const behind = new RecordCount(log, topic);
  await behind.upTo(partitions.map(({ partition, start, end }) => ({ partition, start: Math.max(start, nextOffset(bronze?.offsets, partition)), end })));
  return (bronze?.rowCount ?? 0) + behind.total;
}
