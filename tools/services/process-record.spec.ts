import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { endProcess, isRunning, killProcess, remainingProcesses, startDetached, type ProcessRecord } from './process-record.ts';

const folder = mkdtempSync(join(tmpdir(), 'tideline-processes-'));
const records: ProcessRecord[] = [];
afterAll(async () => {
  for (const record of records) await killProcess(record);
  rmSync(folder, { recursive: true, force: true });
});

let made = 0;
const start = async (script: string): Promise<ProcessRecord> => {
  const name = `${process.pid}-${made++}`;
  const record = await startDetached({ command: process.execPath, args: ['-e', script], cwd: folder, env: {}, logFile: join(folder, `${name}.log`), marker: `spec/${name}` });
  records.push(record);
  return record;
};
const logged = async (n: number, text: string): Promise<void> => {
  while (!readFileSync(join(folder, `${process.pid}-${n}.log`), 'utf8').includes(text)) await new Promise((resolve) => setTimeout(resolve, 10));
};

test('a process that ends when asked ends without force', async () => {
  const record = await start('process.on("SIGTERM", () => process.exit(0)); setInterval(() => 0, 1000); console.log("up")');
  await logged(0, 'up');
  expect(isRunning(record)).toBe(true);
  expect(await endProcess(record, 5000)).toBe(true);
  expect(remainingProcesses(record)).toEqual([]);
});

test('one that ignores being asked is ended by force', async () => {
  const record = await start('process.on("SIGTERM", () => 0); setInterval(() => 0, 1000); console.log("up")');
  await logged(1, 'up');
  expect(await endProcess(record, 200)).toBe(false);
  expect(remainingProcesses(record)).toEqual([]);
});

test('another process with the same id is not taken for it', async () => {
  const record = await start('setInterval(() => 0, 1000)');
  const earlier = { ...record, startedAt: 'a boot 1', marker: 'spec/earlier' };
  expect(isRunning(earlier)).toBe(false);
  await killProcess(earlier);
  expect(await endProcess(earlier, 100)).toBe(true);
  expect(isRunning(record)).toBe(true);
});

test.runIf(process.platform === 'linux')('children that outlive their parent are found and ended', async () => {
  const child = `require("child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { stdio: "ignore" })`;
  const record = await start(`const child = ${child}; child.on("spawn", () => console.log("up")); setInterval(() => 0, 1000)`);
  await logged(3, 'up');
  expect(remainingProcesses(record)).toHaveLength(2);
  process.kill(record.pid, 'SIGKILL');
  while (isRunning(record)) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(remainingProcesses(record)).toHaveLength(1);
  await killProcess(record);
  expect(remainingProcesses(record)).toEqual([]);
});
