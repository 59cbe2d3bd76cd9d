import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { installations } from './installations.ts';
import { installMissing } from './native-servers.ts';
import { findToolchain, type Tool } from './toolchain.ts';

const folder = mkdtempSync(join(tmpdir(), 'tideline-tools-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const all: readonly Tool[] = ['java17', 'java21', 'maven', 'go', 'python'];
const program = (path: string, says: string): void => {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(path, 0o755);
};
const java = (home: string, version: string): void => {
  program(join(home, 'bin', 'java'), '');
  writeFileSync(join(home, 'release'), `JAVA_VERSION="${version}"\n`);
};

test('everything missing is told at once, before anything is fetched', async () => {
  const reported: string[] = [];
  const wanted = Object.values(installations);
  const failure = installMissing(wanted, { installRoot: join(folder, 'install'), report: (line) => void reported.push(line), search: { path: '', javaFolders: [] } });
  await expect(failure).rejects.toThrow(/Java 17 or newer.*\n.*Maven 3\.6 or newer.*\n.*Java 21 or newer.*\n.*Go 1\.24 or newer.*\n.*Python 3\.10 or newer/);
  expect(reported).toEqual([]);
});

test('programs that are too old count as missing', () => {
  const bin = join(folder, 'old');
  java(join(folder, 'jvm-old', 'java-11'), '11.0.2');
  program(join(bin, 'go'), 'go1.21.3');
  program(join(bin, 'python3'), '3.9');
  program(join(bin, 'mvn'), '');
  const found = findToolchain(all, { path: bin, javaFolders: [join(folder, 'jvm-old')] });
  expect('missing' in found && found.missing.map((line) => line.split(' (')[0])).toEqual(['Java 17 or newer', 'Java 21 or newer', 'Go 1.24 or newer', 'Python 3.10 or newer with venv']);
});

test('each server gets the oldest Java that will do, wherever it lies', () => {
  const bin = join(folder, 'new');
  for (const version of ['11', '17', '21', '25']) java(join(folder, 'jvm', `java-${version}`), `${version}.0.1`);
  program(join(bin, 'go'), 'go1.26.8');
  program(join(bin, 'python3'), '3.13');
  program(join(bin, 'mvn'), '');
  const found = findToolchain(all, { path: ['', join(folder, 'nowhere'), bin].join(delimiter), javaFolders: [join(folder, 'jvm'), join(folder, 'nowhere')] });
  if ('missing' in found) throw new Error(found.missing.join());
  expect([found.java(17), found.java(21), found.go]).toEqual([join(folder, 'jvm', 'java-17'), join(folder, 'jvm', 'java-21'), join(bin, 'go')]);
});
