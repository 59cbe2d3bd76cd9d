import type { ReadOptions, RecordBatch } from './event-log.ts';

/** Readers asleep until something may have arrived; whoever notices an arrival calls `announce`. */
export class Arrivals {
  readonly #sleepers = new Set<() => void>();

  get isAwaited(): boolean {
    return this.#sleepers.size > 0;
  }

  announce(): void {
    for (const wake of [...this.#sleepers]) wake();
  }

  /** Resolves at the next announcement, at the deadline or on abort, whichever is first. */
  async sleep(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true || timeoutMs <= 0) return;
    await new Promise<void>((resolve) => {
      // A timer can't be longer than 2^31 - 1 ms; a reader woken early looks and sleeps again.
      const timer = setTimeout(wake, Math.min(timeoutMs, 2_147_483_647));
      const sleepers = this.#sleepers;
      function wake(): void {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        sleepers.delete(wake);
        resolve();
      }
      signal?.addEventListener('abort', wake);
      sleepers.add(wake);
    });
  }

  /** Looks once, and again after each announcement, until there are batches, the wait is over or the signal aborts. */
  async poll(options: ReadOptions, look: () => readonly RecordBatch[]): Promise<readonly RecordBatch[]> {
    const deadline = performance.now() + (options.maxWaitMs ?? 0);
    for (;;) {
      if (options.signal?.aborted === true) return [];
      const batches = look();
      const leftMs = deadline - performance.now();
      if (batches.length > 0 || leftMs <= 0) return batches;
      await this.sleep(leftMs, options.signal);
    }
  }
}
