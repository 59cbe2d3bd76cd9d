import { describe, expect, test } from 'vitest';
import { MemoryEventLog, MemoryObjectStore } from '#tideline/platform';
import { packTexts, RunningMeans, readAll, SimulatedClock } from './fixtures.ts';
import { runGroup, type GroupOptions, type TopicPartition } from './run-group.ts';

const PARTITIONS = 3;

async function filledLog(): Promise<MemoryEventLog> {
  const log = new MemoryEventLog();
  await log.ensureTopics({ numbers: { partitions: PARTITIONS }, means: { partitions: PARTITIONS }, alarms: { partitions: PARTITIONS } });
  const writer = await log.openWriter('feeder');
  for (let b = 0; b < 10; b++) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const records = packTexts([{ key: `k${b % 3}`, value: String(b + partition) }]);
      await writer.commit({ appends: [{ topic: 'numbers', partition, records }] });
    }
  }
  return log;
}

function groupOn(log: MemoryEventLog, overrides: Partial<GroupOptions> = {}): { options: GroupOptions; stop: AbortController } {
  const stop = new AbortController();
  const ended = new Set<number>();
  const open = ({ partition }: TopicPartition): ReturnType<GroupOptions['open']> => ({
    processor: new RunningMeans(),
    observer: {
      committed: ({ offset }) => {
        if (offset === 10) ended.add(partition);
        if (ended.size === PARTITIONS) stop.abort();
      },
    },
  });
  const options: GroupOptions = {
    log, store: new MemoryObjectStore(), clock: new SimulatedClock(), group: 'means', topics: ['numbers'], open,
    limits: { transactionBytes: 3, idleMs: 1 }, signal: stop.signal, ...overrides,
  };
  return { options, stop };
}

describe('runGroup', () => {
  test('runs every partition to the end and stops in order', async () => {
    const log = await filledLog();
    const summaries = await runGroup(groupOn(log).options);
    expect(summaries.map(({ partition, offset, records }) => [partition, offset, records]).sort()).toEqual([[0, 10, 10], [1, 10, 10], [2, 10, 10]]);
    for (let partition = 0; partition < PARTITIONS; partition++) expect(await readAll(log, 'means', partition)).toHaveLength(10);
  });

  test('a second member of an embedded group is refused, a later one goes on where the first stopped', async () => {
    const log = await filledLog();
    const first = groupOn(log);
    const running = runGroup(first.options);
    await expect(runGroup(groupOn(log).options)).rejects.toMatchObject({ code: 'LOCKED' });
    await running;
    const later = groupOn(log, { store: first.options.store });
    setTimeout(() => later.stop.abort(), 20);
    expect((await runGroup(later.options)).map(({ offset, records }) => [offset, records])).toEqual([[10, 0], [10, 0], [10, 0]]);
  });

  test('a partition that fails stops the others at a border and is what the group fails with', async () => {
    const log = await filledLog();
    class Broken extends RunningMeans {
      override process(): never {
        throw new Error('expected better, found this');
      }
    }
    const { options } = groupOn(log);
    const open: GroupOptions['open'] = ({ partition }) => ({ processor: partition === 1 ? new Broken() : new RunningMeans() });
    await expect(runGroup({ ...options, open })).rejects.toThrow('expected better');
    for (const partition of [0, 2]) {
      const outputs = await readAll(log, 'means', partition);
      expect((await log.committed('means', 'numbers', partition))?.offset ?? 0).toBe(outputs.length);
    }
  });
});
