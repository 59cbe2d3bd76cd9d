import type { AggregateDefinition } from '../sources/source.ts';

/** One record as the naive twin keeps it: its columns by name; decimals as scaled integers. */
export interface NaiveRecord {
  readonly entity: string;
  readonly timeMs: number;
  readonly columns: Readonly<Record<string, number | string | null>>;
  /** Names of the `where` expressions that hold for it. */
  readonly holds: ReadonlySet<string>;
}

type Definition = Pick<AggregateDefinition, 'kind' | 'of' | 'where' | 'windowMs' | 'windowRecords'>;

/**
 * An aggregate of one entity as of a time, straight from its definition: keep all records, filter those in
 * `[asOf - window, asOf)`, compute. `records` are in the order in which the log holds them. Slow on purpose: the twin of `WindowState`.
 */
export function naiveValueAsOf(records: readonly NaiveRecord[], entity: string, definition: Definition, asOfMs: number): number | string | null {
  const { windowMs } = definition;
  if (windowMs === undefined) throw new TypeError('expected an aggregate with a time window');
  return naiveValue(records.filter((record) => record.entity === entity && record.timeMs < asOfMs && record.timeMs >= asOfMs - windowMs), definition);
}

/** An aggregate over the entity's last n of `records`, straight from its definition: the twin of `RecordRings`. */
export function naiveValueOfLast(records: readonly NaiveRecord[], entity: string, definition: Definition): number | string | null {
  const { windowRecords } = definition;
  if (windowRecords === undefined) throw new TypeError('expected an aggregate over records');
  return naiveValue(records.filter((record) => record.entity === entity).slice(-windowRecords), definition);
}

function naiveValue(records: readonly NaiveRecord[], { kind, of, where }: Definition): number | string | null {
  const kept = records.filter((record) => where === undefined || record.holds.has(where));
  if (kind === 'count') return kept.length;
  const inOrder = kept
    .map((record, sequence) => ({ timeMs: record.timeMs, sequence, value: of === undefined ? null : record.columns[of] }))
    .filter((item): item is { timeMs: number; sequence: number; value: number | string } => item.value !== null)
    .sort((a, b) => a.timeMs - b.timeMs || a.sequence - b.sequence);
  const values = inOrder.map((item) => item.value);
  if (kind === 'distinct') return new Set(values).size;
  if (kind === 'last') return values.at(-1) ?? null;
  const numbers = values.map(Number);
  if (kind === 'sum') return numbers.reduce((total, value) => total + value, 0);
  if (numbers.length === 0) return null;
  return kind === 'min' ? Math.min(...numbers) : Math.max(...numbers);
}
