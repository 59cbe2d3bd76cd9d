import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/**
 * What is remembered of a file to know it again. The id is made once, from the head as it was then; a log that only grows keeps
 * its head and everything up to its old end, so `continuationOf` finds the same file in it and the id stays.
 */
export interface FileIdentity {
  /** 16 hexadecimal digits of a hash over the first min(size, 64 KiB) bytes. */
  readonly id: string;
  readonly byteCount: number;
  /** How many bytes the two hashes cover: min(byteCount, 64 KiB), from the start and up to the end. */
  readonly sampleByteCount: number;
  readonly headHash: string;
  readonly tailHash: string;
}

/** Either the same file (perhaps grown, then with its new size and the old id) or a sentence about what is different. */
export type Continuation = { readonly identity: FileIdentity } | { readonly difference: string };

const sampleByteCountMax = 65_536;

/** The identity of a file as it is now, with a fresh id. */
export async function identify(handle: FileHandle, byteCount: number): Promise<FileIdentity> {
  const sampleByteCount = Math.min(byteCount, sampleByteCountMax);
  const headHash = hashOf(await readAt(handle, 0, sampleByteCount));
  const tailHash = hashOf(await readAt(handle, byteCount - sampleByteCount, sampleByteCount));
  return { id: headHash.slice(0, 16), byteCount, sampleByteCount, headHash, tailHash };
}

/** Compares the file with what is remembered of it. */
export async function continuationOf(handle: FileHandle, now: FileIdentity, remembered: FileIdentity): Promise<Continuation> {
  const { byteCount, sampleByteCount } = remembered;
  if (now.byteCount < byteCount) {
    return { difference: `expected at least ${byteCount} bytes as at the last run, found ${now.byteCount}: the file was cut or replaced` };
  }
  if (hashOf(await readAt(handle, 0, sampleByteCount)) !== remembered.headHash) {
    return { difference: `the first ${sampleByteCount} bytes are not those of the last run: the file was replaced` };
  }
  if (hashOf(await readAt(handle, byteCount - sampleByteCount, sampleByteCount)) !== remembered.tailHash) {
    return { difference: `the ${sampleByteCount} bytes before byte ${byteCount} are not those of the last run: the file was rewritten` };
  }
  return { identity: { ...now, id: remembered.id } };
}

/** The id of a stream that has only a head. */
export function idOfHead(head: Uint8Array): string {
  return hashOf(head.subarray(0, sampleByteCountMax)).slice(0, 16);
}

async function readAt(handle: FileHandle, start: number, byteCount: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(byteCount);
  const { bytesRead } = await handle.read(bytes, 0, byteCount, start);
  return bytes.subarray(0, bytesRead);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
