import assert from 'node:assert/strict';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

const FREE = -1;
/** Longest key that fits its cell. */
const SHORT = 12;

/**
 * Byte strings to small integers ("slots") and back: linear probing over the keys' bytes, so no string is made on the way in.
 * A removed slot is handed out again, newest first; the order of handing out survives `write` and `read`.
 */
export class KeyTable {
  /** Pairs of a key's hash and its slot + 1 (0: empty), so that a probe reads one cache line. */
  #table = new Int32Array(2 * 16);
  /** Four numbers a slot: its key's length in bytes, or -1 when it is free, then a short key's bytes or where a long one starts. */
  #cells = new Int32Array(4 * 8).fill(FREE);
  #cellBytes = new Uint8Array(this.#cells.buffer);
  #arena = new Uint8Array(64);
  #arenaEnd = 0;
  #garbage = 0;
  #slotCount = 0;
  #free: number[] = [];

  /** Keys held now. */
  get size(): number {
    return this.#slotCount - this.#free.length;
  }

  /** All slots handed out so far are below this; some of them may be free. */
  get slotEnd(): number {
    return this.#slotCount;
  }

  /** Whether the slot holds a key. */
  holds(slot: number): boolean {
    return slot < this.#slotCount && this.#cells[slot * 4] !== FREE;
  }

  /** The key's slot, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#table[this.#probe(hashBytes(bytes, start, end), bytes, start, end) + 1] - 1;
  }

  /** The key's slot, made when there is none yet. */
  insert(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const at = this.#probe(hash, bytes, start, end);
    const known = this.#table[at + 1] - 1;
    if (known >= 0) return known;
    const slot = this.#takeSlot();
    this.#storeKey(slot, bytes, start, end);
    this.#table[at] = hash;
    this.#table[at + 1] = slot + 1;
    if (this.size * 4 > this.#table.length) this.#rehash(this.#table.length * 2);
    return slot;
  }

  /**
   * The slots, or -1, that keys `[from, to)` probably have, by the first pair that each would probe: only to load ahead what they will
   * need. Looked up one after the other they wait for memory each time; in a loop this tight the waits overlap.
   */
  guessSlots(keys: Uint8Array, keyOffsets: Uint32Array, from: number, to: number, slots: Int32Array): void {
    const table = this.#table;
    const mask = table.length - 1;
    for (let key = from; key < to; key++) slots[key - from] = (hashBytes(keys, keyOffsets[key], keyOffsets[key + 1]) << 1) & mask;
    for (let k = 0; k < to - from; k++) slots[k] = table[slots[k] + 1] - 1;
  }

  /** Sum of the slots' key lengths, free ones aside: loads where their keys are compared. */
  loadCells(slots: Int32Array, count: number): number {
    const cells = this.#cells;
    let sum = 0;
    for (let k = 0; k < count; k++) if (slots[k] >= 0) sum = (sum + cells[slots[k] * 4]) | 0;
    return sum;
  }

  remove(slot: number): void {
    if (!this.holds(slot)) assert.fail(`expected a slot in use, found ${slot}`);
    const table = this.#table;
    const mask = table.length - 1;
    const start = this.keyStart(slot);
    const length = this.keyLength(slot);
    let hole = (hashBytes(this.keyBytes(slot), start, start + length) << 1) & mask;
    while (table[hole + 1] !== slot + 1) hole = (hole + 2) & mask;
    // Entries after the hole move back unless they already sit between their home and the hole (Knuth, algorithm 6.4R).
    for (let at = (hole + 2) & mask; table[at + 1] !== 0; at = (at + 2) & mask) {
      const home = (table[at] << 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at];
      table[hole + 1] = table[at + 1];
      hole = at;
    }
    table[hole + 1] = 0;
    if (length > SHORT) this.#garbage += length;
    this.#cells[slot * 4] = FREE;
    this.#free.push(slot);
  }

  /** Where the slot's key lies, without a view: `keyBytes[keyStart .. keyStart + keyLength)`, valid until the next change. */
  keyBytes(slot: number): Uint8Array {
    return this.#cells[slot * 4] <= SHORT ? this.#cellBytes : this.#arena;
  }

  keyStart(slot: number): number {
    return this.#cells[slot * 4] <= SHORT ? slot * 16 + 4 : this.#cells[slot * 4 + 1];
  }

  keyLength(slot: number): number {
    return this.#cells[slot * 4];
  }

  /** The slot's key as a view, valid until the next change of the table. */
  bytesOf(slot: number): Uint8Array {
    if (!this.holds(slot)) assert.fail(`expected a slot in use, found ${slot}`);
    const length = this.#cells[slot * 4];
    if (length <= SHORT) return this.#cellBytes.subarray(slot * 16 + 4, slot * 16 + 4 + length);
    const start = this.#cells[slot * 4 + 1];
    return this.#arena.subarray(start, start + length);
  }

  textOf(slot: number): string {
    const bytes = this.bytesOf(slot);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  /** Bytes held, for accounting. */
  get byteSize(): number {
    return this.#table.byteLength + this.#cells.byteLength + this.#arena.byteLength;
  }

  /** Slots, the order in which free ones are handed out again, and keys. */
  write(out: ByteWriter): void {
    const slots = new Int32Array(this.#slotCount);
    for (let slot = 0; slot < slots.length; slot++) slots[slot] = slot;
    this.#write(out, slots, this.#free);
  }

  /** As `write`, but only the given slots: `read` then numbers them from 0 in this order and has none that is free. */
  writeOnly(out: ByteWriter, slots: Int32Array): void {
    this.#write(out, slots, []);
  }

  static read(from: ByteReader): KeyTable {
    const made = new KeyTable();
    const lengths = from.int32s();
    const free = Array.from(from.int32s());
    const keys = from.bytes();
    let start = 0;
    for (let slot = 0; slot < lengths.length; slot++) {
      made.#takeSlot();
      if (lengths[slot] === FREE) continue;
      made.#storeKey(slot, keys, start, start + lengths[slot]);
      start += lengths[slot];
    }
    made.#free = free;
    let size = 2 * 16;
    while (size < made.size * 4) size *= 2;
    made.#rehash(size);
    return made;
  }

  #write(out: ByteWriter, slots: Int32Array, free: readonly number[]): void {
    const lengths = new Int32Array(slots.length);
    let byteCount = 0;
    for (let k = 0; k < slots.length; k++) {
      const length = this.#cells[slots[k] * 4];
      lengths[k] = length;
      if (length > 0) byteCount += length;
    }
    const keys = new Uint8Array(byteCount);
    let end = 0;
    for (let k = 0; k < slots.length; k++) {
      if (lengths[k] === FREE) continue;
      const own = this.keyBytes(slots[k]);
      const start = this.keyStart(slots[k]);
      // Keys are short: a call for each costs more than its bytes.
      for (let i = 0; i < lengths[k]; i++) keys[end++] = own[start + i];
    }
    out.int32s(lengths);
    out.int32s(Int32Array.from(free));
    out.bytes(keys);
  }

  /** Index in the table of the key's pair, or of the empty pair where it would go. */
  #probe(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = (hash << 1) & mask;
    while (table[at + 1] !== 0 && !(table[at] === hash && this.#equals(table[at + 1] - 1, bytes, start, end))) at = (at + 2) & mask;
    return at;
  }

  #equals(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = this.#cells[slot * 4];
    if (length !== end - start) return false;
    const own = length <= SHORT ? this.#cellBytes : this.#arena;
    const at = length <= SHORT ? slot * 16 + 4 : this.#cells[slot * 4 + 1];
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[start + i]) return false;
    return true;
  }

  #takeSlot(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#slotCount * 4 === this.#cells.length) {
      const cells = new Int32Array(this.#cells.length * 2).fill(FREE);
      cells.set(this.#cells);
      this.#cells = cells;
      this.#cellBytes = new Uint8Array(cells.buffer);
    }
    return this.#slotCount++;
  }

  #storeKey(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#cells[slot * 4] = length;
    if (length <= SHORT) {
      for (let i = 0; i < length; i++) this.#cellBytes[slot * 16 + 4 + i] = bytes[start + i];
      return;
    }
    if (this.#arenaEnd + length > this.#arena.length) this.#compact(slot, length);
    this.#arena.set(bytes.subarray(start, end), this.#arenaEnd);
    this.#cells[slot * 4 + 1] = this.#arenaEnd;
    this.#arenaEnd += length;
  }

  /** Rewrites the long keys but `without` one behind the other, with room for `more` bytes; the arena grows when it stays half full. */
  #compact(without: number, more: number): void {
    const live = this.#arenaEnd - this.#garbage + more;
    const arena = new Uint8Array(live * 2 > this.#arena.length ? Math.max(64, live * 2) : this.#arena.length);
    let end = 0;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      const length = this.#cells[slot * 4];
      if (length <= SHORT || slot === without) continue;
      const start = this.#cells[slot * 4 + 1];
      arena.set(this.#arena.subarray(start, start + length), end);
      this.#cells[slot * 4 + 1] = end;
      end += length;
    }
    this.#arena = arena;
    this.#arenaEnd = end;
    this.#garbage = 0;
  }

  #rehash(size: number): void {
    const table = new Int32Array(size);
    const mask = size - 1;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      if (this.#cells[slot * 4] === FREE) continue;
      const start = this.keyStart(slot);
      const hash = hashBytes(this.keyBytes(slot), start, start + this.keyLength(slot));
      let at = (hash << 1) & mask;
      while (table[at + 1] !== 0) at = (at + 2) & mask;
      table[at] = hash;
      table[at + 1] = slot + 1;
    }
    this.#table = table;
  }
}

/** FNV-1a over the bytes with the finaliser of MurmurHash3, so that the low bits are good enough to probe by. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = -2128831035;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 16777619);
  hash = Math.imul(hash ^ (hash >>> 16), -2048144789);
  hash = Math.imul(hash ^ (hash >>> 13), -1028477387);
  return hash ^ (hash >>> 16);
}
