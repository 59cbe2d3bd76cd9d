import type { WrittenKind } from '../sources/compose-aggregate.ts';
import type { AggregateDefinition, AggregateKind } from '../sources/source.ts';
import { sampleDeviation } from './sample-deviation.ts';

/**
 * What an aggregate sees of one record: its event time, its place in the partition, and the value (exact: integers for sums). Records without
 * a value (null) take part in sessions only.
 */
export interface Observation {
  readonly timeMs: number;
  readonly sequence: number;
  readonly value: number | string | null;
}

/**
 * One way to summarise records: `add` and `merge` give the same partial for any grouping and any order of the same records, and
 * partials are exact, so that layers which see records in other groups agree to the bit. Division belongs to `finish`.
 */
export interface Aggregate<Partial> {
  readonly kind: AggregateKind | WrittenKind;
  empty(): Partial;
  add(partial: Partial, observation: Observation): Partial;
  merge(a: Partial, b: Partial): Partial;
  /** The value over the partial's records; of none 0 for counts and sums, null for others. */
  finish(partial: Partial): number | string | null;
}

type Extreme = number | null;
type Place = Observation | null;

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

const squares: Aggregate<number> = { ...sum, kind: 'squares', add: (partial, { value }) => partial + Number(value) * Number(value) };

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

const distinct: Aggregate<ReadonlySet<Observation['value']>> = {
  kind: 'distinct',
  empty: () => new Set(),
  add: (partial, { value }) => partial.has(value) ? partial : new Set([...partial, value]),
  merge: (a, b) => new Set([...a, ...b]),
  finish: (partial) => partial.size,
};

/** The value of the newest or the oldest record by (event time, sequence): two records never share both. */
function place(kind: 'first' | 'last', pick: (a: Observation, b: Observation) => Observation): Aggregate<Place> {
  const merge = (a: Place, b: Place): Place => a === null || b === null ? a ?? b : pick(a, b);
  return { kind, empty: () => null, add: merge, merge, finish: (partial) => partial === null ? null : partial.value };
}

function isAfter(a: Observation, b: Observation): boolean {
  return a.timeMs > b.timeMs || (a.timeMs === b.timeMs && a.sequence > b.sequence);
}

/** The value `back` records before as-of, 1 the newest; the partial is that many newest records, newest first. */
export function lagOf(back: number): Aggregate<readonly Observation[]> {
  const merge = (a: readonly Observation[], b: readonly Observation[]): readonly Observation[] => [...a, ...b].sort((x, y) => isAfter(x, y) ? -1 : 1).slice(0, back);
  return { kind: 'lag', empty: () => [], add: (partial, observation) => merge(partial, [observation]), merge, finish: (partial) => partial.at(back - 1)?.value ?? null };
}

const mean: Aggregate<readonly [sum: number, count: number]> = {
  kind: 'mean',
  empty: () => [0, 0],
  add: ([total, n], { value }) => [total + Number(value), n + 1],
  merge: (a, b) => [a[0] + b[0], a[1] + b[1]],
  finish: ([total, n]) => n === 0 ? null : total / n,
};

const stddev: Aggregate<readonly [count: number, sum: number, squares: number]> = {
  kind: 'stddev',
  empty: () => [0, 0, 0],
  add: ([n, total, squared], { value }) => [n + 1, total + Number(value), squared + Number(value) ** 2],
  merge: (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]],
  finish: ([n, total, squared]) => n < 2 ? null : sampleDeviation(n, total, squared),
};

/** Records no further apart than the gap from one to the next, and what an aggregate has of them. */
interface Session<Partial> {
  readonly startMs: number;
  readonly endMs: number;
  readonly partial: Partial;
}

type Sessions<Partial> = readonly Session<Partial>[];

/** Sessions split by a gap: records only ever bring sessions together, so that any order of them ends alike. */
function sessionsOf<Partial>(
  kind: Aggregate<unknown>['kind'], gapMs: number, inner: Aggregate<Partial>, finish: (sessions: Sessions<Partial>) => number | string | null,
): Aggregate<Sessions<Partial>> {
  const merge = (a: Sessions<Partial>, b: Sessions<Partial>): Sessions<Partial> => {
    const merged: Session<Partial>[] = [];
    for (const session of [...a, ...b].sort((x, y) => x.startMs - y.startMs)) {
      const before = merged.at(-1);
      if (before === undefined || session.startMs - before.endMs > gapMs) merged.push(session);
      else merged[merged.length - 1] = { startMs: before.startMs, endMs: Math.max(before.endMs, session.endMs), partial: inner.merge(before.partial, session.partial) };
    }
    return merged;
  };
  const alone = (observation: Observation): Session<Partial> => {
    const { timeMs, value } = observation;
    return { startMs: timeMs, endMs: timeMs, partial: value === null ? inner.empty() : inner.add(inner.empty(), observation) };
  };
  return { kind, empty: () => [], add: (partial, observation) => merge(partial, [alone(observation)]), merge, finish };
}

/** How many sessions there are. */
export function sessionCountOf(gapMs: number): Aggregate<Sessions<number>> {
  return sessionsOf('sessions', gapMs, count, (sessions) => sessions.length);
}

/** Milliseconds from the first to the last record of the last session. */
export function durationOf(gapMs: number): Aggregate<Sessions<number>> {
  return sessionsOf('duration', gapMs, count, (sessions) => sessions.length === 0 ? null : sessions[sessions.length - 1].endMs - sessions[sessions.length - 1].startMs);
}

/** An aggregate of the last session alone. */
export function ofLastSession<Partial>(gapMs: number, inner: Aggregate<Partial>): Aggregate<Sessions<Partial>> {
  return sessionsOf(inner.kind, gapMs, inner, (sessions) => inner.finish(sessions.at(-1)?.partial ?? inner.empty()));
}

/**
 * The definition of every aggregate kind that needs no number, in its plainest form. Rolling state (`WindowState`) computes the same
 * faster and is tested against these.
 */
export const aggregates = {
  count,
  sum,
  squares,
  min: extreme('min', Math.min),
  max: extreme('max', Math.max),
  distinct,
  first: place('first', (a, b) => isAfter(a, b) ? b : a),
  last: place('last', (a, b) => isAfter(a, b) ? a : b),
  mean,
  stddev,
} as const;

/** The aggregate of a definition, whatever its window. */
export function aggregateOf({ kind, back = 1, sessionMs }: Pick<AggregateDefinition, 'kind' | 'back' | 'sessionMs'>): Aggregate<unknown> {
  if (kind === 'lag') return lagOf(back) as Aggregate<unknown>;
  if (kind === 'sessions') return sessionCountOf(sessionMs ?? 0) as Aggregate<unknown>;
  if (kind === 'duration') return durationOf(sessionMs ?? 0) as Aggregate<unknown>;
  const plain = aggregates[kind] as Aggregate<unknown>;
  return sessionMs === undefined ? plain : ofLastSession(sessionMs, plain) as Aggregate<unknown>;
}
