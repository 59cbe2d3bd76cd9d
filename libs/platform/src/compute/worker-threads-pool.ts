import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { PlatformError } from '../errors.ts';

/** Words of the control buffer that caller and threads share; the arguments of a call follow as doubles. */
export const controlWords = { round: 0, running: 1, doneRound: 2, moduleId: 3, exportIndex: 4, argumentCount: 5 } as const;
export const argumentsOffsetBytes = 64;
const mostArguments = 64;

export type PoolMessage =
  | { readonly does: 'attach'; readonly id: number; readonly module: WebAssembly.Module; readonly memory: WebAssembly.Memory }
  | { readonly does: 'detach'; readonly id: number };

export interface PoolThreadData {
  readonly thread: number;
  readonly threadCount: number;
  readonly control: SharedArrayBuffer;
}

/** How a running call is reached through the memory that it works on. */
interface CallControl {
  start(): void;
  interrupt(): void;
}

interface Attachment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: CallControl;
}

interface Call {
  readonly id: number;
  readonly exportIndex: number;
  readonly args: readonly number[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Worker threads that run the exports of WebAssembly modules on shared memory. Between calls they sleep on a word of shared memory, so a call
 * costs a wake-up, not a message; the caller's loop stays free meanwhile. Calls run one after the other, in the order in which they came.
 * Threads start at the first call, do not keep the process alive when idle, and are started anew after one died.
 */
export class WorkerThreadsPool {
  readonly threadCount: number;
  readonly #attachments = new Map<number, Attachment>();
  readonly #queue: Call[] = [];
  #crew: Crew | undefined;
  #lastId = 0;
  #busy = false;

  constructor(threadCount: number = availableParallelism()) {
    this.threadCount = threadCount;
  }

  attach(module: WebAssembly.Module, memory: WebAssembly.Memory, control: CallControl): { call(name: string, args: readonly number[], signal?: AbortSignal): Promise<void>; detach(): void } {
    const id = ++this.#lastId;
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    this.#attachments.set(id, { module, memory, control });
    this.#crew?.post({ does: 'attach', id, module, memory });
    return {
      call: (name, args, signal) => {
        const exportIndex = names.indexOf(name);
        if (exportIndex < 0) throw new RangeError(`expected an export of the module (${names.join(', ')}), found ${name}`);
        if (args.length > mostArguments) throw new RangeError(`expected at most ${mostArguments} arguments, found ${args.length}`);
        return new Promise((resolve, reject) => this.#enqueue({ id, exportIndex, args, signal, resolve, reject }));
      },
      detach: () => {
        this.#attachments.delete(id);
        this.#crew?.post({ does: 'detach', id });
      },
    };
  }

  /** Ends the threads; the next call starts new ones. */
  async close(): Promise<void> {
    const crew = this.#crew;
    this.#crew = undefined;
    await crew?.end();
  }

  #enqueue(call: Call): void {
    this.#queue.push(call);
    if (!this.#busy) {
      void this.#work();
      return;
    }
    // A call that waits behind another's need not wait for its turn to be refused.
    const refuse = (): void => {
      const place = this.#queue.indexOf(call);
      if (place < 0) return;
      this.#queue.splice(place, 1);
      call.reject(call.signal?.reason);
    };
    call.signal?.addEventListener('abort', refuse, { once: true });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let call = this.#queue.shift(); call !== undefined; call = this.#queue.shift()) {
      const { signal, resolve, reject } = call;
      try {
        signal?.throwIfAborted();
        await this.#carryOut(call);
        signal?.throwIfAborted();
        resolve();
      } catch (error) {
        reject(error);
      }
    }
    this.#busy = false;
  }

  async #carryOut(call: Call): Promise<void> {
    const { control } = this.#attachments.get(call.id)!;
    const crew = (this.#crew ??= this.#startCrew());
    const interrupt = (): void => control.interrupt();
    control.start();
    call.signal?.addEventListener('abort', interrupt);
    try {
      await crew.run(call, interrupt);
    } catch (error) {
      // A thread that failed may have left any state behind.
      if (this.#crew === crew) this.#crew = undefined;
      await crew.end();
      throw error;
    } finally {
      call.signal?.removeEventListener('abort', interrupt);
    }
  }

  #startCrew(): Crew {
    const crew = new Crew(this.threadCount);
    for (const [id, { module, memory }] of this.#attachments) crew.post({ does: 'attach', id, module, memory });
    return crew;
  }
}

/** One generation of threads. */
class Crew {
  readonly #workers: readonly Worker[];
  readonly #words: Int32Array;
  readonly #arguments: Float64Array;
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => undefined;

  constructor(threadCount: number) {
    const control = new SharedArrayBuffer(argumentsOffsetBytes + 8 * mostArguments);
    this.#words = new Int32Array(control, 0, argumentsOffsetBytes / 4);
    this.#arguments = new Float64Array(control, argumentsOffsetBytes, mostArguments);
    this.#workers = Array.from({ length: threadCount }, (_, thread) => this.#startWorker({ thread, threadCount, control }));
  }

  #startWorker(workerData: PoolThreadData): Worker {
    // The compiler rewrites imports but not this address, so it follows the name that this file has where it runs.
    const worker = new Worker(new URL(`./pool-thread.worker${import.meta.url.slice(-3)}`, import.meta.url), { workerData });
    const fail = (reason: string, cause?: unknown): void => {
      this.#failure ??= new PlatformError('UNAVAILABLE', `expected compute thread ${workerData.thread} to return, found that it ${reason}`, { outcome: 'unknown', retriable: true, cause });
      this.#onFailure(this.#failure);
    };
    worker.on('message', ({ failure }: { failure: Error }) => fail(`failed: ${failure.message}`, failure));
    worker.on('error', (error) => fail(`failed: ${error instanceof Error ? error.message : String(error)}`, error));
    worker.on('exit', () => fail('ended'));
    // Idle threads must not keep their process alive.
    worker.unref();
    return worker;
  }

  post(message: PoolMessage): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  async run({ id, exportIndex, args }: Call, interrupt: () => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const words = this.#words;
    this.#arguments.set(args);
    words[controlWords.moduleId] = id;
    words[controlWords.exportIndex] = exportIndex;
    words[controlWords.argumentCount] = args.length;
    Atomics.store(words, controlWords.running, this.#workers.length);
    const before = Atomics.load(words, controlWords.doneRound);
    const failed = new Promise<never>((_, reject) => {
      this.#onFailure = (error) => {
        interrupt();
        reject(error);
      };
    });
    // Nothing else keeps the process alive while it waits on a word of memory.
    for (const worker of this.#workers) worker.ref();
    try {
      Atomics.add(words, controlWords.round, 1);
      Atomics.notify(words, controlWords.round);
      const done = Atomics.waitAsync(words, controlWords.doneRound, before);
      if (done.async) await Promise.race([done.value, failed]);
    } finally {
      this.#onFailure = () => undefined;
      for (const worker of this.#workers) worker.unref();
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
