import type { LogFile } from '#tideline/platform';
import { LogScanner, type Chunk } from '#tideline/retention';
import { cutByEventTime, type Pace, type PaceClock } from './pace.ts';
import { packChunk, type PackedChunk, type Packing } from './pack-chunk.ts';
import type { ReplayProgress } from './replay-progress.ts';
import { ReplayRefused } from './replay-refused.ts';
import { sliceChunk } from './slice-chunk.ts';

export interface ScanOptions {
  readonly file: LogFile;
  readonly packing: Packing;
  readonly pace: Pace;
  readonly chunkRows: number;
  readonly progress: ReplayProgress;
  readonly clock: PaceClock;
}

/** The rest of a file as packed chunks, from the byte where the progress stands; each is made when the one before is done with. */
export async function* scanFile(options: ScanOptions): AsyncIterable<PackedChunk> {
  const { file, packing, chunkRows, progress } = options;
  const { source } = packing;
  const scanner = new LogScanner(source, {
    chunkRows,
    byteOffset: progress.scanFrom,
    skipHeader: source.format.header && progress.scanFrom === 0,
    ...(progress.scanFrom > 0 && progress.fields && { fields: progress.fields }),
  });
  const refuseProblem = (): void => {
    if (scanner.problem !== undefined) throw new ReplayRefused('wrong-layout', `${file.path}: ${scanner.problem}`);
  };
  const finish = (chunk: Chunk): PackedChunk[] => packPieces(chunk, options, scanner.fields);
  for await (const bytes of file.read(progress.scanFrom)) {
    for (const chunk of scanner.push(bytes)) yield* finish(chunk);
    refuseProblem();
  }
  const last = scanner.end();
  refuseProblem();
  if (last !== undefined) yield* finish(last);
}

/** A chunk whole, or cut where the pace wants it; what an earlier run had committed of it already is left out. */
function packPieces(chunk: Chunk, { packing, pace, progress, clock }: ScanOptions, fields: readonly string[]): PackedChunk[] {
  const { source } = packing;
  const pieces = pace.kind === 'speed' && source.time !== undefined ? cutByEventTime(chunk, source.time, pace.factor) : [{ chunk, timeMs: undefined }];
  const packed: PackedChunk[] = [];
  for (const piece of pieces) {
    const left = afterByte(piece.chunk, progress.byteOffset);
    if (left === undefined) continue;
    const scanFrom = left.byteOffsetEnd === chunk.byteOffsetEnd ? chunk.byteOffsetEnd : chunk.byteOffsetStart;
    const withFields = source.format.header ? { fields } : {};
    packed.push({ ...packChunk(left, packing, clock.nowMs()), scanFrom, timeMs: piece.timeMs, ...withFields });
  }
  return packed;
}

/** The part of a chunk that begins at or after the byte; undefined when there is none. */
function afterByte(chunk: Chunk, byteOffset: number): Chunk | undefined {
  if (chunk.byteOffsetStart >= byteOffset) return chunk;
  if (chunk.byteOffsetEnd <= byteOffset) return undefined;
  const rowStart = chunk.byteOffsets.findIndex((start) => start >= byteOffset);
  const left = sliceChunk(chunk, rowStart === -1 ? chunk.batch.rowCount : rowStart, chunk.batch.rowCount);
  const rejections = chunk.rejections.filter((rejection) => rejection.byteOffset >= byteOffset);
  return { ...left, rejections, rowsRead: left.batch.rowCount + rejections.length, byteOffsetStart: byteOffset };
}
