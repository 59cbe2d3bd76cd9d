/** A set of doubles to count different values with: emptied in no time and kept, so that it stays in the processor's cache. */
export class NumberSet {
  #values = new Float64Array(64);
  #stamps = new Int32Array(64);
  #stamp = 0;
  #size = 0;
  readonly #double = new Float64Array(1);
  readonly #halves = new Int32Array(this.#double.buffer);

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
    if (++this.#stamp < 2 ** 31 - 1) return;
    this.#stamps.fill(0);
    this.#stamp = 1;
  }

  /** Adds a value, minus zero as zero; true when it is new. */
  add(value: number): boolean {
    const own = value + 0;
    const mask = this.#values.length - 1;
    let at = this.#hash(own) & mask;
    for (; this.#stamps[at] === this.#stamp; at = (at + 1) & mask) if (this.#values[at] === own) return false;
    this.#values[at] = own;
    this.#stamps[at] = this.#stamp;
    if (++this.#size * 2 > this.#values.length) this.#grow();
    return true;
  }

  #hash(value: number): number {
    this.#double[0] = value;
    const mixed = Math.imul(this.#halves[0] ^ Math.imul(this.#halves[1], -862048943), 461845907);
    return mixed ^ (mixed >>> 15);
  }

  #grow(): void {
    const [values, stamps, stamp] = [this.#values, this.#stamps, this.#stamp];
    this.#values = new Float64Array(values.length * 2);
    this.#stamps = new Int32Array(values.length * 2);
    this.#stamp = 1;
    this.#size = 0;
    for (let at = 0; at < values.length; at++) if (stamps[at] === stamp) this.add(values[at]);
  }
}
