#!/usr/bin/env node
// `npm test`: everything that must hold and needs no server, one step after the other; all steps run even when one fails.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runtimePath } from './runtime.mjs';

const node = runtimePath();
const report = join(root, 'dist', 'test-report.json');
mkdirSync(join(root, 'dist'), { recursive: true });
const only = process.argv.slice(2);

const steps = {
  tests: ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  types: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--incremental', 'false'],
  'dashboard types': ['node_modules/typescript/bin/tsc', '-p', 'apps/api/dashboard/tsconfig.json', '--noEmit'],
  boundaries: ['node_modules/dependency-cruiser/bin/dependency-cruiser.mjs', 'apps', 'libs', 'tools', 'bench', 'test', '--config', '.dependency-cruiser.cjs'],
  lint: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0'],
  unused: ['node_modules/knip/bin/knip.js'],
};

const failed = [];
for (const [name, args] of Object.entries(steps)) {
  if (only.length > 0 && !only.includes(name.split(' ')[0])) continue;
  const started = Date.now();
  console.log(`\n── ${name}`);
  // The runtime's folder goes first on PATH, so that whatever a test starts runs on the same Node.
  const env = { ...process.env, PATH: `${join(node, '..')}:${process.env.PATH}`, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };
  const done = spawnSync(node, args, { cwd: root, stdio: 'inherit', env });
  if (done.status !== 0) failed.push(name);
  console.log(`── ${name}: ${done.status === 0 ? 'ok' : 'FAILED'}, ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

const totals = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 };
if (failed.length > 0) console.log(`\nfailed: ${failed.join(', ')}`);
console.log(`\n${totals.numPassedTests} passed, ${totals.numFailedTests} failed, ${totals.numPendingTests} skipped`);
process.exit(failed.length === 0 ? 0 : 1);
