/**
 * Pulls bytes out of a stream in amounts that the reader chooses. What `take` and `peek` give is valid until the next call: it may
 * be a view of a buffer that the stream uses again.
 */
export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  /** The next bytes without taking them: fewer than asked for only at the end of the stream. */
  async peek(byteCount: number): Promise<Uint8Array> {
    while (this.#held.byteLength < byteCount) {
      const next = await this.#nextAfterCopyingHeld();
      if (next.done === true) break;
      this.#held = this.#held.byteLength === 0 ? next.value : concat(this.#held, next.value);
    }
    return this.#held.subarray(0, byteCount);
  }

  /** The next bytes as they come, at most `byteCountMax`; undefined at the end. */
  async take(byteCountMax: number): Promise<Uint8Array | undefined> {
    while (this.#held.byteLength === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return undefined;
      this.#held = next.value;
    }
    const taken = this.#held.subarray(0, byteCountMax);
    this.#held = this.#held.subarray(taken.byteLength);
    this.#position += taken.byteLength;
    return taken;
  }

  /** Takes exactly so many bytes and forgets them; gives how many there were. */
  async skip(byteCount: number): Promise<number> {
    let left = byteCount;
    while (left > 0) {
      const taken = await this.take(left);
      if (taken === undefined) break;
      left -= taken.byteLength;
    }
    return byteCount - left;
  }

  /** Everything that is left. */
  async *rest(): AsyncIterable<Uint8Array> {
    for (let bytes = await this.take(Infinity); bytes !== undefined; bytes = await this.take(Infinity)) yield bytes;
  }

  /** Lets the stream behind free what it holds. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  // Asking for more may overwrite the buffer that is held, so what is held becomes an own copy first (a few bytes at most).
  // `new Uint8Array` copies whatever kind of array it is.
  #nextAfterCopyingHeld(): Promise<IteratorResult<Uint8Array, unknown>> {
    if (this.#held.byteLength > 0) this.#held = new Uint8Array(this.#held);
    return this.#chunks.next();
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.byteLength + b.byteLength);
  both.set(a);
  both.set(b, a.byteLength);
  return both;
}
