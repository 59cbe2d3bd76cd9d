import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { install, installFolder, isInstalled, type Installation } from './installer.ts';
import { withLock } from './lock.ts';

const root = mkdtempSync(join(tmpdir(), 'tideline-install-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const tools = { java: () => '', maven: '', go: '', python: '' };
const counting = (name: string, then = ''): Installation => ({
  name, version: '1', size: 'nothing', needs: [],
  steps: (folder) => [{ command: 'sh', args: ['-c', `echo run >> ../${name}.runs; echo made > ${join(folder, 'made')}; ${then}`] }],
});
const runs = (name: string): number => readFileSync(join(root, `${name}.runs`), 'utf8').trim().split('\n').length;
const quiet = (): void => undefined;

test('what is installed is not installed again, and another version is', async () => {
  const installation = counting('once');
  await install(root, [installation], tools, quiet);
  await install(root, [installation], tools, quiet);
  expect(runs('once')).toBe(1);
  expect(isInstalled(root, { ...installation, version: '2' })).toBe(false);
});

test('half an install counts as none: its leavings go and it is done again', async () => {
  const failing = counting('half', 'touch left-over; echo no such artifact >&2; exit 3');
  await expect(install(root, [failing, counting('other')], tools, quiet)).rejects.toThrow(/half: expected sh -c .* to end with 0, found 3; its last lines.*\n {2}no such artifact/s);
  expect([isInstalled(root, failing), isInstalled(root, counting('other'))]).toEqual([false, true]);
  await install(root, [counting('half')], tools, quiet);
  expect(isInstalled(root, failing)).toBe(true);
  expect(existsSync(join(installFolder(root, failing), 'left-over'))).toBe(false);
});

test('a lock is refused while its holder runs and taken over when it has ended', async () => {
  const file = join(root, 'locks', 'x.lock');
  await withLock(file, 'x', async () => {
    await expect(withLock(file, 'x', async () => undefined)).rejects.toThrow(`x is being worked on by process ${process.pid}`);
  });
  mkdirSync(join(root, 'locks'), { recursive: true });
  writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'a boot before this one', marker: '' }));
  expect(await withLock(file, 'x', async () => 'mine')).toBe('mine');
  expect(existsSync(file)).toBe(false);
});
