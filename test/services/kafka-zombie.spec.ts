import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openEventLog, packTexts, unpackTexts, type EventLog } from '#tideline/platform';
import { kafkaAddress, uniqueName } from './kafka-names.ts';

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'tideline-zombie-'));
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Worker {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  text(): string;
}

function startWorker(task: Record<string, unknown>): Worker {
  const program = join(import.meta.dirname, 'kafka-worker.child.ts');
  const child = spawn(process.execPath, ['--conditions=source', program, JSON.stringify({ address: kafkaAddress, store: folder, ...task })], {
    stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' },
  });
  children.push(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => void (text += piece));
  return { child, text: () => text, ended: new Promise((resolve) => child.once('close', resolve)) };
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + 90_000; !(await holds()); ) {
    if (Date.now() > deadline) throw new Error(`expected in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function copiesOf(log: EventLog, topic: string, partition: number): Promise<string[]> {
  const found: string[] = [];
  for (let offset = 0; ; ) {
    const batches = await log.read(topic, partition, offset);
    if (batches.length === 0) return found;
    for (const batch of batches) {
      found.push(...unpackTexts(batch).map(({ value }) => value));
      offset = batch.baseOffset + batch.count;
    }
  }
}

test('a worker that stands still within a transaction, is replaced and goes on, doubles nothing and moves no offset back', async () => {
  const partitions = [0, 1];
  const [input, output, group] = ['input', 'output', 'group'].map(uniqueName);
  const log = await openEventLog(kafkaAddress, { app: 'watcher' });
  await log.ensureTopics({ [input]: { partitions: 2 }, [output]: { partitions: 2 } });
  const feeder = await log.openWriter(uniqueName('feeder'));
  const fed: string[][] = [[], []];
  const feed = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const appends = partitions.map((partition) => {
        const values = Array.from({ length: 10 }, () => `${partition}-${fed[partition].length}`.padEnd(12) + Math.random());
        fed[partition].push(...values);
        return { topic: input, partition, records: packTexts(values.map((value) => ({ key: 'k', value, timestampMs: 1 }))) };
      });
      await feeder.commit({ appends });
    }
  };
  const seen: number[][] = [[], []];
  const watch = async (): Promise<boolean> => {
    const offsets = await Promise.all(partitions.map(async (partition) => (await log.committed(group, input, partition))?.offset ?? 0));
    offsets.forEach((offset, partition) => seen[partition].push(offset));
    const copies = await Promise.all(partitions.map((partition) => copiesOf(log, output, partition)));
    return copies.every(({ length }, partition) => length >= fed[partition].length);
  };

  await feed(10);
  const zombie = startWorker({ group, input, output, stallAfter: 4 });
  await until('the worker stands still', () => zombie.text().includes('stalled'));
  await feed(5);
  const heir = startWorker({ group, input, output });
  await until('the heir has copied everything', watch);
  zombie.child.kill('SIGCONT');
  await feed(5);
  await until('what came after the zombie woke is copied', watch);
  // It is told by the log that another one writes in its place, and ends.
  expect(await zombie.ended).toBe(3);
  expect(zombie.text()).toMatch(/failed FENCED writer .* was opened again elsewhere/);
  await feed(5);
  await until('the heir still works', watch);
  heir.child.kill('SIGTERM');
  expect(await heir.ended).toBe(0);

  for (const partition of partitions) {
    expect(await copiesOf(log, output, partition)).toEqual(fed[partition]);
    expect(seen[partition]).toEqual([...seen[partition]].sort((a, b) => a - b));
  }
  await log.close();
});
