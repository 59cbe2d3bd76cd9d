import type { WrittenKind } from '../sources/compose-aggregate.ts';
import type { AggregateDefinition } from '../sources/source.ts';

/** One record as the naive twin keeps it: its columns by name; decimals as scaled integers. */
export interface NaiveRecord {
  readonly entity: string;
  readonly timeMs: number;
  readonly columns: Readonly<Record<string, number | string | null>>;
  /** Names of the `where` expressions that hold for it. */
  readonly holds: ReadonlySet<string>;
}

/** An aggregate as the twin takes it: of state and SQL, or as files write it. */
export interface NaiveDefinition extends Omit<AggregateDefinition, 'name' | 'kind' | 'limit'> {
  readonly kind: AggregateDefinition['kind'] | WrittenKind;
  /** What scaled integers are divided by in the value; 1 when left out. */
  readonly unit?: number;
  /** Of `time_since`. */
  readonly since?: 'first' | 'last';
}

type Value = number | string | null;

const MONDAY_MS = Date.UTC(1970, 0, 5);

/**
 * An aggregate of one entity as of a time, straight from its definition: keep all records, filter those in the window, compute. `records` are
 * in the order in which the log holds them. Slow on purpose: the twin of `WindowState`.
 */
export function naiveValueAsOf(records: readonly NaiveRecord[], entity: string, definition: NaiveDefinition, asOfMs: number): Value {
  const { windowMs, offsetMs = 0, tumbling } = definition;
  if (windowMs === undefined) throw new TypeError('expected an aggregate with a time window');
  const sinceBorder = (((asOfMs - MONDAY_MS) % windowMs) + windowMs) % windowMs;
  const endMs = asOfMs - (tumbling === true ? sinceBorder : 0) - offsetMs;
  return naiveValue(records.filter((record) => record.entity === entity && record.timeMs < endMs && record.timeMs >= endMs - windowMs), definition, asOfMs);
}

/** An aggregate over the entity's last n of `records`, straight from its definition: the twin of `RecordRings`. */
export function naiveValueOfLast(records: readonly NaiveRecord[], entity: string, definition: NaiveDefinition): Value {
  const { windowRecords, offsetRecords = 0 } = definition;
  if (windowRecords === undefined) throw new TypeError('expected an aggregate over records');
  const own = records.filter((record) => record.entity === entity);
  const end = Math.max(0, own.length - offsetRecords);
  return naiveValue(own.slice(Math.max(0, end - windowRecords), end), definition, NaN);
}

function naiveValue(records: readonly NaiveRecord[], definition: NaiveDefinition, asOfMs: number): Value {
  const { kind, of, where, sessionMs, unit = 1 } = definition;
  const matching = records.filter((record) => where === undefined || record.holds.has(where))
    .map((record, sequence) => ({ ...record, sequence })).sort((a, b) => a.timeMs - b.timeMs || a.sequence - b.sequence);
  const sessions = sessionMs === undefined ? [matching] : sessionsOf(matching, sessionMs);
  const kept = sessions.at(-1) ?? [];
  if (kind === 'sessions') return sessions.length;
  if (kind === 'duration') return kept.length === 0 ? null : (kept[kept.length - 1].timeMs - kept[0].timeMs) / unit;
  if (kind === 'time_since') return kept.length === 0 ? null : (asOfMs - kept[definition.since === 'first' ? 0 : kept.length - 1].timeMs) / unit;
  if (kind === 'count' && of === undefined) return kept.length;
  const values = kept.map((record) => of === undefined ? null : record.columns[of]).filter((value) => value !== null);
  return valueOf(kind, values, unit, definition.back ?? 1);
}

/** A record that comes more than the gap after the one before it opens a session. */
function sessionsOf<R extends { readonly timeMs: number }>(records: readonly R[], gapMs: number): R[][] {
  const sessions: R[][] = [];
  records.forEach((record, k) => {
    if (k === 0 || record.timeMs - records[k - 1].timeMs > gapMs) sessions.push([]);
    sessions.at(-1)?.push(record);
  });
  return sessions;
}

/** An aggregate of the values in order, oldest first. */
function valueOf(kind: NaiveDefinition['kind'], values: readonly (number | string)[], unit: number, back: number): Value {
  const finished = (value: number | string | undefined): Value => typeof value === 'number' ? value / unit : value ?? null;
  const numbers = values.map(Number);
  const total = numbers.reduce((sum, value) => sum + value, 0);
  switch (kind) {
    case 'count': return values.length;
    case 'distinct': return new Set(values).size;
    case 'first': return finished(values[0]);
    case 'last': return finished(values.at(-1));
    case 'lag': return finished(values.at(-back));
    case 'sum': return total / unit;
    case 'squares': return numbers.reduce((sum, value) => sum + value * value, 0);
    case 'mean': return numbers.length === 0 ? null : total / unit / numbers.length;
    case 'stddev': return deviationOf(numbers, unit);
    case 'min': return numbers.length === 0 ? null : Math.min(...numbers) / unit;
    case 'max': return numbers.length === 0 ? null : Math.max(...numbers) / unit;
    default: throw new TypeError(`expected a kind with one value, found ${kind}`);
  }
}

/** From all pairs: the sum of squared differences over n (n - 1), in integers. */
function deviationOf(numbers: readonly number[], unit: number): number | null {
  const count = numbers.length;
  if (count < 2) return null;
  const differences = numbers.reduce((sum, a, k) => numbers.slice(k + 1).reduce((inner, b) => inner + (a - b) ** 2, sum), 0);
  return Math.sqrt(differences / (count * (count - 1))) / unit;
}
