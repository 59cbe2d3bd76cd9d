import assert from 'node:assert/strict';
import { BlockPool } from '../features/block-pool.ts';
import type { ByteReader, ByteWriter } from '../features/state-bytes.ts';
import { ValueTable } from '../features/value-table.ts';

/** A decision epoch that is over: an active tile with its action and reward, and the states at its border and at the next one's. */
export interface ClosedEpoch {
  readonly slot: number;
  readonly state: Float64Array;
  readonly action: string;
  readonly reward: number;
  /** Event time of the tile's last record. */
  readonly lastTimeMs: number;
  readonly done: boolean;
  /** Null when the entity did not come back while anything of it was remembered. */
  readonly nextState: Float64Array | null;
}

/** Words of a row: [tile, action id], [reward], [event time of the last record], [1 when a record was terminal]. */
const ROW_WORDS = 4;

/**
 * Epochs (active tiles of entities) that are not transitions yet. A tile's state is taken once the watermark has reached its
 * border, and its epoch closes once the watermark has reached the border of the entity's next active tile: by then no record
 * that is not late can change either, so transitions do not depend on the order in which records came, and batches decide at
 * most when one is told.
 */
export class OpenEpochs {
  #rows = new BlockPool(ROW_WORDS);
  readonly #actions = new ValueTable();
  /** Slots by active tile whose border the watermark has not reached, in the order in which they became active. */
  #due = new Map<number, number[]>();
  /** State at the border of a slot's first row, and whether it has been taken. */
  #states: Float64Array = new Float64Array(0);
  #taken = new Uint8Array(0);
  readonly #width: number;
  /** Tiles after which an entity that comes back does so with an empty state: no transition spans more. */
  readonly #span: number;
  readonly #next: Float64Array;

  constructor(stateWidth: number, span: number) {
    this.#width = stateWidth;
    this.#span = span;
    this.#next = new Float64Array(stateWidth);
  }

  /** Bytes held, for accounting. */
  get byteSize(): number {
    return this.#rows.byteSize + this.#states.byteLength + this.#taken.byteLength + this.#actions.byteSize;
  }

  /** Adds one record to its epoch: rewards sum in log order, the action is that of the newest record. */
  add(slot: number, tile: number, timeMs: number, action: Uint8Array, actionStart: number, actionEnd: number, reward: number, terminal: boolean): void {
    this.#ensureSlots(slot + 1);
    const row = this.#rowOf(slot, tile);
    const { f64, i32 } = this.#rows;
    f64[row + 1] += reward;
    if (terminal) f64[row + 3] = 1;
    if (timeMs < f64[row + 2]) return;
    const id = this.#actions.internBytes(action, actionStart, actionEnd);
    this.#actions.keep(id);
    if (f64[row + 2] !== -Infinity) this.#actions.release(i32[row * 2 + 1]);
    i32[row * 2 + 1] = id;
    f64[row + 2] = timeMs;
  }

  /** Takes the states at borders up to `tile` (their order: by tile, then as they became active) and closes the epochs before them. */
  advance(tile: number, stateAt: (slot: number, tile: number, out: Float64Array) => void, closed: (epoch: ClosedEpoch) => void): void {
    const reached = [...this.#due.keys()].filter((due) => due <= tile).sort((a, b) => a - b);
    for (const due of reached) {
      for (const slot of this.#due.get(due) ?? []) {
        const next = this.#next;
        stateAt(slot, due, next);
        if (this.#taken[slot] === 1) this.#close(slot, due, next, closed);
        this.#states.set(next, slot * this.#width);
        this.#taken[slot] = 1;
      }
      this.#due.delete(due);
    }
  }

  /** Closes the last epoch of an entity that is being forgotten. */
  forget(slot: number, closed: (epoch: ClosedEpoch) => void): void {
    assert(this.#taken[slot] === 1 && this.#rows.countOf(slot) === 1, 'expected an entity with one epoch left whose state was taken');
    this.#close(slot, Infinity, this.#next, closed);
    this.#taken[slot] = 0;
  }

  write(out: ByteWriter, slotEnd: number): void {
    this.#ensureSlots(slotEnd);
    this.#actions.write(out);
    this.#rows.write(out, slotEnd);
    out.float64s(this.#states.subarray(0, slotEnd * this.#width));
    out.bytes(this.#taken.subarray(0, slotEnd));
    out.number(this.#due.size);
    for (const [tile, slots] of this.#due) {
      out.number(tile);
      out.int32s(Int32Array.from(slots));
    }
  }

  readFrom(from: ByteReader): void {
    this.#actions.readFrom(from);
    this.#rows = BlockPool.read(from, ROW_WORDS);
    this.#states = from.float64s();
    this.#taken = from.bytes();
    this.#due = new Map();
    for (let left = from.number(); left > 0; left--) this.#due.set(from.number(), Array.from(from.int32s()));
  }

  #rowOf(slot: number, tile: number): number {
    const rows = this.#rows;
    const count = rows.countOf(slot);
    const newest = rows.startOf(slot) + (count - 1) * ROW_WORDS;
    if (count > 0 && rows.i32[newest * 2] === tile) return newest;
    const at = rows.countBefore(slot, tile);
    const row = rows.startOf(slot) + at * ROW_WORDS;
    if (at < count && rows.i32[row * 2] === tile) return row;
    const made = rows.insert(slot, at, tile);
    rows.f64[made + 2] = -Infinity;
    const due = this.#due.get(tile);
    if (due === undefined) this.#due.set(tile, [slot]);
    else due.push(slot);
    return made;
  }

  #close(slot: number, nextTile: number, next: Float64Array, closed: (epoch: ClosedEpoch) => void): void {
    const { i32, f64 } = this.#rows;
    const row = this.#rows.startOf(slot);
    const action = i32[row * 2 + 1];
    closed({
      slot,
      state: this.#states.subarray(slot * this.#width, (slot + 1) * this.#width),
      action: this.#actions.textOf(action),
      reward: f64[row + 1],
      lastTimeMs: f64[row + 2],
      done: f64[row + 3] === 1,
      nextState: nextTile - i32[row * 2] <= this.#span ? next : null,
    });
    this.#actions.release(action);
    this.#rows.dropFirst(slot, 1);
  }

  #ensureSlots(end: number): void {
    this.#rows.ensureSlots(end);
    if (end <= this.#taken.length) return;
    const capacity = Math.max(end, this.#taken.length * 2);
    const taken = new Uint8Array(capacity);
    taken.set(this.#taken);
    const states = new Float64Array(capacity * this.#width);
    states.set(this.#states);
    this.#taken = taken;
    this.#states = states;
  }
}
