import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describeSkew, isPlatformError, maskAddress, measureSkew, operationsPortSettings, type AppName } from '#tideline/platform';
import { refused } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatTable } from '../output.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly advice: string | null;
}

const LEAST_FREE_BYTES = 2e9;
const LEAST_YEAR = 2026;
/** Whoever holds the port may be no web server at all and never answer. */
const ANSWER_MS = 2_000;
/** Files this much newer than now were written before the clock was set back. */
const SET_BACK_MS = 60_000;

export function addDoctor(program: Command, run: Runner): void {
  program.command('doctor').description('doors, logins, versions, free disk, ports, clocks: what works, what does not, what to do').action(run(doctor));
}

async function doctor(context: CommandContext): Promise<void> {
  const { world, output } = context;
  const { configuration } = world;
  const { host, operationsPorts } = configuration;
  const checks: Check[] = [
    runtime(),
    await attempt('sources', 'correct the file named', async () => (await world.sources()).map((source) => source.name).join(', ')),
    ...(await doorChecks(context)),
    ...(await logWarnings(context)),
    await disk('disk', await access('data', constants.W_OK).then(() => 'data', () => '.'), LEAST_FREE_BYTES),
    // Sorts and joins that do not fit in memory go there.
    await disk('temporary folder', tmpdir(), LEAST_FREE_BYTES / 2),
    ...(await Promise.all(Object.entries(operationsPorts).filter(([, port]) => port !== 0).map(([app, port]) => portFree(app as AppName, host, port)))),
    ...(await clocks(context)),
  ];
  const ok = checks.every((check) => check.ok);
  output.result({ checks, ok }, () => formatTable(['', 'what', 'found', 'advice'], checks.map((check) => [check.ok ? 'ok' : 'NO', check.name, check.found, check.advice ?? ''])));
  if (!ok) throw refused('something needs attention');
}

/** Opens every door as the apps do (address, reachability, login) and asks it something that needs all of these. */
async function doorChecks({ world }: CommandContext): Promise<readonly Check[]> {
  const { eventLog, objectStore, experiments, schemaRegistry } = world.configuration;
  return [
    await attempt('event log', 'look at EVENT_LOG', async () => `${maskAddress(eventLog)}, ${(await (await world.log('command')).describeTopics()).length} topics`),
    ...(await attemptWarnings('event log settings', async () => (await world.log('command')).warnings())),
    await attempt('object store', 'look at OBJECT_STORE', async () => `${maskAddress(objectStore)}, ${(await (await world.lake()).tables()).length} tables`),
    await attempt('experiments', 'look at EXPERIMENTS', async () => {
      const models = (await (await world.tracker()).listModels()).length;
      return `${maskAddress(experiments)}, ${models} registered models${await serverVersion(experiments)}`;
    }),
    await attempt('schema registry', 'look at SCHEMA_REGISTRY', async () => {
      const registry = await world.registry();
      const empty = await registry.schemaById(1).then(() => '', (error: unknown) => {
        if (isPlatformError(error, 'NOT_FOUND')) return ', no schema 1 yet';
        throw error;
      });
      return `${maskAddress(schemaRegistry)}${empty}`;
    }),
  ];
}

/** What a door says of its servers that is no failure yet; nothing when it is well or can't be asked (which its own check says). */
async function attemptWarnings(name: string, ask: () => Promise<readonly string[]>): Promise<readonly Check[]> {
  const warnings = await ask().catch(() => []);
  return warnings.map((warning) => ({ name, ok: false, found: warning, advice: 'change the servers\' settings as said' }));
}

/** MLflow tells its version; others are left out. */
async function serverVersion(address: string): Promise<string> {
  if (!/^https?:/.test(address)) return '';
  const version = await fetch(`${address.replace(/\/+$/, '')}/version`, { signal: AbortSignal.timeout(ANSWER_MS) }).then((response) => (response.ok ? response.text() : ''), () => '');
  return /^\d[\w.]{0,30}$/.test(version.trim()) ? `, MLflow ${version.trim()}` : '';
}

function runtime(): Check {
  const ok = Number(process.versions.node.split('.')[0]) >= 24;
  return { name: 'runtime', ok, found: `Node ${process.versions.node} on ${process.platform}-${process.arch}`, advice: ok ? null : 'run `npm start`, which brings Node 24' };
}

/** What the log works with but should not be left at. */
async function logWarnings({ world }: CommandContext): Promise<Check[]> {
  try {
    const warnings = await (await world.log('command')).warnings();
    return warnings.map((advice) => ({ name: 'event log set-up', ok: true, found: 'works, but', advice }));
  } catch {
    // The check of the log itself says why.
    return [];
  }
}

async function attempt(name: string, advice: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, found: await look(), advice: null };
  } catch (error) {
    return { name, ok: false, found: (error as Error).message, advice };
  }
}

async function disk(name: string, folder: string, leastBytes: number): Promise<Check> {
  return attempt(name, 'free some space or move the data', async () => {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    if (free < leastBytes) throw new Error(`expected ${formatBytes(leastBytes)} free in ${folder}, found ${formatBytes(free)}`);
    return `${formatBytes(free)} free`;
  });
}

/** A port in use is fine when it is our own app that holds it. */
async function portFree(app: AppName, host: string, port: number): Promise<Check> {
  const name = app === 'api' ? 'port' : `port of ${app}`;
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
  if (free) return { name, ok: true, found: `${host}:${port} is free`, advice: null };
  const ours = await fetch(`http://${host}:${port}/health`, { signal: AbortSignal.timeout(ANSWER_MS) }).then((response) => response.ok, () => false);
  return ours
    ? { name, ok: true, found: `${host}:${port} is held by a running ${app}`, advice: null }
    : { name, ok: false, found: `${host}:${port} is held by another program`, advice: `set ${operationsPortSettings[app]} to a free one` };
}

/** This machine's clock by itself, beside the files written so far, and beside the servers'. */
async function clocks({ world }: CommandContext): Promise<readonly Check[]> {
  const nowMs = world.clock.nowMs();
  const aheadMs = (await newestChangeMs('data')) - nowMs;
  const problem =
    new Date(nowMs).getUTCFullYear() < LEAST_YEAR ? 'set the system clock; arrival times and runs are dated by it'
    : aheadMs > SET_BACK_MS ? `files in data are dated ${Math.round(aheadMs / 60_000)} min later than now: the clock was set back; nothing breaks, but arrival times and runs are dated twice`
    : null;
  const own: Check = { name: 'clock', ok: problem === null, found: new Date(nowMs).toISOString(), advice: problem };
  const skews = await measureSkew(world.configuration, world.clock);
  return [own, ...skews.map((skew): Check => {
    const advice = describeSkew(skew);
    return { name: `clock beside ${skew.setting}`, ok: advice === undefined, found: `${(skew.aheadMs / 1000).toFixed(1)} s ahead`, advice: advice ?? null };
  })];
}

async function newestChangeMs(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const times = await Promise.all(names.map((name) => stat(join(folder, name)).then(({ mtimeMs }) => mtimeMs, () => 0)));
  return Math.max(0, ...times);
}
