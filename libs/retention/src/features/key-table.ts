import assert from 'node:assert/strict';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

const FREE = -1;

/**
 * Byte strings to small integers ("slots") and back: linear probing over the keys' bytes, so no string is made on the way in.
 * A removed slot is handed out again, newest first; the order of handing out survives `write` and `read`.
 */
export class KeyTable {
  #table = new Int32Array(16);
  #hashes = new Int32Array(8);
  #starts = new Int32Array(8);
  /** Length of the slot's key in bytes, or -1 when the slot is free. */
  #lengths = new Int32Array(8).fill(FREE);
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
    return slot < this.#slotCount && this.#lengths[slot] !== FREE;
  }

  /** The key's slot, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const mask = this.#table.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = this.#table[at] - 1;
      if (slot < 0) return -1;
      if (this.#hashes[slot] === hash && this.#equals(slot, bytes, start, end)) return slot;
    }
  }

  /** The key's slot, made when there is none yet. */
  insert(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end);
    const table = this.#table;
    const mask = table.length - 1;
    let at = hash & mask;
    for (; table[at] !== 0; at = (at + 1) & mask) {
      const slot = table[at] - 1;
      if (this.#hashes[slot] === hash && this.#equals(slot, bytes, start, end)) return slot;
    }
    const slot = this.#takeSlot();
    this.#storeKey(slot, bytes, start, end);
    this.#hashes[slot] = hash;
    table[at] = slot + 1;
    if (this.size * 2 > table.length) this.#rehash(table.length * 2);
    return slot;
  }

  remove(slot: number): void {
    assert(this.holds(slot), `expected a slot in use, found ${slot}`);
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#hashes[slot] & mask;
    while (table[hole] !== slot + 1) hole = (hole + 1) & mask;
    // Entries after the hole move back unless they already sit between their home and the hole (Knuth, algorithm 6.4R).
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hashes[table[at] - 1] & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at];
      hole = at;
    }
    table[hole] = 0;
    this.#garbage += this.#lengths[slot];
    this.#lengths[slot] = FREE;
    this.#free.push(slot);
  }

  /** The slot's key as a view, valid until the next change of the table. */
  bytesOf(slot: number): Uint8Array {
    assert(this.holds(slot), `expected a slot in use, found ${slot}`);
    return this.#arena.subarray(this.#starts[slot], this.#starts[slot] + this.#lengths[slot]);
  }

  textOf(slot: number): string {
    const bytes = this.bytesOf(slot);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  }

  /** Bytes held, for accounting. */
  get byteSize(): number {
    return this.#table.byteLength + this.#hashes.byteLength * 3 + this.#arena.byteLength;
  }

  write(out: ByteWriter): void {
    this.#compact(this.#arena.length);
    out.int32s(this.#lengths.subarray(0, this.#slotCount));
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
    made.#lengths = lengths;
    made.#starts = new Int32Array(lengths.length);
    made.#hashes = new Int32Array(lengths.length);
    let start = 0;
    for (let slot = 0; slot < lengths.length; slot++) {
      if (lengths[slot] === FREE) continue;
      made.#starts[slot] = start;
      made.#hashes[slot] = hashBytes(made.#arena, start, start + lengths[slot]);
      start += lengths[slot];
    }
    let size = 16;
    while (size < made.size * 2) size *= 2;
    made.#rehash(size);
    return made;
  }

  #equals(slot: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = this.#lengths[slot];
    if (length !== end - start) return false;
    const arena = this.#arena;
    const own = this.#starts[slot];
    for (let i = 0; i < length; i++) if (arena[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #takeSlot(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    if (this.#slotCount === this.#starts.length) {
      const capacity = Math.max(8, this.#slotCount * 2);
      this.#starts = grown(this.#starts, capacity);
      this.#hashes = grown(this.#hashes, capacity);
      this.#lengths = grown(this.#lengths, capacity).fill(FREE, this.#slotCount);
    }
    return this.#slotCount++;
  }

  #storeKey(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#arenaEnd + length > this.#arena.length) this.#compact(this.#arenaEnd + length);
    for (let i = 0; i < length; i++) this.#arena[this.#arenaEnd + i] = bytes[start + i];
    this.#starts[slot] = this.#arenaEnd;
    this.#lengths[slot] = length;
    this.#arenaEnd += length;
  }

  /** Rewrites the keys without gaps, in slot order; the arena doubles when at least half of it is in use. */
  #compact(needed: number): void {
    const live = needed - this.#garbage;
    const arena = new Uint8Array(live * 2 > this.#arena.length ? Math.max(64, live * 2) : this.#arena.length);
    let end = 0;
    for (let slot = 0; slot < this.#slotCount; slot++) {
      const length = this.#lengths[slot];
      if (length === FREE) continue;
      const start = this.#starts[slot];
      arena.set(this.#arena.subarray(start, start + length), end);
      this.#starts[slot] = end;
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
      if (this.#lengths[slot] === FREE) continue;
      let at = this.#hashes[slot] & mask;
      while (table[at] !== 0) at = (at + 1) & mask;
      table[at] = slot + 1;
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

function grown(array: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(capacity);
  copy.set(array);
  return copy;
}
