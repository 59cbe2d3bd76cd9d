import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { generate as generateLog } from '#tideline/retention';
import { failed, wrongUse } from '../command-error.ts';
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
  const toStdout = options.out === '-';
  // The file appears under its name only when it is whole.
  const partial = `${options.out}.part`;
  const stream = toStdout ? process.stdout : createWriteStream(partial);
  const startedAtMs = world.clock.nowMs();
  let bytes = 0;
  let lines = 0;
  try {
    const size = options.rows === undefined ? { bytes: options.bytes! } : { rows: options.rows };
    for (const block of generateLog(name, { seed: options.seed, ...size })) {
      if (signal.aborted) throw failed('stopped, nothing was written');
      bytes += block.byteLength;
      lines += countLines(block);
      if (!stream.write(block)) await once(stream, 'drain');
    }
    if (!toStdout) {
      stream.end();
      await once(stream, 'finish');
      await rename(partial, options.out);
    }
  } catch (error) {
    if (!toStdout) await rm(partial, { force: true });
    throw error;
  }
  const seconds = (world.clock.nowMs() - startedAtMs) / 1000;
  const rows = lines - (format.header ? 1 : 0);
  const report = { source: name, synthetic: true, file: options.out, rows, bytes, seed: options.seed, seconds };
  const text = `${options.out}: ${formatNumber(rows)} synthetic rows of ${name}, ${formatBytes(bytes)}, seed ${options.seed}, ${formatNumber(bytes / 1e6 / seconds)} MB/s`;
  if (toStdout) output.note(text);
  else output.result(report, () => text);
}

function countLines(block: Uint8Array): number {
  let lines = 0;
  for (let at = block.indexOf(10); at >= 0; at = block.indexOf(10, at + 1)) lines++;
  return lines;
}
