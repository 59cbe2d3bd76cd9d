import { once } from 'node:events';
import { open, rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { fileSystemError } from '#tideline/platform';
import { generate as generateLog } from '#tideline/retention';
import { CommandError, failed, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatNumber } from '../output.ts';
import { parseBytes, parseCount } from '../parse-quantity.ts';

interface GenerateOptions {
  readonly out: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly seed: number;
}

export function addGenerate(program: Command, run: Runner): void {
  program
    .command('generate')
    .argument('<source>')
    .description('synthetic data in the source\'s own file format; the same seed gives the same bytes')
    .requiredOption('--out <file>', 'where to; - writes to stdout')
    .option('--rows <n>', 'so many rows', parseCount('rows', 1))
    .option('--bytes <size>', 'about so much, like 1GB', parseBytes)
    .option('--seed <n>', 'seed', parseCount('seed', 0), 7)
    .action(run(generate));
}

async function generate({ world, output, signal }: CommandContext, name: string, options: GenerateOptions): Promise<void> {
  const { format } = await world.source(name);
  if ((options.rows === undefined) === (options.bytes === undefined)) throw wrongUse('expected one of --rows and --bytes');
  const size = options.rows === undefined ? { bytes: options.bytes! } : { rows: options.rows };
  const startedAtMs = world.clock.nowMs();
  let bytes = 0;
  let lines = 0;
  function* counted(): Iterable<Uint8Array> {
    for (const block of generateLog(name, { seed: options.seed, ...size })) {
      if (signal.aborted) throw failed('stopped, nothing was written');
      bytes += block.byteLength;
      lines += countLines(block);
      yield block;
    }
  }
  const toStdout = options.out === '-';
  await (toStdout ? print(counted()) : writeWhole(options.out, counted()));
  const seconds = (world.clock.nowMs() - startedAtMs) / 1000;
  const rows = lines - (format.header ? 1 : 0);
  const report = { source: name, synthetic: true, file: options.out, rows, bytes, seed: options.seed, seconds };
  const text = `${options.out}: ${formatNumber(rows)} synthetic rows of ${name}, ${formatBytes(bytes)}, seed ${options.seed}, ${formatNumber(bytes / 1e6 / seconds)} MB/s`;
  if (toStdout) output.note(text);
  else output.result(report, () => text);
}

async function print(blocks: Iterable<Uint8Array>): Promise<void> {
  for (const block of blocks) if (!process.stdout.write(block)) await once(process.stdout, 'drain');
}

/** The file appears under its name only when it is whole. */
async function writeWhole(path: string, blocks: Iterable<Uint8Array>): Promise<void> {
  const partial = `${path}.part`;
  try {
    const file = await open(partial, 'w');
    try {
      for (const block of blocks) await file.writeFile(block);
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error instanceof CommandError ? error : fileSystemError(error, 'write', path);
  }
}

function countLines(block: Uint8Array): number {
  let lines = 0;
  for (let at = block.indexOf(10); at >= 0; at = block.indexOf(10, at + 1)) lines++;
  return lines;
}
