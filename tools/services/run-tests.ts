// `npm run test:services`: starts the real servers in an instance of their own, runs the tests that need them, and stops them whatever happens.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { CommandError } from '../cli/command-error.ts';
import { installCompose } from './install-compose.ts';
import { projectRoot, Services, testInstances } from './services.ts';

const started = Date.now();
const report = (line: string): void => void process.stderr.write(`${`${((Date.now() - started) / 1000).toFixed(0)} s`.padStart(6)}  ${line}\n`);
const services = Services.open(join(testInstances, 'all'), { report });

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    report(`${signal}: stopping`);
    stop.abort(signal);
  });
}

try {
  // What an earlier run left behind would be read by this one.
  for (const left of Services.under(testInstances, { report })) await left.delete();
  // First, because it tells everything that is missing at once.
  const addresses = await services.start();
  await installCompose(report);
  process.exitCode = stop.signal.aborted ? 130 : await runVitest(JSON.stringify(addresses), process.argv.slice(2));
} catch (error) {
  process.stderr.write(`test:services: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof CommandError && error.advice !== undefined) process.stderr.write(`${error.advice}\n`);
  process.exitCode = 1;
} finally {
  // Also those of tests that were cut short; logs stay until the next run.
  for (const each of Services.under(testInstances, { report })) await each.stop();
}

async function runVitest(addresses: string, filters: readonly string[]): Promise<number> {
  // The runtime's folder goes first on PATH, so that whatever a test starts runs on the same Node.
  const env = {
    ...process.env, TIDELINE_SERVICES: addresses, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`, NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
  };
  const child = spawn(process.execPath, [join(projectRoot, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'vitest.services.config.ts', ...filters], {
    cwd: projectRoot, env, stdio: 'inherit',
  });
  stop.signal.addEventListener('abort', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 1 : constants.signals[signal])));
  });
}
