import assert from 'node:assert/strict';
import { BlockPool } from '../features/block-pool.ts';
import { type ByteReader, type ByteWriter, readSchedule, writeSchedule } from '../features/state-bytes.ts';
import { ValueTable } from '../features/value-table.ts';

/**
 * A decision epoch that is over: an active tile with its action and reward, and the states at its border and at the next one's. The
 * object and its arrays are used again for the next one.
 */
export interface ClosedEpoch {
  slot: number;
  /** The state's features from `stateAt` on. */
  state: Float64Array;
  stateAt: number;
  /** The action's text as UTF-8: `action[actionStart .. actionEnd)`. */
  action: Uint8Array;
  actionStart: number;
  actionEnd: number;
  reward: number;
  /** Event time of the tile's last record. */
  lastTimeMs: number;
  done: boolean;
  /** Null when the entity did not come back while anything of it was remembered. */
  nextState: Float64Array | null;
}

/** Words of a row before its state: [tile, action id], [reward], [event time of the last record], [marks]. */
const HEAD_WORDS = 4;
/** A record of the tile was terminal. */
const TERMINAL = 1;
/** The state at the tile's border stands in the row. */
const HAS_STATE = 2;
/** The watermark has reached the border, so that the state is there to stay; before, it is only noted to save work. */
const IS_REACHED = 4;

/**
 * Epochs (active tiles of entities) that are not transitions yet. A tile's state is taken once the watermark has reached its
 * border, and its epoch closes once the watermark has reached the border of the entity's next active tile: by then no record
 * that is not late can change either, so transitions do not depend on the order in which records came, and batches decide at
 * most when one is told.
 */
export class OpenEpochs {
  #rows: BlockPool;
  readonly #actions = new ValueTable();
  /** Slots by active tile whose border the watermark has not reached, in the order in which they became active. */
  #due = new Map<number, number[]>();
  readonly #width: number;
  readonly #rowWords: number;
  /** Tiles after which an entity that comes back does so with an empty state: no transition spans more. */
  readonly #span: number;
  readonly #state: Float64Array;
  readonly #closed: ClosedEpoch;

  constructor(stateWidth: number, span: number) {
    this.#width = stateWidth;
    this.#rowWords = HEAD_WORDS + stateWidth;
    this.#rows = new BlockPool(this.#rowWords);
    this.#span = span;
    this.#state = new Float64Array(stateWidth);
    this.#closed = {
      slot: 0, state: this.#state, stateAt: 0, action: new Uint8Array(0), actionStart: 0, actionEnd: 0, reward: 0, lastTimeMs: 0, done: false, nextState: null,
    };
  }

  /** Bytes held, for accounting. */
  get byteSize(): number {
    return this.#rows.byteSize + this.#actions.byteSize;
  }

  /** Adds one record to its epoch: rewards sum in log order, the action is that of the newest record. */
  add(slot: number, tile: number, timeMs: number, action: Uint8Array, actionStart: number, actionEnd: number, reward: number, terminal: boolean): void {
    this.#rows.ensureSlots(slot + 1);
    const row = this.#rowOf(slot, tile);
    const { f64, i32 } = this.#rows;
    f64[row + 1] += reward;
    if (terminal) i32[row * 2 + 6] |= TERMINAL;
    if (timeMs < f64[row + 2]) return;
    const id = this.#actions.internBytes(action, actionStart, actionEnd);
    this.#actions.keep(id);
    if (f64[row + 2] !== -Infinity) this.#actions.release(i32[row * 2 + 1]);
    i32[row * 2 + 1] = id;
    f64[row + 2] = timeMs;
  }

  /**
   * Notes a state that is known early, at the border of one of the entity's active tiles. It is forgotten when a record before that
   * border still comes.
   */
  noteState(slot: number, tile: number, state: Float64Array): void {
    const row = this.#find(slot, tile);
    if (row < 0) return;
    this.#rows.f64.set(state, row + HEAD_WORDS);
    this.#rows.i32[row * 2 + 6] |= HAS_STATE;
  }

  /** Takes the states at borders up to `tile` (their order: by tile, then as they became active) and closes the epochs before them. */
  advance(tile: number, stateAt: (slot: number, tile: number, out: Float64Array) => void, closed: (epoch: ClosedEpoch) => void): void {
    const reached = [...this.#due.keys()].filter((due) => due <= tile).sort((a, b) => a - b);
    for (const due of reached) {
      for (const slot of this.#due.get(due) ?? []) {
        this.#takeState(slot, due, stateAt);
        const { i32 } = this.#rows;
        const first = this.#rows.startOf(slot);
        if (i32[first * 2] < due) this.#close(slot, due, closed);
      }
      this.#due.delete(due);
    }
  }

  /** Closes the last epoch of an entity that is being forgotten. */
  forget(slot: number, closed: (epoch: ClosedEpoch) => void): void {
    if (this.#rows.countOf(slot) !== 1) assert.fail(`expected an entity with one epoch left, found ${this.#rows.countOf(slot)}`);
    this.#close(slot, Infinity, closed);
  }

  /** States that are only noted are left out and actions numbered anew, so that the bytes depend on the records alone. */
  write(out: ByteWriter, slotEnd: number): void {
    const numbering = this.#actions.numbering();
    this.#rows.write(out, slotEnd, (f64, i32) => {
      for (let row = 0; row < f64.length; row += this.#rowWords) {
        i32[row * 2 + 1] = numbering.numberOf(i32[row * 2 + 1]);
        const isReached = (i32[row * 2 + 6] & IS_REACHED) !== 0;
        if (!isReached) i32[row * 2 + 6] &= ~HAS_STATE;
        for (let word = row + HEAD_WORDS; word < row + this.#rowWords; word++) {
          // Of the bits of a NaN only those that the language names are written.
          if (!isReached) f64[word] = 0;
          else if (f64[word] !== f64[word]) f64[word] = NaN;
        }
      }
    });
    numbering.write(out);
    writeSchedule(out, this.#due);
  }

  readFrom(from: ByteReader): void {
    this.#rows = BlockPool.read(from, this.#rowWords);
    this.#actions.readFrom(from);
    this.#due = readSchedule(from);
  }

  /** Word index of the entity's row for a tile, or -1; the newest row is looked at first. */
  #find(slot: number, tile: number): number {
    const rows = this.#rows;
    const count = rows.countOf(slot);
    if (count === 0) return -1;
    const newest = rows.startOf(slot) + (count - 1) * this.#rowWords;
    if (rows.i32[newest * 2] === tile) return newest;
    const row = rows.startOf(slot) + rows.countBefore(slot, tile) * this.#rowWords;
    return row <= newest && rows.i32[row * 2] === tile ? row : -1;
  }

  #rowOf(slot: number, tile: number): number {
    const rows = this.#rows;
    const found = this.#find(slot, tile);
    const made = found >= 0 ? found : rows.insert(slot, rows.countBefore(slot, tile), tile);
    const end = rows.startOf(slot) + rows.countOf(slot) * this.#rowWords;
    for (let later = made + this.#rowWords; later < end; later += this.#rowWords) rows.i32[later * 2 + 6] &= ~HAS_STATE;
    if (found >= 0) return found;
    rows.f64[made + 2] = -Infinity;
    const due = this.#due.get(tile);
    if (due === undefined) this.#due.set(tile, [slot]);
    else due.push(slot);
    return made;
  }

  /** Leaves the state at the border of `tile` in its row and in `#state`. */
  #takeState(slot: number, tile: number, stateAt: (slot: number, tile: number, out: Float64Array) => void): void {
    const row = this.#find(slot, tile);
    const { f64, i32 } = this.#rows;
    const marks = i32[row * 2 + 6];
    i32[row * 2 + 6] = marks | HAS_STATE | IS_REACHED;
    if ((marks & HAS_STATE) === 0) {
      stateAt(slot, tile, this.#state);
      f64.set(this.#state, row + HEAD_WORDS);
      return;
    }
    for (let k = 0; k < this.#width; k++) this.#state[k] = f64[row + HEAD_WORDS + k];
  }

  /** Closes the entity's first epoch; `#state` is the state at `nextTile`. */
  #close(slot: number, nextTile: number, closed: (epoch: ClosedEpoch) => void): void {
    const { i32, f64 } = this.#rows;
    const row = this.#rows.startOf(slot);
    const action = i32[row * 2 + 1];
    const epoch = this.#closed;
    epoch.slot = slot;
    epoch.state = f64;
    epoch.stateAt = row + HEAD_WORDS;
    const { keys } = this.#actions;
    epoch.action = keys.keyBytes(action);
    epoch.actionStart = keys.keyStart(action);
    epoch.actionEnd = epoch.actionStart + keys.keyLength(action);
    epoch.reward = f64[row + 1];
    epoch.lastTimeMs = f64[row + 2];
    epoch.done = (i32[row * 2 + 6] & TERMINAL) !== 0;
    epoch.nextState = nextTile - i32[row * 2] <= this.#span ? this.#state : null;
    closed(epoch);
    this.#actions.release(action);
    this.#rows.dropFirst(slot, 1);
  }
}
