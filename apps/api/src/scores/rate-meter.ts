const SECONDS_KEPT = 120;

/** Counts per second over the last two minutes; the second under way is not part of the series. */
export class RateMeter {
  readonly #seconds: number[] = [];
  #current = 0;

  add(count: number): void {
    this.#current += count;
  }

  /** Closes the second under way. */
  tick(): void {
    this.#seconds.push(this.#current);
    this.#current = 0;
    if (this.#seconds.length > SECONDS_KEPT) this.#seconds.shift();
  }

  series(): readonly number[] {
    return [...this.#seconds];
  }
}
