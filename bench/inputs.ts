import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Folder for inputs and outputs of a measurement; kept between runs so that inputs are made once. */
export const scratch = process.env['BENCH_SCRATCH'] ?? '.';
export const requestedBytes = Number(process.env['BENCH_BYTES'] ?? '1e9');

/**
 * A log in the Alibaba format of about `bytes`: `TIDELINE_BENCH_LOG` when it names one (the peers' own input, for comparisons), else
 * our synthetic one, made once.
 */
export function alibabaLog(bytes: number): string {
  const given = process.env['TIDELINE_BENCH_LOG'];
  if (given !== undefined && existsSync(given) && Math.abs(statSync(given).size - bytes) < bytes * 0.01) return given;
  const file = join(scratch, `alibaba-${bytes}.txt`);
  if (!existsSync(file)) {
    const done = spawnSync(process.execPath, [join(root, 'dist/tools/cli/main.js'), 'generate', 'alibaba', '--out', file, '--bytes', String(bytes), '--seed', '7'], { stdio: 'inherit' });
    if (done.status !== 0) throw new Error('generating the input failed');
  }
  return file;
}

/** Highest resident memory of this process so far, MB. */
export const peakMemoryMb = (): number => process.resourceUsage().maxRSS / 1024;
