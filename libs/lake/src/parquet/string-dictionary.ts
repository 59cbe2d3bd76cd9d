const mostValues = 1 << 15;
const mostBytes = 1 << 19;
const firstValues = 1 << 7;

/** Codes for byte strings by an open-addressing hash table, which grows with them; gives up beyond 32,768 values or 512 KiB. */
export class StringDictionary {
  // Code plus one; 0 for free. Twice as many slots as values have room.
  #table = new Int32Array(0);
  #hashes = new Int32Array(firstValues);
  #offsets = new Int32Array(firstValues + 1);
  #bytes = new Uint8Array(4096);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Writes the codes of strings `[start, end)` to the head of `codes`; false when the dictionary is full (it may have grown). */
  encode(bytes: Uint8Array, offsets: Int32Array, start: number, end: number, codes: Int32Array): boolean {
    if (this.#table.length === 0) this.#table = new Int32Array(2 * this.#hashes.length);
    for (let i = start; i < end; i++) {
      const code = this.#codeOf(bytes, offsets[i]!, offsets[i + 1]!);
      if (code < 0) return false;
      codes[i - start] = code;
    }
    return true;
  }

  /** Forgets all values from code `size` on. */
  truncate(size: number): void {
    this.#size = size;
    this.#table.fill(0);
    this.#fillTable();
  }

  #fillTable(): void {
    const mask = this.#table.length - 1;
    for (let code = 0; code < this.#size; code++) {
      let slot = this.#hashes[code]! & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = code + 1;
    }
  }

  #grow(): void {
    const values = 2 * this.#hashes.length;
    const [hashes, offsets] = [new Int32Array(values), new Int32Array(values + 1)];
    hashes.set(this.#hashes);
    offsets.set(this.#offsets);
    this.#hashes = hashes;
    this.#offsets = offsets;
    this.#table = new Int32Array(2 * values);
    this.#fillTable();
  }

  /** The values by code as PLAIN BYTE_ARRAY: length and bytes. */
  plain(): Uint8Array {
    const result = new Uint8Array(this.#offsets[this.#size]! + this.#size * 4);
    const view = new DataView(result.buffer);
    let at = 0;
    for (let code = 0; code < this.#size; code++) {
      const start = this.#offsets[code]!;
      const length = this.#offsets[code + 1]! - start;
      view.setUint32(at, length, true);
      result.set(this.#bytes.subarray(start, start + length), at + 4);
      at += 4 + length;
    }
    return result;
  }

  clear(): void {
    if (this.#size > 0) this.#table.fill(0);
    this.#size = 0;
  }

  #codeOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const code = this.#table[slot]! - 1;
      if (code < 0) return this.#add(bytes, start, end, hash, slot);
      if (this.#hashes[code] === hash && this.#equals(code, bytes, start, end)) return code;
    }
  }

  #equals(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#offsets[code]!;
    if (this.#offsets[code + 1]! - from !== end - start) return false;
    for (let i = start, k = from; i < end; i++, k++) if (bytes[i] !== this.#bytes[k]) return false;
    return true;
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const from = this.#offsets[this.#size]!;
    const to = from + end - start;
    if (this.#size === mostValues || to > mostBytes) return -1;
    if (to > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(to, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), from);
    this.#hashes[this.#size] = hash;
    this.#offsets[this.#size + 1] = to;
    this.#table[slot] = ++this.#size;
    if (this.#size === this.#hashes.length && this.#size < mostValues) this.#grow();
    return this.#size - 1;
  }
}
