import type { Command } from 'commander';
import { openKernels } from '../../../apps/trainer/src/open-kernels.ts';
import { NothingToLearnError, type TrainReport } from '../../../apps/trainer/src/train.ts';
import { Trainer } from '../../../apps/trainer/src/trainer.ts';
import { refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatTable } from '../output.ts';
import { parseCount } from '../parse-quantity.ts';

interface TrainOptions {
  readonly models: string;
  readonly target?: string;
  readonly seed: number;
}

export function addTrain(program: Command, run: Runner): void {
  program
    .command('train')
    .argument('<source>')
    .description('learns from gold, judges beside the one-feature baseline, registers, and promotes past the gate')
    .option('--models <names>', 'all, or names of the source\'s models, separated by commas', 'all')
    .option('--target <name>', 'the target to learn; a source has one so far')
    .option('--seed <n>', 'seed of everything random', parseCount('seed', 0), 42)
    .action(run(train));
}

async function train({ world, output, signal }: CommandContext, name: string, options: TrainOptions): Promise<void> {
  const source = await world.source(name);
  const { target, models } = source.models;
  if (options.target !== undefined && options.target !== target) throw wrongUse(`expected --target ${target}, found '${options.target}'`);
  const only = options.models === 'all' ? undefined : options.models.split(',').map((model) => model.trim());
  const stranger = only?.find((wanted) => !models.some((model) => model.name === wanted));
  if (stranger !== undefined) throw wrongUse(`expected models of ${name} (${models.map((model) => model.name).join(', ')}), found '${stranger}'`);
  const trainer = new Trainer({
    log: await world.log('trainer'), lake: await world.lake(), sql: await world.sql(), tracker: await world.tracker(), clock: world.clock,
    kernels: await openKernels(world.configuration),
  });
  try {
    let last = '';
    const report = await trainer.train(source, {
      seed: options.seed, only, signal,
      onProgress: (model, done) => {
        const line = `${model} ${Math.floor(done * 10) * 10} %`;
        if (line !== last) output.note((last = line));
      },
    });
    output.result(report, () => describe(report));
  } catch (error) {
    if (error instanceof NothingToLearnError) throw refused(error.message, `replay a log of ${name}, then \`tideline build ${name}\``);
    throw error;
  }
}

function describe(report: TrainReport): string {
  const interval = (metric: { value: number; low: number; high: number } | undefined): string =>
    metric === undefined ? '-' : `${metric.value.toFixed(4)} (${metric.low.toFixed(4)} to ${metric.high.toFixed(4)})`;
  const { split, candidate, champion } = report;
  const rows = report.models.map((model) => [
    model.name === report.baseline ? `${model.name} (baseline)` : model.name,
    interval(model.metrics['rocAuc']), interval(model.metrics['prAuc']), interval(model.metrics['logLoss']), interval(model.overBaseline),
    `${model.fitSeconds.toFixed(2)} s`, formatBytes(model.bytes),
  ]);
  return [
    `${report.source}, target ${report.target}; split ${split.description}`,
    `${split.trainRows} rows to learn from, ${split.testRows} to judge by, ${split.testPositives} of them positive; intervals hold 95 %`,
    '',
    formatTable(['model', 'ROC AUC', 'PR AUC', 'log loss', 'ROC AUC above baseline', 'fit', 'size'], rows),
    '',
    ...(report.otherSplits ?? []).flatMap((other) => [
      `beside it, ${other.description}; ${other.trainRows} rows to learn from, ${other.testRows} to judge by, ${other.testPositives} of them positive`,
      formatTable(['model', 'ROC AUC', 'PR AUC'], other.models.map(({ name, rocAuc, prAuc }) => [name, rocAuc.toFixed(4), prAuc.toFixed(4)])), '',
    ]),
    ...(report.comparison === undefined ? [] : [report.comparison.verdict]),
    ...(candidate === undefined ? [] : [candidate.remark]),
    ...(candidate === undefined ? [] : candidate.promoted ? [`${candidate.model} passed the gate`] : [`${candidate.model} was not promoted:`, ...candidate.reasons.map((reason) => `  ${reason}`)]),
    champion === undefined ? 'no champion' : `champion: ${champion.name} version ${champion.version} (${champion.model})`,
  ].join('\n');
}
