import type { WindowDefinition, WrittenKind } from './compose-aggregate.ts';
import { parseDuration, parseRecordCount } from './duration.ts';
import type { Schema } from './parse-schema.ts';
import { describe, type Fields } from './yaml-fields.ts';

const OF_SESSIONS: readonly WrittenKind[] = ['count', 'sum', 'mean', 'min', 'max', 'duration'];
const LONGEST_MS = 100 * 366 * 86_400_000;

/** Windows, horizons and schedules lie on tile borders. */
export function checkTiles(fields: Fields, key: string, ms: number | undefined, schema: Pick<Schema, 'tileMs'>): void {
  if (ms === undefined || schema.tileMs === undefined || ms === 0) return;
  if (ms % schema.tileMs !== 0) fields.file.report(fields.at(key), `${key}: expected a multiple of the tile (${schema.tileMs / 1000} s), found ${describe(fields.at(key))}`);
}

/** Reads an aggregate's `window` or `tumbling`, `offset` and `session` (of `sessions`: its gap). */
export function parseWindow(name: string, kind: WrittenKind, fields: Fields, schema: Schema): WindowDefinition {
  const window = schema.time === undefined ? parseRecords(fields) : parseTimes(fields, schema);
  const gapMs = parseGap(name, kind, fields, schema);
  if (gapMs === undefined) return window;
  const gapKey = kind === 'sessions' ? 'sessions' : 'session';
  if (window.windowMs !== undefined && gapMs > window.windowMs) {
    fields.file.report(fields.at(gapKey), `${gapKey}: expected a gap up to the window, found ${describe(fields.at(gapKey))}`);
  }
  return { ...window, sessionMs: gapMs };
}

function parseTimes(fields: Fields, schema: Schema): WindowDefinition {
  const tumbling = fields.has('tumbling');
  if (!tumbling) fields.need('window');
  else if (fields.has('window')) fields.file.report(fields.at('tumbling'), 'tumbling: expected instead of window, found both');
  const key = tumbling ? 'tumbling' : 'window';
  const windowMs = timeOf(fields, key, schema);
  const offsetMs = timeOf(fields, 'offset', schema);
  if (tumbling && windowMs !== undefined && offsetMs !== undefined && offsetMs % windowMs !== 0) {
    fields.file.report(fields.at('offset'), `offset: expected a multiple of the tumbling window, found ${describe(fields.at('offset'))}`);
  }
  return { windowMs, windowRecords: undefined, ...(offsetMs === undefined ? {} : { offsetMs }), ...(tumbling ? { tumbling: true } : {}) };
}

/** A duration of whole tiles above 0. */
export function timeOf(fields: Fields, key: string, schema: Pick<Schema, 'tileMs'>): number | undefined {
  const text = fields.source(key);
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0 || ms > LONGEST_MS) fields.file.report(fields.at(key), `${key}: expected a duration such as 30d, found '${text}'`);
  checkTiles(fields, key, ms, schema);
  return ms;
}

function parseRecords(fields: Fields): WindowDefinition {
  for (const key of ['tumbling', 'session']) if (fields.has(key)) fields.file.report(fields.at(key), `${key}: expected only for a source with time; without, window: N records`);
  fields.need('window');
  const windowRecords = recordsOf(fields, 'window');
  const offsetRecords = recordsOf(fields, 'offset');
  return { windowMs: undefined, windowRecords, ...(offsetRecords === undefined ? {} : { offsetRecords }) };
}

/** A number of records above 0. */
export function recordsOf(fields: Fields, key: string): number | undefined {
  const text = fields.source(key);
  if (text === undefined) return undefined;
  const count = parseRecordCount(text);
  if (count === undefined) fields.file.report(fields.at(key), `${key}: expected a number of records such as 500 records, found '${text}'`);
  return count;
}

function parseGap(name: string, kind: WrittenKind, fields: Fields, schema: Schema): number | undefined {
  const { file } = fields;
  if (kind === 'sessions') {
    if (schema.time === undefined) file.report(fields.map, `${name}: sessions expected only for a source with time`);
    if (fields.has('session')) file.report(fields.at('session'), 'session: expected with one session\'s aggregates, found it beside sessions, which names the gap itself');
    return gapOf(fields, 'sessions');
  }
  if (kind === 'duration' && schema.time !== undefined) fields.need('session');
  if (kind === 'duration' && schema.time === undefined) file.report(fields.map, `${name}: duration expected only for a source with time`);
  if (schema.time === undefined || !fields.has('session')) return undefined;
  if (!OF_SESSIONS.includes(kind)) file.report(fields.at('session'), `session: expected with one of ${OF_SESSIONS.join(', ')}, found ${kind}`);
  return gapOf(fields, 'session');
}

function gapOf(fields: Fields, key: string): number | undefined {
  const text = fields.source(key);
  const ms = text === undefined ? undefined : parseDuration(text);
  if (text !== undefined && (ms === undefined || ms === 0)) fields.file.report(fields.at(key), `${key}: expected a gap such as 30m, found '${text}'`);
  return ms;
}
