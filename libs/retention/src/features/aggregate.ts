import type { AggregateKind } from '../sources/source.ts';

/** What an aggregate sees of one record: its event time, its place in the partition, and the value (exact: integers for sums). */
export interface Observation {
  readonly timeMs: number;
  readonly sequence: number;
  readonly value: number | string;
}

/**
 * One way to summarise records: `add` and `merge` give the same partial for any grouping and any order of the same records, and
 * partials are exact, so that layers which see records in other groups agree to the bit. Division belongs to `finish`.
 */
export interface Aggregate<Partial> {
  readonly kind: AggregateKind;
  empty(): Partial;
  add(partial: Partial, observation: Observation): Partial;
  merge(a: Partial, b: Partial): Partial;
  /** The value over the partial's records; null for `min`, `max` and `last` of none. */
  finish(partial: Partial): number | string | null;
}

type Extreme = number | null;
type Last = Observation | null;

const count: Aggregate<number> = {
  kind: 'count',
  empty: () => 0,
  add: (partial) => partial + 1,
  merge: (a, b) => a + b,
  finish: (partial) => partial,
};

const sum: Aggregate<number> = {
  kind: 'sum',
  empty: () => 0,
  add: (partial, { value }) => partial + Number(value),
  merge: (a, b) => a + b,
  finish: (partial) => partial,
};

function extreme(kind: 'min' | 'max', pick: (a: number, b: number) => number): Aggregate<Extreme> {
  const merge = (a: Extreme, b: Extreme): Extreme => a === null ? b : b === null ? a : pick(a, b);
  return {
    kind,
    empty: () => null,
    add: (partial, { value }) => merge(partial, Number(value)),
    merge,
    finish: (partial) => partial,
  };
}

const distinct: Aggregate<ReadonlySet<number | string>> = {
  kind: 'distinct',
  empty: () => new Set(),
  add: (partial, { value }) => partial.has(value) ? partial : new Set([...partial, value]),
  merge: (a, b) => new Set([...a, ...b]),
  finish: (partial) => partial.size,
};

/** The value of the newest record by (event time, sequence): two records never share both. */
const last: Aggregate<Last> = {
  kind: 'last',
  empty: () => null,
  add: (partial, observation) => newer(partial, observation),
  merge: newer,
  finish: (partial) => partial === null ? null : partial.value,
};

function newer(a: Last, b: Last): Last {
  if (a === null || b === null) return a ?? b;
  return b.timeMs > a.timeMs || (b.timeMs === a.timeMs && b.sequence > a.sequence) ? b : a;
}

/**
 * The definition of every aggregate kind, in its plainest form. Rolling state (`WindowState`) computes the same faster and is
 * tested against these.
 */
export const aggregates = {
  count,
  sum,
  min: extreme('min', Math.min),
  max: extreme('max', Math.max),
  distinct,
  last,
} as const;
