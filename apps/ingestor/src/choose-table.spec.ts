// Goal: a file of a source of several tables goes into the table that it is of, resumes there, and nothing of a file that is of none gets on the log.
// Method: small files of the synthetic subscription, replayed by themselves in both orders, stopped and resumed, named wrongly, with wrong headers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryEventLog, readTextFolders, type EventLog, type SchemaRegistry } from '#tideline/platform';
import { generateTables, RecordCodec, SOURCE_FILE_NAMES, sourcesOrThrow, tableIndexes } from '#tideline/retention';
import { SimulatedClock } from '../../../libs/streaming/src/fixtures.ts';
import { replayFile, type ReplayOptions, type ReplaySummary } from './replay.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const sources = sourcesOrThrow(await readTextFolders(join(root, 'sources'), SOURCE_FILE_NAMES));
const subscription = sources.find(({ name }) => name === 'subscription')!;
const registry: SchemaRegistry = { register: async () => 3, schemaById: async () => ({ schema: '', type: 'AVRO' }), close: async () => undefined };

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'tideline-tables-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const textOf = (table: string): string => {
  const file = generateTables('subscription', { seed: 5, entities: 20, days: 10 }).find((one) => one.table === table)!;
  return Buffer.concat([...file.blocks]).toString();
};

function replay(log: EventLog, text: string, more: Partial<ReplayOptions> = {}, name = 'file.csv'): Promise<ReplaySummary> {
  const path = join(folder, name);
  writeFileSync(path, text);
  return replayFile({ source: subscription, path, log, registry, clock: new SimulatedClock(), lockFolder: join(folder, 'locks'), chunkRows: 50, ...more });
}

/** Records on the topic by table. */
async function recordsByTable(log: EventLog): Promise<Record<string, number>> {
  const codec = new RecordCodec(subscription, 3);
  const counts: Record<string, number> = {};
  for (let partition = 0; partition < subscription.deployment.partitions; partition++) {
    for (const batch of await log.read('raw.subscription', partition, 0)) {
      for (const index of tableIndexes(subscription, codec.decode(batch))!) counts[subscription.tables![index]!.name] = (counts[subscription.tables![index]!.name] ?? 0) + 1;
    }
  }
  return counts;
}

const rowsOf = (text: string): number => text.trimEnd().split('\n').length - 1;

describe('files of several tables', () => {
  test('find their table by the header and share the topic', async () => {
    const log = new MemoryEventLog();
    const [events, users] = [textOf('events'), textOf('users')];
    expect(await replay(log, events, {}, 'events.csv')).toMatchObject({ table: 'events', read: rowsOf(events), accepted: rowsOf(events), ended: 'complete' });
    expect(await replay(log, users, {}, 'users.csv')).toMatchObject({ table: 'users', accepted: 20 });
    expect(await recordsByTable(log)).toEqual({ events: rowsOf(events), users: 20 });
    expect(await replay(log, users, {}, 'users.csv')).toMatchObject({ table: 'users', ended: 'already-complete' });
  });

  test('resume in their table', async () => {
    const log = new MemoryEventLog();
    const events = textOf('events');
    expect(await replay(log, events, { stopAfter: 100 })).toMatchObject({ table: 'events', read: 100, ended: 'stopped' });
    const resumed = await replay(log, events);
    expect(resumed).toMatchObject({ table: 'events', read: rowsOf(events), ended: 'complete' });
    expect(resumed.resumedFrom).toBeGreaterThan(0);
    expect(await recordsByTable(log)).toEqual({ events: rowsOf(events) });
  });

  test.each<[string, string, Partial<ReplayOptions>, RegExp]>([
    ['a header of no table', 'a,b\n1,2\n', {}, /does not read as a table of subscription: users: expected the header user_id,.*; events: expected the header event_id,/],
    ['the other table by name', textOf('users'), { table: 'events' }, /does not read as the table events of subscription in the layout "standard": expected the header event_id,/],
    ['a table that is not there', textOf('users'), { table: 'user' }, /expected a table of subscription \(users, events\), found user/],
    ['a pace by time for rows that have none', textOf('users'), { pace: { kind: 'speed', factor: 60 } }, /has no time column to pace by/],
  ])('refuse %s, and nothing is on the log', async (_, text, options, message) => {
    const log = new MemoryEventLog();
    await expect(replay(log, text, options)).rejects.toThrow(message);
    expect(await recordsByTable(log)).toEqual({});
  });

  test('a table is refused where a source has one only', async () => {
    const clicks = sources.find(({ name }) => name === 'user-behavior')!;
    await expect(replay(new MemoryEventLog(), '1,2,3,pv,1511658000\n', { source: clicks, table: 'clicks' })).rejects.toThrow(/expected no table: user-behavior has one table only, found clicks/);
  });

  test('dead letters say the table', async () => {
    const log = new MemoryEventLog();
    const users = textOf('users').replace('user-3,', ',');
    expect(await replay(log, users)).toMatchObject({ accepted: 19, rejected: 1, rejectedBy: { 'missing-user-id': 1 } });
    const [batch] = await log.read('dead-letter', 0, 0);
    expect(JSON.parse(Buffer.from(batch!.values).toString())).toMatchObject({ source: 'subscription', table: 'users', reason: 'missing-user-id' });
  });
});
