import { strict as assert } from 'node:assert';

/**
 * The newest byte strings in one block of memory: what is put overwrites what was put longest ago. A string is known by where it began,
 * counted over all bytes ever put, so a place that was overwritten since is told from one that still holds.
 */
export class ByteRing {
  readonly #bytes: Uint8Array;
  /** Place of the next string, counted from the beginning of time. */
  #end = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Copies the bytes in and returns their place; they never part over the block's end. */
  put(bytes: Uint8Array): number {
    const capacity = this.#bytes.length;
    assert(bytes.length <= capacity, `expected at most ${capacity} bytes, found ${bytes.length}`);
    const left = capacity - (this.#end % capacity);
    const place = bytes.length > left ? this.#end + left : this.#end;
    this.#bytes.set(bytes, place % capacity);
    this.#end = place + bytes.length;
    return place;
  }

  /** A copy of what was put there, or undefined when it is overwritten by now. */
  get(place: number, length: number): Uint8Array | undefined {
    const capacity = this.#bytes.length;
    if (place < 0 || place + capacity < this.#end || place + length > this.#end) return undefined;
    return this.#bytes.slice(place % capacity, (place % capacity) + length);
  }
}
