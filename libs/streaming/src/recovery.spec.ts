// The specification of crashes. Method: run a processor undisturbed and keep what it left behind; run it again over the same
// input through doors that fail and processes that die at seeded points, as often as it takes; outputs with their batch borders,
// committed offset and final state must be the same, bit for bit.
import { describe, expect, test } from 'vitest';
import { MemoryEventLog, MemoryObjectStore, PlatformError, type EventLog, type LogWriter, type ObjectStore } from '#tideline/platform';
import { chooseSeed, Fate, fatefulLog, fatefulStore, Killed, packTexts, readAll, RunningMeans, seeded, SimulatedClock } from './fixtures.ts';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoints.ts';
import { readCommitMetadata } from './commit-metadata.ts';
import type { CommitFacts, Steering } from './processor.ts';
import { runPartition, type PartitionLimits, type PartitionObserver } from './run-partition.ts';

const GROUP = 'means';
const AT = { topic: 'numbers', partition: 0 };

async function logWith(seed: number, batchCount: number): Promise<EventLog> {
  const random = seeded(seed);
  const log = new MemoryEventLog();
  await log.ensureTopics({ numbers: { partitions: 1 }, means: { partitions: 1 }, alarms: { partitions: 1 } });
  const writer = await log.openWriter('feeder');
  for (let b = 0; b < batchCount; b++) {
    const records = Array.from({ length: 1 + Math.floor(random() * 20) }, () => ({
      key: `k${Math.floor(random() * 5)}`,
      value: String(random()),
    }));
    await writer.commit({ appends: [{ topic: 'numbers', partition: 0, records: packTexts(records) }] });
  }
  return log;
}

interface Attempt {
  readonly processor: RunningMeans;
  readonly steering?: Steering;
  readonly limits?: Partial<PartitionLimits>;
  readonly clock?: SimulatedClock;
  readonly observer?: PartitionObserver;
  /** Stops in order once this offset is committed. */
  readonly until: number;
}

async function attempt(log: EventLog, store: ObjectStore, { until, clock = new SimulatedClock(), ...rest }: Attempt): Promise<number> {
  const stop = new AbortController();
  const observer: PartitionObserver = {
    ...rest.observer,
    recovered: (facts) => {
      rest.observer?.recovered?.(facts);
      if (facts.offset >= until) stop.abort();
    },
    committed: (facts) => {
      rest.observer?.committed?.(facts);
      if (facts.offset >= until) stop.abort();
    },
  };
  const limits = { transactionBytes: 300, transactionRecords: 40, checkpointRecords: 50, idleMs: 1, ...rest.limits };
  const summary = await runPartition({ log, store, clock, group: GROUP, ...AT, ...rest, limits, observer, signal: stop.signal });
  return summary.offset;
}

async function leftBehind(log: EventLog, processor: RunningMeans): Promise<unknown> {
  return {
    means: await readAll(log, 'means'),
    alarms: await readAll(log, 'alarms'),
    offset: (await log.committed(GROUP, 'numbers', 0))?.offset,
    state: Buffer.from(processor.snapshot()).toString('utf8'),
  };
}

async function undisturbed(seed: number, batchCount: number): Promise<{ end: number; expected: unknown }> {
  const log = await logWith(seed, batchCount);
  const { end } = await log.offsets('numbers', 0);
  const processor = new RunningMeans();
  expect(await attempt(log, new MemoryObjectStore(), { processor, until: end })).toBe(end);
  return { end, expected: await leftBehind(log, processor) };
}

const seed = chooseSeed();

describe('recovery', () => {
  test('abort before the first checkpoint: everything is replayed, nothing is written twice', async () => {
    const { end, expected } = await undisturbed(7, 30);
    const log = await logWith(7, 30);
    const store = new MemoryObjectStore();
    const fate = new Fate(seeded(1), { failureRate: 0, killAt: 14 });
    const killed = attempt(fatefulLog(log, fate), store, { processor: new RunningMeans(), until: end, limits: { checkpointRecords: 1e9 } });
    await expect(killed).rejects.toThrow(Killed);
    const reached = (await log.committed(GROUP, 'numbers', 0))!.offset;
    expect(reached).toBeGreaterThan(0);
    expect(reached).toBeLessThan(end);
    const processor = new RunningMeans();
    let replayed = -1;
    await attempt(log, store, { processor, until: end, observer: { recovered: (facts) => (replayed = facts.replayedRecords) } });
    expect(replayed).toBe(reached);
    expect(processor.suppressed).toBe(reached);
    expect(await leftBehind(log, processor)).toEqual(expected);
  });

  test('abort after a checkpoint: only what came after it is replayed', async () => {
    const { end, expected } = await undisturbed(8, 40);
    const log = await logWith(8, 40);
    const store = new MemoryObjectStore();
    await attempt(log, store, { processor: new RunningMeans(), until: end / 2 });
    const processor = new RunningMeans();
    const seen: unknown[] = [];
    await attempt(log, store, { processor, until: end, observer: { recovered: (facts) => seen.push(facts.replayedRecords, facts.checkpointOffset) } });
    expect(seen[0]).toBe(0);
    expect(seen[1]).toBeGreaterThanOrEqual(end / 2);
    expect(await leftBehind(log, processor)).toEqual(expected);
  });

  test(`kills and failures at random points of every kind change nothing, SEED=${seed}`, { timeout: 60_000 }, async () => {
    for (let round = 0; round < 25; round++) {
      const random = seeded(seed + round);
      const { end, expected } = await undisturbed(seed + round, 60);
      const log = await logWith(seed + round, 60);
      const store = new MemoryObjectStore();
      let kills = 0;
      for (;;) {
        const limits = { transactionBytes: 1 + random() * 800, transactionRecords: 1 + random() * 60, checkpointRecords: 1 + random() * 200 };
        const fate = new Fate(random, { failureRate: random() < 0.5 ? 0 : 0.15, killAt: kills < 12 ? 1 + Math.floor(random() * 60) : Infinity });
        const processor = new RunningMeans();
        try {
          await attempt(fatefulLog(log, fate), fatefulStore(store, fate), { processor, limits, until: end });
          expect(await leftBehind(log, processor), `seed ${seed}, round ${round}`).toEqual(expected);
          break;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
          kills++;
        }
      }
    }
  });

  test('stopped while the log refuses to commit: nothing uncommitted gets into a checkpoint', async () => {
    const { end, expected } = await undisturbed(13, 30);
    const log = await logWith(13, 30);
    const store = new MemoryObjectStore();
    const stop = new AbortController();
    let commits = 0;
    const full = new PlatformError('NO_SPACE', 'the disk is full', { retriable: true });
    const refusing = (): EventLog => new Proxy(log, {
      get(target, name) {
        if (name !== 'openWriter') return (Reflect.get(target, name) as () => unknown).bind(target);
        return async (id: string) => {
          const writer = await target.openWriter(id);
          const commit: LogWriter['commit'] = async (transaction) => {
            if (++commits < 5) return writer.commit(transaction);
            stop.abort();
            throw full;
          };
          return { id, commit, close: () => writer.close() };
        };
      },
    });
    const limits = { transactionBytes: 300, transactionRecords: 40, idleMs: 1 };
    await runPartition({ log: refusing(), store, clock: new SimulatedClock(), group: GROUP, ...AT, processor: new RunningMeans(), limits, signal: stop.signal });
    const processor = new RunningMeans();
    await attempt(log, store, { processor, until: end });
    expect(await leftBehind(log, processor)).toEqual(expected);
  });

  test('the commit names what was in force, and a restart takes it up again', async () => {
    const log = await logWith(9, 40);
    const store = new MemoryObjectStore();
    const { end } = await log.offsets('numbers', 0);
    const resumed: (CommitFacts | undefined)[] = [];
    const steering = (version: number): Steering => ({
      resume: async (facts) => void resumed.push(facts),
      border: () => ({ model: { name: 'm', version } }),
    });
    await attempt(log, store, { processor: new RunningMeans(), steering: steering(1), until: end / 2 });
    await attempt(log, store, { processor: new RunningMeans(), steering: steering(2), until: end });
    expect(resumed).toEqual([undefined, { model: { name: 'm', version: 1 } }]);
    const committed = await log.committed(GROUP, 'numbers', 0);
    expect(readCommitMetadata(committed!.metadata)?.facts).toEqual({ model: { name: 'm', version: 2 } });
  });
});

describe('two processes and one partition', () => {
  test('the older one stops with FENCED and writes nothing more', async () => {
    const { end, expected } = await undisturbed(10, 30);
    const log = await logWith(10, 30);
    const store = new MemoryObjectStore();
    const second: { run?: Promise<number>; processor: RunningMeans } = { processor: new RunningMeans() };
    const first = attempt(log, store, {
      processor: new RunningMeans(),
      until: Infinity,
      observer: {
        committed: ({ offset }) => {
          if (offset >= end / 2 && second.run === undefined) second.run = attempt(log, store, { processor: second.processor, until: end });
        },
      },
    });
    await expect(first).rejects.toMatchObject({ code: 'FENCED' });
    await second.run;
    expect(await leftBehind(log, second.processor)).toEqual(expected);
  });
});

describe('checkpoints that do not fit', () => {
  const interrupted = async (): Promise<{ log: EventLog; store: ObjectStore; end: number; expected: unknown }> => {
    const { end, expected } = await undisturbed(11, 40);
    const log = await logWith(11, 40);
    const store = new MemoryObjectStore();
    await attempt(log, store, { processor: new RunningMeans(), until: end / 2 });
    return { log, store, end, expected };
  };
  const keysOf = async (store: ObjectStore): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of store.list('gold/')) keys.push(key);
    return keys;
  };

  test('a damaged one is passed over with a warning for the one before it', async () => {
    const { log, store, end, expected } = await interrupted();
    const offsets = (await keysOf(store)).map((key) => Number(/(\d+)\.bin/.exec(key)![1])).sort((a, b) => b - a);
    const newest = `gold/_checkpoints/means/numbers/0/${offsets[0]}.bin`;
    const bytes = (await store.get(newest)).slice();
    bytes[bytes.length - 3] ^= 1;
    await store.put(newest, bytes);
    const processor = new RunningMeans();
    const warnings: string[] = [];
    let from: number | undefined;
    await attempt(log, store, {
      processor, until: end,
      observer: { warned: (message) => warnings.push(message), recovered: (facts) => (from = facts.checkpointOffset) },
    });
    expect(warnings.join()).toContain('checksum');
    expect(from).toBe(offsets[1]);
    expect(await leftBehind(log, processor)).toEqual(expected);
  });

  test('those of another version of the processor are not restored', async () => {
    const { log, store, end, expected } = await interrupted();
    const processor = new RunningMeans('2');
    const warnings: string[] = [];
    await attempt(log, store, { processor, until: end, observer: { warned: (message) => warnings.push(message) } });
    expect(warnings[0]).toContain('expected version 2, found 1');
    expect(await leftBehind(log, processor)).toEqual(expected);
  });

  test('those of a log that was thrown away are not restored', async () => {
    const { store } = await interrupted();
    const { end, expected } = await undisturbed(12, 40);
    const log = await logWith(12, 40);
    const clock = new SimulatedClock(5_000_000);
    const limits = { checkpointRecords: 1e9 };
    const fate = new Fate(seeded(1), { failureRate: 0, killAt: 60 });
    await expect(attempt(fatefulLog(log, fate), store, { processor: new RunningMeans(), until: end, clock, limits })).rejects.toThrow(Killed);
    const warnings: string[] = [];
    const processor = new RunningMeans();
    await attempt(log, store, { processor, until: end, observer: { warned: (message) => warnings.push(message) } });
    expect(warnings.join()).toContain("another log's state");
    expect(await leftBehind(log, processor)).toEqual(expected);
  });

  test('the last three are kept', async () => {
    const { log, store, end } = await interrupted();
    await attempt(log, store, { processor: new RunningMeans(), until: end, limits: { checkpointRecords: 10 } });
    expect(await keysOf(store)).toHaveLength(3);
  });
});

test('a checkpoint comes back as it was, its state aligned, from any place in memory', () => {
  const state = new Uint8Array(new Float64Array([1.5, -2, Number.NaN]).buffer);
  for (const processorVersion of ['1', '12', '123', 'a-version-with-ü']) {
    const encoded = encodeCheckpoint({ offset: 7, processorVersion, lineage: 'l', state });
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(encoded.length + shift).subarray(shift);
      moved.set(encoded);
      const decoded = decodeCheckpoint(moved);
      if ('problem' in decoded) throw new Error(decoded.problem);
      expect(decoded.checkpoint.state.byteOffset % 8).toBe(0);
      expect(decoded.checkpoint).toEqual({ offset: 7, processorVersion, lineage: 'l', state });
      moved[moved.length - 1] ^= 0x80;
      expect(decodeCheckpoint(moved)).toHaveProperty('problem');
    }
  }
});
