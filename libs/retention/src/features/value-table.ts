import { KeyTable } from './key-table.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

/**
 * Texts of one column as small ids that live as long as somebody keeps them. `keep` and `release` count the keepers; what was
 * interned and never kept goes at `sweep`.
 */
export class ValueTable {
  #keys = new KeyTable();
  #keepers = new Int32Array(64);
  #fresh: number[] = [];

  get size(): number {
    return this.#keys.size;
  }

  get byteSize(): number {
    return this.#keys.byteSize + this.#keepers.byteLength;
  }

  internBytes(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#keys.insert(bytes, start, end);
    if (id >= this.#keepers.length) this.#grow(id);
    if (this.#keepers[id] === 0) this.#fresh.push(id);
    return id;
  }

  /** The texts by id, to be read only. */
  get keys(): KeyTable {
    return this.#keys;
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

  write(out: ByteWriter): void {
    this.sweep();
    this.#keys.write(out);
    out.int32s(this.#keepers.subarray(0, this.#keys.slotEnd));
  }

  readFrom(from: ByteReader): void {
    this.#keys = KeyTable.read(from);
    this.#keepers = from.int32s();
    this.#fresh.length = 0;
  }

  #grow(id: number): void {
    const capacity = Math.max(id + 1, this.#keepers.length * 2);
    const keepers = new Int32Array(capacity);
    keepers.set(this.#keepers);
    this.#keepers = keepers;
  }
}
