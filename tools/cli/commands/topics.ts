import type { Command } from 'commander';
import { systemTopics } from '#tideline/streaming';
import type { CommandContext, Runner } from '../context.ts';
import { formatTable } from '../output.ts';

export function addTopics(program: Command, run: Runner): void {
  const topics = program.command('topics').description('topics with their offsets, and how far each group is behind').action(run(showTopics));
  topics.command('create').description('make every topic of the system, with the settings that it needs; the apps do the same when they start').action(run(createTopics));
}

async function createTopics({ world, output }: CommandContext): Promise<void> {
  const wanted = systemTopics((await world.sources()).map(({ name, deployment }) => ({ name, partitions: deployment.partitions })));
  const log = await world.log('command');
  const before = new Set((await log.describeTopics()).map(({ topic }) => topic));
  await log.ensureTopics(wanted);
  const rows = Object.entries(wanted).map(([topic, { partitions }]) => ({ topic, partitions, made: !before.has(topic) }));
  output.result(rows, () => formatTable(['topic', 'partitions', ''], rows.map(({ topic, partitions, made }) => [topic, partitions, made ? 'made' : 'there already'])));
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
