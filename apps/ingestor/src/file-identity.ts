import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';

/** What a log file looked like when it was read: enough to notice that another file took its place. */
export interface FileIdentity {
  /** Absolute, links resolved. */
  readonly path: string;
  /** Names the place, not the content: the same path has the same id, whatever stands there. */
  readonly fileId: string;
  /** Bytes as stored, before decompression. */
  readonly size: number;
  readonly headBytes: number;
  /** SHA-256 of the first `headBytes` bytes as stored, hexadecimal. */
  readonly headHash: string;
}

/** So much of the beginning tells one log from another; a log that only grew keeps it. */
const HEAD_BYTES = 65_536;

export function identifyFile(path: string): FileIdentity {
  const resolved = realpathSync(path);
  const { size } = statSync(resolved);
  const headBytes = Math.min(size, HEAD_BYTES);
  const fileId = createHash('sha256').update(resolved).digest('hex').slice(0, 16);
  return { path: resolved, fileId, size, headBytes, headHash: hashHead(resolved, headBytes) };
}

/** Why the file is not the one that was read before, or undefined when it is, perhaps with more at its end. */
export function changeSince(before: Omit<FileIdentity, 'fileId'>, now: FileIdentity): string | undefined {
  if (now.size < before.size) return `expected at least the ${before.size} bytes that it had, found ${now.size}`;
  const hash = hashHead(now.path, before.headBytes);
  if (hash !== before.headHash) {
    return `expected its first ${before.headBytes} bytes to be as they were (SHA-256 ${before.headHash.slice(0, 12)}…), found others (${hash.slice(0, 12)}…)`;
  }
  return undefined;
}

function hashHead(path: string, byteCount: number): string {
  const bytes = Buffer.alloc(byteCount);
  const file = openSync(path, 'r');
  try {
    let filled = 0;
    while (filled < byteCount) {
      const read = readSync(file, bytes, filled, byteCount - filled, filled);
      if (read === 0) break;
      filled += read;
    }
    return createHash('sha256').update(bytes.subarray(0, filled)).digest('hex');
  } finally {
    closeSync(file);
  }
}
