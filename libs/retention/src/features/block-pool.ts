import assert from 'node:assert/strict';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

/** Rows a block may hold, by size class: steps of a third to a half, so that little is left unused. */
const CAPACITIES: readonly number[] = (() => {
  const sizes = [1, 2, 3];
  for (let size = 4; size < 2 ** 28; size *= 2) sizes.push(size, size * 1.5);
  return sizes;
})();

const HEAD = 4;
/** Words of a slot's newest rows that are loaded ahead: most windows of most entities. */
const LOADED_WORDS = 64;

/**
 * For each slot a list of rows in ascending order of tile, packed in one block of one growing buffer, so that a walk over
 * a slot's rows reads memory in sequence. A row is `rowWords` 8-byte words; its first 32 bits are its tile. Blocks come in size
 * classes with a free list each.
 */
export class BlockPool {
  /** The buffer as doubles (word index) and as 32-bit integers (twice the word index); replaced when it grows. */
  f64: Float64Array;
  i32: Int32Array;
  /** Four numbers a slot, side by side: word index of its first row, how many rows it has, its block's size class + 1, unused. */
  heads = new Int32Array(8 * HEAD);
  readonly rowWords: number;
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
    return this.f64.byteLength + this.heads.byteLength;
  }

  /** Makes room for slots below `end`. */
  ensureSlots(end: number): void {
    if (end * HEAD <= this.heads.length) return;
    const heads = new Int32Array(Math.max(end * HEAD, this.heads.length * 2));
    heads.set(this.heads);
    this.heads = heads;
  }

  /** Rows of a slot; 0 for one that never had any, and for -1. */
  countOf(slot: number): number {
    return (slot >>> 0) * HEAD < this.heads.length ? this.heads[slot * HEAD + 1] : 0;
  }

  /** Word index of the slot's first row. */
  startOf(slot: number): number {
    return this.heads[slot * HEAD];
  }

  /** A sum over the newest rows of slots, eight words apart: loads every cache line of them, the waits for memory overlapping. */
  loadNewest(slots: Int32Array, count: number): number {
    const { heads, i32, rowWords } = this;
    const slotEnd = heads.length / HEAD;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const slot = slots[k];
      const at = slot >= 0 && slot < slotEnd ? slot * HEAD : 0;
      const end = heads[at] + heads[at + 1] * rowWords;
      const start = heads[at] > end - LOADED_WORDS ? heads[at] : end - LOADED_WORDS;
      for (let word = end - 1; word >= start; word -= 8) sum = (sum + i32[word * 2]) | 0;
    }
    return sum;
  }

  /** Keeps only the first rows of a slot. */
  cutTo(slot: number, count: number): void {
    if (count <= 0 || count > this.countOf(slot)) assert.fail(`expected 1 to ${this.countOf(slot)} rows to keep, found ${count}`);
    this.heads[slot * HEAD + 1] = count;
  }

  /** Whether the slot's next row needs a larger block: the moment to drop what is no longer needed. */
  isFull(slot: number): boolean {
    const sizeClass = this.heads[slot * HEAD + 2] - 1;
    return sizeClass < 0 || this.heads[slot * HEAD + 1] === CAPACITIES[sizeClass];
  }

  /** Moves a slot whose block is more than three quarters full to a larger one. */
  enlargeIfCrowded(slot: number): void {
    const sizeClass = this.heads[slot * HEAD + 2] - 1;
    if (sizeClass >= 0 && this.countOf(slot) * 4 > CAPACITIES[sizeClass] * 3) this.#enlarge(slot);
  }

  /** Opens a row at position `at` of the slot, all zero but its tile; gives its word index, valid until the next change of the pool. */
  insert(slot: number, at: number, tile: number): number {
    if ((tile | 0) !== tile) assert.fail(`expected a tile index of 32 bits, found ${tile}`);
    if (this.isFull(slot)) this.#enlarge(slot);
    const { rowWords, f64 } = this;
    const start = this.startOf(slot);
    const row = start + at * rowWords;
    const end = start + this.countOf(slot) * rowWords;
    if (row < end) f64.copyWithin(row + rowWords, row, end);
    for (let word = row; word < row + rowWords; word++) f64[word] = 0;
    this.i32[row * 2] = tile;
    this.heads[slot * HEAD + 1]++;
    return row;
  }

  /** Rows of the slot with a tile below `tile`. */
  countBefore(slot: number, tile: number): number {
    const { i32, rowWords } = this;
    const start = this.startOf(slot);
    let low = 0;
    let high = this.countOf(slot);
    // Nearly always the tile asked for is newer than all rows.
    if (high > 0 && i32[(start + (high - 1) * rowWords) * 2] < tile) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (i32[(start + middle * rowWords) * 2] < tile) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  dropFirst(slot: number, count: number): void {
    if (count === 0) return;
    if (count > this.countOf(slot)) assert.fail(`expected at most ${this.countOf(slot)} rows to drop, found ${count}`);
    const start = this.startOf(slot);
    this.f64.copyWithin(start, start + count * this.rowWords, start + this.countOf(slot) * this.rowWords);
    this.heads[slot * HEAD + 1] -= count;
    if (this.countOf(slot) === 0) this.clear(slot);
  }

  clear(slot: number): void {
    const sizeClass = this.heads[slot * HEAD + 2] - 1;
    if (sizeClass >= 0) this.#free[sizeClass].push(this.startOf(slot));
    this.heads.fill(0, slot * HEAD, (slot + 1) * HEAD);
  }

  /** Row counts and rows, slot by slot; `revise` may change the copied rows (word indices as in `f64`) before they are written. */
  write(out: ByteWriter, slotEnd: number, revise: (f64: Float64Array, i32: Int32Array) => void = () => {}): void {
    this.ensureSlots(slotEnd);
    const counts = new Int32Array(slotEnd);
    let rowCount = 0;
    for (let slot = 0; slot < slotEnd; slot++) rowCount += counts[slot] = this.heads[slot * HEAD + 1];
    const rows = new Float64Array(rowCount * this.rowWords);
    // Words are copied as integers: a NaN's payload may hold two packed numbers.
    const from = this.i32;
    const to = new Int32Array(rows.buffer);
    let end = 0;
    for (let slot = 0; slot < slotEnd; slot++) {
      const start = this.startOf(slot) * 2;
      const stop = start + counts[slot] * this.rowWords * 2;
      // Most slots have a row or two: a view for each costs more than its words.
      if (stop - start <= 64) for (let word = start; word < stop; word++) to[end++] = from[word];
      else {
        to.set(from.subarray(start, stop), end);
        end += stop - start;
      }
    }
    revise(rows, to);
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
      made.i32.set(rows.subarray(at, at + words), made.startOf(slot) * 2);
      made.heads[slot * HEAD + 1] = counts[slot];
      at += words;
    }
    return made;
  }

  #enlarge(slot: number): void {
    const count = this.countOf(slot);
    const before = this.startOf(slot);
    const oldClass = this.heads[slot * HEAD + 2] - 1;
    this.#place(slot, oldClass + 1);
    const { i32 } = this;
    i32.copyWithin(this.startOf(slot) * 2, before * 2, (before + count * this.rowWords) * 2);
    if (oldClass >= 0) this.#free[oldClass].push(before);
  }

  /** Gives the slot a block of a class, without contents. */
  #place(slot: number, sizeClass: number): void {
    const reused = this.#free[sizeClass].pop();
    this.heads[slot * HEAD + 2] = sizeClass + 1;
    if (reused !== undefined) {
      this.heads[slot * HEAD] = reused;
      return;
    }
    const words = CAPACITIES[sizeClass] * this.rowWords;
    if (this.#end + words > this.f64.length) this.#growBuffer(this.#end + words);
    this.heads[slot * HEAD] = this.#end;
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
