import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { alibabaLog, bufferFlags, requestedBytes, root, scratch, tideline } from './inputs.ts';
import { report } from './report.ts';

// Log file to silver Parquet as the system does it: one process replays into the event log while another lands bronze and silver
// from it, both exactly once and resumable. The clock stops when silver holds every row.
const folder = join(scratch, 'lake');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
symlinkSync(join(root, 'sources'), join(folder, 'sources'));
const log = alibabaLog(requestedBytes);

const started = performance.now();
const replaying = run('dist/tools/cli/main.js', ['replay', log, '--source', 'alibaba', '--json']);
const landing = run('dist/bench/land-until-done.js', []);
const [replayed, landed] = await Promise.all([replaying, landing]);
const seconds = (performance.now() - started) / 1000;

const [sums] = tideline(folder, ['lake', 'query', 'SELECT count(*) AS n, CAST(sum(reward) AS VARCHAR) AS reward, sum(item_count) AS items FROM silver.alibaba']).answer as { n: number; reward: string; items: number }[];
process.stderr.write(`silver: ${sums?.n} rows, reward ${sums?.reward}, ${sums?.items} items\n`);
report([
  { name: 'log file to silver Parquet', value: statSync(log).size / 1e6 / seconds, unit: 'MB/s', floor: 80, aim: 160 },
  { name: 'log file to silver, peak resident memory (replaying)', value: replayed, unit: 'MB', floor: 300, lowerIsBetter: true },
  { name: 'log file to silver, peak resident memory (landing)', value: landed, unit: 'MB', floor: 300, lowerIsBetter: true },
]);

function run(program: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...bufferFlags, '--import', join(root, 'dist/bench/peak-memory.js'), join(root, program), ...args], {
    cwd: folder, stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => {
      if (code !== 0) reject(new Error(`${program} failed: ${errors}`));
      else resolve(Number(/peak resident memory (\d+) MB/.exec(errors)?.[1] ?? NaN));
    });
  });
}
