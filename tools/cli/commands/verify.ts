import type { Command } from 'commander';
import { BatchLayer } from '../../../apps/batch-layer/src/batch-layer.ts';
import { verifySource, type Verification } from '../../../apps/batch-layer/src/verify.ts';
import { refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatNumber, formatTable } from '../output.ts';

interface VerifyOptions {
  readonly source?: string;
  readonly land: boolean;
}

export function addVerify(program: Command, run: Runner): void {
  program
    .command('verify')
    .description('counts reconcile end to end, and the speed layer\'s features equal the batch layer\'s, each of every entity')
    .option('--source <name>', 'this source only, instead of all that have records')
    .option('--no-land', 'compare with what has landed already, instead of landing the rest first')
    .action(run(verify));
}

async function verify({ world, output, signal }: CommandContext, options: VerifyOptions): Promise<void> {
  const asked = options.source === undefined ? undefined : await world.source(options.source);
  if (asked?.deployment.load !== undefined) throw wrongUse(`expected a source on a topic, found ${asked.name}, which is loaded by whole deliveries`, `\`tideline validate ${asked.name}\` checks it`);
  const all = options.source === undefined ? await world.sources() : [asked!];
  const log = await world.log('batch-layer');
  const topics = new Set((await log.describeTopics()).filter(({ partitions }) => partitions.some(({ end }) => end > 0)).map(({ topic }) => topic));
  const doors = { log, store: await world.store(), lake: await world.lake(), sql: await world.sql(), registry: await world.registry() };
  const layer = new BatchLayer({ ...doors, tracker: await world.tracker(), clock: world.clock });
  const verifications: Verification[] = [];
  for (const source of all) {
    if (options.source === undefined && !topics.has(`raw.${source.name}`)) continue;
    if (options.land) await layer.land(source, signal);
    verifications.push(await verifySource(source, doors));
  }
  const result = options.source === undefined ? verifications : verifications[0];
  output.result(result, () => (verifications.length === 0 ? 'nothing to verify: no source has records' : verifications.map(describe).join('\n\n')));
  if (verifications.some(({ ok }) => !ok)) throw refused('speed, batch and counts do not all agree');
}

function describe({ source, counts, comparedAt, features, problems, notes }: Verification): string {
  const { read, accepted, rejected, topic, bronze, silver, late, deadLetter } = counts;
  const offsets = Object.entries(comparedAt).map(([partition, offset]) => `${partition}: ${offset ?? 'no checkpoint'}`).join(', ');
  return [
    source,
    `read ${formatNumber(read)} = accepted ${formatNumber(accepted)} + rejected ${formatNumber(rejected)}; topic ${formatNumber(topic)}, bronze ${formatNumber(bronze)}, silver ${formatNumber(silver)} (${formatNumber(late)} late), dead letters ${formatNumber(deadLetter)}`,
    `speed and batch compared at offsets ${offsets}`,
    formatTable(['feature', 'entities', 'different', 'largest difference'], features.map((feature) => [feature.name, feature.entities, feature.different, feature.maxDifference])),
    ...notes.map((note) => `note: ${note}`),
    ...(problems.length === 0 ? ['all agree'] : [`${problems.length} problems:`, ...problems.slice(0, 10).map((problem) => `  ${problem}`)]),
  ].join('\n');
}
