import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Command } from 'commander';
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

export function addDoctor(program: Command, run: Runner): void {
  program.command('doctor').description('doors, versions, free disk, port, clock: what works, what does not, what to do').action(run(doctor));
}

async function doctor(context: CommandContext): Promise<void> {
  const { world, output } = context;
  const checks: Check[] = [
    runtime(),
    await attempt('sources', 'correct the file named', async () => (await world.sources()).map((source) => source.name).join(', ')),
    await attempt('event log', 'look at EVENT_LOG', async () => `${world.configuration.eventLog}, ${(await (await world.log('command')).describeTopics()).length} topics`),
    ...(await logWarnings(context)),
    await attempt('object store', 'look at OBJECT_STORE', async () => {
      const tables = await (await world.lake()).tables();
      return `${world.configuration.objectStore}, ${tables.length} tables`;
    }),
    await attempt('experiments', 'look at EXPERIMENTS', async () => `${world.configuration.experiments}, ${(await (await world.tracker()).listModels()).length} registered models`),
    await attempt('schema registry', 'look at SCHEMA_REGISTRY', async () => {
      await world.registry();
      return world.configuration.schemaRegistry;
    }),
    await disk(),
    await portFree(world.configuration.host, world.configuration.port),
    clock(world.clock.nowMs()),
  ];
  const ok = checks.every((check) => check.ok);
  output.result({ checks, ok }, () => formatTable(['', 'what', 'found', 'advice'], checks.map((check) => [check.ok ? 'ok' : 'NO', check.name, check.found, check.advice ?? ''])));
  if (!ok) throw refused('something needs attention');
}

function runtime(): Check {
  const ok = Number(process.versions.node.split('.')[0]) >= 24;
  return { name: 'runtime', ok, found: `Node ${process.versions.node} on ${process.platform}-${process.arch}`, advice: ok ? null : 'run `npm ci`, which brings Node 24' };
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

async function disk(): Promise<Check> {
  return attempt('disk', 'free some space or move the data', async () => {
    const folder = await access('data', constants.W_OK).then(() => 'data', () => '.');
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    if (free < LEAST_FREE_BYTES) throw new Error(`expected ${formatBytes(LEAST_FREE_BYTES)} free, found ${formatBytes(free)}`);
    return `${formatBytes(free)} free`;
  });
}

/** A port in use is fine when it is our own api that holds it. */
async function portFree(host: string, port: number): Promise<Check> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
  if (free) return { name: 'port', ok: true, found: `${host}:${port} is free`, advice: null };
  const ours = await fetch(`http://${host}:${port}/health`, { signal: AbortSignal.timeout(ANSWER_MS) }).then((response) => response.ok, () => false);
  return ours
    ? { name: 'port', ok: true, found: `${host}:${port} is held by a running api`, advice: null }
    : { name: 'port', ok: false, found: `${host}:${port} is held by another program`, advice: 'set TIDELINE_PORT to a free one' };
}

function clock(nowMs: number): Check {
  const now = new Date(nowMs);
  const ok = now.getUTCFullYear() >= LEAST_YEAR;
  return { name: 'clock', ok, found: now.toISOString(), advice: ok ? null : 'set the system clock; arrival times and leases depend on it' };
}
