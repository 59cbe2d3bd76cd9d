import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { LogFile } from '#tideline/platform';

/** What is remembered of a replayed file: its place, and enough of its content to notice that another file stands there now. */
export interface FileFacts {
  /** Absolute, links resolved. */
  readonly path: string;
  /** Bytes as stored, before decompression. */
  readonly size: number;
  readonly sampleByteCount: number;
  readonly headHash: string;
  readonly tailHash: string;
}

/** 16 hexadecimal digits for the place, not the content: a replaced file keeps the id and is therefore noticed as replaced. */
export function fileIdOf(path: string): string {
  return createHash('sha256').update(realpathSync(path)).digest('hex').slice(0, 16);
}

/** The facts of an open file; a pipe has none worth keeping. */
export function factsOf(file: LogFile): FileFacts {
  const { identity } = file;
  if (identity === undefined) return { path: file.path, size: 0, sampleByteCount: 0, headHash: '', tailHash: '' };
  const { byteCount, sampleByteCount, headHash, tailHash } = identity;
  return { path: realpathSync(file.path), size: byteCount, sampleByteCount, headHash, tailHash };
}

/** Why the file is not the one that was remembered, or undefined when it is, perhaps with more at its end. */
export async function changeSince(before: FileFacts, file: LogFile): Promise<string | undefined> {
  const { size, sampleByteCount, headHash, tailHash } = before;
  const found = await file.continuationOf({ id: headHash.slice(0, 16), byteCount: size, sampleByteCount, headHash, tailHash });
  return 'difference' in found ? found.difference : undefined;
}
