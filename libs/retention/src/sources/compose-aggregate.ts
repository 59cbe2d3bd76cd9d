import type { AggregateDefinition, AggregateKind, ComposedAggregate } from './source.ts';

/** Kinds as files write them. */
export const WRITTEN_KINDS = ['count', 'sum', 'mean', 'stddev', 'min', 'max', 'distinct', 'first', 'last', 'lag', 'sequence', 'time_since', 'duration', 'sessions'] as const;
export type WrittenKind = typeof WRITTEN_KINDS[number];

/** Where an aggregate looks: the parts of its definition that say which records count, `where` apart. */
export type WindowDefinition = Pick<AggregateDefinition, 'windowMs' | 'windowRecords' | 'offsetMs' | 'offsetRecords' | 'tumbling' | 'sessionMs'>;

/** An aggregate as a file writes it, checked. */
export interface WrittenAggregate {
  readonly name: string;
  readonly kind: WrittenKind;
  readonly of: string | undefined;
  /** Whether `of` may be null, so that values are fewer than records. */
  readonly nullable: boolean;
  readonly where: string | undefined;
  readonly window: WindowDefinition;
  readonly limit: number | undefined;
  /** Values back of a `lag`, or how many a `sequence` has. */
  readonly values: number;
  /** Unit of `time_since` and `duration`. */
  readonly unitMs: number;
  /** The moment that `time_since` counts from. */
  readonly since: 'first' | 'last';
}

/** What state and SQL compute for an aggregate, and how its value is made of that; names of parts hold two underscores. */
export interface AggregateParts {
  readonly parts: readonly AggregateDefinition[];
  readonly composed: ComposedAggregate | undefined;
}

/** Takes an aggregate apart into what is kept exactly. */
export function composeAggregate(written: WrittenAggregate): AggregateParts {
  const { name, kind, of, where, window, limit, values, unitMs } = written;
  const part = (suffix: string, partKind: AggregateKind, column = of): AggregateDefinition =>
    ({ name: suffix === '' ? name : `${name}__${suffix}`, kind: partKind, of: column, where, ...window, limit: undefined });
  const made = (finish: ComposedAggregate['finish'], parts: readonly AggregateDefinition[], unit?: number): AggregateParts =>
    ({ parts, composed: { name, finish, parts: parts.map((item) => item.name), ...(unit === undefined ? {} : { unitMs: unit }) } });
  const count = { ...part('count', 'count'), of: written.nullable ? of : undefined };
  switch (kind) {
    case 'mean': return made('mean', [part('sum', 'sum'), count]);
    case 'stddev': return made('stddev', [count, part('sum', 'sum'), part('squares', 'squares')]);
    case 'time_since': return made('time_since', [part(written.since, written.since === 'first' ? 'min' : 'max')], unitMs);
    case 'duration': return made('duration', [part('ms', 'duration')], unitMs);
    case 'sequence': return made('sequence', Array.from({ length: values }, (_, k) => ({ ...part(String(k + 1), 'lag'), back: k + 1 })));
    case 'lag': return { parts: [{ ...part('', 'lag'), back: values }], composed: undefined };
    default: return { parts: [{ ...part('', kind), limit }], composed: undefined };
  }
}
