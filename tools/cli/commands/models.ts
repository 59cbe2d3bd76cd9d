import type { Command } from 'commander';
import type { CommandContext, Runner } from '../context.ts';
import { formatTable } from '../output.ts';

export function addModels(program: Command, run: Runner): void {
  program
    .command('models')
    .description('registered models with their versions, aliases and scores')
    .option('--source <name>', 'only models of this source')
    .action(run(showModels));
}

async function showModels({ world, output }: CommandContext, options: { readonly source?: string }): Promise<void> {
  if (options.source !== undefined) await world.source(options.source);
  const tracker = await world.tracker();
  const rows = [];
  for (const name of await tracker.listModels()) {
    for (const version of await tracker.listVersions(name)) {
      if (options.source !== undefined && version.tags['source'] !== options.source) continue;
      const { metrics } = await tracker.getRun(version.runId);
      rows.push({
        name,
        version: version.version,
        aliases: version.aliases,
        model: version.tags['model'] ?? null,
        source: version.tags['source'] ?? null,
        createdAt: new Date(version.createdAtMs).toISOString(),
        runId: version.runId,
        rocAuc: metrics['rocAuc'] === undefined ? null : { value: metrics['rocAuc'], low: metrics['rocAuc_low'] ?? null, high: metrics['rocAuc_high'] ?? null },
        baselineRocAuc: metrics['baseline_rocAuc'] ?? null,
      });
    }
  }
  output.result(rows, () =>
    rows.length === 0
      ? 'no models yet: `tideline train <source>`'
      : formatTable(
          ['model', 'version', 'aliases', 'what', 'ROC AUC (95 %)', 'baseline', 'made'],
          rows.map((row) => [
            row.name, row.version, row.aliases.join(', '), row.model ?? '',
            row.rocAuc === null ? '' : `${row.rocAuc.value.toFixed(4)}${row.rocAuc.low === null ? '' : ` (${row.rocAuc.low.toFixed(4)} to ${row.rocAuc.high?.toFixed(4)})`}`,
            row.baselineRocAuc === null ? '' : row.baselineRocAuc.toFixed(4), row.createdAt,
          ]),
        ),
  );
}
