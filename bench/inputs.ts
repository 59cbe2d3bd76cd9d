import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, seen from the built programs. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Folder for inputs and outputs of a measurement; kept between runs so that inputs are made once. */
export const scratch = process.env['BENCH_SCRATCH'] ?? '.';
export const requestedBytes = Number(process.env['BENCH_BYTES'] ?? '1e9');

/**
 * A log in the Alibaba format of about `bytes`: the file that `TIDELINE_BENCH_LOG` names (the peers' own input, for comparisons) when it
 * has that size, else our synthetic one, made once.
 */
export function alibabaLog(bytes: number): string {
  const given = process.env['TIDELINE_BENCH_LOG'];
  if (given !== undefined && existsSync(given) && Math.abs(statSync(given).size - bytes) < bytes * 0.01) return given;
  const file = join(scratch, `alibaba-${bytes}.txt`);
  if (!existsSync(file)) tideline(root, ['generate', 'alibaba', '--out', file, '--bytes', String(bytes), '--seed', '7']);
  return file;
}

/** What the launchers give programs that move large buffers. */
export const bufferFlags: readonly string[] = ['--max-semi-space-size=1'];

/** Runs one command of the built command line in a process of its own; gives its JSON answer and its highest resident memory, MB. */
export function tideline(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): { answer: unknown; peakMemoryMb: number } {
  const flags = args[0] === 'replay' ? bufferFlags : [];
  const done = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...flags, '--import', join(root, 'dist/bench/peak-memory.js'), join(root, 'dist/tools/cli/main.js'), ...args, '--json'], {
    cwd, encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1 << 28,
  });
  if (done.status !== 0) throw new Error(`tideline ${args.join(' ')} failed: ${done.stderr}`);
  const peak = /peak resident memory (\d+) MB/.exec(done.stderr)?.[1];
  return { answer: JSON.parse(done.stdout || 'null'), peakMemoryMb: Number(peak ?? NaN) };
}

/** Highest resident memory of this process so far, MB. */
export const peakMemoryMb = (): number => process.resourceUsage().maxRSS / 1024;
