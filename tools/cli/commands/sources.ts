import type { Command } from 'commander';
import { isPlatformError } from '#tideline/platform';
import { tableNames } from '#tideline/retention';
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
      const names = Object.values(tableNames(source));
      const present = (await Promise.all(names.map(async (name) => ((await lake.table(name).exists()) ? [name] : [])))).flat();
      const silver = await lake.table(tableNames(source).silver).current();
      return {
        name: source.name,
        title: source.title,
        entity: source.entity,
        time: source.time ?? null,
        features: source.features.features.length,
        models: source.models.models.map((model) => model.name),
        tables: present,
        topicRecords: await recordsOn(log, `raw.${source.name}`, source.deployment.partitions),
        silverRows: silver?.rowCount ?? 0,
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

/** Offsets that the topic holds; 0 for a topic that nobody has written. */
async function recordsOn(log: Awaited<ReturnType<CommandContext['world']['log']>>, topic: string, partitions: number): Promise<number> {
  let records = 0;
  for (let partition = 0; partition < partitions; partition++) {
    try {
      const { start, end } = await log.offsets(topic, partition);
      records += end - start;
    } catch (error) {
      if (!isPlatformError(error, 'NOT_FOUND')) throw error;
    }
  }
  return records;
}
