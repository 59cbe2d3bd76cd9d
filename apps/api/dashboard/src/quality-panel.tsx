import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { CheckRunInfo, CheckRunReport, QualityInfo, SourceInfo } from './client.ts';
import { instant } from './format.ts';
import { usePolled } from './hooks.ts';

const RUNS_SHOWN = 10;
const ROWS_SHOWN = 20;

/** Runs of the source's checks, newest first; the chosen one with every check and the first failing rows. */
export function QualityPanel({ source }: { source: SourceInfo }): JSX.Element {
  const quality = usePolled<QualityInfo>(`sources/${encodeURIComponent(source.name)}/checks`, 5000);
  const [chosen, choose] = useState<string | undefined>(undefined);
  const runs = quality.data?.runs ?? [];
  const run = runs.find((known) => known.run === chosen) ?? runs[0];
  const report = usePolled<CheckRunReport>(run === undefined ? undefined : `sources/${encodeURIComponent(source.name)}/checks/${run.run}`, 30_000);
  const suites = quality.data?.suites ?? [];
  return (
    <section class="card quality" aria-labelledby="quality-title">
      <header>
        <h2 id="quality-title">Data quality</h2>
        {runs.length > 0 && <a href={`reports/${encodeURIComponent(source.name)}/index.html`}>all runs</a>}
      </header>
      {run === undefined
        ? <p class="empty">{suites.length === 0
            ? <>No checks are declared for {source.name}: a <code>checks.yaml</code> in its folder does it.</>
            : <>{suites.length} suites and no run yet. <code>npx tideline validate {source.name}</code> runs them.</>}</p>
        : (
          <div class="columns">
            <div class="scroll"><RunTable runs={runs.slice(0, RUNS_SHOWN)} shown={run.run} onChoose={choose} /></div>
            <div class="scroll">{report.data === undefined ? <p class="empty">Asking…</p> : <CheckTable report={report.data} />}</div>
          </div>
        )}
      {report.data !== undefined && report.data.failingRows.length > 0 && <div class="scroll"><FailingTable report={report.data} /></div>}
    </section>
  );
}

function RunTable({ runs, shown, onChoose }: { runs: readonly CheckRunInfo[]; shown: string; onChoose: (run: string) => void }): JSX.Element {
  return (
    <table>
      <caption>Runs</caption>
      <thead><tr><th scope="col">when</th><th scope="col">verdict</th><th scope="col">what does not hold</th><th scope="col" class="right">rejected</th></tr></thead>
      <tbody>
        {runs.map(({ run, atMs, verdict, failed, warned, rejected }) => (
          <tr key={run}>
            <th scope="row"><button type="button" class="link" aria-pressed={run === shown} onClick={() => onChoose(run)}>{instant(new Date(atMs).toISOString().slice(0, 16))}</button></th>
            <td><span class={`verdict ${verdict}`}>{verdict}</span></td>
            <td>{[...failed, ...warned].join(', ') || <span class="muted">nothing</span>}</td>
            <td class="right">{rejected.toLocaleString('en-US')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function CheckTable({ report }: { report: CheckRunReport }): JSX.Element {
  return (
    <table>
      <caption>{report.input}</caption>
      <thead><tr><th scope="col">verdict</th><th scope="col">check</th><th scope="col">expected</th><th scope="col">found</th></tr></thead>
      <tbody>
        {report.results.map(({ suite, check, verdict, expected, found }) => (
          <tr key={`${suite}/${check}`}>
            <td><span class={`verdict ${verdict}`}>{verdict}</span></td>
            <th scope="row">{check} <span class="muted">{suite}</span></th>
            <td>{expected}</td>
            <td>{found}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function FailingTable({ report }: { report: CheckRunReport }): JSX.Element {
  return (
    <table>
      <caption>Failing rows{report.failingRows.length > ROWS_SHOWN ? `, the first ${ROWS_SHOWN}` : ''}</caption>
      <thead><tr><th scope="col">reason</th><th scope="col">file</th><th scope="col" class="right">byte</th><th scope="col">original</th></tr></thead>
      <tbody>
        {report.failingRows.slice(0, ROWS_SHOWN).map(({ reason, detail, file, byteOffset, original }, row) => (
          <tr key={row}>
            <th scope="row" title={detail}>{reason}</th>
            <td>{file}</td>
            <td class="right">{byteOffset}</td>
            <td><code>{original.slice(0, 200)}</code></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
