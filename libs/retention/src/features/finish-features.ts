import assert from 'node:assert/strict';
import type { Column, ColumnBatch, ColumnType } from '../records/columns.ts';
import { generate } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import { decodeText } from '../expressions/text-operations.ts';
import { JavaScriptWriter } from '../expressions/write-javascript.ts';
import { columnTypeOf, recordScope } from '../sources/record-scope.ts';
import type { AggregateDefinition, Source } from '../sources/source.ts';
import { finishedType, finishedValues, partialScale } from './aggregate-types.ts';
import { RecordParts, type RecordSlot } from './record-parts.ts';

type Finish = (partials: Float64Array, lastText: readonly (string | null)[], asOfMs: number, out: Float64Array, record: Float64Array, recordAt: number) => void;

const NO_RECORD = new Float64Array(0);

/**
 * The source's feature formulas, compiled into one closure that stream, batch and api share. Where a source has no time, formulas may
 * read the record at hand; those parts (`list_sum(item_ctr)`) are evaluated by column, `evaluateRecord`, and enter `finish`
 * as numbers.
 */
export class FeatureFormulas {
  /** Feature names in the order of `out`. */
  readonly names: readonly string[];
  /** What `finish` takes a value of: the aggregates, then the attributes. */
  readonly aggregates: readonly AggregateDefinition[];
  /** What `finish` needs of the record: a name (`record_0` …) and SQL-renderable tree each; empty for a source with time. */
  readonly record: readonly RecordSlot[];
  readonly #finish: Finish;

  constructor(source: Source) {
    this.names = source.features.features.map((feature) => feature.name);
    this.aggregates = finishedValues(source.features);
    const record = new RecordParts(source);
    this.#finish = writeFinish(source, record);
    this.record = record.slots;
  }

  /**
   * Fills `out` with the features, NaN where null. `partials[k]` is aggregate k's finished value (decimals divided by 10^s, counts and
   * sums 0 when empty, min, max and last NaN when empty), `lastText[k]` its text where `last` is of a string column. `record` holds
   * the row's slots from `recordAt` on, as `evaluateRecord` gives them.
   */
  finish(partials: Float64Array, lastText: readonly (string | null)[], asOfMs: number, out: Float64Array, record: Float64Array = NO_RECORD, recordAt = 0): void {
    this.#finish(partials, lastText, asOfMs, out, record, recordAt);
  }

  /** Slots of every row of a refined batch, row after row (`rowCount x record.length`). */
  evaluateRecord(batch: ColumnBatch): Float64Array {
    const width = this.record.length;
    const slots = new Float64Array(batch.rowCount * width);
    this.record.forEach(({ compiled }, k) => {
      const { values, nulls } = compiled.evaluateColumn(batch);
      for (let row = 0, at = k; row < batch.rowCount; row++, at += width) slots[at] = nulls !== undefined && nulls[row] === 1 ? NaN : values[row];
    });
    return slots;
  }
}

function writeFinish(source: Source, record: RecordParts): Finish {
  const { features } = source.features;
  const aggregates = finishedValues(source.features);
  const position = new Map(aggregates.map((aggregate, k) => [aggregate.name, k]));
  const scope: Record<string, ColumnType> = source.time === undefined ? { ...recordScope(source) } : { as_of: { name: 'timestamp' } };
  for (const aggregate of aggregates) scope[aggregate.name] = finishedType(aggregate, source);
  const known = new Map<string, string>();
  const writer = new JavaScriptWriter({
    number: ({ name }) => {
      const feature = known.get(name);
      if (feature !== undefined) return feature;
      if (position.has(name)) return `p[${position.get(name)}]`;
      return name === 'as_of' ? 'asOf' : `r[at + ${Number(name.slice('record_'.length))}]`;
    },
    text: ({ name }) => `texts[${position.get(name)}]`,
  });
  const stores = features.map(({ name, formula }, k) => {
    const value = writer.value(record.extract(expectExpression(formula, scope).tree));
    scope[name] = { name: 'double' };
    known.set(name, value);
    return `out[${k}] = ${value};`;
  });
  return generate<Finish>(writer, `(p, texts, asOf, out, r, at) => { ${writer.lines.join('\n')}\n${stores.join('\n')} }`);
}

/** Powers of ten that exact partials of each aggregate carry: finished value = partial / divisor. */
export function partialDivisors(source: Source): Float64Array {
  return Float64Array.from(finishedValues(source.features), ({ kind, of }) => {
    const scaled = of !== undefined && kind !== 'count' && kind !== 'distinct';
    return scaled ? 10 ** partialScale(columnTypeOf(source, of)) : 1;
  });
}

/**
 * Reads the rows of `partialsSql` or `recordFeaturesSql` into what `FeatureFormulas.finish` takes; a distinct count past its declared
 * limit throws a `RangeError`, as no layer estimates.
 */
export class PartialReader {
  readonly #columns: readonly Column[];
  readonly #divisors: Float64Array;
  readonly #zero: readonly boolean[];
  readonly #limits: readonly number[];
  readonly #names: readonly string[];
  readonly #record: readonly Column[];

  constructor(source: Source, batch: ColumnBatch, formulas?: FeatureFormulas) {
    const find = (name: string): Column => {
      const column = batch.columns[batch.names.indexOf(name)];
      assert(column !== undefined, `expected a column ${name}, found ${batch.names.join(', ')}`);
      return column;
    };
    const aggregates = finishedValues(source.features);
    this.#columns = aggregates.map((aggregate) => find(aggregate.name));
    this.#divisors = partialDivisors(source);
    this.#zero = aggregates.map(({ kind }) => kind === 'count' || kind === 'sum' || kind === 'distinct');
    this.#limits = aggregates.map((aggregate) => aggregate.limit ?? Infinity);
    this.#names = aggregates.map((aggregate) => aggregate.name);
    this.#record = formulas?.record.map((slot) => find(slot.name)) ?? [];
  }

  read(row: number, partials: Float64Array, lastText: (string | null)[], record?: Float64Array): void {
    for (let k = 0; k < this.#columns.length; k++) {
      const { values, offsets, nulls } = this.#columns[k];
      const isNull = nulls !== undefined && nulls[row] === 1;
      if (offsets === undefined) {
        partials[k] = isNull ? (this.#zero[k] ? 0 : NaN) : values[row] / this.#divisors[k];
        if (partials[k] > this.#limits[k]) throw new RangeError(`${this.#names[k]}: expected at most ${this.#limits[k]} distinct values in a window, found ${partials[k]}; raise its limit`);
        lastText[k] = null;
      } else {
        partials[k] = NaN;
        lastText[k] = isNull ? null : decodeText(values as Uint8Array, offsets[row], offsets[row + 1]);
      }
    }
    if (record === undefined) return;
    for (let k = 0; k < this.#record.length; k++) {
      const { values, nulls } = this.#record[k];
      record[k] = nulls !== undefined && nulls[row] === 1 ? NaN : values[row];
    }
  }
}
