import assert from 'node:assert/strict';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

const FREE = -1;

/**
 * Byte strings to small integers ("slots") and back: linear probing over the keys' bytes, so no string is made on the way in.
 * A removed slot is handed out again, newest first; the order of handing out survives `write` and `read`.
 */
export class KeyTable {
  /** Pairs of a key's hash and its slot + 1 (0: empty), so that a probe reads one cache line. */
  #table = new Int32Array(2 * 16);
  /** Where a slot's key starts in the arena, and its length in bytes, or -1 when the slot is free; in pairs for the same reason. */
  #spans = new Int32Array(2 * 8).fill(FREE);
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
    return slot < this.#slotCount && this.#spans[slot * 2 + 1] !== FREE;
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

  remove(slot: number): void {
    assert(this.holds(slot), `expected a slot in use, found ${slot}`);
    const table = this.#table;
    const mask = table.length - 1;
    const start = this.#spans[slot * 2];
    const length = this.#spans[slot * 2 + 1];
    let hole = (hashBytes(this.#arena, start, start + length) << 1) & mask;
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
    this.#garbage += length;
    this.#spans[slot * 2 + 1] = FREE;
    this.#free.push(slot);
  }

  /** The slot's key as a view, valid until the next change of the table. */
  bytesOf(slot: number): Uint8Array {
    assert(this.holds(slot), `expected a slot in use, found ${slot}`);
    const start = this.#spans[slot * 2];
    return this.#arena.subarray(start, start + this.#spans[slot * 2 + 1]);
  }

  textOf(slot: number): string {
    const bytes = this.bytesOf(slot);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  /** Bytes held, for accounting. */
  get byteSize(): number {
    return this.#table.byteLength + this.#spans.byteLength + this.#arena.byteLength;
  }

  write(out: ByteWriter): void {
    this.#compact(this.#arenaEnd);
    out.int32s(Int32Array.from({ length: this.#slotCount }, (_, slot) => this.#spans[slot * 2 + 1]));
    out.int32s(Int32Array.from(this.#free));
    out.bytes(this.#arena.subarray(0, this.#arenaEnd));
  }

  static read(from: ByteReader): KeyTable {
    const made = new KeyTable();
    const lengths = from.int32s();
    made.#slotCount = lengths.length;
    made.#free = Array.from(from.int32s());
    made.#arena = from.bytes();
    made.#arenaEnd = made.#arena.length;
    made.#spans = new Int32Array(lengths.length * 2);
    let start = 0;
    for (let slot = 0; slot < lengths.length; slot++) {
      made.#spans[slot * 2] = start;
      made.#spans[slot * 2 + 1] = lengths[slot];
      if (lengths[slot] !== FREE) start += lengths[slot];
    }
    let size = 2 * 16;
    while (size < made.size * 4) size *= 2;
    made.#rehash(size);
    return made;
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
    const own = this.#spans[slot * 2];
    const length = this.#spans[slot * 2 + 1];
    if (length !== end - start) return false;
    const arena = this.#arena;
    for (let i = 0; i < length; i++) if (arena[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #takeSlot(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#slotCount * 2 === this.#spans.length) {
      const spans = new Int32Array(Math.max(16, this.#spans.length * 2)).fill(FREE);
      spans.set(this.#spans);
      this.#spans = spans;
    }
    return this.#slotCount++;
  }

  #storeKey(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#arenaEnd + length > this.#arena.length) this.#compact(this.#arenaEnd + length);
    for (let i = 0; i < length; i++) this.#arena[this.#arenaEnd + i] = bytes[start + i];
    this.#spans[slot * 2] = this.#arenaEnd;
    this.#spans[slot * 2 + 1] = length;
    this.#arenaEnd += length;
  }

  /** Rewrites the keys without gaps, in slot order; the arena doubles when at least half of it is in use. */
  #compact(needed: number): void {
    const live = needed - this.#garbage;
    const arena = new Uint8Array(live * 2 > this.#arena.length ? Math.max(64, live * 2) : this.#arena.length);
    let end = 0;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      const length = this.#spans[slot * 2 + 1];
      if (length === FREE) continue;
      const start = this.#spans[slot * 2];
      arena.set(this.#arena.subarray(start, start + length), end);
      this.#spans[slot * 2] = end;
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
      const length = this.#spans[slot * 2 + 1];
      if (length === FREE) continue;
      const start = this.#spans[slot * 2];
      const hash = hashBytes(this.#arena, start, start + length);
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
