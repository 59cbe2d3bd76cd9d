import assert from 'node:assert/strict';
import type { ColumnBatch } from '../records/columns.ts';
import { columnTypeOf } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';
import type { Track } from './aggregate-tracks.ts';
import { BlockPool } from './block-pool.ts';
import { KeyTable } from './key-table.ts';
import type { ByteReader, ByteWriter } from './state-bytes.ts';
import { TrackInputReader } from './track-input-reader.ts';
import { type TrackInputs, ValueTables } from './track-inputs.ts';
import { versionGroups } from './version-groups.ts';

/** Words of a row before its values: the border from which it counts (as a block's tile), its time. */
const HEAD_WORDS = 2;
/** Rows that hold always count from the first border that 32 bits can name. */
const FIRST_BORDER = -(2 ** 31);

interface GroupState {
  /** Events count at borders after them, snapshot rows also at the one on which they begin to hold. */
  readonly isEvents: boolean;
  /** Track that says whether a record counts; the value tracks follow it, one for each attribute. */
  readonly track: number;
  /** Per attribute: position among the finished values, divisor, column of the value tables or -1. */
  readonly attributes: readonly { readonly position: number; readonly unit: number; readonly column: number }[];
  rows: BlockPool;
}

/**
 * The newest row of each table that attributes read, per entity of one partition, as of any border that can still be asked for. What a newer
 * row hides from every such border is dropped; an entity's last row stays, however old, so that memory grows with the entities and no further.
 */
export class EntityVersions {
  entities = new KeyTable();
  readonly #tileMs: number;
  readonly #groups: readonly GroupState[];
  readonly #tables: ValueTables;
  readonly #inputs: TrackInputReader;
  /** Oldest border, in tiles, that can be asked for; -Infinity before the first eviction. */
  #oldest = -Infinity;

  constructor(source: Source) {
    assert(source.tileMs !== undefined, `expected a source with tiles, found ${source.name}`);
    this.#tileMs = source.tileMs;
    const firstPosition = source.features.aggregates.length;
    const tracks: Track[] = [];
    const groups = versionGroups(source).map(({ where, table, attributes }) => {
      const track = tracks.length;
      tracks.push({ kind: 'count', of: undefined, where, type: undefined, unit: 1, interned: false, gapMs: undefined });
      for (const { of } of attributes) {
        const type = columnTypeOf(source, of);
        assert(type.name !== 'list', `expected a scalar column, found the list ${of}`);
        tracks.push({ kind: 'last', of, where, type, unit: type.name === 'decimal' ? 10 ** type.scale : 1, interned: type.name === 'string', gapMs: undefined });
      }
      return { table, track, attributes };
    });
    this.#tables = new ValueTables(tracks);
    this.#inputs = new TrackInputReader(source, tracks, this.#tables);
    this.#groups = groups.map(({ table, track, attributes }) => ({
      isEvents: table.kind === 'events',
      track,
      attributes: attributes.map((attribute, k) => {
        const own = tracks[track + 1 + k];
        return { position: firstPosition + source.features.attributes!.indexOf(attribute), unit: own.unit, column: own.interned ? this.#tables.columnOf(own) : -1 };
      }),
      rows: new BlockPool(HEAD_WORDS + attributes.length),
    }));
  }

  /** Bytes of state held, for accounting. */
  get byteSize(): number {
    return this.entities.byteSize + this.#tables.byteSize + this.#groups.reduce((sum, { rows }) => sum + rows.byteSize, 0);
  }

  /** What `add` takes of a refined batch; rows where `skip` is 1 count nowhere. */
  read(batch: ColumnBatch, skip: Uint8Array): TrackInputs {
    return this.#inputs.read(batch, skip);
  }

  /** Takes record `row` of the inputs in, where some table's newest row may be it. */
  add(keys: Uint8Array, keyStart: number, keyEnd: number, timeMs: number, inputs: TrackInputs, row: number): void {
    const at = row * inputs.width;
    for (const group of this.#groups) {
      if (inputs.passes[at + group.track] === 0) continue;
      const slot = this.entities.insert(keys, keyStart, keyEnd);
      group.rows.ensureSlots(this.entities.slotEnd);
      this.#put(group, slot, timeMs, inputs, at + group.track + 1);
    }
  }

  /** Call at the end of a batch: forgets texts that no row keeps. */
  sweep(): void {
    this.#tables.sweep();
  }

  /** Slot of an entity, or -1. */
  find(keys: Uint8Array, keyStart: number, keyEnd: number): number {
    return this.entities.find(keys, keyStart, keyEnd);
  }

  /** Values of the attributes as of a border into `out` and `texts`, behind the aggregates'; all null for slot -1. */
  valueAsOf(slot: number, asOfMs: number, out: Float64Array, texts: (string | null)[]): void {
    const border = asOfMs / this.#tileMs;
    if (!(border >= this.#oldest)) assert.fail(`expected an as-of time from ${this.#oldest * this.#tileMs} on, found ${asOfMs}`);
    for (const { rows, attributes } of this.#groups) {
      const before = slot < 0 ? 0 : rows.countBefore(slot, border + 1);
      const word = before === 0 ? -1 : rows.startOf(slot) + (before - 1) * rows.rowWords + HEAD_WORDS;
      for (let k = 0; k < attributes.length; k++) {
        const { position, unit, column } = attributes[k];
        const value = word < 0 ? NaN : rows.f64[word + k];
        out[position] = column < 0 ? value / unit : NaN;
        texts[position] = column < 0 || Number.isNaN(value) ? null : this.#tables.at(column).textOf(value);
      }
    }
  }

  /** Whether a row of the first group (the population's) counts as of a border. */
  exists(slot: number, asOfMs: number): boolean {
    return slot >= 0 && this.#groups[0].rows.countBefore(slot, asOfMs / this.#tileMs + 1) > 0;
  }

  /** From here on no border before the watermark's tile less one is asked for, as in `WindowState.evict`. */
  evict(watermarkMs: number): void {
    this.#oldest = Math.max(this.#oldest, Math.floor(watermarkMs / this.#tileMs) - 1);
  }

  /** Writes the state in a form that depends on the records alone. */
  write(out: ByteWriter): void {
    const end = this.entities.slotEnd;
    for (const group of this.#groups) {
      group.rows.ensureSlots(end);
      for (let slot = 0; slot < end; slot++) this.#trim(group, slot);
    }
    const numberings = this.#tables.numberings();
    out.number(this.#oldest);
    this.entities.write(out);
    for (const { rows, attributes } of this.#groups) {
      rows.write(out, end, (f64) => {
        for (let word = HEAD_WORDS; word < f64.length; word += rows.rowWords) {
          for (let k = 0; k < attributes.length; k++) {
            const { column } = attributes[k];
            if (column >= 0 && !Number.isNaN(f64[word + k])) f64[word + k] = numberings[column].numberOf(f64[word + k]);
          }
        }
      });
    }
    for (const numbering of numberings) numbering.write(out);
  }

  readFrom(from: ByteReader): void {
    this.#oldest = from.number();
    this.entities = KeyTable.read(from);
    for (const group of this.#groups) group.rows = BlockPool.read(from, group.rows.rowWords);
    this.#tables.readFrom(from);
  }

  #put(group: GroupState, slot: number, timeMs: number, { passes, values }: TrackInputs, at: number): void {
    const { rows, attributes, isEvents } = group;
    const border = Math.max(FIRST_BORDER, isEvents ? Math.floor(timeMs / this.#tileMs) + 1 : Math.ceil(timeMs / this.#tileMs));
    if (rows.isFull(slot)) this.#trim(group, slot);
    const before = rows.countBefore(slot, border);
    let row = rows.startOf(slot) + before * rows.rowWords;
    const isKnown = before < rows.countOf(slot) && rows.i32[row * 2] === border;
    if (isKnown && timeMs < rows.f64[row + 1]) return;
    if (isKnown) this.#release(group, row);
    else row = rows.insert(slot, before, border);
    rows.f64[row + 1] = timeMs;
    for (let k = 0; k < attributes.length; k++) {
      // A row is taken as a whole: a column that is null in it hides what an older row had there.
      const value = passes[at + k] === 1 ? values[at + k] : NaN;
      rows.f64[row + HEAD_WORDS + k] = value;
      if (attributes[k].column >= 0 && !Number.isNaN(value)) this.#tables.at(attributes[k].column).keep(value);
    }
  }

  /** Drops rows that a newer one hides from the oldest border. */
  #trim(group: GroupState, slot: number): void {
    const { rows } = group;
    if (this.#oldest === -Infinity) return;
    const hidden = rows.countBefore(slot, this.#oldest + 1) - 1;
    if (hidden <= 0) return;
    for (let k = 0; k < hidden; k++) this.#release(group, rows.startOf(slot) + k * rows.rowWords);
    rows.dropFirst(slot, hidden);
  }

  #release({ rows, attributes }: GroupState, row: number): void {
    for (let k = 0; k < attributes.length; k++) {
      const value = rows.f64[row + HEAD_WORDS + k];
      if (attributes[k].column >= 0 && !Number.isNaN(value)) this.#tables.at(attributes[k].column).release(value);
    }
  }
}
