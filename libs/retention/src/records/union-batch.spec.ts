// Goal: a table's rows become records and are told apart again; records that no table could have given are refused with a reason. Method: the
// subscription's tables, rows by hand, and what another producer might put on the topic.
import { describe, expect, it } from 'vitest';
import { readSource } from '../decisions/processor-fixtures.ts';
import { ALWAYS_MS, fileSource } from '../sources/source-tables.ts';
import type { ColumnBatch } from './columns.ts';
import { concatenateBatches } from './concatenate-batches.ts';
import { sampleOf } from './inspect-log.ts';
import { LogScanner } from './log-scanner.ts';
import { RecordCodec } from './record-codec.ts';
import { createRefiner } from './refine.ts';
import { createWidener, NO_TABLE, tableIndexes } from './union-batch.ts';

const subscription = readSource('subscription');
const payments = readSource('payments');

function records(source: typeof subscription, table: string, text: string): ColumnBatch {
  const scanner = new LogScanner(fileSource(source, table), { chunkRows: 100, byteOffset: 0, skipHeader: true });
  const chunk = scanner.push(Buffer.from(text))[0] ?? scanner.end()!;
  expect(scanner.problem).toBeUndefined();
  expect(chunk.rejections).toEqual([]);
  return createWidener(source, table)(chunk.batch);
}

const USERS = 'user_id,signup_date,plan,is_paid,country,marketing_source,engagement_score\nu1,2026-01-05,free,false,AR,search,0.5\n';
const EVENTS = 'event_id,user_id,event_time,event_type,course_id,watch_minutes,quiz_score,amount\ne1,u1,2026-01-06T10:00:00Z,video_watch,c1,12.5,,\n';

describe('createWidener', () => {
  it('fills in table and time, and leaves to the others what is theirs', () => {
    const [user] = sampleOf(records(subscription, 'users', USERS), 1);
    expect(user).toMatchObject({ _table: 'users', user_id: 'u1', event_time: '2026-01-05T00:00:00.000Z', signup_date: '2026-01-05T00:00:00.000Z', plan: 'free', is_paid: false, event_type: null, watch_minutes: null });
    const [event] = sampleOf(records(subscription, 'events', EVENTS), 1);
    expect(event).toMatchObject({ _table: 'events', user_id: 'u1', event_time: '2026-01-06T10:00:00.000Z', event_type: 'video_watch', watch_minutes: 12.5, quiz_score: null, plan: null, engagement_score: null });
  });

  it('dates rows that hold always before everything else', () => {
    const [row] = sampleOf(records(payments, 'demographics', 'CUS_CUST_ID_BUY,AGE,GENDER,CARD_TYPE,CITY\n7,34,F,GOLD,Rosario\n'), 1);
    expect(row).toMatchObject({ _table: 'demographics', customer_id: 7, paid_at: new Date(ALWAYS_MS).toISOString(), age: 34, spent: null });
    expect(new Date(ALWAYS_MS).toISOString()).toBe('0001-01-01T00:00:00.000Z');
  });

  it('comes back from the topic as it went', () => {
    const batch = concatenateBatches([records(subscription, 'users', USERS), records(subscription, 'events', EVENTS), records(subscription, 'users', USERS)]);
    const codec = new RecordCodec(subscription, 3);
    const decoded = codec.decode(codec.encode(batch));
    expect(sampleOf(decoded, 10)).toEqual(sampleOf(batch, 10));
    expect([...tableIndexes(subscription, decoded)!]).toEqual([0, 1, 0]);
  });

  it('changes nothing for a source of one table', () => {
    const batch: ColumnBatch = { rowCount: 0, names: [], columns: [] };
    const clicks = readSource('user-behavior');
    expect(createWidener(clicks, undefined)(batch)).toBe(batch);
    expect(tableIndexes(clicks, batch)).toBeUndefined();
  });
});

describe('records that no table gave', () => {
  const refine = createRefiner(subscription);
  const good = records(subscription, 'users', USERS);
  const withColumn = (name: string, change: Partial<ColumnBatch['columns'][number]>): ColumnBatch =>
    ({ ...good, columns: good.columns.map((column, k) => good.names[k] === name ? { ...column, ...change } : column) });

  it('are refused for a value that their table requires', () => {
    expect(refine(good).rejections).toEqual([]);
    expect(refine(withColumn('plan', { nulls: Uint8Array.of(1) })).rejections).toEqual([{ row: 0, reason: 'missing-plan' }]);
  });

  it('are refused for a table that the source has not', () => {
    const foreign = withColumn('_table', { values: Buffer.from('people'), offsets: Int32Array.of(0, 6) });
    expect([...tableIndexes(subscription, foreign)!]).toEqual([NO_TABLE]);
    expect(refine(foreign).rejections).toEqual([{ row: 0, reason: 'unknown-table' }]);
  });
});
