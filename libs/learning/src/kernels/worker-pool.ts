/**
 * Threads that run the exports of WebAssembly modules. They are handed in, as making threads is the outside world's business; the contract
 * knows nothing of kernels.
 */
export interface WorkerPool {
  readonly threadCount: number;
  /** Instantiates `module` on every thread with `{ env: { memory } }`, before its first call at the latest. */
  attach(module: WebAssembly.Module, memory: WebAssembly.Memory, control: CallControl): AttachedModule;
}

/** How a running call is reached through the memory that it works on. */
export interface CallControl {
  /** Called before each call starts. */
  start(): void;
  /** Called when a call should end early: its signal was aborted, or one of its threads failed. */
  interrupt(): void;
}

export interface AttachedModule {
  /**
   * Calls the export `name` with (thread, thread count, ...args) on every thread and resolves when all have returned; calls wait for each
   * other. Rejects with the signal's reason once an interrupted call has returned, or with the error of a thread that failed or died.
   */
  call(name: string, args: readonly number[], signal?: AbortSignal): Promise<void>;
  /** Forgets module and memory on every thread; not while a call runs. */
  detach(): void;
}
