import type { ModelDefinition } from '#tideline/retention';
import type { Interval } from './gate.ts';
import type { Metrics } from './judge.ts';

export interface RunNote {
  readonly definition: Pick<ModelDefinition, 'name' | 'kind'>;
  readonly target: string;
  readonly metrics: Metrics;
  readonly baseline: { readonly name: string; readonly metrics: Metrics } | undefined;
  readonly overBaseline: Interval | undefined;
  readonly trainRows: number;
  readonly testRows: number;
}

/** A run for people, in Markdown: what was learned from how much, and every metric with its interval beside the baseline's. */
export function runNote({ definition, target, metrics, baseline, overBaseline, trainRows, testRows }: RunNote): string {
  const header = ['metric', definition.name, ...(baseline === undefined ? [] : [`${baseline.name} (baseline)`])];
  const rows = Object.entries(metrics).map(([name, metric]) => {
    const beside = baseline?.metrics[name];
    return [name, describeInterval(metric), ...(baseline === undefined ? [] : [beside === undefined ? '' : describeInterval(beside)])];
  });
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `**${definition.name}** (${definition.kind}) predicts ${target}: learned from ${trainRows} rows, judged by ${testRows} later ones. Intervals hold 95 %.`,
    // Pages show the beginning only, so what matters most comes before the table.
    ...(overBaseline === undefined ? [] : [`ROC AUC above the baseline on the same rows: **${describeInterval(overBaseline)}**.`]),
    '',
    ...[header, header.map(() => '---'), ...rows].map(line),
  ].join('\n');
}

/** Like `0.7861 (0.7652 to 0.8070)`. */
export function describeInterval({ value, low, high }: Interval): string {
  return `${value.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`;
}
