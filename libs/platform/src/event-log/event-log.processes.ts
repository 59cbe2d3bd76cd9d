/* The part of the event log's contract that needs processes of its own: reading and writing at once, and sudden death. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isPlatformError } from '../errors.ts';
import { topicOf, type Context } from './event-log.contract.ts';
import { valuesOf } from './text-records.ts';
import type { EventLog } from './event-log.ts';

const childPath = fileURLToPath(new URL('./event-log.child.ts', import.meta.url));

interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves with the exit code, or null when it was killed. */
  readonly ended: Promise<number | null>;
  firstLine(): Promise<void>;
}

function startChild(task: Record<string, unknown>): Child {
  const child = spawn(process.execPath, ['--conditions=source', childPath, JSON.stringify({ valueBytes: 10, count: 1e9, ...task })], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const first = new Promise<void>((resolve) => reader.once('line', () => resolve()));
  reader.on('line', (line) => lines.push(line));
  const closed = new Promise<void>((resolve) => reader.once('close', resolve));
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => void closed.then(() => resolve(code))));
  return { process: child, lines, ended, firstLine: () => Promise.race([first, ended.then(() => undefined)]) };
}

async function numbersOf(log: EventLog, topic: string, partition: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let offset = 0; ; ) {
    const batches = await log.read(topic, partition, offset);
    if (batches.length === 0) return numbers;
    numbers.push(...valuesOf(batches).map((value) => Number.parseInt(value, 10)));
    offset = batches[batches.length - 1].baseOffset + batches[batches.length - 1].count;
  }
}

/** Adds the process tests; leaves them out, saying so, for a log that only one process can see. */
export function describeProcesses(context: Context): void {
  test('several processes write and read at once', async (t) => {
    const { address } = context.subject;
    if (address === undefined) return t.skip('only this process sees the log');
    const topic = topicOf(context);
    await context.log.ensureTopics({ [topic]: { partitions: 3 } });
    const count = 60;
    const apps = ['one', 'two', 'three'];
    const writers = apps.map((app, p) => startChild({ address, app, does: 'write', topic, partitions: [p], count, group: `g-${topic}-${app}` }));
    const readers = [0, 2].map((p) => startChild({ address, app: 'reader', does: 'read', topic, partitions: [p], count, group: 'none' }));
    const expected = Array.from({ length: count }, (_, n) => n);
    expect(await Promise.all([...writers, ...readers].map((child) => child.ended))).toEqual([0, 0, 0, 0, 0]);
    for (const reader of readers) expect(reader.lines.map(Number)).toEqual(expected);
    for (const p of [0, 1, 2]) expect(await numbersOf(context.log, topic, p)).toEqual(expected);
  });

  test('a writer killed at any moment loses nothing it was told is there and leaves no half transaction', async (t) => {
    const { address } = context.subject;
    if (address === undefined) return t.skip('only this process sees the log');
    const topic = topicOf(context);
    const group = topicOf(context, 'group');
    await context.log.ensureTopics({ [topic]: { partitions: 2 } });
    let acknowledged = -1;
    // Large values keep the child inside a commit for most of its life.
    for (const lifeMs of [1, 13, 40, 77, 120]) {
      const child = startChild({ address, app: 'mortal', does: 'write', topic, partitions: [0, 1], group, valueBytes: 400_000 });
      await child.firstLine();
      await new Promise((resolve) => setTimeout(resolve, lifeMs));
      child.process.kill('SIGKILL');
      expect(await child.ended).toBeNull();
      acknowledged = Math.max(acknowledged, ...child.lines.map(Number));

      const [left, right] = await Promise.all([0, 1].map((p) => numbersOf(context.log, topic, p)));
      expect(left).toEqual(Array.from({ length: left.length }, (_, n) => n));
      expect(right).toEqual(left);
      expect((await context.log.committed(group, topic, 0))?.offset).toBe(left.length);
      expect(left.length).toBeGreaterThan(acknowledged);
    }
    // Somebody who opens the log only now sees the same.
    const late = await context.subject.open('late-app');
    expect(await numbersOf(late, topic, 0)).toEqual(await numbersOf(context.log, topic, 1));
  });

  test('the place in a group is free once its holder was killed', async (t) => {
    const { address, exclusiveGroups } = context.subject;
    if (address === undefined || !exclusiveGroups) return t.skip('only this process sees the log, or groups are shared');
    const topic = topicOf(context);
    await context.log.ensureTopics({ [topic]: { partitions: 1 } });
    const child = startChild({ address, app: 'holder', does: 'hold-group', topic, partitions: [0], group: 'g' });
    await child.firstLine();
    const listener = { assigned: async () => undefined, revoked: async () => undefined };
    const refused = await context.log.joinGroup('g', [topic], listener).catch((error: unknown) => error);
    expect(isPlatformError(refused, 'LOCKED') && refused.message.includes(String(child.process.pid))).toBe(true);
    child.process.kill('SIGKILL');
    await child.ended;
    await (await context.log.joinGroup('g', [topic], listener)).leave();
  });
}
