/*
 * A process of its own for the contract suite. It writes numbered transactions for ever or up to a count, each one record to
 * every partition plus the group's offset, and prints a number once its commit has resolved; or it reads a partition and prints
 * every value. The suite kills it whenever it likes.
 */
import { openEventLog } from './open-event-log.ts';
import { packTexts, valuesOf } from './text-records.ts';

interface ChildTask {
  readonly address: string;
  readonly app: string;
  readonly does: 'write' | 'read' | 'hold-group';
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly count: number;
  readonly group: string;
  readonly valueBytes: number;
}

const task = JSON.parse(process.argv[2]) as ChildTask;
const log = await openEventLog(task.address, { app: task.app });
const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

if (task.does === 'write') {
  const writer = await log.openWriter(`${task.group}-writer`);
  const before = (await log.committed(task.group, task.topic, task.partitions[0]))?.offset ?? 0;
  for (let n = before; n < before + task.count; n++) {
    const records = packTexts([{ key: String(n), value: String(n).padEnd(task.valueBytes, '.'), timestampMs: n }]);
    await writer.commit({
      appends: task.partitions.map((partition) => ({ topic: task.topic, partition, records })),
      offsets: [{ group: task.group, topic: task.topic, partition: task.partitions[0], offset: n + 1 }],
    });
    say(String(n));
  }
} else if (task.does === 'read') {
  let offset = 0;
  for (let seen = 0; seen < task.count; ) {
    const batches = await log.read(task.topic, task.partitions[0], offset, { maxWaitMs: 1000 });
    for (const value of valuesOf(batches)) say(String(Number.parseInt(value, 10)));
    for (const batch of batches) {
      offset = batch.baseOffset + batch.count;
      seen += batch.count;
    }
  }
} else {
  await log.joinGroup(task.group, [task.topic], { assigned: async () => say('joined'), revoked: async () => undefined });
  setInterval(() => undefined, 60_000);
}
if (task.does !== 'hold-group') await log.close();
