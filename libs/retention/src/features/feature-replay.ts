import assert from 'node:assert/strict';
import { expectExpression } from '../expressions/parse-expression.ts';
import type { ColumnBatch } from '../records/columns.ts';
import { entityKeys } from '../records/refine.ts';
import { tableIndexes } from '../records/union-batch.ts';
import { recordScope } from '../sources/record-scope.ts';
import type { Source } from '../sources/source.ts';
import { TABLE_COLUMN } from '../sources/source-tables.ts';
import { planTracks } from './aggregate-tracks.ts';
import { EntityVersions } from './entity-versions.ts';
import { FeatureFormulas } from './finish-features.ts';
import type { KeyTable } from './key-table.ts';
import { columnOf, TrackInputReader } from './track-input-reader.ts';
import { ValueTables } from './track-inputs.ts';
import { WindowState } from './window-state.ts';

/** The population as of a time, by entity in the order of its bytes; a column of values for each feature, NaN where null. */
export interface ReplayedFrame {
  readonly entities: readonly Uint8Array[];
  readonly features: readonly Float64Array[];
}

/**
 * Features of the whole population as of many borders in one pass over the records in order of time, with the states that the stream keeps: a
 * dense grid of as-of times asks nothing of a record twice. Equal to `partialsSql` finished, to the bit.
 */
export class FeatureReplay {
  readonly #source: Source;
  readonly #formulas: FeatureFormulas;
  readonly #tables: ValueTables;
  readonly #inputs: TrackInputReader;
  readonly #windows: WindowState;
  readonly #versions: EntityVersions | undefined;
  readonly #finished: Float64Array;
  readonly #texts: (string | null)[] = [];

  constructor(source: Source) {
    assert(source.time !== undefined, `expected a source with time, found ${source.name}`);
    const plan = planTracks(source);
    this.#source = source;
    this.#formulas = new FeatureFormulas(source);
    this.#tables = new ValueTables(plan.tracks);
    this.#inputs = new TrackInputReader(source, plan.tracks, this.#tables);
    this.#windows = new WindowState(plan, this.#tables);
    this.#versions = source.tables === undefined ? undefined : new EntityVersions(source);
    this.#finished = new Float64Array(Math.max(plan.aggregates.length, this.#formulas.aggregates.length));
  }

  /** Columns of a record that batches must have. */
  static columnsOf(source: Source): readonly string[] {
    const { aggregates, population, attributes = [] } = source.features;
    const scope = recordScope(source);
    const conditions = [...aggregates, ...attributes, ...(population === undefined ? [] : [population])].flatMap(({ where }) => where === undefined ? [] : [where]);
    const read = [...aggregates, ...attributes].flatMap(({ of }) => of === undefined ? [] : [of]);
    const shared = [source.entity, source.time ?? '', ...(source.tables === undefined ? [] : [TABLE_COLUMN])];
    return [...new Set([...shared, ...read, ...conditions.flatMap((where) => expectExpression(where, scope).columns)])];
  }

  /** Takes the next records, by (event time, partition, offset), late ones left out. */
  add(batch: ColumnBatch): void {
    const { rowCount } = batch;
    const times = columnOf(batch, this.#source.time!).values;
    const indexes = tableIndexes(this.#source, batch);
    const { offsets, bytes } = entityKeys(this.#source, batch);
    const none = new Uint8Array(rowCount);
    const inputs = this.#inputs.read(batch, none);
    const versions = this.#versions?.read(batch, none);
    for (let row = 0; row < rowCount; row++) {
      if (versions !== undefined) this.#versions!.add(bytes, offsets[row], offsets[row + 1], times[row], versions, row);
      if (indexes !== undefined && this.#source.tables![indexes[row]].kind !== 'events') continue;
      this.#windows.add(this.#windows.entities.insert(bytes, offsets[row], offsets[row + 1]), times[row], inputs, row);
    }
    this.#tables.sweep();
    this.#versions?.sweep();
  }

  /** The frame as of a border; every record before it has been added, and later borders alone are asked for from here on. */
  frameAsOf(asOfMs: number): ReplayedFrame {
    const members = this.#members(asOfMs).sort((a, b) => Buffer.compare(a.key, b.key));
    const features = this.#formulas.names.map(() => new Float64Array(members.length));
    const out = new Float64Array(features.length);
    members.forEach(({ slot, version }, row) => {
      this.#windows.valueAsOf(slot, asOfMs, this.#finished, this.#texts);
      this.#versions?.valueAsOf(version, asOfMs, this.#finished, this.#texts);
      this.#formulas.finish(this.#finished, this.#texts, asOfMs, out);
      for (let k = 0; k < out.length; k++) features[k][row] = out[k];
    });
    this.#windows.evict(asOfMs, () => {});
    this.#versions?.evict(asOfMs);
    return { entities: members.map(({ key }) => key), features };
  }

  #members(asOfMs: number): { readonly key: Uint8Array; readonly slot: number; readonly version: number }[] {
    const { entities } = this.#windows;
    const versions = this.#versions;
    if (this.#source.features.population?.from !== undefined) {
      return keysOf(versions!.entities, (version) => versions!.exists(version, asOfMs))
        .map(({ key, slot: version }) => ({ key, version, slot: entities.find(key, 0, key.length) }));
    }
    return keysOf(entities, (slot) => this.#windows.isInPopulation(slot, asOfMs))
      .map(({ key, slot }) => ({ key, slot, version: versions?.find(key, 0, key.length) ?? -1 }));
  }
}

function keysOf(table: KeyTable, holds: (slot: number) => boolean): { readonly key: Uint8Array; readonly slot: number }[] {
  const found: { key: Uint8Array; slot: number }[] = [];
  for (let slot = 0; slot < table.slotEnd; slot++) if (table.holds(slot) && holds(slot)) found.push({ key: table.bytesOf(slot).slice(), slot });
  return found;
}
