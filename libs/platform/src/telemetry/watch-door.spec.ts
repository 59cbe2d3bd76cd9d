import { expect, test } from 'vitest';
import { isPlatformError } from '../errors.ts';
import { MemoryEventLog } from '../event-log/memory-event-log.ts';
import { packTexts } from '../event-log/text-records.ts';
import { MemoryObjectStore } from '../object-store/memory-object-store.ts';
import { Metrics } from './metrics.ts';
import { watchDoor } from './watch-door.ts';

test('a watched door works as before, its calls are timed and those of what it gives as well', async () => {
  const metrics = new Metrics('test');
  const log = watchDoor(new MemoryEventLog(), 'event log', metrics);
  expect(log).toBeInstanceOf(MemoryEventLog);
  await log.ensureTopics({ t: { partitions: 1 } });
  const writer = await log.openWriter('w');
  expect(writer.id).toBe('w');
  await writer.commit({ appends: [{ topic: 't', partition: 0, records: packTexts([{ key: 'a', value: 'b', timestampMs: 0 }]) }] });
  expect((await log.read('t', 0, 0)).map(({ count }) => count)).toEqual([1]);
  const { text } = await metrics.render();
  for (const call of ['ensureTopics', 'openWriter', 'commit', 'read']) expect(text).toContain(`tideline_door_call_seconds_count{app="test",door="event log",call="${call}"} 1`);
});

test('failures are counted by code and thrown as they are; lists still stream', async () => {
  const metrics = new Metrics('test');
  const store = watchDoor(new MemoryObjectStore(), 'object store', metrics);
  await store.put('gold/a', new Uint8Array(1));
  const error: unknown = await store.get('gold/none').catch((caught: unknown) => caught);
  expect(isPlatformError(error, 'NOT_FOUND')).toBe(true);
  expect((await metrics.render()).text).toContain('tideline_door_failures_total{door="object store",call="get",code="NOT_FOUND",retriable="false",app="test"} 1');
  const keys: string[] = [];
  for await (const { key } of store.list('gold/')) keys.push(key);
  expect(keys).toEqual(['gold/a']);
});
