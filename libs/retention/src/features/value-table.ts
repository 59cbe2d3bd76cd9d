import assert from 'node:assert/strict';
import { KeyTable } from './key-table.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';

/**
 * Texts of one column as small ids that live as long as somebody keeps them. `keep` and `release` count the keepers; what nobody keeps goes
 * at `sweep`, since records still to be added may hold its id until then.
 */
export class ValueTable {
  #keys = new KeyTable();
  #keepers = new Int32Array(64);
  /** Ids that perhaps nobody keeps. */
  #loose: number[] = [];

  get size(): number {
    return this.#keys.size;
  }

  get byteSize(): number {
    return this.#keys.byteSize + this.#keepers.byteLength;
  }

  internBytes(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#keys.insert(bytes, start, end);
    if (id >= this.#keepers.length) this.#grow(id);
    if (this.#keepers[id] === 0) this.#loose.push(id);
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
    if (--this.#keepers[id] === 0) this.#loose.push(id);
  }

  /** Drops what nobody keeps; call it when no unkept id is in use any more. */
  sweep(): void {
    for (const id of this.#loose) if (this.#keepers[id] === 0 && this.#keys.holds(id)) this.#keys.remove(id);
    this.#loose.length = 0;
  }

  /** Begins to number the texts for a snapshot; ids themselves depend on when others were given up. */
  numbering(): ValueNumbering {
    this.sweep();
    return new ValueNumbering(this.#keys, this.#keepers);
  }

  /** Takes over what `ValueNumbering` wrote. */
  readFrom(from: ByteReader): void {
    this.#keys = KeyTable.read(from);
    this.#keepers = from.int32s();
    this.#loose.length = 0;
  }

  #grow(id: number): void {
    const capacity = Math.max(id + 1, this.#keepers.length * 2);
    const keepers = new Int32Array(capacity);
    keepers.set(this.#keepers);
    this.#keepers = keepers;
  }
}

/**
 * Texts numbered from 0 in the order in which a snapshot meets them, so that its bytes tell nothing of how the ids came about.
 * Whoever writes ids asks for the number of each one that it keeps, once for each time that it keeps it.
 */
export class ValueNumbering {
  readonly #keys: KeyTable;
  readonly #keepers: Int32Array;
  /** Number + 1 of an id, 0 before it is met. */
  readonly #numbers: Int32Array;
  readonly #ids: Int32Array;
  readonly #met: Int32Array;
  #count = 0;

  constructor(keys: KeyTable, keepers: Int32Array) {
    this.#keys = keys;
    this.#keepers = keepers;
    this.#numbers = new Int32Array(keys.slotEnd);
    this.#ids = new Int32Array(keys.size);
    this.#met = new Int32Array(keys.size);
  }

  numberOf(id: number): number {
    let number = this.#numbers[id] - 1;
    if (number < 0) {
      number = this.#count++;
      this.#numbers[id] = number + 1;
      this.#ids[number] = id;
    }
    this.#met[number]++;
    return number;
  }

  /** Writes the texts in the order of their numbers; every one must have been met as often as it is kept. */
  write(out: ByteWriter): void {
    if (this.#count !== this.#keys.size) assert.fail(`expected ${this.#keys.size} kept values, met ${this.#count}`);
    for (let number = 0; number < this.#count; number++) {
      const id = this.#ids[number];
      if (this.#met[number] !== this.#keepers[id]) assert.fail(`expected the value ${this.#keys.textOf(id)} ${this.#keepers[id]} times, met it ${this.#met[number]} times`);
    }
    this.#keys.writeOnly(out, this.#ids);
    out.int32s(this.#met);
  }
}
