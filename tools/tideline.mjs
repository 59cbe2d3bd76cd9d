#!/usr/bin/env node
// The command `tideline`: makes sure that the program is built, then runs its command line on the pinned runtime.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, runOnRuntime } from './runtime.mjs';

const program = join(root, 'dist', 'tools', 'cli', 'main.js');
if (!existsSync(program)) {
  console.error('tideline: not built yet; run `npm start` or `npm run build` once in the project folder');
  process.exit(1);
}
// A replay makes few objects but large buffers, which only a collection of the young objects lets go: the sooner, the less memory.
const memory = process.argv[2] === 'replay' ? ['--max-semi-space-size=1'] : [];
try {
  runOnRuntime(['--enable-source-maps', '--disable-warning=ExperimentalWarning', ...memory, program, ...process.argv.slice(2)]);
} catch (error) {
  console.error(`tideline: ${error.message}`);
  process.exit(1);
}
