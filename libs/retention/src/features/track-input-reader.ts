import assert from 'node:assert/strict';
import { compileExpression, type CompiledExpression } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import type { Column, ColumnBatch } from '../records/columns.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';
import type { Track } from './aggregate-tracks.ts';
import type { TrackInputs, ValueTables } from './track-inputs.ts';

/** Takes what a plan's tracks need from refined batches: each filter and each column once, whatever the number of tracks. */
export class TrackInputReader {
  readonly #tracks: readonly Track[];
  readonly #values: ValueTables;
  /** Compiled filters by their SQL. */
  readonly #filters: ReadonlyMap<string, CompiledExpression>;

  constructor(source: Source, tracks: readonly Track[], values: ValueTables) {
    this.#tracks = tracks;
    this.#values = values;
    const scope = recordScope(source);
    const texts = [...new Set(tracks.flatMap(({ where }) => where === undefined ? [] : [where]))];
    this.#filters = new Map(texts.map((text) => [text, compileExpression(expectExpression(text, scope))]));
  }

  /** Rows where `skip` is 1 pass nowhere (late records). Ids made here live until `ValueTables.sweep` unless a state keeps them. */
  read(batch: ColumnBatch, skip: Uint8Array): TrackInputs {
    const width = this.#tracks.length;
    const inputs: TrackInputs = { width, passes: new Uint8Array(batch.rowCount * width), values: new Float64Array(batch.rowCount * width) };
    const selected = new Map<string | undefined, Uint8Array>();
    for (const [text, filter] of this.#filters) selected.set(text, filter.selectRows(batch));
    this.#tracks.forEach((track, k) => {
      const column = track.of === undefined ? undefined : columnOf(batch, track.of);
      passRows(inputs, k, batch.rowCount, skip, selected.get(track.where), column?.nulls);
      if (column !== undefined && track.kind !== 'count') this.#readValues(inputs, k, batch.rowCount, track, column);
    });
    return inputs;
  }

  #readValues({ width, passes, values }: TrackInputs, k: number, rowCount: number, track: Track, column: Column): void {
    const from = column.values;
    if (track.kind === 'squares') {
      for (let row = 0, at = k; row < rowCount; row++, at += width) values[at] = from[row] * from[row];
      return;
    }
    if (!track.interned) {
      for (let row = 0, at = k; row < rowCount; row++, at += width) values[at] = from[row];
      return;
    }
    const table = this.#values.of(track);
    const { offsets } = column;
    assert(offsets !== undefined, `expected a text column, found ${column.type.name}`);
    for (let row = 0, at = k; row < rowCount; row++, at += width) {
      if (passes[at] === 1) values[at] = table.internBytes(from as Uint8Array, offsets[row], offsets[row + 1]);
    }
  }
}

function passRows({ width, passes }: TrackInputs, k: number, rowCount: number, skip: Uint8Array, selected: Uint8Array | undefined, nulls: Uint8Array | undefined): void {
  for (let row = 0, at = k; row < rowCount; row++, at += width) {
    passes[at] = skip[row] === 1 || (selected !== undefined && selected[row] === 0) || (nulls !== undefined && nulls[row] === 1) ? 0 : 1;
  }
}

/** A batch's column by name; a missing one is our mistake. */
export function columnOf(batch: ColumnBatch, name: string): Column {
  const column = batch.columns[batch.names.indexOf(name)];
  assert(column !== undefined, `expected the column ${name}, found ${batch.names.join(', ')}`);
  return column;
}
