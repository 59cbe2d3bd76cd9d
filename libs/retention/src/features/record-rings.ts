import assert from 'node:assert/strict';
import type { AggregateKind } from '../sources/source.ts';
import type { TrackPlan } from './aggregate-tracks.ts';
import { DistinctLimitError } from './distinct-track.ts';
import { KeyTable } from './key-table.ts';
import { NumberSet } from './number-set.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';
import type { TrackInputs, ValueTables } from './track-inputs.ts';
import type { ValueNumbering } from './value-table.ts';

/** One entity's newest records: track values side by side (NaN where a record does not count), oldest overwritten first. */
interface Ring {
  cells: Float64Array;
  /** Records ever seen; the newest is at `(seen - 1) % capacity`. */
  seen: number;
  /** Running total of each count or sum aggregate over its own window. */
  totals: Float64Array;
}

const FIRST_CAPACITY = 8;

/** Kinds of running totals. */
function isTotal(kind: AggregateKind): boolean {
  return kind === 'count' || kind === 'sum' || kind === 'squares';
}

/**
 * Windows over the last n records of each entity, for sources without time. Totals are running sums of integers, hence exact; the
 * other kinds look at the ring. An entity is kept for good: without time nothing says that it is over.
 */
export class RecordRings {
  readonly plan: TrackPlan;
  entities = new KeyTable();
  readonly #values: ValueTables;
  readonly #width: number;
  #rings: (Ring | undefined)[] = [];
  readonly #seen = new NumberSet();

  constructor(plan: TrackPlan, values: ValueTables) {
    assert(plan.tileMs === undefined, 'expected a plan over records');
    this.plan = plan;
    this.#values = values;
    this.#width = plan.tracks.length;
  }

  get entityCount(): number {
    return this.entities.size;
  }

  /** Finished values over the entity's newest records, as `WindowState.valueAsOf` gives them. */
  values(slot: number, out: Float64Array, texts: (string | null)[]): void {
    const ring = this.#rings[slot];
    const { aggregates, tracks } = this.plan;
    for (let k = 0; k < aggregates.length; k++) {
      const { kind, unit } = tracks[aggregates[k].track];
      texts[k] = null;
      if (isTotal(kind)) out[k] = ring === undefined ? 0 : ring.totals[k] / unit;
      else if (kind === 'distinct') out[k] = ring === undefined ? 0 : this.#countDistinct(ring, k, slot);
      else this.#readExtreme(ring, k, out, texts);
    }
  }

  /** Adds record `row` of the inputs as the entity's newest. */
  add(slot: number, inputs: TrackInputs, row: number): void {
    const ring = this.#rings[slot] ??= { cells: new Float64Array(FIRST_CAPACITY * this.#width), seen: 0, totals: new Float64Array(this.plan.aggregates.length) };
    const { aggregates, tracks, span } = this.plan;
    const width = this.#width;
    if ((ring.seen * width >= ring.cells.length) && ring.cells.length < span * width) this.#grow(ring);
    const capacity = ring.cells.length / width;
    for (let k = 0; k < aggregates.length; k++) {
      const { track, window, offset } = aggregates[k];
      const { kind } = tracks[track];
      if (!isTotal(kind)) continue;
      // The window moves on by one record: the one at hand enters it, or one that was `offset` back.
      const at = row * width + track;
      let entering = NaN;
      if (offset > 0) entering = ring.seen >= offset ? ring.cells[((ring.seen - offset) % capacity) * width + track] : NaN;
      else if (inputs.passes[at] === 1) entering = inputs.values[at];
      if (entering === entering) ring.totals[k] += kind === 'count' ? 1 : entering;
      if (ring.seen < window + offset) continue;
      const left = ring.cells[((ring.seen - window - offset) % capacity) * width + track];
      if (left === left) ring.totals[k] -= kind === 'count' ? 1 : left;
    }
    this.#store(ring, capacity, inputs, row);
  }

  /** Values go by the tables' numberings, so that the bytes depend on the records alone. */
  write(out: ByteWriter, numberings: readonly ValueNumbering[]): void {
    this.entities.write(out);
    for (let slot = 0; slot < this.entities.slotEnd; slot++) {
      const ring = this.#rings[slot];
      out.number(ring?.seen ?? -1);
      if (ring === undefined) continue;
      out.float64s(ring.totals);
      out.float64s(this.#numbered(ring, numberings));
    }
  }

  readFrom(from: ByteReader): void {
    this.entities = KeyTable.read(from);
    this.#rings = [];
    for (let slot = 0; slot < this.entities.slotEnd; slot++) {
      const seen = from.number();
      if (seen >= 0) this.#rings[slot] = { seen, totals: from.float64s(), cells: from.float64s() };
    }
  }

  #numbered(ring: Ring, numberings: readonly ValueNumbering[]): Float64Array {
    const cells = ring.cells.slice();
    const end = Math.min(ring.seen * this.#width, cells.length);
    for (const [track, definition] of this.plan.tracks.entries()) {
      const numbering = definition.interned ? numberings[this.#values.columnOf(definition)] : undefined;
      // A NaN is written as the one that the language names: others may have other bits.
      for (let cell = track; cell < end; cell += this.#width) cells[cell] = cells[cell] !== cells[cell] ? NaN : numbering === undefined ? cells[cell] : numbering.numberOf(cells[cell]);
    }
    return cells;
  }

  #store(ring: Ring, capacity: number, { passes, values }: TrackInputs, row: number): void {
    const width = this.#width;
    const cell = (ring.seen % capacity) * width;
    for (let track = 0; track < width; track++) {
      const { interned } = this.plan.tracks[track];
      const old = ring.cells[cell + track];
      const value = passes[row * width + track] === 1 ? values[row * width + track] : NaN;
      if (interned) {
        const table = this.#values.of(this.plan.tracks[track]);
        if (value === value) table.keep(value);
        if (ring.seen >= capacity && old === old) table.release(old);
      }
      ring.cells[cell + track] = value;
    }
    ring.seen++;
  }

  #grow(ring: Ring): void {
    const capacity = Math.min(this.plan.span, (ring.cells.length / this.#width) * 2);
    const cells = new Float64Array(capacity * this.#width);
    cells.set(ring.cells);
    ring.cells = cells;
  }

  /** Calls `see` with a track's values in the aggregate's window, newest first, until it returns true. */
  #look(ring: Ring | undefined, aggregate: number, see: (value: number) => boolean): void {
    if (ring === undefined) return;
    const { track, window, offset } = this.plan.aggregates[aggregate];
    const capacity = ring.cells.length / this.#width;
    for (let back = 1 + offset; back <= Math.min(window + offset, ring.seen); back++) {
      const value = ring.cells[((ring.seen - back) % capacity) * this.#width + track];
      if (value === value && see(value)) return;
    }
  }

  #countDistinct(ring: Ring, aggregate: number, slot: number): number {
    const { name, limit } = this.plan.aggregates[aggregate];
    this.#seen.clear();
    this.#look(ring, aggregate, (value) => {
      this.#seen.add(value);
      return false;
    });
    if (this.#seen.size > limit) throw new DistinctLimitError(name, this.entities.textOf(slot), limit);
    return this.#seen.size;
  }

  #readExtreme(ring: Ring | undefined, aggregate: number, out: Float64Array, texts: (string | null)[]): void {
    const track = this.plan.tracks[this.plan.aggregates[aggregate].track];
    const { kind } = track;
    let left = this.plan.aggregates[aggregate].back;
    let result = NaN;
    this.#look(ring, aggregate, (value) => {
      if (kind === 'lag') {
        left--;
        if (left === 0) result = value;
        return left === 0;
      }
      if (kind === 'last' || kind === 'first') result = value;
      else if (kind === 'min' ? !(result <= value) : !(result >= value)) result = value;
      return kind === 'last';
    });
    if (track.interned && result === result) texts[aggregate] = this.#values.of(track).textOf(result);
    out[aggregate] = track.interned ? NaN : result / track.unit;
  }
}
