import type { CommittedOffset } from '#tideline/platform';
import type { FileFacts } from './file-identity.ts';

/** How far the replay of a file has come, as it stands in the offset that its last transaction committed. */
export interface ReplayProgress extends FileFacts {
  /** Number of the pass over the file, from 0; part of every record's identity together with file and byte offset. */
  readonly loop: number;
  /** Decompressed byte of the file up to which this pass is done. */
  readonly byteOffset: number;
  /** Where scanning has to begin to meet the same chunk borders again; behind `byteOffset` while a chunk is appended in pieces. */
  readonly scanFrom: number;
  /** Bytes of all finished passes: what is committed is `passStart + byteOffset`, which only grows, as offsets must. */
  readonly passStart: number;
  /** `passStart` of the pass in which rows and bytes began to be counted: 0, or that of the last start anew. */
  readonly countedFrom: number;
  /** The pass reached the end of the file. */
  readonly finished: boolean;
  readonly rows: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  /** Rows of replays that a start from the beginning forgot: they stay on the topic, so reconciling counts them too. */
  readonly earlier?: Readonly<Record<'rows' | 'accepted' | 'rejected', number>>;
  /** Column names by position as the file's header gave them, for files with one. */
  readonly fields?: readonly string[];
}

export function firstProgress(file: FileFacts): ReplayProgress {
  const counts = { rows: 0, accepted: 0, rejected: 0, rejectedBy: {} };
  return { loop: 0, byteOffset: 0, scanFrom: 0, passStart: 0, countedFrom: 0, finished: false, ...counts, ...file };
}

/** The beginning of another pass over the file, or over the file that took its place; the counts go on unless `anew`. */
export function nextPass(before: ReplayProgress, file: FileFacts, anew: boolean): ReplayProgress {
  const first = firstProgress(file);
  const passStart = before.passStart + before.byteOffset;
  const { countedFrom, rows, accepted, rejected, rejectedBy, earlier } = before;
  const counts = anew
    ? { countedFrom: passStart, earlier: forgotten(before) }
    : { countedFrom, rows, accepted, rejected, rejectedBy, ...(earlier && { earlier }) };
  return { ...first, ...counts, loop: before.loop + 1, passStart };
}

function forgotten({ rows, accepted, rejected, earlier }: ReplayProgress): NonNullable<ReplayProgress['earlier']> {
  return { rows: rows + (earlier?.rows ?? 0), accepted: accepted + (earlier?.accepted ?? 0), rejected: rejected + (earlier?.rejected ?? 0) };
}

export interface ChunkCounts {
  readonly rowsRead: number;
  readonly accepted: number;
  readonly rejectedBy: Readonly<Record<string, number>>;
  readonly byteOffsetEnd: number;
  readonly scanFrom: number;
  readonly fields?: readonly string[];
}

export function advance(before: ReplayProgress, chunk: ChunkCounts): ReplayProgress {
  const rejectedBy: Record<string, number> = { ...before.rejectedBy };
  let rejected = before.rejected;
  for (const [reason, count] of Object.entries(chunk.rejectedBy)) {
    rejectedBy[reason] = (rejectedBy[reason] ?? 0) + count;
    rejected += count;
  }
  return {
    ...before,
    byteOffset: chunk.byteOffsetEnd,
    scanFrom: chunk.scanFrom,
    ...(chunk.fields && { fields: chunk.fields }),
    rows: before.rows + chunk.rowsRead,
    accepted: before.accepted + chunk.accepted,
    rejected,
    rejectedBy,
  };
}

export function toCommittedOffset(progress: ReplayProgress): CommittedOffset {
  return { offset: progress.passStart + progress.byteOffset, metadata: JSON.stringify(progress) };
}

export function fromCommittedOffset(committed: CommittedOffset): ReplayProgress {
  return JSON.parse(committed.metadata) as ReplayProgress;
}
