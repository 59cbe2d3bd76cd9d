import type { Command } from 'commander';
import type { CommandContext, Runner } from '../context.ts';
import { formatTable } from '../output.ts';

export function addTopics(program: Command, run: Runner): void {
  program.command('topics').description('topics with their offsets, and how far each group is behind').action(run(showTopics));
}

async function showTopics({ world, output }: CommandContext): Promise<void> {
  const topics = await (await world.log('command')).describeTopics();
  const rows = topics.flatMap(({ topic, partitions, groups }) =>
    partitions.map(({ partition, start, end }) => ({
      topic,
      partition,
      start,
      end,
      groups: groups
        // A replay's offset is a byte of its file, not a place on the topic.
        .filter((group) => group.partition === partition && !group.group.startsWith('replay-'))
        .map(({ group, offset }) => ({ group, offset, lag: end - offset })),
    })),
  );
  output.result(rows, () =>
    rows.length === 0
      ? 'no topics yet: replay a log, or run `tideline start`'
      : formatTable(
          ['topic', 'partition', 'first', 'next', 'group (lag)'],
          rows.map((row) => [row.topic, row.partition, row.start, row.end, row.groups.map(({ group, lag }) => `${group} (${lag})`).join(', ')]),
        ),
  );
}
