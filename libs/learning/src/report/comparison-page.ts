import { describeBounds, type Bounds, type ComparedModel, type Comparison } from './comparison.ts';

/** A comparison with what it was made from, as its pages show it. */
export interface ComparisonFacts {
  readonly title: string;
  /** Sentences on data and split. */
  readonly notes: readonly string[];
  readonly comparison: Comparison;
}

const headers = ['model', 'kind', 'value', 'best is ahead by', 'other metrics', 'fit', 'predict', 'size'];
const mainNames = { rocAuc: 'ROC AUC', rmse: 'RMSE' } as const;

/** The comparison as a Markdown document. */
export function comparisonMarkdown({ title, notes, comparison }: ComparisonFacts): string {
  const { models, verdict, metric } = comparison;
  const escape = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('|', '\\|').replaceAll('\n', ' ');
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |`;
  return [
    `# ${title}`, '', `**${verdict}**`, '', ...notes.map((note) => `- ${note}`), `- Intervals hold 95 %; differences in ${mainNames[metric]} are paired on the same ${comparison.testRows} rows.`, '',
    ...[headings(metric), headers.map(() => '---'), ...models.map((model) => cellsOf(model, comparison))].map(line), '',
  ].join('\n');
}

/** The comparison as one HTML page that needs nothing else; intervals are drawn beside their numbers. */
export function comparisonHtml({ title, notes, comparison }: ComparisonFacts): string {
  const { models, verdict, metric } = comparison;
  const scale = scaleOf(models.map((model) => model.metrics[metric]!));
  const rows = models.map((model) => {
    const cells = cellsOf(model, comparison).map((cell) => `<td>${escapeHtml(cell)}</td>`);
    cells[2] = `<td>${escapeHtml(cellsOf(model, comparison)[2]!)}${drawBounds(model.metrics[metric]!, scale)}</td>`;
    return `<tr class="${model.name === comparison.best ? 'best' : model.isBaseline ? 'baseline' : ''}">${cells.join('')}</tr>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c2733; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #d8dee6; vertical-align: top }
.verdict { font-size: 1.1rem; border-left: 4px solid #14688f; padding-left: .8rem } .best { font-weight: 600; background: #eef6fa } .baseline { color: #5b6875 }
svg { display: block; width: 11rem; height: .9rem } @media (prefers-color-scheme: dark) { body { background: #11171d; color: #dbe3ea } .best { background: #1b2b36 } .baseline { color: #93a1ae } th, td { border-color: #33414d } }
</style>
<h1>${escapeHtml(title)}</h1>
<p class="verdict">${escapeHtml(verdict)}</p>
<ul>${[...notes, `Intervals hold 95 %; differences in ${mainNames[metric]} are paired on the same ${comparison.testRows} rows.`].map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>
<table>
<thead><tr>${headings(metric).map((header) => `<th>${header}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
</html>
`;
}

const headings = (metric: Comparison['metric']): string[] => headers.map((header) => (header === 'value' ? mainNames[metric] : header));

function cellsOf(model: ComparedModel, { metric, best }: Comparison): string[] {
  const { name, kind, metrics, behind, withinNoise } = model;
  const others = Object.entries(metrics).filter(([other]) => other !== metric).map(([other, { value }]) => `${other} ${value.toFixed(4)}`);
  const difference = name === best || behind === undefined ? 'best' : `${describeBounds(behind)}${withinNoise ? ', within noise' : ''}`;
  return [
    model.isBaseline ? `${name} (baseline)` : name, kind, metrics[metric] === undefined ? 'not measured' : describeBounds(metrics[metric]), difference, others.join(', '),
    describeSeconds(model.fitSeconds), describeSeconds(model.predictSeconds), describeSize(model.bytes),
  ];
}

const describeSeconds = (seconds: number): string => (seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(2)} s`);
const describeSize = (bytes: number): string => (bytes < 10_000 ? `${bytes} B` : `${(bytes / 1000).toFixed(0)} kB`);
const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

interface Scale { readonly from: number; readonly to: number }

/** From the least bound to the greatest. */
function scaleOf(bounds: readonly (Bounds | undefined)[]): Scale {
  const ends = bounds.flatMap((each) => (each === undefined ? [] : [each.low, each.high, each.value])).filter(Number.isFinite);
  return ends.length === 0 ? { from: 0, to: 1 } : { from: Math.min(...ends), to: Math.max(...ends) };
}

function drawBounds(bounds: Bounds | undefined, { from, to }: Scale): string {
  if (bounds === undefined || ![bounds.low, bounds.high, bounds.value].every(Number.isFinite) || to === from) return '';
  const at = (value: number): string => (3 + (194 * (value - from)) / (to - from)).toFixed(1);
  return `<svg viewBox="0 0 200 16" role="img" aria-label="interval"><line x1="${at(bounds.low)}" x2="${at(bounds.high)}" y1="8" y2="8" stroke="currentColor" stroke-width="3"/><circle cx="${at(bounds.value)}" cy="8" r="4" fill="#14688f"/></svg>`;
}
