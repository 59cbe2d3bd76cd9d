import { join } from 'node:path';
import type { Command } from 'commander';
import { Presets, SingleBar } from 'cli-progress';
import { replayFile, ReplayRefused, type Pace, type ReplayReport, type ReplaySummary } from '../../../apps/ingestor/src/index.ts';
import { isPlatformError } from '#tideline/platform';
import { failed, refused, wrongUse } from '../command-error.ts';
import type { CommandContext, Runner } from '../context.ts';
import { formatBytes, formatNumber } from '../output.ts';
import { loadDeliveryFile } from './load.ts';
import { replayRejects } from './replay-rejects.ts';
import { parseCount, parseRate, parseSpeed, parseTime } from '../parse-quantity.ts';

interface ReplayOptions {
  readonly source: string;
  readonly table?: string;
  readonly chunk: number;
  readonly speed?: number;
  readonly rate?: number;
  readonly loop?: boolean;
  readonly fromStart?: boolean;
  readonly stopAfter?: number;
  readonly asOf?: number;
  readonly rejects?: boolean;
}

export function addReplay(program: Command, run: Runner): void {
  program
    .command('replay')
    .argument('<file>', 'plain, .gz, .zst or tar; - reads standard input')
    .description('the log into raw.<source>, exactly once: resumes where it stopped, and ends with read = accepted + rejected')
    .requiredOption('--source <name>', 'which source the log is of')
    .option('--table <name>', 'which of the source\'s tables the file is of; told by its header when left out')
    .option('--chunk <rows>', 'rows of one transaction', parseCount('chunk', 1), 5000)
    .option('--speed <factor>', 'so many times faster than it happened, like 60x', parseSpeed)
    .option('--rate <rows>', 'so many rows a second, like 20000/s', parseRate)
    .option('--loop', 'begin again after the end, until Ctrl-C')
    .option('--from-start', 'forget how far an earlier replay of this file came')
    .option('--stop-after <rows>', 'stop at the first chunk border after so many rows', parseCount('stop-after', 1))
    .option('--as-of <day>', 'for a source that is loaded by whole deliveries: the last day of the window', parseTime('as-of'))
    .option('--rejects', 'the file is for corrections of rejected lines: written when it is not there, replayed when it is')
    .action(run(replay));
}

async function replay(context: CommandContext, file: string, options: ReplayOptions): Promise<void> {
  const { world, output, signal } = context;
  const source = await world.source(options.source);
  if (options.rejects === true) {
    return replayRejects(context, source, file, options.asOf, (path) => replay(context, path, { ...options, rejects: false }));
  }
  if (source.deployment.load !== undefined) return loadDeliveryFile(context, source, file, options.asOf);
  if (options.asOf !== undefined) throw wrongUse(`expected a source that is loaded by deliveries for --as-of, found ${source.name}`);
  if (options.speed !== undefined && options.rate !== undefined) throw wrongUse('expected one of --speed and --rate, found both');
  if (options.speed !== undefined && source.time === undefined) {
    throw wrongUse(`expected a source with time for --speed, found ${source.name}`, 'use --rate instead');
  }
  const pace: Pace =
    options.rate !== undefined ? { kind: 'rate', rowsPerSecond: options.rate }
    : options.speed !== undefined ? { kind: 'speed', factor: options.speed }
    : { kind: 'unpaced' };
  const progress = new Progress(output.json);
  try {
    const summary = await replayFile({
      source, table: options.table, path: file, pace, signal,
      log: await world.log('ingestor'),
      registry: await world.registry(),
      clock: world.clock,
      lockFolder: join('data', 'locks'),
      chunkRows: options.chunk,
      loop: options.loop === true,
      fromStart: options.fromStart === true,
      ...(options.stopAfter === undefined ? {} : { stopAfter: options.stopAfter }),
      onProgress: (report) => progress.show(report),
      onWarning: (message) => output.note(`tideline: ${message}`),
    });
    progress.end();
    output.result(summary, () => describe(summary));
    if (signal.aborted && summary.ended === 'stopped') output.note(`stopped; ${howToGoOn(file, source.name)}`);
  } catch (error) {
    progress.end();
    if (error instanceof ReplayRefused) throw error.reason === 'wrong-option' ? wrongUse(error.message) : refused(error.message);
    if (isPlatformError(error) && progress.kept !== undefined) throw failed(error.message, `${progress.kept}; ${howToGoOn(file, source.name)}`);
    throw error;
  }
}

function howToGoOn(file: string, source: string): string {
  return file === '-' ? 'standard input can\'t be resumed' : `\`tideline replay ${file} --source ${source}\` goes on from there`;
}

function describe(summary: ReplaySummary): string {
  const { file, table, read, accepted, rejected, rejectedBy, seconds, bytes, bytesThisRun, resumedFrom, ended } = summary;
  const reasons = Object.entries(rejectedBy).sort(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${formatNumber(count)}`);
  const speed = `${formatBytes(bytesThisRun)} in ${seconds.toFixed(1)} s${seconds > 0 ? `, ${formatNumber(bytesThisRun / 1e6 / seconds)} MB/s` : ''}`;
  const head = {
    complete: `replayed ${file}${table === undefined ? '' : ` into the table ${table}`} (${speed})`,
    stopped: `stopped in ${file} (${speed})`,
    'already-complete': `${file} has been replayed completely before (${formatBytes(bytes)})`,
  }[ended];
  return [
    `${head}${resumedFrom > 0 && ended !== 'already-complete' ? `, resumed at byte ${formatNumber(resumedFrom)}` : ''}`,
    `read ${formatNumber(read)} = accepted ${formatNumber(accepted)} + rejected ${formatNumber(rejected)}${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`,
  ].join('\n');
}

/** A bar on a terminal, a line now and then elsewhere. */
class Progress {
  readonly #bar: SingleBar | undefined;
  #lastLineMs = 0;
  #last: ReplayReport | undefined;

  constructor(quiet: boolean) {
    if (quiet || !process.stderr.isTTY) return;
    this.#bar = new SingleBar(
      { format: '{bar} {percentage} % | {rows} rows, {rejected} rejected | {rate} MB/s | {eta_formatted} left', stream: process.stderr, hideCursor: true, clearOnComplete: true },
      Presets.shades_classic,
    );
    this.#bar.start(1, 0, { rows: 0, rejected: 0, rate: '-' });
  }

  show(report: ReplayReport): void {
    this.#last = report;
    const rate = (report.bytesThisRun / 1e6 / Math.max(0.001, report.seconds)).toFixed(0);
    if (this.#bar !== undefined) {
      this.#bar.update(report.share ?? 0, { rows: formatNumber(report.read), rejected: formatNumber(report.rejected), rate });
    } else if (report.seconds * 1000 - this.#lastLineMs > 5000) {
      this.#lastLineMs = report.seconds * 1000;
      process.stderr.write(`${formatNumber(report.read)} rows, ${formatNumber(report.rejected)} rejected, ${formatBytes(report.byteOffset)}\n`);
    }
  }

  end(): void {
    this.#bar?.stop();
  }

  /** What is on the log when a run fails that has committed something. */
  get kept(): string | undefined {
    if (this.#last === undefined) return undefined;
    const { read, byteOffset } = this.#last;
    return `${formatNumber(read)} rows, up to byte ${formatNumber(byteOffset)}, are on the log`;
  }
}
