/*
 * What every event log must do, run for each implementation. Gaps between batches are allowed (a networked log spends offsets on
 * its own marks), so nothing here adds one batch's length to the next one's offset.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isPlatformError } from '../errors.ts';
import { describeProcesses } from './event-log.processes.ts';
import type { EventLog, PackedRecords, RecordBatch } from './event-log.ts';
import { packTexts, unpackTexts, valuesOf } from './text-records.ts';

/** One log under test, made anew for each test. */
export interface EventLogUnderTest {
  /** A handle of that app, as another process of it would open; the suite closes none but through `dispose`. */
  open(app: string): Promise<EventLog>;
  dispose(): Promise<void>;
  /** What child processes open; absent when only this process can see the log, whose process tests are then left out. */
  readonly address?: string;
  /** Whether a group admits one member only, as the embedded logs do. */
  readonly exclusiveGroups: boolean;
}

/** Runs the contract of `EventLog` against an implementation. */
export function eventLogContract(name: string, make: () => Promise<EventLogUnderTest>): void {
  describe(`${name} keeps the contract of an event log`, () => {
    const context: Context = { run: 0 } as Context;
    beforeEach(async () => {
      context.subject = await make();
      context.log = await context.subject.open('writer-app');
      context.run++;
    });
    afterEach(() => context.subject.dispose());
    describeRecords(context);
    describeBatches(context);
    describeTransactions(context);
    describeTopicsAndGroups(context);
    describeWaiting(context);
    describeProcesses(context);
  });
}

/** What the tests of one suite share: the log of the current test and names that no earlier test used. */
export interface Context {
  subject: EventLogUnderTest;
  log: EventLog;
  run: number;
}

/** A topic name of the current test only. */
export function topicOf(context: Context, stem = 'orders'): string {
  return `${stem}-${process.pid}-${context.run}`;
}

const one = (value: string, key = ''): PackedRecords => packTexts([{ key, value, timestampMs: 1 }]);

async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'no failure';
  } catch (error) {
    return isPlatformError(error) ? `${error.code} ${error.outcome}` : String(error);
  }
}

async function readAll(log: EventLog, topic: string, partition: number, maxBytes = 1000): Promise<RecordBatch[]> {
  const all: RecordBatch[] = [];
  for (let offset = 0; ; ) {
    const batches = await log.read(topic, partition, offset, { maxBytes });
    if (batches.length === 0) return all;
    all.push(...batches);
    offset = batches[batches.length - 1].baseOffset + batches[batches.length - 1].count;
  }
}

function describeRecords(context: Context): void {
  test('records come back as they were appended, in order, in the same batches', async () => {
    const { log } = context;
    const topic = topicOf(context);
    await log.ensureTopics({ [topic]: { partitions: 2 } });
    const writer = await log.openWriter('w');
    const record = fc.record({
      key: fc.string({ unit: 'grapheme', maxLength: 9 }),
      value: fc.string({ unit: 'grapheme', maxLength: 60 }),
      timestampMs: fc.integer({ min: 0, max: 4e12 }),
    });
    const appends = fc.sample(fc.array(record, { minLength: 1, maxLength: 40 }), { numRuns: 30, seed: 7 });
    const written: { baseOffset: number; records: unknown }[] = [];
    for (const records of appends) {
      const headers = [
        { name: 'file', values: 'ä-1' },
        { name: 'offset', values: Float64Array.from(records, (_, i) => i * 2 ** 40) },
      ];
      const [baseOffset] = await writer.commit({ appends: [{ topic, partition: 1, records: packTexts(records, headers) }] });
      written.push({ baseOffset, records: { records, headers } });
    }
    const batches = await readAll(log, topic, 1);
    const read = batches.map((batch) => ({
      baseOffset: batch.baseOffset,
      records: { records: unpackTexts(batch), headers: batch.headers.map(({ name, values }) => ({ name, values })) },
    }));
    expect(read).toEqual(written);
    expect(batches.every((batch) => batch.topic === topic && batch.partition === 1 && batch.appendedAtMs > 1.6e12)).toBe(true);
    expect(await log.read(topic, 0, 0)).toEqual([]);
  });
}

function describeBatches(context: Context): void {
  test('a read from inside a batch gives the whole batch, and at least one whatever its size', async () => {
    const { log } = context;
    const topic = topicOf(context);
    await log.ensureTopics({ [topic]: { partitions: 1 } });
    const writer = await log.openWriter('w');
    const bases: number[] = [];
    for (const texts of [['a', 'b', 'c'], ['d'], ['e', 'f']]) {
      const records = packTexts(texts.map((value) => ({ key: '', value, timestampMs: 0 })));
      bases.push(...(await writer.commit({ appends: [{ topic, partition: 0, records }] })));
    }
    expect(valuesOf(await log.read(topic, 0, bases[0] + 2))).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(valuesOf(await log.read(topic, 0, bases[0] + 3))).toEqual(['d', 'e', 'f']);
    expect(valuesOf(await log.read(topic, 0, bases[2] + 1, { maxBytes: 1 }))).toEqual(['e', 'f']);
    expect(valuesOf(await log.read(topic, 0, bases[0], { maxBytes: 4 }))).toEqual(['a', 'b', 'c', 'd']);
    const { start, end } = await log.offsets(topic, 0);
    expect(start).toBeLessThanOrEqual(bases[0]);
    expect(end).toBeGreaterThanOrEqual(bases[2] + 2);
    expect(await log.read(topic, 0, end)).toEqual([]);
  });

  test('a batch of megabytes and views of larger buffers arrive whole', async () => {
    const { log } = context;
    const topic = topicOf(context);
    await log.ensureTopics({ [topic]: { partitions: 1 } });
    const writer = await log.openWriter('w');
    const count = 5000;
    const valueBytes = 200;
    const pool = Buffer.alloc(count * valueBytes + 24).map((_, i) => (i * 2_654_435_761) >>> 24);
    const offsets = new Uint32Array(count + 3).map((_, i) => Math.max(0, i - 1) * valueBytes);
    const records: PackedRecords = {
      count,
      keyOffsets: new Uint32Array(count + 1),
      keys: pool.subarray(0, 0),
      valueOffsets: offsets.subarray(1, count + 2),
      values: pool.subarray(3),
      timestamps: new Float64Array(count + 1).fill(5).subarray(1),
      headers: [],
    };
    await writer.commit({ appends: [{ topic, partition: 0, records }] });
    const expected = Buffer.from(pool.subarray(3, 3 + count * valueBytes));
    // Once the commit has resolved, the buffers are the caller's again.
    pool.fill(0);
    const [batch] = await log.read(topic, 0, 0);
    expect(batch.count).toBe(count);
    expect(Buffer.compare(batch.values, expected)).toBe(0);
    expect(batch.valueOffsets).toEqual(records.valueOffsets);
  });
}

function describeTransactions(context: Context): void {
  test('appends to several partitions and offsets are one step: all or nothing', async () => {
    const { log } = context;
    const topic = topicOf(context);
    const group = topicOf(context, 'group');
    await log.ensureTopics({ [topic]: { partitions: 3 } });
    const writer = await log.openWriter('w');
    const appends = [0, 1, 1, 2].map((partition, i) => ({ topic, partition, records: one(`v${i}`) }));
    const bases = await writer.commit({ appends, offsets: [{ group, topic, partition: 0, offset: 7, metadata: '{"é":1}' }] });
    expect(bases).toHaveLength(4);
    expect(bases[2]).toBeGreaterThan(bases[1]);
    expect(await log.committed(group, topic, 0)).toEqual({ offset: 7, metadata: '{"é":1}' });
    expect(await log.committed(group, topic, 1)).toBeUndefined();
    const ends = await Promise.all([0, 1, 2].map((p) => log.offsets(topic, p)));

    const back = { group, topic, partition: 0, offset: 6 };
    expect(await failureOf(writer.commit({ appends, offsets: [back] }))).toBe('VERSION_MISMATCH not-applied');
    expect(await Promise.all([0, 1, 2].map((p) => log.offsets(topic, p)))).toEqual(ends);
    expect(await log.committed(group, topic, 0)).toEqual({ offset: 7, metadata: '{"é":1}' });

    await writer.commit({ appends: [], offsets: [{ group, topic, partition: 0, offset: 7, metadata: 'again' }] });
    expect(await log.committed(group, topic, 0)).toEqual({ offset: 7, metadata: 'again' });
    expect(valuesOf(await readAll(log, topic, 1))).toEqual(['v1', 'v2']);
  });

  test('a writer identity opened again fences the holder before, in this handle or another', async () => {
    const { subject, log } = context;
    const topic = topicOf(context);
    await log.ensureTopics({ [topic]: { partitions: 1 } });
    const other = await subject.open('writer-app');
    const first = await log.openWriter('w');
    await first.commit({ appends: [{ topic, partition: 0, records: one('1') }] });
    const second = await other.openWriter('w');
    await second.commit({ appends: [{ topic, partition: 0, records: one('2') }] });
    expect(await failureOf(first.commit({ appends: [{ topic, partition: 0, records: one('lost') }] }))).toBe('FENCED not-applied');
    const third = await log.openWriter('w');
    expect(await failureOf(second.commit({ appends: [{ topic, partition: 0, records: one('lost') }] }))).toBe('FENCED not-applied');
    const bystander = await log.openWriter('another');
    await third.commit({ appends: [{ topic, partition: 0, records: one('3') }] });
    await bystander.commit({ appends: [{ topic, partition: 0, records: one('4') }] });
    expect(valuesOf(await readAll(log, topic, 0))).toEqual(['1', '2', '3', '4']);
    await third.close();
    expect(await failureOf(third.commit({ appends: [] }))).toBe('CLOSED not-applied');
  });
}

function describeTopicsAndGroups(context: Context): void {
  test('topics are made once, described with their groups, and never changed', async () => {
    const { log } = context;
    const topic = topicOf(context);
    const group = topicOf(context, 'group');
    await log.ensureTopics({ [topic]: { partitions: 2, cleanup: 'compact' } });
    await log.ensureTopics({ [topic]: { partitions: 2, cleanup: 'compact' } });
    expect(await failureOf(log.ensureTopics({ [topic]: { partitions: 3 } }))).toBe('VERSION_MISMATCH not-applied');
    const writer = await log.openWriter('w');
    await writer.commit({
      appends: [{ topic, partition: 1, records: one('v', 'k') }],
      offsets: [{ group, topic, partition: 1, offset: 1 }],
    });
    const described = (await log.describeTopics()).find((description) => description.topic === topic);
    expect(described?.partitions.map(({ partition }) => partition)).toEqual([0, 1]);
    expect(described?.partitions[1].end).toBeGreaterThan(described?.partitions[1].start ?? Infinity);
    expect(described?.groups).toEqual([{ group, partition: 1, offset: 1 }]);
    const missing = topicOf(context, 'missing');
    expect(await failureOf(log.read(missing, 0, 0))).toBe('NOT_FOUND not-applied');
    expect(await failureOf(log.offsets(topic, 2))).toBe('NOT_FOUND not-applied');
    expect(await failureOf(writer.commit({ appends: [{ topic: missing, partition: 0, records: one('v') }] }))).toBe('NOT_FOUND not-applied');
  });

  test('several apps write a shared topic without naming a partition, and readers find everything', async () => {
    const { subject, log } = context;
    const topic = topicOf(context, 'dead-letter');
    const apps = ['writer-app', 'second-app', 'third-app'];
    await log.ensureTopics({ [topic]: { partitions: 1, shared: true } });
    for (const app of apps) {
      const writer = await (await subject.open(app)).openWriter(`${app}-letters`);
      for (const value of [`${app} 1`, `${app} 2`]) await writer.commit({ appends: [{ topic, records: one(value) }] });
    }
    const named = await log.openWriter('w');
    expect(await failureOf(named.commit({ appends: [{ topic, partition: 0, records: one('x') }] }))).toBe('PERMISSION not-applied');
    const description = (await log.describeTopics()).find((found) => found.topic === topic);
    const found: string[][] = [];
    for (const { partition } of description?.partitions ?? []) found.push(valuesOf(await readAll(log, topic, partition)));
    expect(found.flat().sort()).toEqual(apps.flatMap((app) => [`${app} 1`, `${app} 2`]).sort());
  });

  test('a group member is given every partition, and its place is free when it has left', async () => {
    const { subject, log } = context;
    const topic = topicOf(context);
    const group = topicOf(context, 'group');
    await log.ensureTopics({ [topic]: { partitions: 2 } });
    const told: string[] = [];
    const listener = {
      assigned: async (partitions: readonly { partition: number }[]) => void told.push(`+${partitions.map((p) => p.partition).join('')}`),
      revoked: async (partitions: readonly { partition: number }[]) => void told.push(`-${partitions.map((p) => p.partition).join('')}`),
    };
    const member = await log.joinGroup(group, [topic], listener);
    if (subject.exclusiveGroups) {
      const other = await subject.open('writer-app');
      expect(await failureOf(other.joinGroup(group, [topic], listener))).toBe('LOCKED not-applied');
    }
    await member.leave();
    await member.leave();
    const again = await log.joinGroup(group, [topic], listener);
    await again.leave();
    expect(told).toEqual(['+01', '-01', '+01', '-01']);
  });
}

function describeWaiting(context: Context): void {
  test('a waiting reader wakes at a commit, gives up in time and obeys its signal', async () => {
    const { subject, log } = context;
    const topic = topicOf(context);
    await log.ensureTopics({ [topic]: { partitions: 2 } });
    const other = await subject.open('writer-app');
    const writer = await other.openWriter('w');
    const waiting = log.read(topic, 0, 0, { maxWaitMs: 30_000 });
    const elsewhere = log.read(topic, 1, 0, { maxWaitMs: 200 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const before = performance.now();
    await writer.commit({ appends: [{ topic, partition: 0, records: one('first') }] });
    expect(valuesOf(await waiting)).toEqual(['first']);
    expect(performance.now() - before).toBeLessThan(5000);
    expect(await elsewhere).toEqual([]);

    const { end } = await log.offsets(topic, 0);
    const stop = new AbortController();
    const stopped = log.read(topic, 0, end, { maxWaitMs: 30_000, signal: stop.signal });
    stop.abort();
    expect(await stopped).toEqual([]);
    expect(await log.read(topic, 0, end, { maxWaitMs: 20 })).toEqual([]);
  });

  test('a closed log says so, to those who wait too', async () => {
    const { subject } = context;
    const topic = topicOf(context);
    const log = await subject.open('closing-app');
    await log.ensureTopics({ [topic]: { partitions: 1 } });
    const waiting = failureOf(log.read(topic, 0, 0, { maxWaitMs: 30_000 }));
    await log.close();
    expect(await waiting).toBe('CLOSED not-applied');
    expect(await failureOf(log.read(topic, 0, 0))).toBe('CLOSED not-applied');
    expect(await failureOf(log.openWriter('w'))).toBe('CLOSED not-applied');
  });
}
