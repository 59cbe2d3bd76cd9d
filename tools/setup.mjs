#!/usr/bin/env node
// Makes a clone ready: `npm ci` when the lock file changed, kernels and build when a source of theirs changed. Quiet when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buildKernels } from './build-kernels.mjs';
import { root, runtimePath } from './runtime.mjs';

const force = process.argv.includes('--force');
const hash = (...parts) => parts.reduce((h, part) => h.update(part), createHash('sha256')).digest('hex');
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** Runs one step, keeps its output for the case that it fails. */
function step(title, command, args, options = {}) {
  const started = Date.now();
  process.stderr.write(`tideline: ${title} … `);
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
  if (done.status !== 0) {
    process.stderr.write(`failed\n${done.stdout ?? ''}${done.stderr ?? ''}${done.error ? `${done.error.message}\n` : ''}`);
    process.exit(1);
  }
  process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

function install() {
  const stampFile = join(root, 'node_modules', '.tideline-install');
  const stamp = hash(read(join(root, 'package-lock.json')), read(join(root, 'package.json')), process.platform, process.arch);
  if (read(stampFile) === stamp) return;
  const npm = process.env.npm_execpath;
  // The tests run models on the processor; onnxruntime-node's install script would fetch graphics libraries from another host.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm && /\.c?js$/.test(npm)) step('installing packages', process.execPath, [npm, ...args], { env });
  else step('installing packages', process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { env, shell: process.platform === 'win32' });
  writeFileSync(stampFile, stamp);
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|css|html|svg|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function kernels() {
  const started = Date.now();
  if (buildKernels(force)) process.stderr.write(`tideline: compiled the kernels … ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

function build() {
  const stampFile = join(root, 'dist', '.tideline-build');
  const sources = ['apps', 'libs', 'tools', 'bench', 'test'].flatMap((folder) => filesUnder(join(root, folder)));
  const facts = [...sources, join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json')].map((path) => {
    const { size, mtimeMs } = statSync(path);
    return `${relative(root, path)}:${size}:${mtimeMs}`;
  });
  const stamp = hash(read(join(root, 'package-lock.json')), facts.join('\n'));
  if (!force && read(stampFile) === stamp) return;
  const node = runtimePath();
  rmSync(stampFile, { force: true });
  step('building the apps', node, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
  step('building the dashboard', node, [
    'node_modules/vite/bin/vite.js', 'build', '--config', 'apps/api/dashboard/vite.config.ts', '--logLevel', 'error',
  ]);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** `npx tideline` looks in node_modules/.bin, where npm never links a package's own commands. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'tideline');
  if (process.platform === 'win32' || existsSync(link)) return;
  symlinkSync(join('..', '..', 'tools', 'tideline.mjs'), link);
}

try {
  install();
  linkCommand();
  kernels();
  build();
} catch (error) {
  console.error(`tideline: ${error.message}`);
  process.exit(1);
}
