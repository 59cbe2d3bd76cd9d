import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { doors, maskAddress, openExperimentTracker, parseAddress, pushExperiments, type PushReport } from '#tideline/platform';
import { refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatNumber, formatTable } from '../output.ts';

interface PushCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly experiment?: string;
  readonly dryRun?: boolean;
  readonly moveAliases?: boolean;
}

const DEFAULT_FOLDER = 'file:./data/mlruns';

export function addExperiments(program: Command, run: Runner): void {
  program
    .command('experiments')
    .description('experiments, runs and registered models, kept in files or by an MLflow server')
    .command('push')
    .description('copies experiments, runs, artifacts, model versions and aliases from files to an MLflow server; again copies only what is new')
    .option('--to <address>', 'the MLflow server, like http://127.0.0.1:5000; EXPERIMENTS when that is a server')
    .option('--from <address>', `file:<folder>; EXPERIMENTS when that is a folder, ${DEFAULT_FOLDER} otherwise`)
    .option('--experiment <name>', 'only this experiment, with the models made of its runs')
    .option('--dry-run', 'say what would be copied, write nothing')
    .option('--move-aliases', 'set aliases as they are here, even where somebody set them differently on the server')
    .action(run(push));
}

async function push({ world, output, signal }: CommandContext, options: PushCommandOptions): Promise<void> {
  const { experiments, logins } = world.configuration;
  const isServer = /^https?:/i.test(experiments);
  const from = options.from ?? (isServer ? DEFAULT_FOLDER : experiments);
  const to = options.to ?? (isServer ? experiments : undefined);
  if (to === undefined) throw wrongUse(`expected --to with an MLflow server, found none, and EXPERIMENTS is ${maskAddress(experiments)}`, 'like --to http://127.0.0.1:5000');
  const folder = parseAddress(from, doors.experiments);
  if (folder.scheme !== 'file') throw wrongUse(`expected file:<folder> to copy from, found ${maskAddress(from)}`);
  // Opening would make the folder.
  if (!existsSync(folder.path)) throw refused(`expected experiments in ${folder.path}, found no such folder`, 'run `tideline train <source>` first, or name the folder by --from');
  const tracker = await openExperimentTracker(from);
  try {
    const report = await pushExperiments(tracker, {
      to, login: logins.experiments, experiment: options.experiment, dryRun: options.dryRun === true, moveAliases: options.moveAliases === true, signal,
      onProgress: ({ experiment, done, total }) => {
        if (done === total || done % 10 === 0) output.note(`${experiment}: ${done} of ${total} runs`);
      },
    });
    output.result(report, () => describe(report));
  } finally {
    await tracker.close();
  }
}

function describe({ address, dryRun, experiments, sent, versions, aliases }: PushReport): string {
  const size = `${formatNumber(sent.metrics)} metric values, ${formatNumber(sent.artifacts)} artifacts, ${formatBytes(sent.bytes)}`;
  return [
    dryRun ? `would copy to ${address}: ${size}` : `copied to ${address}: ${size}`,
    '',
    formatTable(['experiment', 'runs copied', 'completed', 'unchanged'], experiments.map((row) => [row.name, row.copied, row.completed, row.unchanged])),
    ...(versions.length === 0 ? [] : ['', formatTable(['model', 'version', 'there', 'what', ''], versions.map((row) => [row.model, row.version, row.as, row.what, row.reason ?? '']))]),
    ...(aliases.length === 0 ? [] : ['', formatTable(['model', 'alias', 'version there', 'what', ''], aliases.map((row) => [row.model, row.alias, row.version, row.what, row.reason ?? '']))]),
  ].join('\n');
}
