// Goal: a population that a snapshot table names is scored with and without events, live and as it stands. Method: a few users and events by hand
// on one partition, the scores' texts read back.
import { describe, expect, it } from 'vitest';
import { LogScanner } from '../records/log-scanner.ts';
import { packRecords } from '../records/pack-records.ts';
import { createRefiner } from '../records/refine.ts';
import { createWidener } from '../records/union-batch.ts';
import { fileSource } from '../sources/source-tables.ts';
import type { RecordBatchLike } from './live-outputs.ts';
import { codecOf, logisticModel, processorOf, readSource, valuesOf } from './processor-fixtures.ts';
import type { SourceProcessor } from './source-processor.ts';

const source = readSource('subscription');
const HEADERS: Readonly<Record<string, string>> = {
  users: 'user_id,signup_date,plan,is_paid,country,marketing_source,engagement_score',
  events: 'event_id,user_id,event_time,event_type,course_id,watch_minutes,quiz_score,amount',
};

/** Lines of one table as the next batch of the topic. */
function batchOf(table: string, lines: readonly string[], baseOffset: number): RecordBatchLike {
  const scanner = new LogScanner(fileSource(source, table), { chunkRows: 1_000, byteOffset: 0, skipHeader: true });
  const chunk = scanner.push(Buffer.from(`${[HEADERS[table], ...lines].join('\n')}\n`))[0] ?? scanner.end()!;
  expect(chunk.rejections).toEqual([]);
  const { batch, kept } = createRefiner(source)(createWidener(source, table)(chunk.batch));
  const [packed] = packRecords(source, codecOf(source), { batch, kept, byteOffsets: chunk.byteOffsets }, { fileId: 'file-1', loop: 0, createdAtMs: 5, partitions: 1 });
  return { ...packed!.records, topic: `raw.${source.name}`, partition: 0, baseOffset };
}

const user = (id: string, signup: string): string => `${id},${signup},free,false,AR,search,0.5`;
const login = (id: string, time: string): string => `e,${id},${time},login,,,,`;

interface Score { entity: string; featureTime: string; churnProbability: number | null; eventTime: string; reward: number | null }
const scoresOf = (...processed: ReturnType<SourceProcessor['process']>[]): Score[] => valuesOf(processed, 'churn-scores').map((value) => JSON.parse(value.toString()) as Score);

describe('a population that a snapshot table names', () => {
  const processor = processorOf(source);
  processor.useModel(logisticModel(processor.featureNames));
  const users = processor.process(batchOf('users', [user('a', '2026-02-01'), user('b', '2026-02-02'), user('c', '2026-03-20')], 0), true);

  it('is not scored, and moves no time, before anything happens', () => {
    expect(scoresOf(users)).toEqual([]);
    expect(users.counts).toMatchObject({ read: 3, late: 0, rejected: 0, transitions: 0 });
    expect(processor.watermarkMs).toBe(-Infinity);
    expect(processor.entityCount).toBe(3);
  });

  it('is scored daily, silent users too, each from signing up on', () => {
    const first = processor.process(batchOf('events', [login('a', '2026-02-03T10:00:00Z')], 3), true);
    expect(scoresOf(first).map(({ entity }) => entity)).toEqual(['a']);
    const second = processor.process(batchOf('events', [login('a', '2026-02-05T10:00:00Z')], 4), true);
    // As of the 4th and the 5th everybody who has signed up, then the one who came.
    expect(scoresOf(second).map(({ entity, featureTime }) => `${entity} ${featureTime.slice(0, 10)}`)).toEqual(['a 2026-02-04', 'b 2026-02-04', 'a 2026-02-05', 'b 2026-02-05', 'a 2026-02-05']);
    for (const { churnProbability } of scoresOf(second)) expect(churnProbability).toBeGreaterThan(0);
    expect(scoresOf(processor.refresh(5)).map(({ entity }) => entity)).toEqual(['a', 'b']);
  });

  it('knows features of silent users, and of nobody else', () => {
    const out = new Float64Array(processor.featureNames.length);
    const asOfMs = Date.UTC(2026, 1, 6);
    expect(processor.valueAsOf('b', asOfMs, out)).toBe(true);
    const named = Object.fromEntries(processor.featureNames.map((name, k) => [name, out[k]]));
    expect(named).toMatchObject({ events_30d: 0, days_since_signup: 4, days_since_last_activity: 4, is_paying: 0 });
    expect(processor.isInPopulation('b', asOfMs)).toBe(true);
    expect(processor.isInPopulation('c', asOfMs)).toBe(false);
    expect(processor.valueAsOf('nobody', asOfMs, out)).toBe(false);
  });

  it('takes the newest row of a user that holds, whenever it comes', () => {
    const later = processorOf(source);
    later.process(batchOf('events', [login('a', '2026-02-03T10:00:00Z')], 0), false);
    later.process(batchOf('users', ['a,2026-02-01,premium,true,AR,search,0.9', 'a,2026-01-01,free,false,AR,search,0.1'], 1), false);
    const out = new Float64Array(later.featureNames.length);
    later.valueAsOf('a', Date.UTC(2026, 1, 4), out);
    const named = Object.fromEntries(later.featureNames.map((name, k) => [name, out[k]]));
    expect(named).toMatchObject({ plan_level: 2, is_paying: 1, engagement_score_now: 0.9, days_since_signup: 3 });
  });

  it('keeps users whose events are long gone', () => {
    processor.process(batchOf('events', [login('b', '2026-06-01T10:00:00Z')], 5), true);
    const out = new Float64Array(processor.featureNames.length);
    expect(processor.valueAsOf('a', Date.UTC(2026, 5, 2), out)).toBe(true);
    expect(out[processor.featureNames.indexOf('days_since_last_activity')]).toBe((Date.UTC(2026, 5, 2) - Date.UTC(2026, 1, 5)) / 86_400_000 - 1);
    const saved = processor.snapshot();
    const restored = processorOf(source);
    restored.restore(saved);
    expect(Buffer.from(restored.snapshot()).equals(saved)).toBe(true);
    expect(restored.watermarkMs).toBe(processor.watermarkMs);
  });
});
