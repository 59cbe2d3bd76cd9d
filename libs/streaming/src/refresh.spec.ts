import { describe, expect, it } from 'vitest';
import { ManualClock, MemoryEventLog, MemoryObjectStore, packTexts, unpackTexts, type EventLog } from '#tideline/platform';
import type { Processor } from './processor.ts';
import { runPartition } from './run-partition.ts';

// What is scored when a model comes into force while no record comes: exactly once for each change, also across a restart.
async function run(log: EventLog, store: MemoryObjectStore, model: () => string, untilOutputs: number): Promise<string[]> {
  const stop = new AbortController();
  const processor: Processor = {
    version: '1',
    process: ({ count, timestamps }) => ({ appends: [{ topic: 'out', partition: 0, records: packTexts([{ key: 'k', value: `${count} records by ${model()}`, timestampMs: timestamps[0]! }]) }] }),
    refresh: (offset) => ({ appends: [{ topic: 'out', partition: 0, records: packTexts([{ key: 'k', value: `all up to ${offset} by ${model()}`, timestampMs: 0 }]) }] }),
    snapshot: () => new Uint8Array(8),
    restore: () => undefined,
  };
  const steering = { resume: () => Promise.resolve(), border: () => ({ model: model() }) };
  const running = runPartition({ log, store, clock: new ManualClock(0), group: 'g', topic: 'in', partition: 0, processor, steering, limits: { idleMs: 5 }, signal: stop.signal });
  const outputs = async (): Promise<string[]> => (await log.read('out', 0, 0)).flatMap((batch) => unpackTexts(batch).map(({ value }) => value));
  for (let i = 0; i < 400 && (await outputs()).length < untilOutputs; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 40));
  stop.abort();
  await running;
  return outputs();
}

describe('a change of steering between records', () => {
  it('is told to the processor once, and not again after a restart', async () => {
    const log = new MemoryEventLog();
    await log.ensureTopics({ in: { partitions: 1 }, out: { partitions: 1 } });
    const writer = await log.openWriter('w');
    await writer.commit({ appends: [{ topic: 'in', partition: 0, records: packTexts([{ key: 'a', value: 'x', timestampMs: 1 }, { key: 'b', value: 'y', timestampMs: 2 }]) }] });
    const store = new MemoryObjectStore();
    let asked = 0;
    // The second model comes into force after the first transaction.
    const first = await run(log, store, () => (asked++ < 3 ? 'one' : 'two'), 2);
    expect(first).toEqual(['2 records by one', 'all up to 2 by two']);
    expect(await run(log, store, () => 'two', 3)).toEqual(first);
    expect(await run(log, store, () => 'three', 3)).toEqual([...first, 'all up to 2 by three']);
  });
});
