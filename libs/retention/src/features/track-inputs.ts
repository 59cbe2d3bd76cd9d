import assert from 'node:assert/strict';
import type { Track } from './aggregate-tracks.ts';
import type { ByteReader } from './state-bytes.ts';
import { type ValueNumbering, ValueTable } from './value-table.ts';

/**
 * What a plan's tracks take from some records, row by row: `passes[row * width + track]` is 1 when the record counts (its filter
 * holds and it has a value), `values[...]` the value: a number (decimals as scaled integers), or an id where the track interns.
 */
export interface TrackInputs {
  readonly width: number;
  readonly passes: Uint8Array;
  readonly values: Float64Array;
}

/** One table of ids per column that some track interns. */
export class ValueTables {
  readonly columns: readonly string[];
  #tables: ValueTable[];

  constructor(tracks: readonly Track[]) {
    this.columns = ValueTables.columnsOf(tracks);
    this.#tables = this.columns.map(() => new ValueTable());
  }

  /** Interned columns in the order of first use. */
  static columnsOf(tracks: readonly Track[]): string[] {
    return [...new Set(tracks.filter(({ interned }) => interned).map(({ of }) => of ?? ''))];
  }

  get byteSize(): number {
    return this.#tables.reduce((sum, table) => sum + table.byteSize, 0);
  }

  at(column: number): ValueTable {
    return this.#tables[column];
  }

  of(track: Track): ValueTable {
    return this.#tables[this.columnOf(track)];
  }

  /** Position of the track's table. */
  columnOf({ of, interned }: Track): number {
    assert(interned && of !== undefined, 'expected a track of interned values');
    return this.columns.indexOf(of);
  }

  /** Drops ids that were made for the last records and kept by none. */
  sweep(): void {
    for (const table of this.#tables) table.sweep();
  }

  /** Begins a snapshot: one numbering a table, asked by everything that writes ids, and then written themselves. */
  numberings(): ValueNumbering[] {
    return this.#tables.map((table) => table.numbering());
  }

  /** Takes over what the numberings wrote, in the order of the tables. */
  readFrom(from: ByteReader): void {
    // Tracks hold on to their tables, so the tables stay and take over what was written.
    for (const table of this.#tables) table.readFrom(from);
  }
}
