import { PlatformError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

const frameMagic = 0xfd2fb528;
// Sixteen magic numbers mark frames that decoders skip.
const skippableMagic = 0x184d2a50;

/** Whether a stream that begins so is zstd. */
export function isZstd(head: Uint8Array): boolean {
  if (head.byteLength < 4) return false;
  const magic = readNumber(head, 0, 4);
  return magic === frameMagic || isSkippable(magic);
}

/**
 * Splits a zstd stream into its frames (RFC 8878, section 3): Node's decoder stops silently after the first one, but parallel
 * compressors and `cat a.zst b.zst` write several.
 */
export async function* zstdFrames(source: ByteSource, name: string): AsyncIterable<AsyncIterable<Uint8Array>> {
  for (;;) {
    const head = await source.peek(8);
    if (head.byteLength === 0) return;
    const magic = head.byteLength < 4 ? 0 : readNumber(head, 0, 4);
    if (magic === frameMagic) {
      yield frame(source, name);
    } else if (isSkippable(magic) && head.byteLength === 8) {
      await source.skip(8 + readNumber(head, 4, 4));
    } else {
      throw new PlatformError('CORRUPT', `${name}: expected a zstd frame at byte ${source.position}, found something else`);
    }
  }
}

async function* frame(source: ByteSource, name: string): AsyncIterable<Uint8Array> {
  const descriptor = (await source.peek(5))[4] ?? 0;
  const singleSegment = (descriptor >> 5) & 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  const contentSizeBytes = [singleSegment, 2, 4, 8][descriptor >> 6];
  yield* exactly(source, 5 + (1 - singleSegment) + dictionaryBytes + contentSizeBytes, name);
  for (let last = false; !last; ) {
    const header = await source.peek(3);
    if (header.byteLength < 3) throw cutOff(source, name);
    const block = readNumber(header, 0, 3);
    last = (block & 1) === 1;
    const isRunLength = ((block >> 1) & 3) === 1;
    yield* exactly(source, 3 + (isRunLength ? 1 : block >> 3), name);
  }
  const hasChecksum = ((descriptor >> 2) & 1) === 1;
  if (hasChecksum) yield* exactly(source, 4, name);
}

async function* exactly(source: ByteSource, byteCount: number, name: string): AsyncIterable<Uint8Array> {
  for (let left = byteCount; left > 0; ) {
    const bytes = await source.take(left);
    if (bytes === undefined) throw cutOff(source, name);
    left -= bytes.byteLength;
    yield bytes;
  }
}

function cutOff(source: ByteSource, name: string): PlatformError {
  return new PlatformError('CORRUPT', `${name}: the zstd data is cut off at byte ${source.position}; fetch the file again`);
}

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === skippableMagic;
}

function readNumber(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i];
  return value;
}
