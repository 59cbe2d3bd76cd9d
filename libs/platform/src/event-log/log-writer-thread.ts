import { Worker } from 'node:worker_threads';
import { PlatformError, type Outcome, type PlatformErrorCode } from '../errors.ts';
import type { EncodedAppend } from './app-log-file.ts';
import type { OffsetCommit } from './event-log.ts';
import { encodeColumns, type PlacedAppend } from './packed-records.ts';

/** A row of a transaction as it lies in the shared buffer: the columns, then the payload. */
export interface SharedAppend {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly at: number;
  readonly columnsByteCount: number;
  readonly payloadByteCount: number;
}

export type WriterRequest =
  | { readonly does: 'open'; readonly path: string; readonly pageCountMax: number | undefined }
  | { readonly does: 'take-over'; readonly writerId: string }
  | {
      readonly does: 'commit';
      readonly writerId: string;
      readonly epoch: number;
      readonly appends: readonly SharedAppend[];
      readonly buffer: SharedArrayBuffer;
      readonly offsets: readonly OffsetCommit[];
      readonly nowMs: number;
    }
  | { readonly does: 'close' };

export interface WriterReply {
  readonly number: number;
  readonly result?: unknown;
  /** Errors lose their class on the way between threads. */
  readonly failure?: { readonly code: PlatformErrorCode | undefined; readonly message: string; readonly outcome: Outcome; readonly retriable: boolean };
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const bufferByteCountMin = 1_048_576;
const freeBufferCountMax = 3;

/**
 * The app's file, written on a thread of its own: while the disk makes one transaction durable, the caller parses the next. Requests
 * are carried out in the order in which they were made. Values are copied once, into shared memory that is used again.
 */
export class LogWriterThread {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #pending = new Map<number, Pending>();
  readonly #freeBuffers: SharedArrayBuffer[] = [];
  #number = 0;
  #failure: PlatformError | undefined;

  private constructor(path: string) {
    this.#path = path;
    // The compiler rewrites imports but not this address, so it follows the name that this file has where it runs.
    this.#worker = new Worker(new URL(`./log-writer.worker${import.meta.url.slice(-3)}`, import.meta.url));
    this.#worker.on('message', (reply: WriterReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#fail(undefined));
    // An idle writer must not keep its process alive.
    this.#worker.unref();
  }

  static async open(path: string, pageCountMax: number | undefined): Promise<LogWriterThread> {
    const thread = new LogWriterThread(path);
    try {
      await thread.#ask({ does: 'open', path, pageCountMax });
      return thread;
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
  }

  /** False once the thread has ended by itself; whoever opens a writer then starts another. */
  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  async takeOver(writerId: string): Promise<number> {
    return (await this.#ask({ does: 'take-over', writerId })) as number;
  }

  async commit(
    writerId: string,
    epoch: number,
    placed: readonly PlacedAppend[],
    offsets: readonly OffsetCommit[],
    nowMs: number,
  ): Promise<readonly number[]> {
    const encoded = placed.map(({ records }) => {
      const payload = records.values.subarray(0, records.valueOffsets[records.count]);
      return { columns: encodeColumns(records), payload };
    });
    const byteCount = encoded.reduce((sum, { columns, payload }) => sum + columns.byteLength + payload.byteLength, 0);
    const buffer = this.#takeBuffer(byteCount);
    const bytes = new Uint8Array(buffer);
    let at = 0;
    const appends = encoded.map(({ columns, payload }, i): SharedAppend => {
      const { topic, partition, records } = placed[i];
      const append = { topic, partition, count: records.count, at, columnsByteCount: columns.byteLength, payloadByteCount: payload.byteLength };
      bytes.set(columns, at);
      bytes.set(payload, at + columns.byteLength);
      at += columns.byteLength + payload.byteLength;
      return append;
    });
    try {
      return (await this.#ask({ does: 'commit', writerId, epoch, appends, buffer, offsets, nowMs })) as readonly number[];
    } finally {
      if (this.#freeBuffers.length < freeBufferCountMax) this.#freeBuffers.push(buffer);
    }
  }

  async close(): Promise<void> {
    if (this.#failure === undefined) await this.#ask({ does: 'close' });
    this.#failure ??= new PlatformError('CLOSED', `${this.#path} is closed`);
    await this.#worker.terminate();
  }

  #ask(request: WriterRequest): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const number = ++this.#number;
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject });
      this.#worker.postMessage({ number, request });
    });
  }

  #settle({ number, result, failure }: WriterReply): void {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    if (this.#pending.size === 0) this.#worker.unref();
    if (failure === undefined) pending?.resolve(result);
    else if (failure.code === undefined) pending?.reject(new Error(failure.message));
    else pending?.reject(new PlatformError(failure.code, failure.message, failure));
  }

  // A thread that ended took everything under way with it, perhaps after the disk had it.
  #fail(cause: unknown): void {
    this.#failure ??= new PlatformError('UNAVAILABLE', `the thread that writes ${this.#path} ended`, { outcome: 'unknown', cause });
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }

  #takeBuffer(byteCount: number): SharedArrayBuffer {
    const index = this.#freeBuffers.findIndex((buffer) => buffer.byteLength >= byteCount);
    if (index >= 0) return this.#freeBuffers.splice(index, 1)[0];
    // The free ones were too small: transactions have grown, so they are forgotten.
    this.#freeBuffers.length = 0;
    let size = bufferByteCountMin;
    while (size < byteCount) size *= 2;
    return new SharedArrayBuffer(size);
  }
}

/** The views that the writing thread hands to SQLite. */
export function viewShared(buffer: SharedArrayBuffer, appends: readonly SharedAppend[]): EncodedAppend[] {
  return appends.map(({ topic, partition, count, at, columnsByteCount, payloadByteCount }) => ({
    topic,
    partition,
    count,
    columns: new Uint8Array(buffer, at, columnsByteCount),
    payload: new Uint8Array(buffer, at + columnsByteCount, payloadByteCount),
  }));
}
