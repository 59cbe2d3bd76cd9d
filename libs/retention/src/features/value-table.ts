import type { Column } from '../records/columns.ts';
import { KeyTable } from './key-table.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

/**
 * Values of one column as small ids that live as long as somebody keeps them: strings by their bytes, numbers by the 8 bytes
 * of their double. `keep` and `release` count the keepers; what was interned and never kept goes at `sweep`.
 */
export class ValueTable {
  #keys = new KeyTable();
  #keepers = new Int32Array(64);
  #stamps = new Int32Array(64);
  #stamp = 0;
  #fresh: number[] = [];
  readonly #number = new Float64Array(1);
  readonly #numberBytes = new Uint8Array(this.#number.buffer);

  get size(): number {
    return this.#keys.size;
  }

  get byteSize(): number {
    return this.#keys.byteSize + this.#keepers.byteLength + this.#stamps.byteLength;
  }

  internBytes(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#keys.insert(bytes, start, end);
    if (id >= this.#keepers.length) this.#grow(id);
    if (this.#keepers[id] === 0) this.#fresh.push(id);
    return id;
  }

  internNumber(value: number): number {
    // Minus zero and zero are one value.
    this.#number[0] = value + 0;
    return this.internBytes(this.#numberBytes, 0, 8);
  }

  /** Interns one row of a column. */
  internRow(column: Column, row: number): number {
    const { offsets, values } = column;
    if (offsets === undefined) return this.internNumber(values[row]);
    return this.internBytes(values as Uint8Array, offsets[row], offsets[row + 1]);
  }

  textOf(id: number): string {
    return this.#keys.textOf(id);
  }

  keep(id: number): void {
    this.#keepers[id]++;
  }

  release(id: number): void {
    if (--this.#keepers[id] === 0) this.#keys.remove(id);
  }

  /** Drops what was interned since the last sweep and never kept; call it when no unkept id is in use any more. */
  sweep(): void {
    for (const id of this.#fresh) if (this.#keepers[id] === 0 && this.#keys.holds(id)) this.#keys.remove(id);
    this.#fresh.length = 0;
  }

  /** Starts a count of different ids: `isNew` is true once an id until the next `startCount`. */
  startCount(): void {
    if (++this.#stamp === 2 ** 31 - 1) {
      this.#stamps.fill(0);
      this.#stamp = 1;
    }
  }

  isNew(id: number): boolean {
    if (this.#stamps[id] === this.#stamp) return false;
    this.#stamps[id] = this.#stamp;
    return true;
  }

  write(out: ByteWriter): void {
    this.sweep();
    this.#keys.write(out);
    out.int32s(this.#keepers.subarray(0, this.#keys.slotEnd));
  }

  readFrom(from: ByteReader): void {
    this.#keys = KeyTable.read(from);
    this.#keepers = from.int32s();
    this.#stamps = new Int32Array(this.#keepers.length);
    this.#stamp = 0;
    this.#fresh.length = 0;
  }

  #grow(id: number): void {
    const capacity = Math.max(id + 1, this.#keepers.length * 2);
    const keepers = new Int32Array(capacity);
    keepers.set(this.#keepers);
    const stamps = new Int32Array(capacity);
    stamps.set(this.#stamps);
    this.#keepers = keepers;
    this.#stamps = stamps;
  }
}
