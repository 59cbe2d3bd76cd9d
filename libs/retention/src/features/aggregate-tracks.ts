import assert from 'node:assert/strict';
import type { ColumnType, ScalarType } from '../records/columns.ts';
import { type AggregateDefinition, type AggregateKind, type Source, TUMBLING_ORIGIN_MS } from '../sources/source.ts';
import { scaleOf } from './aggregate-types.ts';

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
  /** Largest gap inside a session; undefined for windows that are not of sessions. A `count` comes first of the tracks of one gap and filter. */
  readonly gapMs: number | undefined;
}

/** One finished value: the track it reads and how far back. */
export interface TrackedAggregate {
  readonly name: string;
  readonly track: number;
  /** Whole tiles, or records for sources without time. */
  readonly window: number;
  /** How far before as-of the window ends, in the same. */
  readonly offset: number;
  /** The window ends on a multiple of itself. */
  readonly tumbling: boolean;
  /** Of an aggregate over sessions, what of them it is: `duration` and `sessions` read the track of the count. */
  readonly kind: AggregateKind;
  /** For `lag`: 1 is the newest value. */
  readonly back: number;
  readonly limit: number;
}

/** The tile before which an aggregate's window ends as of the border that begins `endTile`. */
export function windowEnd({ window, offset, tumbling }: Pick<TrackedAggregate, 'window' | 'offset' | 'tumbling'>, endTile: number, originTile: number): number {
  return (tumbling ? Math.floor((endTile - originTile) / window) * window + originTile : endTile) - offset;
}

/** The state that a source's aggregates need. Tracks come in the order of `kinds`, aggregates in that of their definition. */
export interface TrackPlan {
  readonly tracks: readonly Track[];
  readonly aggregates: readonly TrackedAggregate[];
  /** Position in `aggregates` of the count that decides whether an entity exists; after the definition's own. -1 without one. */
  readonly population: number;
  /** Undefined for a source without time. */
  readonly tileMs: number | undefined;
  /** The tile at which tumbling windows begin to be counted. */
  readonly originTile: number;
  /** How far back the furthest window reaches, in tiles or records. */
  readonly span: number;
}

const kinds: readonly AggregateKind[] = ['count', 'sum', 'squares', 'min', 'max', 'last', 'first', 'distinct', 'lag'];

/** Shares tracks between aggregates and turns windows into whole tiles; a window that is not a multiple of the tile is our mistake. */
export function planTracks(source: Pick<Source, 'columns' | 'derived' | 'features' | 'tileMs'>): TrackPlan {
  const { aggregates, population } = source.features;
  const { tileMs } = source;
  const wanted = aggregates.map((definition) => ({ definition, track: trackOf(definition, source) }));
  if (population !== undefined) {
    const { where, windowMs } = population;
    const definition: AggregateDefinition = {
      name: 'population', kind: 'count', of: undefined, where, windowMs, windowRecords: undefined, limit: undefined,
    };
    wanted.push({ definition, track: trackOf(definition, source) });
  }
  const tracks = orderTracks(wanted.map(({ track }) => track));
  const positions = new Map(tracks.map((track, position) => [keyOf(track), position]));
  const tracked = wanted.map(({ definition, track }): TrackedAggregate => ({
    name: definition.name,
    track: positions.get(keyOf(track)) ?? -1,
    window: windowOf(definition, tileMs),
    offset: tileMs === undefined ? definition.offsetRecords ?? 0 : tilesOf(definition.name, definition.offsetMs ?? 0, tileMs),
    tumbling: definition.tumbling === true,
    kind: definition.kind,
    back: definition.back ?? 0,
    limit: definition.limit ?? Infinity,
  }));
  return {
    tracks,
    aggregates: tracked,
    population: population === undefined ? -1 : tracked.length - 1,
    tileMs,
    originTile: tileMs === undefined ? 0 : TUMBLING_ORIGIN_MS / tileMs,
    span: tracked.reduce((most, { window, offset, tumbling }) => Math.max(most, window + offset + (tumbling ? window - 1 : 0)), 0),
  };
}

/** Each track once, in the order of `kinds`; then those of sessions, side by side where gap and filter are the same, a count first. */
function orderTracks(wanted: readonly Track[]): Track[] {
  const sessionKey = ({ gapMs, where }: Track): string => JSON.stringify([gapMs, where ?? null]);
  const counts = wanted.filter(({ gapMs }) => gapMs !== undefined).map((track): Track => ({ ...track, kind: 'count', of: undefined, type: undefined, unit: 1, interned: false }));
  const byPlace = (a: Track, b: Track): number => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || Number(a.of !== undefined) - Number(b.of !== undefined);
  const each = [...new Map([...wanted, ...counts].map((track) => [keyOf(track), track])).values()].sort(byPlace);
  const sessions = Map.groupBy(each.filter(({ gapMs }) => gapMs !== undefined), sessionKey);
  return [...each.filter(({ gapMs }) => gapMs === undefined), ...[...sessions.values()].flat()];
}

function trackOf(definition: AggregateDefinition, source: Pick<Source, 'columns' | 'derived'>): Track {
  const { kind, of, where, sessionMs: gapMs } = definition;
  if (of === undefined) {
    assert(kind === 'count' || kind === 'duration' || kind === 'sessions', `expected a column for ${definition.name}`);
    return { kind: 'count', of, where, type: undefined, unit: 1, interned: false, gapMs };
  }
  const type = columnType(source, of);
  assert(type.name !== 'list', `expected a scalar column for ${definition.name}, found the list ${of}`);
  const interned = type.name === 'string' && kind !== 'count';
  return { kind, of, where, type, unit: 10 ** scaleOf({ kind, of }, source), interned, gapMs };
}

function columnType(source: Pick<Source, 'columns' | 'derived'>, name: string): ColumnType {
  const found = [...source.columns, ...source.derived].find((column) => column.name === name);
  assert(found !== undefined, `expected a column of the source, found ${name}`);
  return found.type;
}

function keyOf({ kind, of, where, gapMs }: Track): string {
  return JSON.stringify([kind, of ?? null, where ?? null, gapMs ?? null]);
}

function windowOf({ name, windowMs, windowRecords }: AggregateDefinition, tileMs: number | undefined): number {
  if (tileMs === undefined) {
    assert(windowRecords !== undefined && windowRecords > 0, `expected a window in records for ${name} of a source without time`);
    return windowRecords;
  }
  assert(windowMs !== undefined && windowMs > 0, `expected a window of whole tiles of ${tileMs} ms for ${name}, found ${windowMs}`);
  return tilesOf(name, windowMs, tileMs);
}

function tilesOf(name: string, ms: number, tileMs: number): number {
  assert(ms % tileMs === 0, `expected a window of whole tiles of ${tileMs} ms for ${name}, found ${ms}`);
  return ms / tileMs;
}
