import type { CheckResult } from '#tideline/retention';
import type { FailingRow, RunReport, RunSummary } from './run-report.ts';

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c2530;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde3ea;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
.passed{color:#1a7f4b}.warned{color:#9a6700}.failed,.refused{color:#b42318}.muted{color:#5b6773}code{font-size:.85em;word-break:break-all}
@media(prefers-color-scheme:dark){body{background:#12171d;color:#e4e9ee}th,td{border-color:#2b343e}.passed{color:#5fd39a}.warned{color:#e3b341}.failed,.refused{color:#ff8a80}.muted{color:#93a0ad}}`;

/** The document of one run: every check, then the first failing rows. It stands alone: no script, nothing loaded. */
export function runPage(report: RunReport): string {
  const { source, run, atMs, mode, verdict, input, results, failingRows, rejected, absent, counts } = report;
  const suites = [...new Set(results.map((result) => result.suite))];
  const body = [
    `<p><a href="index.html">all runs of ${escape(source)}</a></p>`,
    `<h1>${escape(source)}: <span class="${verdict}">${verdict}</span></h1>`,
    `<p class="muted">${escape(MODES[mode])} ${escape(input)}, ${new Date(atMs).toISOString()}, run ${escape(run)}</p>`,
    ...suites.map((suite) => suiteSection(suite, results.filter((result) => result.suite === suite))),
    ...(absent.length === 0 ? [] : [`<p class="muted">Not looked at, since their table does not exist yet: ${absent.map(escape).join(', ')}</p>`]),
    ...(Object.keys(counts).length === 0 ? [] : ['<h2>Counted</h2>', table(['what', 'how many'], Object.entries(counts).map(([name, count]) => [escape(name), number(count)]))]),
    ...(failingRows.length === 0 ? [] : [rowSection(failingRows, rejected)]),
  ];
  return page(`${source}: ${verdict}`, body);
}

/** The index of a source's runs, newest first. */
export function indexPage(source: string, runs: readonly RunSummary[]): string {
  const rows = runs.map(({ run, atMs, mode, verdict, input, checks, failed, warned, rejected }) => [
    `<a href="${encodeURIComponent(run)}.html">${new Date(atMs).toISOString()}</a>`, `<span class="${verdict}">${verdict}</span>`, mode, escape(input), number(checks),
    [...failed.map((name) => `<span class="failed">${escape(name)}</span>`), ...warned.map((name) => `<span class="warned">${escape(name)}</span>`)].join(', '), number(rejected),
  ]);
  return page(`Data quality of ${source}`, [`<h1>Data quality of ${escape(source)}</h1>`, table(['run', 'verdict', 'mode', 'input', 'checks', 'what does not hold', 'rejected'], rows)]);
}

const MODES = { lake: 'Tables of the lake', file: 'A file that was not loaded', load: 'A delivery' } as const;

function suiteSection(name: string, results: readonly CheckResult[]): string {
  const rows = results.map(({ check, severity, verdict, expected, found, rows: looked, failing }) => [
    `<span class="${verdict}">${verdict}</span>`, escape(check), severity, escape(expected), escape(found), number(looked), number(failing),
  ]);
  return `<h2>${escape(name)} <span class="muted">${escape(results[0]!.table)}</span></h2>${table(['', 'check', 'severity', 'expected', 'found', 'rows', 'failing'], rows)}`;
}

function rowSection(rows: readonly FailingRow[], rejected: number): string {
  const cells = rows.map(({ reason, detail, file, byteOffset, original }) => [escape(reason), escape(detail), escape(file), number(byteOffset), `<code>${escape(original.slice(0, 2000))}</code>`]);
  const head = rejected > rows.length ? `The first ${rows.length} of ${rejected.toLocaleString('en-US')} failing rows` : 'Failing rows';
  return `<h2>${head}</h2>${table(['reason', 'detail', 'file', 'byte', 'original'], cells)}`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => (text.startsWith(NUMBER) ? `<td class="n">${text.slice(NUMBER.length)}</td>` : `<td>${text}</td>`);
  return `<table><thead><tr>${header.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody>${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('')}</tbody></table>`;
}

/** Marks a cell as a number, to the right; no escaped text begins so. */
const NUMBER = '<n>';
const number = (value: number): string => `${NUMBER}${value.toLocaleString('en-US')}`;

function page(title: string, body: readonly string[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style></head><body>\n${body.join('\n')}\n</body></html>\n`;
}

/** What comes from data must stay text. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
