import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { lockExclusively, lockWhenFree } from './file-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'tideline-locks-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a lock has one holder, in this process too, until it is released', async () => {
  const path = join(folder, 'deep', 'a.lock');
  const lock = lockExclusively(path, 'the replay of x.log');
  expect(() => lockExclusively(path, 'the replay of x.log')).toThrow(`the replay of x.log is held by another holder (process ${process.pid}, since `);
  await expect(lockWhenFree(path, 'it', 20)).rejects.toMatchObject({ code: 'LOCKED', retriable: true });
  const waiting = lockWhenFree(path, 'it', 10_000);
  lock.release();
  lock.release();
  const next = await waiting;
  expect(() => lockExclusively(path, 'it')).toThrow('held');
  next.release();
  lockExclusively(path, 'it').release();
});

test('the lock of a killed process is free', async () => {
  const path = join(folder, 'b.lock');
  const code = `
    const { lockExclusively } = await import(${JSON.stringify(fileURLToPath(new URL('./file-lock.ts', import.meta.url)))});
    lockExclusively(${JSON.stringify(path)}, 'it');
    console.log('held');
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(() => lockExclusively(path, 'it')).toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  lockExclusively(path, 'it').release();
});
