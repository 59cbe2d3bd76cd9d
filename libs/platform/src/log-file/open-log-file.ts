import { open, type FileHandle } from 'node:fs/promises';
import { stdin } from 'node:process';
import { basename } from 'node:path';
import { PlatformError } from '../errors.ts';
import { fileSystemError } from '../file-system/file-system-error.ts';
import { ByteSource } from './byte-source.ts';
import { continuationOf, idOfHead, identify, type Continuation, type FileIdentity } from './file-identity.ts';
import { unwrap, wrappingsOf, wrappingOf, type Wrapping } from './unwrap.ts';

/** A log to be read as a stream of bytes, unwrapped from whatever compression and archives it is in. */
export interface LogFile {
  /** As given; `-` is standard input. */
  readonly path: string;
  /** 16 hexadecimal digits, the same for every run on the same file (`FileIdentity`). */
  readonly id: string;
  /** Size on disk, compressed when it is; undefined for standard input and pipes. */
  readonly byteCount: number | undefined;
  /** From the outside in: `['gzip', 'tar']` is a .tar.gz. Empty for a plain file. Of a pipe only the outermost is known. */
  readonly wrappings: readonly Wrapping[];
  /** Whether `read` may be called again and from another byte than 0; false for standard input and pipes. */
  readonly resumable: boolean;
  /** Undefined where there is nothing to compare (pipes). */
  readonly identity: FileIdentity | undefined;
  /** Bytes of `byteCount` that the running (or last) `read` has consumed, for progress. */
  readonly bytesReadCompressed: number;
  /** Whether this is the file that was remembered, perhaps grown. */
  continuationOf(remembered: FileIdentity): Promise<Continuation>;
  /**
   * Bytes from a position that counts unwrapped bytes. Each piece is valid only until the next is asked for: its buffer is used
   * again. A wrapped file is decoded from its beginning each time. Damage is `CORRUPT` with the position; up to
   * about 2 MB of what was decoded before it may be missing then. A position past the end is `CORRUPT` too.
   */
  read(fromByte: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

// Two such buffers: one is filled while the other is worked on.
const bufferBytes = 4_194_304;

/** Opens a file, `-` or a pipe. `NOT_FOUND`, `PERMISSION`, or `CORRUPT` when already its first bytes can't be unwrapped. */
export async function openLogFile(path: string): Promise<LogFile> {
  if (path === '-') return openPipe(path, plain(stdin), async () => void stdin.destroy());
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw fileSystemError(error, 'open', path);
  }
  try {
    const info = await handle.stat();
    if (info.isDirectory()) throw new PlatformError('NOT_FOUND', `expected a log file, found the folder ${path}`);
    if (info.isFile()) return await RegularLogFile.open(path, handle, info.size);
    return await openPipe(path, plain(handle.createReadStream()), () => handle.close());
  } catch (error) {
    await handle.close();
    throw fileSystemError(error, 'read', path);
  }
}

class RegularLogFile implements LogFile {
  readonly path: string;
  readonly byteCount: number;
  readonly wrappings: readonly Wrapping[];
  readonly identity: FileIdentity;
  readonly resumable = true;
  readonly #handle: FileHandle;
  #consumed = 0;

  private constructor(path: string, handle: FileHandle, identity: FileIdentity, wrappings: readonly Wrapping[]) {
    this.path = path;
    this.byteCount = identity.byteCount;
    this.wrappings = wrappings;
    this.identity = identity;
    this.#handle = handle;
  }

  static async open(path: string, handle: FileHandle, byteCount: number): Promise<LogFile> {
    const identity = await identify(handle, byteCount);
    const head = readFile(handle, 0, 65_536, () => undefined);
    return new RegularLogFile(path, handle, identity, await wrappingsOf(head, basename(path)));
  }

  get id(): string {
    return this.identity.id;
  }

  get bytesReadCompressed(): number {
    return this.#consumed;
  }

  continuationOf(remembered: FileIdentity): Promise<Continuation> {
    return continuationOf(this.#handle, this.identity, remembered);
  }

  async *read(fromByte: number): AsyncIterable<Uint8Array> {
    try {
      const progress = (position: number): void => void (this.#consumed = position);
      if (this.wrappings.length > 0) {
        yield* skipTo(unwrap(readFile(this.#handle, 0, bufferBytes, progress), basename(this.path)), fromByte, this.path);
        // What follows the end marks of an archive is never read.
        progress(this.byteCount);
        return;
      }
      const { size } = await this.#handle.stat();
      if (fromByte > size) throw pastEnd(this.path, fromByte, size);
      yield* readFile(this.#handle, fromByte, bufferBytes, progress);
    } catch (error) {
      throw fileSystemError(error, 'read', this.path);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function openPipe(path: string, chunks: AsyncIterable<Uint8Array>, close: () => Promise<void>): Promise<LogFile> {
  const source = new ByteSource(chunks);
  const head = await source.peek(65_536);
  const wrapping = wrappingOf(head);
  let begun = false;
  return {
    path,
    id: idOfHead(head),
    byteCount: undefined,
    wrappings: wrapping === undefined ? [] : [wrapping],
    resumable: false,
    identity: undefined,
    get bytesReadCompressed() {
      return source.position;
    },
    continuationOf: async () => ({ difference: 'standard input and pipes are not remembered' }),
    async *read(fromByte) {
      if (begun) throw new PlatformError('CLOSED', `${path}: a pipe can be read only once`);
      begun = true;
      yield* skipTo(unwrap(source.rest(), path), fromByte, path);
    },
    close,
  };
}

// Node's streams give Buffers; see `decoded` in unwrap.ts for why nobody gets to see them.
async function* plain(stream: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  for await (const { buffer, byteOffset, byteLength } of stream as AsyncIterable<Buffer>) yield new Uint8Array(buffer, byteOffset, byteLength);
}

// Reads ahead by one buffer. The one handed out is left alone until the consumer comes back for the next.
async function* readFile(handle: FileHandle, start: number, bytesEach: number, progress: (position: number) => void): AsyncIterable<Uint8Array> {
  let [spare, other] = [new Uint8Array(bytesEach), new Uint8Array(bytesEach)];
  let position = start;
  let reading = handle.read(spare, 0, bytesEach, position);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      const full = spare;
      spare = other;
      other = full;
      position += bytesRead;
      reading = handle.read(spare, 0, bytesEach, position);
      // Whoever stops early never awaits this read; its failure must not end the process.
      reading.catch(() => undefined);
      yield full.subarray(0, bytesRead);
      progress(position);
    }
  } finally {
    await reading.catch(() => undefined);
  }
}

async function* skipTo(chunks: AsyncIterable<Uint8Array>, fromByte: number, path: string): AsyncIterable<Uint8Array> {
  let position = 0;
  for await (const chunk of chunks) {
    const end = position + chunk.byteLength;
    if (end > fromByte) yield position >= fromByte ? chunk : chunk.subarray(fromByte - position);
    position = end;
  }
  if (position < fromByte) throw pastEnd(path, fromByte, position);
}

function pastEnd(path: string, fromByte: number, found: number): PlatformError {
  return new PlatformError('CORRUPT', `${path}: expected to go on at byte ${fromByte}, found the end at byte ${found}`);
}
