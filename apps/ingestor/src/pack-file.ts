import { fileSource, type Chunk } from '#tideline/retention';
import { cutByEventTime, type Pace, type PaceClock } from './pace.ts';
import { packChunk, type PackedChunk, type Packing } from './pack-chunk.ts';
import type { ReplayProgress } from './replay-progress.ts';
import type { ScannedChunk } from './scan-chunks.ts';
import { sliceChunk } from './slice-chunk.ts';

export interface PackOptions {
  readonly packing: Packing;
  readonly pace: Pace;
  /** What an earlier run committed. */
  readonly progress: ReplayProgress;
  readonly clock: PaceClock;
}

/** Scanned chunks as what goes on the log: whole, or cut where the pace wants it; what is on the log already is left out. */
export async function* packFile(chunks: AsyncIterable<ScannedChunk>, options: PackOptions): AsyncIterable<PackedChunk> {
  const { packing, pace, progress, clock } = options;
  const source = fileSource(packing.source, packing.table);
  for await (const { chunk, fields, bytesReadCompressed } of chunks) {
    const pieces = pace.kind === 'speed' && source.time !== undefined ? cutByEventTime(chunk, source.time, pace.factor) : [{ chunk, timeMs: undefined }];
    for (const piece of pieces) {
      const left = afterByte(piece.chunk, progress.byteOffset);
      if (left === undefined) continue;
      const scanFrom = left.byteOffsetEnd === chunk.byteOffsetEnd ? chunk.byteOffsetEnd : chunk.byteOffsetStart;
      const withFields = source.format.header ? { fields } : {};
      yield { ...packChunk(left, packing, clock.nowMs()), scanFrom, timeMs: piece.timeMs, bytesReadCompressed, ...withFields };
    }
  }
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
