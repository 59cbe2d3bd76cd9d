import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { PlatformError } from '../errors.ts';
import { ByteSource } from './byte-source.ts';
import { isTar, tarEntries } from './tar-entries.ts';
import { isZstd, zstdFrames } from './zstd-frames.ts';

/** One wrapping around a log's lines. */
export type Wrapping = 'gzip' | 'zstd' | 'tar';

// An archive in an archive in a compressed file is three deep; more is a trap.
const depthMax = 6;

// Decoders hand over pieces of this size.
const pieceBytes = 1_048_576;

/** What the first 512 bytes (or all, when there are fewer) say about a stream; the file's name says nothing. */
export function wrappingOf(head: Uint8Array): Wrapping | undefined {
  if (head.byteLength >= 3 && head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  if (isZstd(head)) return 'zstd';
  return isTar(head) ? 'tar' : undefined;
}

/** The wrappings from the outside in, down to the lines of the first file; reads no more of the stream than that takes. */
export async function wrappingsOf(chunks: AsyncIterable<Uint8Array>, name: string): Promise<readonly Wrapping[]> {
  const source = new ByteSource(chunks);
  try {
    const wrapping = wrappingOf(await source.peek(512));
    if (wrapping === undefined) return [];
    const inner = (await contentsOf(source, wrapping, name)[Symbol.asyncIterator]().next()) as IteratorResult<AsyncIterable<Uint8Array>, void>;
    return inner.done === true ? [wrapping] : [wrapping, ...(await wrappingsOf(inner.value, name))];
  } finally {
    await source.close();
  }
}

/**
 * The lines inside a stream, whatever it is wrapped in. Several files of an archive follow each other; a line feed is put in
 * where one ends without, so that no line is made of two files.
 */
export async function* unwrap(chunks: AsyncIterable<Uint8Array>, name: string, depth = 0): AsyncIterable<Uint8Array> {
  const source = new ByteSource(chunks);
  try {
    const wrapping = wrappingOf(await source.peek(512));
    if (wrapping === undefined) {
      yield* source.rest();
      return;
    }
    if (depth === depthMax) throw new PlatformError('CORRUPT', `${name}: expected at most ${depthMax} archives inside each other`);
    let last = 10;
    for await (const content of contentsOf(source, wrapping, name)) {
      let first = true;
      for await (const bytes of unwrap(content, name, depth + 1)) {
        if (bytes.byteLength === 0) continue;
        if (first && wrapping === 'tar' && last !== 10) yield Uint8Array.of(10);
        first = false;
        last = bytes[bytes.byteLength - 1];
        yield bytes;
      }
    }
  } finally {
    await source.close();
  }
}

async function* contentsOf(source: ByteSource, wrapping: Wrapping, name: string): AsyncIterable<AsyncIterable<Uint8Array>> {
  if (wrapping === 'tar') yield* tarEntries(source, name);
  else if (wrapping === 'gzip') yield decoded(source.rest(), createGunzip({ chunkSize: pieceBytes }), source, name);
  else yield zstdContent(source, name);
}

async function* zstdContent(source: ByteSource, name: string): AsyncIterable<Uint8Array> {
  for await (const frame of zstdFrames(source, name)) {
    yield* decoded(frame, createZstdDecompress({ chunkSize: pieceBytes }), source, name);
  }
}

async function* decoded(compressed: AsyncIterable<Uint8Array>, decoder: Transform, source: ByteSource, name: string): AsyncIterable<Uint8Array> {
  let failure: unknown;
  // The decoder keeps what it is given until it gets to it, while the pieces of a source are valid only until the next.
  const input = Readable.from(copies(compressed), { objectMode: false, highWaterMark: pieceBytes });
  pipeline(input, decoder, (error) => (failure = error));
  try {
    // Plain arrays, not Buffers: `slice` of a Buffer does not copy, which surprises whoever is promised a Uint8Array.
    for await (const { buffer, byteOffset, byteLength } of decoder as AsyncIterable<Uint8Array>) yield new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    const cause = failure ?? error;
    if (cause instanceof PlatformError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    const isCut = text === 'unexpected end of file';
    const what = isCut ? 'the compressed data is cut off at' : `damaged (${text}) at or before`;
    throw new PlatformError('CORRUPT', `${name}: ${what} byte ${source.position}; fetch the file again`, { cause });
  } finally {
    decoder.destroy();
    input.destroy();
  }
}

async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) yield new Uint8Array(chunk);
}
