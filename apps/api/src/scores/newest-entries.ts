interface Entry<V> {
  value: V;
  turn: number;
}

/**
 * A map that keeps the keys put most recently: at least `limit` of them and at most a quarter more. Putting a known key writes into
 * its entry, which costs a fraction of moving it to the end of a map; the oldest leave many at a time.
 */
export class NewestEntries<V> {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry<V>>();
  #turn = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  put(key: string, value: V): void {
    const turn = this.#turn++;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      known.value = value;
      known.turn = turn;
      return;
    }
    this.#entries.set(key, { value, turn });
    if (this.#entries.size > 1.25 * this.#limit) this.#forgetOldest();
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  values(): Iterable<V> {
    return this.#entries.values().map(({ value }) => value);
  }

  #forgetOldest(): void {
    const turns = Float64Array.from(this.#entries.values(), ({ turn }) => turn).sort();
    const oldestKept = turns[turns.length - this.#limit];
    for (const [key, { turn }] of this.#entries) if (turn < oldestKept) this.#entries.delete(key);
  }
}
