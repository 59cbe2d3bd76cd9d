/** A metric with its confidence interval where the run logged one. */
export interface MetricWithInterval {
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

const BOUND = /^(.*)[._/-](low|high)$/;
const BASELINE = /^baseline[._/-](.*)$/;

/**
 * Sorts a run's flat metrics: `rocAuc`, `rocAuc_low`, `rocAuc_high` become one metric with an interval, and those under
 * `baseline_` the same of the one-feature baseline (the separator may be `_`, `.`, `/` or `-`).
 */
export function groupMetrics(flat: Readonly<Record<string, number>>): {
  metrics: Record<string, MetricWithInterval>;
  baseline: Record<string, MetricWithInterval>;
} {
  const groups = { metrics: new Map<string, MetricWithInterval>(), baseline: new Map<string, MetricWithInterval>() };
  const place = (name: string): { group: Map<string, MetricWithInterval>; name: string } => {
    const baseline = BASELINE.exec(name)?.[1];
    return baseline === undefined ? { group: groups.metrics, name } : { group: groups.baseline, name: baseline };
  };
  for (const [flatName, value] of Object.entries(flat)) {
    const { group, name } = place(flatName);
    const bound = BOUND.exec(name);
    if (bound !== null && Object.hasOwn(flat, flatName.slice(0, flatName.length - bound[2]!.length - 1))) continue;
    group.set(name, { value, ...interval(flat, flatName) });
  }
  return { metrics: Object.fromEntries(groups.metrics), baseline: Object.fromEntries(groups.baseline) };
}

function interval(flat: Readonly<Record<string, number>>, name: string): { low?: number; high?: number } {
  for (const separator of ['_', '.', '/', '-']) {
    const low = flat[`${name}${separator}low`];
    const high = flat[`${name}${separator}high`];
    if (low !== undefined && high !== undefined) return { low, high };
  }
  return {};
}
