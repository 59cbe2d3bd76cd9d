import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { generate } from '#tideline/retention';
import { wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes } from '../output.ts';
import { Supervisor, type SupervisedApp } from '../supervisor.ts';

const APPS = ['ingestor', 'speed-layer', 'batch-layer', 'trainer', 'api'] as const;
const distribution = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** These two make few objects but large buffers, which only a collection of the young objects lets go: the sooner, the less memory. */
const RUNTIME_FLAGS: Readonly<Record<string, readonly string[]>> = { ingestor: ['--max-semi-space-size=1'], 'batch-layer': ['--max-semi-space-size=1'] };

interface StartOptions {
  readonly only?: string;
  readonly empty?: boolean;
}

/** A log for the first start, so that there is something to watch; synthetic, and called so wherever it shows. */
interface DemoLog {
  readonly source: string;
  readonly file: string;
  readonly rows: number;
  readonly job: Readonly<Record<string, unknown>>;
}

const DEMO_FOLDER = join('data', 'synthetic');
const demoLogs: readonly DemoLog[] = [
  // Retail first: a year of invoices at once gives the trainer a past; the clicks and pages go on at a pace that can be watched.
  { source: 'online-retail', file: 'online-retail.csv', rows: 150_000, job: {} },
  { source: 'user-behavior', file: 'user-behavior.csv', rows: 150_000, job: { rate: '1000/s' } },
  { source: 'alibaba', file: 'alibaba.txt', rows: 40_000, job: { rate: '400/s', loop: true } },
];

export function addStart(program: Command, run: Runner): void {
  program
    .command('start')
    .description('the five apps, each in its own process, supervised; one Ctrl-C stops all in order')
    .option('--only <apps>', `some of ${APPS.join(', ')}, separated by commas`)
    .option('--empty', 'without the synthetic logs that an empty ./data gets otherwise')
    .action(run(start));
}

async function start({ world, output, signal }: CommandContext, options: StartOptions): Promise<void> {
  const names = chosenApps(options.only);
  const { host, port } = world.configuration;
  const synthetic = options.empty === true || !names.includes('ingestor') ? [] : await prepareDemo((text) => output.note(text));
  const jobs = synthetic.map((log) => ({ file: join(DEMO_FOLDER, log.file), source: log.source, ...log.job }));
  const env = { INGESTOR_REPLAYS: JSON.stringify(jobs), TIDELINE_SYNTHETIC: synthetic.map((log) => log.source).join(',') };
  const apps: SupervisedApp[] = names.map((name) => ({ name, program: join(distribution, 'apps', name, 'src', 'main.js'), env: { ...env, TIDELINE_APP: name }, runtimeFlags: RUNTIME_FLAGS[name] ?? [] }));
  const supervisor = new Supervisor(apps, {
    runtime: process.execPath,
    nowMs: () => Date.now(),
    onLine: (app, line) => void process.stderr.write(`${describeLine(app, line)}\n`),
    onExit: (app, how, delayMs) => output.note(`${app.padEnd(11)} ended (${how}), ${delayMs === undefined ? 'and stays down' : `starts again in ${(delayMs / 1000).toFixed(1)} s`}`),
  });
  output.note(`starting ${names.join(', ')}; Ctrl-C stops them in order`);
  supervisor.start();
  const over = new AbortController();
  if (names.includes('api')) void announce(`http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`, synthetic, over.signal);
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (signal.aborted || supervisor.hopeless.size > 0) {
        clearInterval(look);
        resolve();
      }
    }, 100);
  });
  over.abort();
  output.note('stopping …');
  await supervisor.stop();
  output.note('stopped; `npm start` goes on where it was');
  if (supervisor.hopeless.size > 0) process.exitCode = 1;
}

function chosenApps(only: string | undefined): readonly string[] {
  if (only === undefined) return APPS;
  const wanted = only.split(',').map((name) => name.trim());
  const stranger = wanted.find((name) => !(APPS as readonly string[]).includes(name));
  if (stranger !== undefined) throw wrongUse(`expected apps among ${APPS.join(', ')}, found '${stranger}'`);
  return APPS.filter((name) => wanted.includes(name));
}

/** Makes the demo's logs when ./data holds nothing else; gives those that a former start made. */
async function prepareDemo(note: (text: string) => void): Promise<readonly DemoLog[]> {
  const marker = join(DEMO_FOLDER, 'README.txt');
  if (!existsSync(marker)) {
    const present = existsSync('data') ? readdirSync('data') : [];
    if (present.length > 0) return [];
    mkdirSync(DEMO_FOLDER, { recursive: true });
    for (const log of demoLogs) {
      const file = createWriteStream(join(DEMO_FOLDER, log.file));
      let bytes = 0;
      for (const block of generate(log.source, { seed: 7, rows: log.rows })) {
        bytes += block.byteLength;
        if (!file.write(block)) await once(file, 'drain');
      }
      file.end();
      await once(file, 'finish');
      note(`made a synthetic log of ${log.source}: ${log.rows.toLocaleString('en-US')} rows, ${formatBytes(bytes)}`);
    }
    writeFileSync(marker, 'Synthetic logs, made by `tideline start` because ./data was empty. Delete ./data to begin anew.\n');
  }
  return readFileSync(marker, 'utf8').length > 0 ? demoLogs : [];
}

async function announce(address: string, synthetic: readonly DemoLog[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      if ((await fetch(`${address}/health`, { signal })).ok) {
        process.stderr.write(`\n  dashboard  ${address}/\n  api        ${address}/docs\n`);
        process.stderr.write('  scores     npx tideline scores --follow\n');
        if (synthetic.length > 0) process.stderr.write(`  the data are synthetic (${synthetic.map((log) => log.source).join(', ')}); your own: npx tideline replay <file> --source <name>\n`);
        process.stderr.write('\n');
        return;
      }
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** One line of an app for people: its log is JSON, its last words may be anything. */
function describeLine(app: string, line: string): string {
  const name = app.padEnd(11);
  if (!line.startsWith('{')) return `${name} ${line}`;
  try {
    const entry = JSON.parse(line) as { level?: number | string; msg?: string; err?: { message?: string } };
    const level = Number(entry.level) >= 50 || entry.level === 'error' ? 'ERROR ' : Number(entry.level) >= 40 || entry.level === 'warn' ? 'warning: ' : '';
    return `${name} ${level}${entry.msg ?? ''}${entry.err?.message === undefined ? '' : `: ${entry.err.message}`}`;
  } catch {
    return `${name} ${line}`;
  }
}
