import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openEventLog } from '#tideline/platform';
import { systemTopics } from '#tideline/streaming';
import { root, tideline } from './inputs.ts';
import { plotSoak } from './plot-soak.ts';
import { serverSettings } from './real-servers.ts';
import { ScoreLatency } from './score-latency.ts';
import { source } from './sources.ts';

/*
 * `npm run soak -- [--minutes 60] [--rate 2000] [--scratch DIR]`: all five apps on real servers (TIDELINE_SERVICES) under a steady stream of synthetic
 * clicks, on topics that nobody else writes. Says how long a score takes from its record's append, and whether memory stays flat; keeps the samples and a plot.
 */
const { values: options } = parseArgs({ options: { minutes: { type: 'string', default: '60' }, rate: { type: 'string', default: '2000' }, scratch: { type: 'string', default: tmpdir() } } });
const minutes = Number(options.minutes);
const rate = Number(options.rate);
const APPS = ['speed-layer', 'batch-layer', 'trainer', 'api', 'ingestor'] as const;
const SAMPLE_MS = 10_000;
const WARM_UP_MS = 20_000;

const settings = serverSettings(`soak${Date.now().toString(36)}`);
mkdirSync(options.scratch, { recursive: true });
// A folder of this run inside the named one, where other things may lie.
const folder = mkdtempSync(join(options.scratch, 'tideline-soak-'));
symlinkSync(join(root, 'sources'), join(folder, 'sources'));
tideline(folder, ['generate', 'user-behavior', '--out', 'clicks.csv', '--rows', String(Math.ceil(rate * minutes * 60 * 1.1)), '--seed', '11']);

const clicks = await source('user-behavior');
const log = await openEventLog(settings.EVENT_LOG, { app: 'soak' });
await log.ensureTopics(systemTopics([{ name: clicks.name, partitions: clicks.deployment.partitions }]));

const env = { ...process.env, ...settings, TIDELINE_PORT: '0', INGESTOR_REPLAYS: JSON.stringify([{ file: 'clicks.csv', source: 'user-behavior', rate: `${rate}/s` }]) };
const start = (app: string): ChildProcess => {
  const child = spawn(process.execPath, ['--enable-source-maps', '--disable-warning=ExperimentalWarning', join(root, 'dist', 'apps', app, 'src', 'main.js')], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(join(folder, `${app}.log`));
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  return child;
};
const children = new Map(APPS.map((app) => [app, start(app)]));

const latency = new ScoreLatency(log, 'raw.user-behavior');
const over = new AbortController();
const following = latency.follow(over.signal);
await sleep(WARM_UP_MS);
latency.reset();

/** Resident memory of each app, MB, by seconds since the start. */
const samples: { seconds: number; memoryMb: Record<string, number>; p50: number; p99: number; scores: number }[] = [];
const startedAt = performance.now();
while (performance.now() - startedAt < minutes * 60_000) {
  await sleep(SAMPLE_MS);
  const memoryMb = Object.fromEntries([...children].map(([app, { pid }]) => [app, residentMb(pid)]));
  samples.push({ seconds: Math.round((performance.now() - startedAt) / 1000), memoryMb, p50: latency.quantile(0.5), p99: latency.quantile(0.99), scores: latency.count });
  process.stderr.write(`${JSON.stringify(samples.at(-1))}\n`);
}
over.abort();
await following;
await log.close();
for (const child of children.values()) child.kill('SIGTERM');
await Promise.all([...children.values()].map((child) => (child.exitCode !== null ? undefined : new Promise((resolve) => child.once('exit', resolve)))));

const summary = { minutes, rate, scores: latency.count, unmatched: latency.unmatched, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99), samples };
mkdirSync(join(root, 'bench', 'results'), { recursive: true });
writeFileSync(join(root, 'bench', 'results', 'soak.json'), `${JSON.stringify(summary)}\n`);
writeFileSync(join(root, 'docs', 'images', 'soak.svg'), plotSoak(samples, `${rate.toLocaleString('en-US')} records/s for ${minutes} minutes`));
console.log(`${summary.scores} scores; append to score p50 ${summary.p50Ms} ms, p99 ${summary.p99Ms} ms`);

function residentMb(pid: number | undefined): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) / 1024);
  } catch {
    return NaN;
  }
}
