// Goal: the consumer that the documentation shows to people reads scores as they come, each once.
// Method: the example itself, run by Java as the page says, against scores that are committed while it runs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { openEventLog, packTexts } from '#tideline/platform';
import { installationFolder } from '../../tools/services/index.ts';
import { findToolchain } from '../../tools/services/toolchain.ts';
import { kafkaAddress, uniqueName } from './kafka-names.ts';

const tools = findToolchain(['java17']);
const libs = join(installationFolder('kafka'), 'libs');
// A Java without a compiler can't run a source file.
const canRun = !('missing' in tools) && existsSync(libs) && existsSync(join(tools.java(17), 'bin', 'javac'));
if (!canRun) console.warn('skipped: the Java example, Kafka\'s libraries or a JDK are not on this machine');

/** Runs the example until it printed so many lines. */
async function consume(group: string, count: number, whileItRuns: () => Promise<void> = () => Promise.resolve()): Promise<string[]> {
  if ('missing' in tools) return [];
  const child = spawn(join(tools.java(17), 'bin', 'java'), ['-Xmx128m', '-cp', join(libs, '*'), join('docs', 'examples', 'ChurnScores.java'), kafkaAddress.replace('kafka://', ''), group]);
  let errors = '';
  child.stderr.on('data', (text: Buffer) => void (errors += text.toString()));
  const lines: string[] = [];
  try {
    await whileItRuns();
    for await (const line of createInterface({ input: child.stdout })) if (lines.push(line) === count) break;
  } finally {
    // In order, so that what was printed is committed.
    child.kill('SIGTERM');
    await new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.once('exit', resolve) : resolve(undefined)));
  }
  if (lines.length < count) throw new Error(`expected ${count} lines, found ${lines.length}: ${errors.slice(-2000)}`);
  return lines;
}

it.skipIf(!canRun)('reads what is committed while it runs', { timeout: 120_000 }, async () => {
  const log = await openEventLog(kafkaAddress, { app: 'example' });
  await log.ensureTopics({ 'churn-scores': { partitions: 8 } });
  const writer = await log.openWriter(uniqueName('example'));
  const mark = uniqueName('entity');
  const commit = async (partition: number): Promise<void> => {
    const records = packTexts([{ key: mark, value: `{"entity":"${mark}","partition":${partition}}`, timestampMs: 0 }]);
    await writer.commit({ appends: [{ topic: 'churn-scores', partition, records }] });
  };
  const before = (await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map((partition) => log.read('churn-scores', partition, 0)))).flat().reduce((sum, { count }) => sum + count, 0);
  const lines = await consume(uniqueName('readers'), before + 3, async () => {
    for (const partition of [0, 3, 7]) await commit(partition);
  });
  const ours = lines.filter((line) => line.startsWith(mark)).sort();
  expect(ours).toEqual([0, 3, 7].map((partition) => `${mark}\t{"entity":"${mark}","partition":${partition}}`));
  await log.close();
});
