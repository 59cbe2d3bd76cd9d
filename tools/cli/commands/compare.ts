import type { Command } from 'commander';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeBounds } from '#tideline/learning';
import { comparisonFiles, lastComparison, type ComparisonDocument } from '../../../apps/trainer/src/comparison.ts';
import { refused } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatTable } from '../output.ts';

export function addCompare(program: Command, run: Runner): void {
  program
    .command('compare')
    .argument('<source>')
    .description('the models of the last training side by side, with intervals and the paired difference to the best')
    .option('--out <folder>', 'write comparison.json, comparison.md and comparison.html there, too')
    .action(run(compare));
}

async function compare({ world, output }: CommandContext, name: string, options: { readonly out?: string }): Promise<void> {
  const source = await world.source(name);
  const document = await lastComparison(await world.tracker(), source.name);
  if (document === undefined) throw refused(`expected a training of ${name} with its comparison, found none`, `tideline train ${name}`);
  if (options.out !== undefined) {
    mkdirSync(options.out, { recursive: true });
    for (const [file, text] of Object.entries(comparisonFiles(document))) writeFileSync(join(options.out, file), text);
    output.note(`wrote ${Object.keys(comparisonFiles(document)).map((file) => join(options.out!, file)).join(', ')}`);
  }
  output.result(document, () => describe(document));
}

function describe({ source, target, split, metric, best, verdict, models, champion, madeAt }: ComparisonDocument): string {
  const rows = models.map((model) => [
    model.isBaseline ? `${model.name} (baseline)` : model.name, model.metrics[metric] === undefined ? '-' : describeBounds(model.metrics[metric]),
    model.name === best || model.behind === undefined ? 'best' : `${describeBounds(model.behind)}${model.withinNoise ? ', within noise' : ''}`,
    `${model.fitSeconds.toFixed(2)} s`, `${model.predictSeconds.toFixed(3)} s`, formatBytes(model.bytes),
  ]);
  return [
    `${source}, target ${target}, made ${madeAt}; split ${split.description}`,
    `${split.trainRows} rows to learn from, ${split.testRows} to judge by; intervals hold 95 %`,
    '',
    formatTable(['model', metric === 'rmse' ? 'RMSE' : 'ROC AUC', 'best is ahead by', 'fit', 'predict', 'size'], rows),
    '',
    verdict,
    champion === undefined ? 'no champion' : `champion: ${champion.name} version ${champion.version} (${champion.model})`,
  ].join('\n');
}
