import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileEventLog, openEventLog, type EventLog } from '#tideline/platform';
import { root, syntheticLog, Terminal, until, type Running } from '../system/tideline.ts';
import { kafkaAddress, uniqueName } from './kafka-names.ts';

const speedLayer = join(root, 'dist', 'apps', 'speed-layer', 'src', 'main.js');
const GROUP = 'speed-layer';
/** Clicks under a name that no other run has, so that the topics are new. */
const source = uniqueName('clicks');
const terminals: Terminal[] = [];
afterAll(() => terminals.forEach((at) => at.close()));

function workplace(): Terminal {
  const at = new Terminal();
  terminals.push(at);
  const sources = join(at.folder, 'sources');
  rmSync(sources);
  mkdirSync(sources);
  cpSync(join(root, 'sources', 'user-behavior'), join(sources, source), { recursive: true });
  // Its suites name the tables of the source that it was copied from.
  rmSync(join(sources, source, 'checks.yaml'));
  const schema = join(sources, source, 'schema.yaml');
  writeFileSync(schema, readFileSync(schema, 'utf8').replace('source: user-behavior', `source: ${source}`));
  return at;
}

// Each file goes on where the one before ended, as clicks do.
const lines = syntheticLog('user-behavior', 6_000).trimEnd().split('\n');
const files = [0, 1, 2].map((i) => `${lines.slice(i * 2000, (i + 1) * 2000).join('\n')}\n`);

interface Score { readonly origin: { readonly partition: number; readonly offset: string } }

async function* recordsOf(log: EventLog, topic: string): AsyncIterable<{ partition: number; offset: number; value: Buffer }> {
  const { partitions } = (await log.describeTopics()).find((each) => each.topic === topic)!;
  for (const { partition, start } of partitions) {
    for (let next = start; ; ) {
      const batches = await log.read(topic, partition, next);
      if (batches.length === 0) break;
      for (const { baseOffset, count, values, valueOffsets } of batches) {
        next = baseOffset + count;
        for (let i = 0; i < count; i++) yield { partition, offset: baseOffset + i, value: Buffer.from(values.subarray(valueOffsets[i], valueOffsets[i + 1])) };
      }
    }
  }
}

/** Everything that was put out for the source. Offsets are counted in records: a log may spend some on marks of its own. */
async function outputsOf(log: EventLog): Promise<{ scores: string[]; transitions: string[] }> {
  const ordinals = new Map<string, number>();
  const counts = new Map<number, number>();
  for await (const { partition, offset } of recordsOf(log, `raw.${source}`)) {
    ordinals.set(`${partition} ${offset}`, counts.get(partition) ?? 0);
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
  }
  const scores: string[] = [];
  for await (const { partition, value } of recordsOf(log, 'churn-scores')) {
    if (!value.includes(source)) continue;
    const { origin, ...score } = JSON.parse(value.toString()) as Score;
    scores.push(`${partition} ${JSON.stringify(score)} from record ${ordinals.get(`${origin.partition} ${origin.offset}`)} of ${origin.partition}`);
  }
  const transitions: string[] = [];
  for await (const { partition, value } of recordsOf(log, `transitions.${source}`)) transitions.push(`${partition} ${value.toString('base64')}`);
  return { scores: scores.sort(), transitions: transitions.sort() };
}

async function isCaughtUp(log: EventLog): Promise<boolean> {
  const raw = (await log.describeTopics()).find(({ topic }) => topic === `raw.${source}`);
  return raw !== undefined && raw.partitions.every(({ partition, end }) => raw.groups.some(({ group, partition: at, offset }) => group === GROUP && at === partition && offset === end));
}

async function undisturbed(): Promise<{ scores: string[]; transitions: string[] }> {
  const at = workplace();
  for (const [i, text] of files.entries()) await at.replay(at.write(`part-${i}.csv`, text), source, '--chunk', '500');
  const app = at.start([], { program: speedLayer });
  const log = new FileEventLog(join(at.folder, 'data', 'log'), { app: 'watcher' });
  await until('the embedded speed layer has caught up', async () => isCaughtUp(log).catch(() => false));
  app.child.kill('SIGTERM');
  await app.ended;
  const outputs = await outputsOf(log);
  await log.close();
  return outputs;
}

test('two, then three speed layers share the partitions, one is killed, and what they put out is that of an undisturbed run', { timeout: 400_000 }, async () => {
  const expected = await undisturbed();
  expect(expected.scores.length).toBeGreaterThan(1000);
  const at = workplace();
  const env = { EVENT_LOG: kafkaAddress };
  const log = await openEventLog(kafkaAddress, { app: 'watcher' });
  const replay = (i: number): Promise<unknown> => at.json(['replay', at.write(`part-${i}.csv`, files[i]), '--source', source, '--chunk', '500'], { env });
  const app = (): Running => at.start([], { program: speedLayer, env });

  await replay(0);
  const first = app();
  const second = app();
  await until('two speed layers have caught up', () => isCaughtUp(log));
  const third = app();
  const feeding = replay(1);
  // In the midst of the work, and perhaps of a hand-over.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  first.child.kill('SIGKILL');
  await feeding;
  await replay(2);
  await until('the two that are left have caught up', () => isCaughtUp(log));
  for (const { child } of [second, third]) child.kill('SIGTERM');
  const ends = await Promise.all([second.ended, third.ended]);
  expect(ends.map(({ code }) => code)).toEqual([0, 0]);
  const outputs = await outputsOf(log);
  expect(new Set(outputs.scores).size).toBe(outputs.scores.length);
  // Whole lists in a failure's message would be megabytes.
  for (const kind of ['scores', 'transitions'] as const) {
    expect(outputs[kind].filter((line) => !expected[kind].includes(line)).slice(0, 3)).toEqual([]);
    expect(outputs[kind].length).toBe(expected[kind].length);
  }
  await log.close();
});
