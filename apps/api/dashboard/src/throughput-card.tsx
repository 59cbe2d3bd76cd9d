import { useEffect, useRef } from 'preact/hooks';
import type { JSX } from 'preact';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Live, SourceInfo } from './client.ts';
import { count } from './format.ts';
import { useDark } from './hooks.ts';

const SECONDS = 120;
const HEIGHT = 190;

/** Records and scores per second over the last two minutes. */
export function ThroughputCard({ source, live }: { source: SourceInfo; live: Live | undefined }): JSX.Element {
  const rates = live?.sources[source.name];
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const dark = useDark();

  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const created = new uPlot(options(element), empty(), element);
    plot.current = created;
    const observer = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
    };
  }, [dark]);

  useEffect(() => {
    if (rates !== undefined) plot.current?.setData([empty()[0], pad(rates.records), pad(rates.scores)]);
  }, [rates, dark]);

  return (
    <section class="card throughput" aria-labelledby="throughput-title">
      <header><h2 id="throughput-title">Throughput</h2><span class="muted">last two minutes</span></header>
      <dl class="figures">
        <div class="records"><dt>records a second</dt><dd>{count(recent(rates?.records))}</dd></div>
        <div class="scores"><dt>scores a second</dt><dd>{count(recent(rates?.scores))}</dd></div>
        <div><dt>entities live</dt><dd>{count(rates?.entities ?? source.live.entities)}</dd></div>
        <div><dt>scores seen</dt><dd>{count(rates?.scoresTotal ?? source.live.scores)}</dd></div>
      </dl>
      <div ref={holder} class="chart" role="img" aria-label="Records and scores per second over the last two minutes" />
    </section>
  );
}

function recent(series: number[] | undefined): number {
  const last = (series ?? []).slice(-3);
  return last.length === 0 ? 0 : Math.round(last.reduce((sum, value) => sum + value, 0) / last.length);
}

function empty(): [number[], number[], number[]] {
  const zeros = Array.from({ length: SECONDS }, () => 0);
  return [zeros.map((_, index) => index - SECONDS + 1), zeros, zeros];
}

function pad(series: number[]): number[] {
  return [...Array.from({ length: Math.max(0, SECONDS - series.length) }, () => 0), ...series.slice(-SECONDS)];
}

function options(element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 16, 0, 0],
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(5, max * 1.15)] } },
    axes: [
      { ...axis, size: 28, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => (tick === 0 ? 'now' : `${-tick} s`)) },
      { ...axis, size: 56, values: (_, ticks) => ticks.map(count) },
    ],
    series: [
      {},
      { label: 'records', stroke: colour('--records'), width: 2, fill: colour('--records-soft'), points: { show: false } },
      { label: 'scores', stroke: colour('--scores'), width: 2, fill: colour('--scores-soft'), points: { show: false } },
    ],
  };
}
