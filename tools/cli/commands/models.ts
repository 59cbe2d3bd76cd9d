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

interface ModelRow {
  readonly name: string;
  readonly version: string;
  readonly aliases: readonly string[];
  readonly model: string | null;
  readonly source: string | null;
  readonly createdAt: string;
  readonly runId: string;
  readonly rocAuc: { readonly value: number; readonly low: number | null; readonly high: number | null } | null;
  readonly baselineRocAuc: number | null;
}

async function showModels({ world, output }: CommandContext, options: { readonly source?: string }): Promise<void> {
  if (options.source !== undefined) await world.source(options.source);
  const tracker = await world.tracker();
  const rows: ModelRow[] = [];
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
