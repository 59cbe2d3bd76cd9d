#!/usr/bin/env node
// Finds the pinned Node runtime that npm installed and runs a program on it; plain JavaScript, because the host's Node runs this.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Path of the pinned runtime, or of the host's own Node when it is new enough and no package exists for this platform. */
export function runtimePath() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const pinned = join(root, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(pinned)) return pinned;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const known = Object.keys(optionalDependencies).join(', ');
  throw new Error(
    `expected Node 24 or newer, found ${process.versions.node}: the pinned runtime comes with npm for ${known}; ` +
      `on ${process.platform}-${process.arch} install Node 24 and run again`,
  );
}

/** Runs `node ...args` on the pinned runtime, passes signals on, and ends as it ended. */
export function runOnRuntime(args, options = {}) {
  const child = spawn(runtimePath(), args, { stdio: 'inherit', ...options });
  // The terminal sends Ctrl-C to the whole process group; this parent only waits for the child's own orderly end.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', (error) => {
    console.error(`tideline: the runtime did not start: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  runOnRuntime(['--enable-source-maps', '--disable-warning=ExperimentalWarning', ...process.argv.slice(2)]);
}
