import assert from 'node:assert/strict';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

/** Rows a block may hold, by size class: steps of a third to a half, so that little is left unused. */
const CAPACITIES: readonly number[] = (() => {
  const sizes = [1, 2, 3];
  for (let size = 4; size < 2 ** 28; size *= 2) sizes.push(size, size * 1.5);
  return sizes;
})();

/**
 * For each slot a list of rows in ascending order of tile, packed in one block of one growing buffer, so that a walk over
 * a slot's rows reads memory in sequence. A row is `rowWords` 8-byte words; its first 32 bits are its tile. Blocks come in size
 * classes with a free list each.
 */
export class BlockPool {
  /** The buffer as doubles (word index) and as 32-bit integers (twice the word index); replaced when it grows. */
  f64: Float64Array;
  i32: Int32Array;
  /** Word index of a slot's first row, and how many rows it has. */
  starts = new Int32Array(8);
  counts = new Int32Array(8);
  readonly rowWords: number;
  #classes = new Int8Array(8).fill(-1);
  #end = 0;
  readonly #free: number[][] = CAPACITIES.map(() => []);

  constructor(rowWords: number) {
    this.rowWords = rowWords;
    const buffer = new ArrayBuffer(64 * 8 * rowWords);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  /** Bytes held, for accounting. */
  get byteSize(): number {
    return this.f64.byteLength + this.starts.byteLength * 2 + this.#classes.byteLength;
  }

  /** Makes room for slots below `end`. */
  ensureSlots(end: number): void {
    if (end <= this.starts.length) return;
    const capacity = Math.max(end, this.starts.length * 2);
    const starts = new Int32Array(capacity);
    starts.set(this.starts);
    const counts = new Int32Array(capacity);
    counts.set(this.counts);
    const classes = new Int8Array(capacity).fill(-1);
    classes.set(this.#classes);
    this.starts = starts;
    this.counts = counts;
    this.#classes = classes;
  }

  /** Whether the slot's next row needs a larger block: the moment to drop what is no longer needed. */
  isFull(slot: number): boolean {
    const sizeClass = this.#classes[slot];
    return sizeClass < 0 || this.counts[slot] === CAPACITIES[sizeClass];
  }

  /** Moves a slot whose block is more than three quarters full to a larger one. */
  enlargeIfCrowded(slot: number): void {
    const sizeClass = this.#classes[slot];
    if (sizeClass >= 0 && this.counts[slot] * 4 > CAPACITIES[sizeClass] * 3) this.#enlarge(slot);
  }

  /** Opens a row at position `at` of the slot, all zero but its tile; gives its word index, valid until the next change of the pool. */
  insert(slot: number, at: number, tile: number): number {
    assert((tile | 0) === tile, `expected a tile index of 32 bits, found ${tile}`);
    if (this.isFull(slot)) this.#enlarge(slot);
    const { rowWords, f64 } = this;
    const start = this.starts[slot];
    const row = start + at * rowWords;
    const end = start + this.counts[slot] * rowWords;
    if (row < end) f64.copyWithin(row + rowWords, row, end);
    for (let word = row; word < row + rowWords; word++) f64[word] = 0;
    this.i32[row * 2] = tile;
    this.counts[slot]++;
    return row;
  }

  /** Rows of the slot with a tile below `tile`. */
  countBefore(slot: number, tile: number): number {
    const { i32, rowWords } = this;
    const start = this.starts[slot];
    let low = 0;
    let high = this.counts[slot];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (i32[(start + middle * rowWords) * 2] < tile) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  dropFirst(slot: number, count: number): void {
    if (count === 0) return;
    assert(count <= this.counts[slot], `expected at most ${this.counts[slot]} rows to drop, found ${count}`);
    const start = this.starts[slot];
    this.f64.copyWithin(start, start + count * this.rowWords, start + this.counts[slot] * this.rowWords);
    this.counts[slot] -= count;
    if (this.counts[slot] === 0) this.clear(slot);
  }

  clear(slot: number): void {
    const sizeClass = this.#classes[slot];
    if (sizeClass >= 0) this.#free[sizeClass].push(this.starts[slot]);
    this.#classes[slot] = -1;
    this.counts[slot] = 0;
  }

  write(out: ByteWriter, slotEnd: number): void {
    this.ensureSlots(slotEnd);
    const counts = this.counts.slice(0, slotEnd);
    const rows = new Float64Array(counts.reduce((sum, count) => sum + count, 0) * this.rowWords);
    // Words are copied as integers: a NaN's payload may hold two packed numbers.
    const from = this.i32;
    const to = new Int32Array(rows.buffer);
    let end = 0;
    for (let slot = 0; slot < slotEnd; slot++) {
      const words = counts[slot] * this.rowWords * 2;
      to.set(from.subarray(this.starts[slot] * 2, this.starts[slot] * 2 + words), end);
      end += words;
    }
    out.int32s(counts);
    out.int32s(to);
  }

  static read(from: ByteReader, rowWords: number): BlockPool {
    const made = new BlockPool(rowWords);
    const counts = from.int32s();
    const rows = from.int32s();
    made.ensureSlots(counts.length);
    let at = 0;
    for (let slot = 0; slot < counts.length; slot++) {
      if (counts[slot] === 0) continue;
      const words = counts[slot] * rowWords * 2;
      made.#place(slot, classFor(counts[slot]));
      made.i32.set(rows.subarray(at, at + words), made.starts[slot] * 2);
      made.counts[slot] = counts[slot];
      at += words;
    }
    return made;
  }

  #enlarge(slot: number): void {
    const count = this.counts[slot];
    const before = this.starts[slot];
    const oldClass = this.#classes[slot];
    this.#place(slot, oldClass + 1);
    const { i32 } = this;
    i32.copyWithin(this.starts[slot] * 2, before * 2, (before + count * this.rowWords) * 2);
    if (oldClass >= 0) this.#free[oldClass].push(before);
  }

  /** Gives the slot a block of a class, without contents. */
  #place(slot: number, sizeClass: number): void {
    const reused = this.#free[sizeClass].pop();
    this.#classes[slot] = sizeClass;
    if (reused !== undefined) {
      this.starts[slot] = reused;
      return;
    }
    const words = CAPACITIES[sizeClass] * this.rowWords;
    if (this.#end + words > this.f64.length) this.#growBuffer(this.#end + words);
    this.starts[slot] = this.#end;
    this.#end += words;
  }

  #growBuffer(needed: number): void {
    const words = Math.max(needed, Math.ceil(this.f64.length * 1.5));
    const buffer = new ArrayBuffer(words * 8);
    const i32 = new Int32Array(buffer);
    i32.set(this.i32);
    this.i32 = i32;
    this.f64 = new Float64Array(buffer);
  }
}

function classFor(count: number): number {
  return CAPACITIES.findIndex((capacity) => capacity >= count);
}
