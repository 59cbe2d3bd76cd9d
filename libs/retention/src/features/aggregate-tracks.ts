import assert from 'node:assert/strict';
import type { ColumnType, ScalarType } from '../records/columns.ts';
import type { AggregateDefinition, AggregateKind, Source } from '../sources/source.ts';

/**
 * What the state keeps per tile (or per record): one for all aggregates that share kind, column and filter and differ only in
 * their window.
 */
export interface Track {
  readonly kind: AggregateKind;
  readonly of: string | undefined;
  readonly where: string | undefined;
  /** Type of the column aggregated; undefined for `count`. */
  readonly type: ScalarType | undefined;
  /** `10^scale` of a decimal column: partials are that many times their finished value. */
  readonly unit: number;
  /** Values are text, kept as ids of a value table. */
  readonly interned: boolean;
}

/** One finished value: the track it reads and how far back. */
export interface TrackedAggregate {
  readonly name: string;
  readonly track: number;
  /** Whole tiles, or records for sources without time. */
  readonly window: number;
  readonly limit: number;
}

/** The state that a source's aggregates need. Tracks come in the order of `kinds`, aggregates in that of their definition. */
export interface TrackPlan {
  readonly tracks: readonly Track[];
  readonly aggregates: readonly TrackedAggregate[];
  /** Position in `aggregates` of the count that decides whether an entity exists; after the definition's own. -1 without one. */
  readonly population: number;
  /** Undefined for a source without time. */
  readonly tileMs: number | undefined;
  /** The longest window, in tiles or records. */
  readonly span: number;
}

const kinds: readonly AggregateKind[] = ['count', 'sum', 'min', 'max', 'last', 'distinct'];

/** Shares tracks between aggregates and turns windows into whole tiles; a window that is not a multiple of the tile is our mistake. */
export function planTracks(source: Pick<Source, 'columns' | 'derived' | 'features' | 'tileMs'>): TrackPlan {
  const { aggregates, population } = source.features;
  const wanted = aggregates.map((definition) => ({ definition, track: trackOf(definition, source) }));
  // A population that a snapshot table names is the versions' matter.
  const counted = population !== undefined && population.from === undefined ? population : undefined;
  if (counted !== undefined) {
    const { where, windowMs } = counted;
    const definition: AggregateDefinition = {
      name: 'population', kind: 'count', of: undefined, where, windowMs, windowRecords: undefined, limit: undefined,
    };
    wanted.push({ definition, track: trackOf(definition, source) });
  }
  const byKey = new Map(wanted.map(({ track }) => [keyOf(track), track]));
  const tracks = [...byKey.values()].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
  const positions = new Map(tracks.map((track, position) => [keyOf(track), position]));
  const tracked = wanted.map(({ definition, track }) => ({
    name: definition.name,
    track: positions.get(keyOf(track)) ?? -1,
    window: windowOf(definition, source.tileMs),
    limit: definition.limit ?? Infinity,
  }));
  return {
    tracks,
    aggregates: tracked,
    population: counted === undefined ? -1 : tracked.length - 1,
    tileMs: source.tileMs,
    span: tracked.reduce((most, { window }) => Math.max(most, window), 0),
  };
}

function trackOf(definition: AggregateDefinition, source: Pick<Source, 'columns' | 'derived'>): Track {
  const { kind, of, where } = definition;
  if (kind === 'count' || of === undefined) return { kind, of: undefined, where, type: undefined, unit: 1, interned: false };
  const type = columnType(source, of);
  assert(type.name !== 'list', `expected a scalar column for ${definition.name}, found the list ${of}`);
  const interned = type.name === 'string';
  return { kind, of, where, type, unit: type.name === 'decimal' ? 10 ** type.scale : 1, interned };
}

function columnType(source: Pick<Source, 'columns' | 'derived'>, name: string): ColumnType {
  const found = [...source.columns, ...source.derived].find((column) => column.name === name);
  assert(found !== undefined, `expected a column of the source, found ${name}`);
  return found.type;
}

function keyOf({ kind, of, where }: Track): string {
  return JSON.stringify([kind, of ?? null, where ?? null]);
}

function windowOf({ name, windowMs, windowRecords }: AggregateDefinition, tileMs: number | undefined): number {
  if (tileMs === undefined) {
    assert(windowRecords !== undefined && windowRecords > 0, `expected a window in records for ${name} of a source without time`);
    return windowRecords;
  }
  assert(windowMs !== undefined && windowMs > 0 && windowMs % tileMs === 0, `expected a window of whole tiles of ${tileMs} ms for ${name}, found ${windowMs}`);
  return windowMs / tileMs;
}
