import type { Command } from 'commander';
import { BatchLayer } from '../../../apps/batch-layer/src/batch-layer.ts';
import { NothingToBuildError } from '../../../apps/batch-layer/src/gold.ts';
import { refused } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatNumber } from '../output.ts';
import { parseTime } from '../parse-quantity.ts';

export function addBuild(program: Command, run: Runner): void {
  program
    .command('build')
    .argument('<source>')
    .description('bronze to silver to gold: lands what is new on the topic, then rebuilds features, labels and training frames')
    .option('--as-of <time>', 'features as of this tile border only, instead of the grid of the models', parseTime('as-of'))
    .action(run(build));
}

async function build({ world, output, signal }: CommandContext, name: string, options: { readonly asOf?: number }): Promise<void> {
  const source = await world.source(name);
  const layer = new BatchLayer({
    log: await world.log('batch-layer'), lake: await world.lake(), sql: await world.sql(), tracker: await world.tracker(), registry: await world.registry(), clock: world.clock,
  });
  try {
    const landing = await layer.land(source, signal, (landed, behind) => output.note(`landed ${formatNumber(landed)} rows, ${formatNumber(behind)} to go`));
    signal.throwIfAborted();
    const gold = await layer.build(source, { asOfMs: options.asOf, signal, onProgress: (done, of) => output.note(`gold: ${formatNumber(done)} of ${formatNumber(of)}`) });
    output.result({ source: name, landing, gold }, () =>
      [
        `landed ${formatNumber(landing.bronzeRows)} rows as bronze, ${formatNumber(landing.silverRows)} as silver (${formatNumber(landing.lateRows)} late)`,
        `gold: ${formatNumber(gold.featureRows)} feature rows, ${formatNumber(gold.trainingRows)} to learn from${gold.asOf.length > 0 ? `, as of ${timesText(gold.asOf)}` : ''}`,
        ...(gold.visitSegments === undefined ? [] : [`visit values of ${formatNumber(gold.visitSegments)} segments`]),
      ].join('\n'),
    );
  } catch (error) {
    if (error instanceof NothingToBuildError || error instanceof RangeError) throw refused(error.message);
    throw error;
  }
}

/** A dense grid by its ends. */
function timesText(asOf: readonly string[]): string {
  return asOf.length <= 8 ? asOf.join(', ') : `${asOf.length} times from ${asOf[0]} to ${asOf.at(-1)}`;
}
