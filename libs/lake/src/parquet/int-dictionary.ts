const widestSpan = 1 << 16;

/** Codes for 32-bit integers of a narrow span, by direct lookup: the value less a base is the place of its code. */
export class IntDictionary {
  #base = 0;
  // Code plus one; 0 for a value not seen.
  #table = new Int32Array(0);
  #values = new Int32Array(256);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Writes the codes of `values[start, end)` to the head of `codes`; false when the values' span is too wide (the dictionary may
   * have grown).
   */
  encode(values: Int32Array, start: number, end: number, codes: Int32Array): boolean {
    let table = this.#table;
    let base = this.#base;
    for (let i = start; i < end; i++) {
      const place = values[i]! - base;
      let code = place >= 0 && place < table.length ? table[place]! : 0;
      if (code === 0) {
        code = this.#add(values[i]!);
        if (code === 0) return false;
        table = this.#table;
        base = this.#base;
      }
      codes[i - start] = code - 1;
    }
    return true;
  }

  /** The values by code as PLAIN INT32. */
  plain(): Uint8Array {
    const bytes = new Uint8Array(this.#size * 4);
    const view = new DataView(bytes.buffer);
    for (let code = 0; code < this.#size; code++) view.setInt32(code * 4, this.#values[code]!, true);
    return bytes;
  }

  clear(): void {
    this.#size = 0;
    this.#table = new Int32Array(0);
  }

  #add(value: number): number {
    if (!this.#cover(value)) return 0;
    if (this.#size === this.#values.length) {
      const grown = new Int32Array(this.#size * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#size] = value;
    this.#table[value - this.#base] = ++this.#size;
    return this.#size;
  }

  // The table grows by at least a half each time, so that values in rising order don't copy it again and again.
  #cover(value: number): boolean {
    const { length } = this.#table;
    if (length > 0 && value >= this.#base && value < this.#base + length) return true;
    const low = length === 0 ? value : Math.min(this.#base, value);
    const high = length === 0 ? value + 64 : Math.max(this.#base + length, value + 1);
    if (high - low > widestSpan) return false;
    const slack = Math.min(length >> 1, widestSpan - (high - low));
    const base = value < this.#base && length > 0 ? low - slack : low;
    const table = new Int32Array(high - low + slack);
    for (let code = 0; code < this.#size; code++) table[this.#values[code]! - base] = code + 1;
    this.#base = base;
    this.#table = table;
    return true;
  }
}
