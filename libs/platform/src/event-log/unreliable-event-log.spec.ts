// Goal: the recipe of the contract (unknown outcome: open the writer again, read the committed offset, then decide) gives every
// record exactly once through a log that fails one call in three; the same loop without the look doubles some.
import { expect, test } from 'vitest';
import { isPlatformError } from '../errors.ts';
import { MemoryEventLog } from './memory-event-log.ts';
import { packTexts, valuesOf } from './text-records.ts';
import { UnreliableEventLog } from './unreliable-event-log.ts';

async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isPlatformError(error)) throw error;
    }
  }
}

async function writeThrough(seed: number, look: boolean): Promise<string[]> {
  const inner = new MemoryEventLog();
  const log = new UnreliableEventLog(inner, { seed, failBefore: 0.2, failAfter: 0.15 });
  await inner.ensureTopics({ t: { partitions: 1 } });
  let writer = await persist(() => log.openWriter('w'));
  for (let n = 0; n < 60; ) {
    try {
      await writer.commit({
        appends: [{ topic: 't', partition: 0, records: packTexts([{ key: '', value: String(n), timestampMs: 0 }]) }],
        offsets: [{ group: 'g', topic: 't', partition: 0, offset: n + 1 }],
      });
      n++;
    } catch (error) {
      if (!isPlatformError(error) || error.outcome === 'not-applied' || !look) continue;
      writer = await persist(() => log.openWriter('w'));
      n = (await persist(() => log.committed('g', 't', 0)))?.offset ?? 0;
    }
  }
  return valuesOf(await inner.read('t', 0, 0));
}

test('the recipe for unknown outcomes gives exactly once', async () => {
  for (let seed = 0; seed < 20; seed++) {
    expect(await writeThrough(seed, true)).toEqual(Array.from({ length: 60 }, (_, n) => String(n)));
  }
});

test('repeating without a look doubles records, so the faults are real', async () => {
  expect((await writeThrough(1, false)).length).toBeGreaterThan(60);
});
