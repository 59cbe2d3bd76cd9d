#!/usr/bin/env node
// Compiles the kernels, libs/learning/assembly, to dist/kernels/kernels.wasm when a source changed; AssemblyScript from npm is all it takes.
// The set-up runs it before the build, vitest before the tests.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runtimePath } from './runtime.mjs';

const sourceFolder = join(root, 'libs', 'learning', 'assembly');
const outFolder = join(root, 'dist', 'kernels');
const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');

// Memory is handed in and shared by all threads; 65,536 pages are the 4 GB that 32-bit addresses reach. Arithmetic stays as written:
// binaryen reorders no floating point, and relaxed SIMD is never enabled.
const options = [
  '--runtime', 'stub', '--enable', 'simd', '--enable', 'threads', '--importMemory', '--noExportMemory', '--sharedMemory', '--initialMemory', '16',
  '--maximumMemory', '65536', '--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert', '--uncheckedBehavior', 'always',
];

/** What the compiled module was made from: sources, options and compiler. */
function stampOf() {
  const hash = createHash('sha256').update(options.join(' ')).update(readFileSync(join(root, 'node_modules', 'assemblyscript', 'package.json')));
  for (const name of readdirSync(sourceFolder, { recursive: true }).filter((path) => path.endsWith('.ts')).sort()) hash.update(name).update(readFileSync(join(sourceFolder, name)));
  return hash.digest('hex');
}

/** Compiles where needed; returns true when it did, throws with the compiler's words when a source is wrong. */
export function buildKernels(force = false) {
  const stampFile = join(outFolder, '.stamp');
  const stamp = stampOf();
  if (!force && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false;
  mkdirSync(outFolder, { recursive: true });
  // Two builds at once each write a file of their own; the last rename wins, and both are right.
  const made = join(outFolder, `kernels.${process.pid}.wasm`);
  const done = spawnSync(runtimePath(), [compiler, join(sourceFolder, 'index.ts'), '--outFile', made, ...options], { cwd: root, encoding: 'utf8' });
  if (done.status !== 0) {
    rmSync(made, { force: true });
    throw new Error(`the kernels did not compile\n${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`);
  }
  renameSync(made, join(outFolder, 'kernels.wasm'));
  writeFileSync(stampFile, stamp);
  return true;
}

/** Vitest's set-up: a source that does not compile ends the run with the compiler's words. */
export function setup() {
  buildKernels();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) buildKernels(process.argv.includes('--force'));
