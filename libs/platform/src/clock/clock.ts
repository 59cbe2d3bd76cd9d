import assert from 'node:assert';

/** The only place where time comes from: the type and the injection token. */
export abstract class Clock {
  /** Milliseconds since the epoch, UTC. */
  abstract nowMs(): number;
  /** Milliseconds from some fixed moment that only go forward, also when the time of day is set back: for pauses and cadences. */
  abstract steadyMs(): number;
  /** Resolves after so many milliseconds, or at once when the signal aborts (it never rejects). */
  abstract sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export class SystemClock extends Clock {
  nowMs(): number {
    return Date.now();
  }

  steadyMs(): number {
    return performance.now();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener('abort', wake);
    });
  }
}

/** A clock that stands still until it is told to go on: tests of pacing and back-off take no time. */
export class ManualClock extends Clock {
  #nowMs: number;
  /** By how much the time of day was set forth or back. */
  #setMs = 0;
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  constructor(nowMs = 0) {
    super();
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs + this.#setMs;
  }

  steadyMs(): number {
    return this.#nowMs;
  }

  /** Sets the time of day forth or (below zero) back while nothing else moves, as an administrator or a time server does. */
  set(byMs: number): void {
    this.#setMs += byMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const sleeper = {
        atMs: this.#nowMs + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Moves time on, waking sleepers in the order of their times, each at its own time. */
  async advance(ms: number): Promise<void> {
    assert(ms >= 0, `expected time to go forward, found ${ms} ms`);
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const next = [...this.#sleepers].sort((a, b) => a.atMs - b.atMs).find(({ atMs }) => atMs <= untilMs);
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
      // Whoever was woken may go to sleep again before the next one's time.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
  }
}
