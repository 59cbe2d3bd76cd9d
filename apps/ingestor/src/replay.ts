import { strict as assert } from 'node:assert';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { isPlatformError, lockExclusively, openLogFile, type EventLog, type FileLock, type LogFile, type SchemaRegistry } from '#tideline/platform';
import { createRefiner, fileSource, inspectLog, registeredCodec, type Source } from '#tideline/retention';
import { OffsetWriter, patiently, systemTopics } from '#tideline/streaming';
import { chooseTable } from './choose-table.ts';
import { changeSince, factsOf, fileIdOf, type FileFacts } from './file-identity.ts';
import { compileLayoutCheck } from './layout-check.ts';
import { Pacer, pacedChunkRows, type Pace, type PaceClock } from './pace.ts';
import type { PackedChunk } from './pack-chunk.ts';
import { packFile } from './pack-file.ts';
import { advance, firstProgress, fromCommittedOffset, nextPass, toCommittedOffset, type ReplayProgress } from './replay-progress.ts';
import { ReplayRefused } from './replay-refused.ts';
import { scanChunks } from './scan-chunks.ts';

export interface ReplayOptions {
  readonly source: Source;
  /** Of a source of several tables: which one the file is of; found out by the file's head when left out. */
  readonly table?: string | undefined;
  /** A file, plain or compressed; `-` for standard input, which can't be resumed. */
  readonly path: string;
  readonly log: EventLog;
  readonly registry: SchemaRegistry;
  readonly clock: PaceClock;
  /** Folder for the lock that keeps a second replay of the same file out. */
  readonly lockFolder: string;
  /** Rows read per transaction, 5,000 by default. */
  readonly chunkRows?: number;
  readonly pace?: Pace;
  /** After the end begin again, until the signal aborts. */
  readonly loop?: boolean;
  /** Forget how far an earlier replay of this path came; the rows get another loop number. */
  readonly fromStart?: boolean;
  /** Stop at the first chunk border at or after this many rows read by this run. */
  readonly stopAfter?: number;
  /** Aborting it stops at the next chunk border. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReplayReport) => void;
  readonly onWarning?: (message: string) => void;
}

/** How far a replay is, after each chunk. */
export interface ReplayReport {
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly loop: number;
  /** Decompressed bytes of this pass that are done. */
  readonly byteOffset: number;
  readonly bytesThisRun: number;
  /** Share of this pass that is done, 0 to 1; undefined for a pipe. */
  readonly share: number | undefined;
  readonly seconds: number;
  /** What was committed just now. */
  readonly chunk: ChunkReport;
}

/** One committed chunk; `scanMs` is reading, scanning and packing, pacing not included; times in ms since the epoch. */
export interface ChunkReport {
  readonly rows: number;
  readonly accepted: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  /** Decompressed. */
  readonly bytes: number;
  readonly startMs: number;
  readonly scanMs: number;
  readonly commitMs: number;
  readonly endMs: number;
}

/**
 * Totals over every run and pass of this replay since it last began anew: `read = accepted + rejected`; `seconds`, `bytesThisRun` and
 * `resumedFrom` (a byte of the file) are of this run.
 */
export interface ReplaySummary {
  readonly source: string;
  /** Of a source of several tables. */
  readonly table?: string;
  readonly file: string;
  readonly fileId: string;
  readonly read: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly bytesThisRun: number;
  readonly seconds: number;
  readonly resumedFrom: number;
  /** Why it ended: the file is at its end, it had been already before this run, or it was told to stop. */
  readonly ended: 'complete' | 'already-complete' | 'stopped';
}

const CHUNK_ROWS = 5_000;
const HEAD_BYTES = 262_144;

/**
 * Puts each line of a log on the event log exactly once: the records of a chunk, its dead letters and the byte reached are one
 * transaction, and a later replay of the same path goes on at that byte. Throws `ReplayRefused` when file, source or options do
 * not fit, and `PlatformError` `LOCKED` while another process replays the same file.
 */
export async function replayFile(options: ReplayOptions): Promise<ReplaySummary> {
  refuseWrongOptions(options);
  const file = await openLogFile(options.path);
  try {
    if (options.loop === true && !file.resumable) throw new ReplayRefused('wrong-option', `${options.path} can be read only once: it can't be looped`);
    const replay = new Replay(options, file);
    try {
      await replay.takeOver();
      await replay.checkLayout();
      return await replay.run();
    } finally {
      await replay.close();
    }
  } finally {
    await file.close();
  }
}

function refuseWrongPace(source: Source, pace: Pace | undefined): void {
  if (pace?.kind === 'speed' && source.time === undefined) {
    throw new ReplayRefused('wrong-option', `${source.name} has no time column to pace by: use a rate in rows a second instead of a speed`);
  }
}

function refuseWrongOptions({ source, pace, chunkRows, stopAfter }: ReplayOptions): void {
  refuseWrongPace(source, pace);
  // Rows on its topic would pass its checks by, and no table would ever show them.
  if (source.deployment.load !== undefined) throw new ReplayRefused('wrong-option', `expected a source whose records go through its topic, found ${source.name}, which is loaded by whole deliveries: \`tideline replay <file> --source ${source.name}\` checks and loads one`);
  for (const [name, value] of [['chunk', chunkRows], ['stop-after', stopAfter]] as const) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw new ReplayRefused('wrong-option', `expected ${name} to be a whole number of at least 1, found ${value}`);
    }
  }
}

class Replay {
  readonly #options: ReplayOptions;
  readonly #file: LogFile;
  readonly #fileId: string;
  readonly #facts: FileFacts;
  readonly #lock: FileLock | undefined;
  readonly #signal: AbortSignal;
  readonly #writer: OffsetWriter;
  readonly #startedAtSteadyMs: number;
  #progress: ReplayProgress;
  #table: string | undefined;
  /** What reads the file: the source as its table has it. */
  #fileSource: Source;
  #resumedFrom = 0;
  /** Bytes of the replay that were done before this run. */
  #bytesBefore = 0;
  #rowsThisRun = 0;

  constructor(options: ReplayOptions, file: LogFile) {
    const { source, path, clock, log, lockFolder } = options;
    this.#options = options;
    this.#fileSource = source;
    this.#file = file;
    this.#startedAtSteadyMs = clock.steadyMs();
    this.#signal = options.signal ?? new AbortController().signal;
    // A pipe is a file of its own each time.
    this.#fileId = file.resumable ? fileIdOf(path) : `stream-${clock.nowMs().toString(36)}`;
    this.#facts = factsOf(file);
    this.#progress = firstProgress(this.#facts);
    this.#lock = file.resumable ? lockExclusively(`${lockFolder}/replay-${this.#fileId}.lock`, `the replay of ${path}`) : undefined;
    this.#writer = new OffsetWriter({
      log,
      clock,
      writerId: `replay-${source.name}-${this.#fileId}`,
      group: `replay-${this.#fileId}`,
      topic: `raw.${source.name}`,
      partition: 0,
      signal: this.#signal,
      ...(options.onWarning && { warned: options.onWarning }),
    });
  }

  /** From here on this process alone replays the file, and goes on where the last one stopped. */
  async takeOver(): Promise<void> {
    const { source, log, fromStart } = this.#options;
    const topics = systemTopics([{ name: source.name, partitions: source.deployment.partitions }]);
    await this.#patiently('making the topics', () => log.ensureTopics(topics));
    const committed = await this.#writer.takeOver();
    if (committed === undefined) return;
    const before = fromCommittedOffset(committed);
    if (fromStart === true) this.#progress = nextPass(before, this.#facts, true);
    else this.#progress = await this.#resume(before);
    this.#resumedFrom = this.#progress.byteOffset;
    this.#bytesBefore = bytesDone(this.#progress);
  }

  #patiently<T>(what: string, call: () => Promise<T>): Promise<T> {
    const { clock, onWarning } = this.#options;
    return patiently(what, { clock, signal: this.#signal, warned: (message) => onWarning?.(message) }, call);
  }

  async #resume(before: ReplayProgress): Promise<ReplayProgress> {
    const change = await changeSince(before, this.#file);
    if (change !== undefined) {
      throw new ReplayRefused(
        'file-changed',
        `${this.#options.path} is not the file whose replay stopped at byte ${before.byteOffset}: ${change}; ` +
          `replay it with --from-start if its rows are to be put on the log as new ones`,
      );
    }
    const grown = { ...before, ...this.#facts, finished: before.finished && this.#facts.size === before.size };
    return grown.finished && this.#options.loop === true ? nextPass(grown, this.#facts, false) : grown;
  }

  /** Refuses a file whose first rows do not read as this source in this layout, before anything of it is on the log. */
  async checkLayout(): Promise<void> {
    const { source: whole, path, table, pace } = this.#options;
    const isLooked = this.#file.resumable && (whole.tables !== undefined || (this.#progress.byteOffset === 0 && !this.#progress.finished));
    const head = isLooked ? await readHead(this.#file) : undefined;
    this.#table = chooseTable(whole, path, table, head && { bytes: head, whole: head.length < HEAD_BYTES });
    const source = this.#fileSource = fileSource(whole, this.#table);
    refuseWrongPace(source, pace);
    if (head === undefined) return;
    const layoutCheck = compileLayoutCheck(source);
    const inspection = inspectLog(source, head, { whole: head.length < HEAD_BYTES, ...(layoutCheck && { layoutCheck }) });
    if (inspection.fits) return;
    const layout = inspection.layout === undefined ? '' : ` (its rows fit the layout "${inspection.layout}")`;
    throw new ReplayRefused('wrong-layout', `${path} does not read as ${this.#table === undefined ? source.name : `the table ${this.#table} of ${source.name}`} in the layout "${source.format.layout}"${layout}: ${inspection.problems.join('; ')}`);
  }

  async run(): Promise<ReplaySummary> {
    if (this.#progress.finished) return this.#summary('already-complete');
    for (;;) {
      if (!(await this.#pass())) return this.#summary('stopped');
      if (this.#options.loop !== true) return this.#summary('complete');
      this.#progress = nextPass(this.#progress, this.#facts, false);
    }
  }

  /** One pass over the file, from where it stands to its end; false when told to stop before that. */
  async #pass(): Promise<boolean> {
    const { source, registry, clock, stopAfter } = this.#options;
    const pace = this.#options.pace ?? { kind: 'unpaced' };
    const pacer = new Pacer(pace, clock, this.#signal);
    const codec = await this.#patiently('registering the schema', () => registeredCodec(source, registry));
    const packing = { source, codec, refine: createRefiner(source), fileId: this.#fileId, loop: this.#progress.loop, table: this.#table };
    const { scanFrom, fields } = this.#progress;
    const request = { source: this.#fileSource, chunkRows: pacedChunkRows(pace, this.#options.chunkRows ?? CHUNK_ROWS), byteOffset: scanFrom, fields };
    const chunks = packFile(scanChunks(this.#file, request), { packing, pace, progress: this.#progress, clock });
    // One commit is on its way while the next chunk is scanned and packed; the log may write on a thread of its own.
    let applied: Promise<boolean> = Promise.resolve(true);
    let startMs = clock.nowMs();
    try {
      for await (const chunk of chunks) {
        const scanMs = clock.nowMs() - startMs;
        await pacer.due(chunk.rowsRead, chunk.timeMs);
        if (!(await applied) || this.#signal.aborted) return false;
        if (stopAfter !== undefined && this.#rowsThisRun >= stopAfter) return false;
        applied = this.#commit(chunk, startMs, scanMs);
        // Its failure is met where it is awaited, perhaps only after the next chunk.
        applied.catch(() => undefined);
        await yieldToLoop();
        startMs = clock.nowMs();
      }
    } finally {
      await applied.catch(() => undefined);
    }
    if (!(await applied)) return false;
    this.#progress = { ...this.#progress, finished: true };
    return this.#writer.commit([], toCommittedOffset(this.#progress));
  }

  async #commit(chunk: PackedChunk, startMs: number, scanMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const before = this.#progress.byteOffset;
    const commitStartMs = clock.nowMs();
    const progress = advance(this.#progress, chunk);
    assert(progress.rows === progress.accepted + progress.rejected, `expected ${progress.rows} rows to be accepted or rejected, found ${progress.accepted} and ${progress.rejected}`);
    if (!(await this.#writer.commit(chunk.appends, toCommittedOffset(progress)))) return false;
    this.#progress = progress;
    this.#rowsThisRun += chunk.rowsRead;
    const endMs = clock.nowMs();
    const { rowsRead: rows, accepted, rejectedBy, byteOffsetEnd } = chunk;
    this.#report(chunk.bytesReadCompressed, { rows, accepted, rejectedBy, bytes: byteOffsetEnd - before, startMs, scanMs, commitMs: endMs - commitStartMs, endMs });
    return true;
  }

  #report(bytesReadCompressed: number, chunk: ChunkReport): void {
    const { rows, accepted, rejected, loop, byteOffset } = this.#progress;
    const { byteCount, wrappings } = this.#file;
    const done = wrappings.length === 0 ? byteOffset : bytesReadCompressed;
    const share = byteCount === undefined || byteCount === 0 ? undefined : Math.min(1, done / byteCount);
    this.#options.onProgress?.({ read: rows, accepted, rejected, loop, byteOffset, share, bytesThisRun: bytesDone(this.#progress) - this.#bytesBefore, seconds: this.#seconds, chunk });
  }

  #summary(ended: ReplaySummary['ended']): ReplaySummary {
    const { rows, accepted, rejected, rejectedBy } = this.#progress;
    const bytes = bytesDone(this.#progress);
    const { source, path } = this.#options;
    return {
      source: source.name,
      ...(this.#table !== undefined && { table: this.#table }),
      file: path,
      fileId: this.#fileId,
      read: rows,
      accepted,
      rejected,
      rejectedBy,
      bytes,
      bytesThisRun: bytes - this.#bytesBefore,
      seconds: this.#seconds,
      resumedFrom: this.#resumedFrom,
      ended,
    };
  }

  get #seconds(): number {
    return (this.#options.clock.steadyMs() - this.#startedAtSteadyMs) / 1000;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#lock?.release();
  }
}

const bytesDone = ({ passStart, countedFrom, byteOffset }: ReplayProgress): number => passStart - countedFrom + byteOffset;

/** Enough of the beginning, decompressed, to tell which source and layout it is; of a damaged file what can be read. */
async function readHead(file: LogFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  try {
    for await (const bytes of file.read(0)) {
      // The piece is valid only until the next one is asked for.
      parts.push(bytes.slice(0, HEAD_BYTES - byteCount));
      byteCount += parts[parts.length - 1].length;
      if (byteCount >= HEAD_BYTES) break;
    }
  } catch (error) {
    // The pass itself meets the damage again, after the rows before it.
    if (byteCount === 0 || !isPlatformError(error, 'CORRUPT')) throw error;
  }
  return Buffer.concat(parts);
}
