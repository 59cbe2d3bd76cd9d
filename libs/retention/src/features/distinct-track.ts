import { BlockPool } from './block-pool.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';
import type { ValueTable } from './value-table.ts';

/** How many of a tile's newest entries are looked at for a repeat before one is added; the rest goes when a block is full. */
const REPEATS_CHECKED = 8;

/** Thrown when a window holds more different values than its definition allows: the count would be exact, the memory would not. */
export class DistinctLimitError extends Error {
  constructor(name: string, entity: string, limit: number) {
    super(`expected at most ${limit} different values in one window of ${name}, found more for entity ${entity}`);
    this.name = 'DistinctLimitError';
  }
}

/** Per entity the (tile, value id) pairs of one `distinct` track, by tile; repeats inside a tile may be there until a block is full. */
export class DistinctTrack {
  #pairs = new BlockPool(1);
  readonly #values: ValueTable;

  constructor(values: ValueTable) {
    this.#values = values;
  }

  get byteSize(): number {
    return this.#pairs.byteSize;
  }

  add(slot: number, tile: number, id: number, keepFrom: number): void {
    const pairs = this.#pairs;
    pairs.ensureSlots(slot + 1);
    if (pairs.isFull(slot) && pairs.countOf(slot) > 0) this.#compact(slot, keepFrom);
    const count = pairs.countOf(slot);
    const start = pairs.startOf(slot);
    const { i32 } = pairs;
    let at = count;
    while (at > 0 && i32[(start + at - 1) * 2] > tile) at--;
    for (let i = at - 1; i >= 0 && i >= at - REPEATS_CHECKED && i32[(start + i) * 2] === tile; i--) if (i32[(start + i) * 2 + 1] === id) return;
    const row = pairs.insert(slot, at, tile);
    pairs.i32[row * 2 + 1] = id;
    this.#values.keep(id);
  }

  /** Different values in tiles `[endTile - windows[k], endTile)` into `counts[k]`; windows ascend. */
  count(slot: number, endTile: number, windows: readonly number[], counts: Float64Array): void {
    const pairs = this.#pairs;
    const { i32 } = pairs;
    const values = this.#values;
    values.startCount();
    const rows = pairs.countOf(slot);
    const start = rows === 0 ? 0 : pairs.startOf(slot) * 2;
    let at = start + (rows - 1) * 2;
    while (at >= start && i32[at] >= endTile) at -= 2;
    let found = 0;
    for (let k = 0; k < windows.length; k++) {
      const first = endTile - windows[k];
      for (; at >= start && i32[at] >= first; at -= 2) if (values.isNew(i32[at + 1])) found++;
      counts[k] = found;
    }
  }

  /** Drops pairs of tiles before `keepFrom`. */
  trim(slot: number, keepFrom: number): void {
    const pairs = this.#pairs;
    if (pairs.countOf(slot) === 0) return;
    const old = pairs.countBefore(slot, keepFrom);
    for (let i = 0; i < old; i++) this.#values.release(pairs.i32[(pairs.startOf(slot) + i) * 2 + 1]);
    pairs.dropFirst(slot, old);
  }

  write(out: ByteWriter, slotEnd: number): void {
    this.#pairs.write(out, slotEnd);
  }

  readFrom(from: ByteReader): void {
    this.#pairs = BlockPool.read(from, 1);
  }

  /** Drops old tiles and repeats inside a tile; a block that stays crowded grows, so that an insertion is O(1) amortised. */
  #compact(slot: number, keepFrom: number): void {
    this.trim(slot, keepFrom);
    const pairs = this.#pairs;
    const start = pairs.startOf(slot);
    const { i32 } = pairs;
    let kept = 0;
    let tile = NaN;
    for (let i = 0; i < pairs.countOf(slot); i++) {
      const at = (start + i) * 2;
      if (i32[at] !== tile) {
        tile = i32[at];
        this.#values.startCount();
      }
      const id = i32[at + 1];
      if (!this.#values.isNew(id)) {
        this.#values.release(id);
        continue;
      }
      i32[(start + kept) * 2] = tile;
      i32[(start + kept) * 2 + 1] = id;
      kept++;
    }
    pairs.cutTo(slot, kept);
    pairs.enlargeIfCrowded(slot);
  }
}
