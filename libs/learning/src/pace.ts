/**
 * Lets a long computation give way without reading a clock: it counts work and pauses whenever a budget is spent.
 * One unit is about one visit of one cell (2 to 5 ns), so the default budget is a few milliseconds.
 */
export class Pace {
  readonly #signal: AbortSignal | undefined;
  readonly #yieldToLoop: () => Promise<void>;
  readonly #budget: number;
  #spent = 0;

  constructor(signal: AbortSignal | undefined, yieldToLoop: (() => Promise<void>) | undefined, budget = 1_000_000) {
    this.#signal = signal;
    this.#yieldToLoop = yieldToLoop ?? (() => Promise.resolve());
    this.#budget = budget;
  }

  /** Adds work done; true when it is time to `await pause()`. */
  spend(units: number): boolean {
    this.#spent += units;
    return this.#spent >= this.#budget;
  }

  /** Gives way once, then throws the signal's reason if it was aborted meanwhile. */
  async pause(): Promise<void> {
    this.#spent = 0;
    this.#signal?.throwIfAborted();
    await this.#yieldToLoop();
    this.#signal?.throwIfAborted();
  }
}
