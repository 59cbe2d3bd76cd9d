import type { JSX } from 'preact';
import type { Interval, ModelInfo, SourceInfo, VersionInfo } from './client.ts';
import { instant, words } from './format.ts';
import { usePolled } from './hooks.ts';

const SHOWN = ['rocAuc', 'rocAucOverBaseline', 'prAuc', 'f1', 'accuracy', 'precision', 'recall', 'logLoss', 'brier', 'rmse', 'mae', 'r2'];
const UNIT = new Set(['rocAuc', 'prAuc', 'f1', 'accuracy', 'precision', 'recall', 'r2']);
const NAMES: Readonly<Record<string, string>> = { rocAuc: 'ROC AUC', rocAucOverBaseline: 'ahead of baseline', prAuc: 'PR AUC', f1: 'F1', logLoss: 'log loss', brier: 'Brier score', rmse: 'RMSE', mae: 'MAE', r2: 'R²' };

/** The champion with its measured quality beside the baseline that it must beat, and the versions before it. */
export function ModelsPanel({ source }: { source: SourceInfo }): JSX.Element {
  const info = usePolled<ModelInfo[]>('model-info', 5000);
  const name = `churn-${source.name}`;
  const versions = usePolled<VersionInfo[]>(source.champion === null ? undefined : `models/${encodeURIComponent(name)}/versions`, 5000);
  const champion = info.data?.find((model) => model.source === source.name);
  return (
    <section class="card models" aria-labelledby="models-title">
      <header><h2 id="models-title">Models</h2>{champion !== undefined && <span class="muted">champion: {name} version {champion.version}, {words(champion.kind)}</span>}</header>
      {champion === undefined
        ? <p class="empty">No model is registered for {source.name}. <code>npx tideline train {source.name}</code> learns the candidates, compares them with the one-feature baseline and promotes one that passes the gate.</p>
        : (
          <div class="columns">
            <div class="scroll"><MetricTable champion={champion} /></div>
            <div class="scroll"><VersionTable versions={versions.data ?? []} serving={champion.version} /></div>
          </div>
        )}
    </section>
  );
}

function MetricTable({ champion }: { champion: ModelInfo }): JSX.Element {
  const names = SHOWN.filter((metric) => champion.metrics[metric] !== undefined);
  if (names.length === 0) return <p class="empty">The run of version {champion.version} logged no metrics.</p>;
  const hasBaseline = names.some((metric) => champion.baseline[metric] !== undefined);
  return (
    <table>
      <caption>Measured on data later than it learned from</caption>
      <thead><tr><th scope="col">metric</th><th scope="col" class="right">champion</th><th scope="col">interval</th>{hasBaseline && <th scope="col" class="right">baseline</th>}</tr></thead>
      <tbody>
        {names.map((metric) => (
          <tr key={metric}>
            <th scope="row">{NAMES[metric] ?? words(metric)}</th>
            <td class="right strong">{champion.metrics[metric]?.value.toFixed(3)}</td>
            <td><IntervalMark metric={metric} of={champion.metrics[metric]} baseline={champion.baseline[metric]} /></td>
            {hasBaseline && <td class="right muted">{champion.baseline[metric]?.value.toFixed(3) ?? '–'}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Where the value and its interval lie between 0 and 1, with a mark for the baseline. */
function IntervalMark({ metric, of, baseline }: { metric: string; of: Interval | undefined; baseline: Interval | undefined }): JSX.Element | null {
  if (of?.low === undefined || of.high === undefined) return null;
  const text = `${of.low.toFixed(3)} to ${of.high.toFixed(3)}`;
  if (!UNIT.has(metric)) return <span class="muted">{text}</span>;
  const at = (value: number): string => `${100 * Math.min(1, Math.max(0, value))}%`;
  return (
    <span class="interval">
      <span class="track" aria-hidden="true">
        <i class="span" style={{ left: at(of.low), width: `${100 * (of.high - of.low)}%` }} />
        <i class="point" style={{ left: at(of.value) }} />
        {baseline !== undefined && <i class="baseline" style={{ left: at(baseline.value) }} title="baseline" />}
      </span>
      <span class="muted">{text}</span>
    </span>
  );
}

function VersionTable({ versions, serving }: { versions: VersionInfo[]; serving: string }): JSX.Element {
  return (
    <table>
      <caption>Versions</caption>
      <thead><tr><th scope="col">version</th><th scope="col">kind</th><th scope="col" class="right">ROC AUC</th><th scope="col" class="right">registered</th></tr></thead>
      <tbody>
        {versions.slice(0, 8).map((version) => (
          <tr key={version.version}>
            <th scope="row">{version.version} {version.version === serving && <span class="tag">champion</span>}</th>
            <td>{version.kind === undefined ? '–' : words(version.kind)}</td>
            <td class="right">{version.metrics['rocAuc']?.value.toFixed(3) ?? '–'}</td>
            <td class="right muted">{instant(version.createdAt.slice(0, 16))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
