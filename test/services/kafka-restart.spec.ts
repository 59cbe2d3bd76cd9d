import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isPlatformError, openEventLog, packTexts, unpackTexts, type EventLog, type LogWriter } from '#tideline/platform';
import { Services, testInstances } from '../../tools/services/index.ts';

// A broker of its own, because this kills it.
mkdirSync(testInstances, { recursive: true });
const services = Services.open(mkdtempSync(join(testInstances, 'kafka-')));
let address: string;
beforeAll(async () => {
  address = `kafka://${(await services.start({ only: ['kafka'] })).kafka}`;
}, 300_000);
afterAll(() => services.delete(), 60_000);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits out what passes. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isPlatformError(error) || !error.retriable) throw error;
      await pause(50);
    }
  }
}

/** Commits each number once, whatever the log answers, the way the engine does it. */
async function commitNumbers(log: EventLog, topic: string, group: string, isOver: () => boolean): Promise<{ count: number; outcomes: Set<string> }> {
  const outcomes = new Set<string>();
  let writer: LogWriter = await patiently(() => log.openWriter(group));
  let n = 0;
  while (!isOver()) {
    const records = packTexts([{ key: 'k', value: String(n).padEnd(20_000), timestampMs: n }]);
    const appends = [0, 1].map((partition) => ({ topic, partition, records }));
    try {
      await writer.commit({ appends, offsets: [{ group, topic, partition: 0, offset: n + 1 }] });
      n++;
    } catch (error) {
      if (!isPlatformError(error) || !error.retriable) throw error;
      outcomes.add(error.outcome);
      if (error.outcome === 'unknown') {
        writer = await patiently(() => log.openWriter(group));
        n = (await patiently(() => log.committed(group, topic, 0)))?.offset ?? 0;
      }
    }
  }
  return { count: n, outcomes };
}

test('a broker killed within transactions, and started again, loses and doubles nothing', { timeout: 400_000 }, async () => {
  const log = await openEventLog(address, { app: 'restart' });
  const topic = 'numbers';
  await log.ensureTopics({ [topic]: { partitions: 2 } });
  let isOver = false;
  const committing = commitNumbers(log, topic, 'counting', () => isOver);
  const read: string[] = [];
  const reading = (async () => {
    for (let offset = 0; ; ) {
      // Whoever reads waits the broker out, too.
      const batches = await log.read(topic, 1, offset, { maxWaitMs: 500 }).catch((error: unknown) => {
        if (!isPlatformError(error) || !error.retriable) throw error;
        return [];
      });
      for (const batch of batches) {
        read.push(...unpackTexts(batch).map(({ value }) => value.trim()));
        offset = batch.baseOffset + batch.count;
      }
      if (isOver && batches.length === 0) return;
    }
  })();
  for (const lifeMs of [700, 1300]) {
    await pause(lifeMs);
    await services.kill('kafka-1');
    await services.restart('kafka-1');
    const reached = async (): Promise<number> => (await patiently(() => log.committed('counting', topic, 0)))?.offset ?? 0;
    const before = await reached();
    while ((await reached()) <= before) await pause(100);
  }
  isOver = true;
  const { count, outcomes } = await committing;
  await reading;
  expect(count).toBeGreaterThan(10);
  const expected = Array.from({ length: count }, (_, n) => String(n));
  expect(read).toEqual(expected);
  const left: string[] = [];
  for (let offset = 0; ; ) {
    const batches = await log.read(topic, 0, offset);
    if (batches.length === 0) break;
    left.push(...batches.flatMap((batch) => unpackTexts(batch).map(({ value }) => value.trim())));
    offset = batches[batches.length - 1].baseOffset + 1;
  }
  expect(left).toEqual(expected);
  expect((await log.committed('counting', topic, 0))?.offset).toBe(count);
  expect([...outcomes].every((outcome) => outcome === 'unknown' || outcome === 'not-applied')).toBe(true);
  await log.close();
});
