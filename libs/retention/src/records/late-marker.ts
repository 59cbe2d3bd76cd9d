import type { Source } from '../sources/source.ts';
import type { ColumnBatch } from './columns.ts';
import { tableIndexes } from './union-batch.ts';

/**
 * Decides which records of one partition are late: older than the running maximum of event time by more than the source's
 * lateness, in offset order. The same records in the same order give the same answer wherever batches are cut.
 */
export class LateMarker {
  readonly #latenessMs: number;
  #watermarkMs: number;

  /** `watermarkMs` is the running maximum before the first record that will be marked; -Infinity at the beginning of a partition. */
  constructor(latenessMs: number, watermarkMs = -Infinity) {
    this.#latenessMs = latenessMs;
    this.#watermarkMs = watermarkMs;
  }

  /** Largest event time so far, ms; -Infinity before the first record. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** 1 for each late record; late records don't move the maximum (they are below it). */
  mark(times: Float64Array): Uint8Array {
    const late = new Uint8Array(times.length);
    let watermarkMs = this.#watermarkMs;
    for (let i = 0; i < times.length; i++) {
      const time = times[i]!;
      if (time > watermarkMs) watermarkMs = time;
      else if (time < watermarkMs - this.#latenessMs) late[i] = 1;
    }
    this.#watermarkMs = watermarkMs;
    return late;
  }
}

/** Running maxima of event time by table, ms; the name of a source's only table is ''. Tables without a record yet are absent. */
export type Watermarks = Readonly<Record<string, number>>;

/** Marks late records of a source, each event table by its own running maximum; rows of snapshot tables are never late. */
export class SourceLateMarker {
  readonly #source: Source;
  /** By table, in order; undefined for a snapshot table. */
  readonly #markers: readonly (LateMarker | undefined)[];

  constructor(source: Source, watermarks: Watermarks = {}) {
    this.#source = source;
    this.#markers = source.tables === undefined
      ? [new LateMarker(source.latenessMs, watermarks[''])]
      : source.tables.map(({ name, kind, latenessMs }) => kind === 'events' ? new LateMarker(latenessMs, watermarks[name]) : undefined);
  }

  get watermarks(): Watermarks {
    const { tables } = this.#source;
    return Object.fromEntries(this.#markers.flatMap((marker, k) => marker === undefined || marker.watermarkMs === -Infinity ? [] : [[tables?.[k].name ?? '', marker.watermarkMs]]));
  }

  /** 1 for each late row of a refined batch; all 0 for a source without time. */
  mark(batch: ColumnBatch): Uint8Array {
    const { time } = this.#source;
    if (time === undefined) return new Uint8Array(batch.rowCount);
    const times = batch.columns[batch.names.indexOf(time)].values as Float64Array;
    const indexes = tableIndexes(this.#source, batch);
    if (indexes === undefined) return this.#markers[0]!.mark(times);
    const late = new Uint8Array(batch.rowCount);
    this.#markers.forEach((marker, table) => {
      const rows = marker === undefined ? [] : rowsWhere(indexes, table);
      const marks = marker?.mark(Float64Array.from(rows, (row) => times[row]));
      rows.forEach((row, k) => { late[row] = marks![k]; });
    });
    return late;
  }
}

function rowsWhere(indexes: Uint8Array, table: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < indexes.length; row++) if (indexes[row] === table) rows.push(row);
  return rows;
}
