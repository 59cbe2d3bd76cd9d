import type { Append } from '#tideline/platform';
import { createWidener, deadLetterRecords, packRecords, type Chunk, type createRefiner, type RecordCodec, type Rejection, type Source } from '#tideline/retention';

/** Rows as they go on the log, with the counts that their transaction adds. */
interface PackedRows {
  readonly appends: readonly Append[];
  readonly rowsRead: number;
  readonly accepted: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly byteOffsetEnd: number;
}

/** One transaction of a replay. */
export interface PackedChunk extends PackedRows {
  /** Where a later scan has to begin to find the same chunk borders. */
  readonly scanFrom: number;
  /** Latest event time in it; undefined without one. */
  readonly timeMs: number | undefined;
  /** Bytes of the file as stored that were read for it, for progress. */
  readonly bytesReadCompressed: number;
  /** Column names by position as the file's header gave them, for files with one. */
  readonly fields?: readonly string[];
}

/** Everything that turns rows into records, the same for every chunk of a pass. */
export interface Packing {
  readonly source: Source;
  /** Which table the rows are of, for a source of several. */
  readonly table?: string | undefined;
  readonly codec: RecordCodec;
  readonly refine: ReturnType<typeof createRefiner>;
  readonly fileId: string;
  readonly loop: number;
}

/** Accepted rows become records of `raw.<source>`, in their partitions; rows that the scanner or a rule refused become dead letters. */
export function packChunk(chunk: Chunk, packing: Packing, createdAtMs: number): PackedRows {
  const { source, table, codec, refine, fileId, loop } = packing;
  const { batch, kept, rejections: refused } = refine(createWidener(source, table)(chunk.batch));
  const rejections = allRejections(chunk, refused);
  const rows = { batch, byteOffsets: chunk.byteOffsets, kept };
  const topic = `raw.${source.name}`;
  const appends: Append[] = packRecords(source, codec, rows, { fileId, loop, createdAtMs }).map(({ partition, records }) => ({ topic, partition, records }));
  if (rejections.length > 0) {
    appends.push({ topic: 'dead-letter', records: deadLetterRecords(source, fileId, rejections, { loop, createdAtMs, table }) });
  }
  const rejectedBy: Record<string, number> = {};
  for (const { reason } of rejections) rejectedBy[reason] = (rejectedBy[reason] ?? 0) + 1;
  return { appends, rowsRead: chunk.rowsRead, accepted: batch.rowCount, rejectedBy, byteOffsetEnd: chunk.byteOffsetEnd };
}

/** In the order of the file. */
function allRejections(chunk: Chunk, refused: readonly { readonly row: number; readonly reason: string }[]): readonly Rejection[] {
  if (refused.length === 0) return chunk.rejections;
  const { originals } = chunk;
  const byRule = refused.map(({ row, reason }): Rejection => {
    const original = originals === undefined ? new Uint8Array(0) : originals.bytes.subarray(originals.offsets[row], originals.offsets[row + 1]);
    return { byteOffset: chunk.byteOffsets[row], reason, detail: `a rule of the source refuses it: ${reason}`, original };
  });
  return [...chunk.rejections, ...byRule].sort((a, b) => a.byteOffset - b.byteOffset);
}
