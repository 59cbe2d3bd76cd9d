import { once } from 'node:events';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { fileSystemError } from '#tideline/platform';
import { generate as generateLog, generateTables, LEDGER_HEADER, SYNTHETIC_SOURCES, SYNTHETIC_TABLE_SOURCES, topUpLedger } from '#tideline/retention';
import { CommandError, failed, refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatNumber } from '../output.ts';
import { parseBytes, parseCount, parseTime } from '../parse-quantity.ts';

interface GenerateOptions {
  readonly out: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly users?: number;
  readonly days?: number;
  readonly seed: number;
  readonly topUp?: string;
  readonly asOf?: number;
}

export function addGenerate(program: Command, run: Runner): void {
  program
    .command('generate')
    .argument('<source>')
    .description('synthetic data in the source\'s own file format; the same seed gives the same bytes')
    .requiredOption('--out <file>', 'where to; - writes to stdout; a folder for a source of several tables')
    .option('--rows <n>', 'so many rows', parseCount('rows', 1))
    .option('--bytes <size>', 'about so much, like 1GB', parseBytes)
    .option('--users <n>', 'so many entities, for a source of several tables', parseCount('users', 1))
    .option('--days <n>', 'so many days of events, for a source of several tables', parseCount('days', 8))
    .option('--seed <n>', 'seed', parseCount('seed', 0), 7)
    .option('--top-up <file>', 'ledger: the rows of this file, and each of the last five days filled up to --rows')
    .option('--as-of <day>', 'with --top-up: the last of the five days; today by default', parseTime('as-of'))
    .action(run(generate));
}

async function generate({ world, output, signal }: CommandContext, name: string, options: GenerateOptions): Promise<void> {
  const { format, tables } = await world.source(name);
  if (tables !== undefined) return generateFiles({ world, output, signal }, name, options);
  if (options.users !== undefined || options.days !== undefined) throw wrongUse(`expected --users and --days only for a source of several tables, found them with ${name}`);
  if (!SYNTHETIC_SOURCES.includes(name)) throw wrongUse(`expected a source that synthetic data are made for (${[...SYNTHETIC_SOURCES, ...SYNTHETIC_TABLE_SOURCES].join(', ')}), found ${name}`);
  if ((options.rows === undefined) === (options.bytes === undefined)) throw wrongUse('expected one of --rows and --bytes');
  const size = options.rows === undefined ? { bytes: options.bytes! } : { rows: options.rows };
  if (options.topUp !== undefined) return topUp({ world, output, signal }, name, options.topUp, options);
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

/** A file for each table, under names of their own in one folder. */
async function generateFiles({ world, output, signal }: CommandContext, name: string, { out, rows, bytes, seed, users, days }: GenerateOptions): Promise<void> {
  if (!SYNTHETIC_TABLE_SOURCES.includes(name)) throw wrongUse(`expected a source that synthetic data are made for (${[...SYNTHETIC_SOURCES, ...SYNTHETIC_TABLE_SOURCES].join(', ')}), found ${name}`);
  if (rows !== undefined || bytes !== undefined) throw wrongUse(`expected --users and --days for ${name}, which has several tables, found --${rows === undefined ? 'bytes' : 'rows'}`);
  if (out === '-') throw wrongUse(`expected a folder for the files of ${name}, found -`);
  await mkdir(out, { recursive: true }).catch((error: unknown) => { throw fileSystemError(error, 'make', out); });
  const startedAtMs = world.clock.nowMs();
  const files: { table: string; file: string; rows: number; bytes: number }[] = [];
  for (const { table, fileName, blocks } of generateTables(name, { seed, ...(users !== undefined && { entities: users }), ...(days !== undefined && { days }) })) {
    const made = { table, file: join(out, fileName), rows: -1, bytes: 0 };
    function* counted(): Iterable<Uint8Array> {
      for (const block of blocks) {
        if (signal.aborted) throw failed('stopped, this file was not written');
        made.bytes += block.byteLength;
        made.rows += countLines(block);
        yield block;
      }
    }
    await writeWhole(made.file, counted());
    files.push(made);
  }
  const report = { source: name, synthetic: true, files, seed, seconds: (world.clock.nowMs() - startedAtMs) / 1000 };
  output.result(report, () => files.map((made) => `${made.file}: ${formatNumber(made.rows)} synthetic rows of the table ${made.table}, ${formatBytes(made.bytes)}, seed ${seed}`).join('\n'));
}

/** A ledger's file with synthetic rows added where the last days have too few. */
async function topUp({ world, output }: CommandContext, name: string, file: string, { out, rows, seed, asOf }: GenerateOptions): Promise<void> {
  if (name !== 'ledger' || rows === undefined) throw wrongUse(`expected --top-up for ledger and with --rows, found it for ${name}${rows === undefined ? ' without' : ''}`);
  let text;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw fileSystemError(error, 'read', file);
  }
  const [header, ...lines] = text.split('\n').filter((line) => line !== '');
  if (header !== undefined && `${header}\n` !== LEDGER_HEADER) throw refused(`${file}: expected the header ${LEDGER_HEADER.trim()}, found ${header.slice(0, 200)}`);
  const added = topUpLedger(lines, { seed, asOfMs: asOf ?? world.clock.nowMs(), rowsPerDay: rows });
  const bytes = Buffer.from(LEDGER_HEADER + [...lines, ...added].map((line) => `${line}\n`).join(''));
  await (out === '-' ? print([bytes]) : writeWhole(out, [bytes]));
  const report = { source: name, synthetic: true, file: out, rows: lines.length + added.length, added: added.length, bytes: bytes.length, seed };
  if (out === '-') output.note(`${added.length} synthetic rows added`);
  else output.result(report, () => `${out}: ${formatNumber(report.rows)} rows of ${name}, ${formatNumber(added.length)} of them new and synthetic, seed ${seed}`);
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
