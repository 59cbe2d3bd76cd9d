import assert from 'node:assert/strict';
import type { Column, ColumnBatch, ColumnType } from '../records/columns.ts';
import { generate } from '../expressions/compile-expression.ts';
import { expectExpression } from '../expressions/parse-expression.ts';
import { decodeText } from '../expressions/text-operations.ts';
import { JavaScriptWriter } from '../expressions/write-javascript.ts';
import { columnTypeOf, recordScope } from '../sources/record-scope.ts';
import type { AggregateDefinition, AggregateKind, ComposedAggregate, Source } from '../sources/source.ts';
import { aggregateScope, partialScale, scaleOf } from './aggregate-types.ts';
import { RecordParts, type RecordSlot } from './record-parts.ts';
import { sampleDeviation } from './sample-deviation.ts';

type Finish = (partials: Float64Array, lastText: readonly (string | null)[], asOfMs: number, out: Float64Array, record: Float64Array, recordAt: number) => void;

/** Kinds that are 0 of no records; the others are null. */
const ZERO_WHEN_EMPTY: ReadonlySet<AggregateKind> = new Set(['count', 'sum', 'squares', 'distinct', 'sessions']);
const NO_RECORD = new Float64Array(0);

/**
 * The source's feature formulas, compiled into one closure that stream, batch and api share. Where a source has no time, formulas may
 * read the record at hand; those parts (`list_sum(item_ctr)`) are evaluated by column, `evaluateRecord`, and enter `finish`
 * as numbers.
 */
export class FeatureFormulas {
  /** Feature names in the order of `out`. */
  readonly names: readonly string[];
  readonly aggregates: readonly AggregateDefinition[];
  /** What `finish` needs of the record: a name (`record_0` …) and SQL-renderable tree each; empty for a source with time. */
  readonly record: readonly RecordSlot[];
  readonly #finish: Finish;

  constructor(source: Source) {
    this.names = source.features.features.map((feature) => feature.name);
    this.aggregates = source.features.aggregates;
    const record = new RecordParts(source);
    this.#finish = writeFinish(source, record);
    this.record = record.slots;
  }

  /**
   * Fills `out` with the features, NaN where null. `partials[k]` is aggregate k's finished value (decimals divided by 10^s, counts and
   * sums 0 when empty, other kinds NaN), `lastText[k]` its text where it is of a string column. `record` holds
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
  const { aggregates, composed, features } = source.features;
  const position = new Map(aggregates.map((aggregate, k) => [aggregate.name, k]));
  const scope: Record<string, ColumnType> = source.time === undefined ? { ...recordScope(source) } : { as_of: { name: 'timestamp' } };
  Object.assign(scope, Object.fromEntries(aggregateScope(aggregates, composed, source)));
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
  for (const aggregate of composed) {
    if (aggregate.finish !== 'sequence') known.set(aggregate.name, writer.name(writeComposed(writer, aggregate, aggregate.parts.map((name) => position.get(name) ?? -1), source)));
  }
  const stores = features.map(({ name, formula }, k) => {
    const value = writer.value(record.extract(expectExpression(formula, scope).tree));
    scope[name] = { name: 'double' };
    known.set(name, value);
    return `out[${k}] = ${value};`;
  });
  return generate<Finish>(writer, `(p, texts, asOf, out, r, at) => { ${writer.lines.join('\n')}\n${stores.join('\n')} }`);
}

/** The code of a composed aggregate's value, of the finished values at its parts' positions. */
function writeComposed(writer: JavaScriptWriter, { finish, unitMs = 1 }: ComposedAggregate, parts: readonly number[], source: Source): string {
  const [a, b, c] = parts.map((part) => `p[${part}]`);
  switch (finish) {
    case 'mean': return `(${a} / ${b})`;
    case 'time_since': return `((asOf - ${a}) / ${unitMs})`;
    case 'duration': return `(${a} / ${unitMs})`;
    default: {
      const { of } = source.features.aggregates[parts[1]];
      const unit = 10 ** partialScale(columnTypeOf(source, of ?? ''));
      // The sum was divided by its unit; as an integer again it is what it was.
      return `(${writer.constant(sampleDeviation)}(${a}, Math.round(${b} * ${unit}), ${c}) / ${unit})`;
    }
  }
}

/** Powers of ten that exact partials of each aggregate carry: finished value = partial / divisor. */
export function partialDivisors(source: Source): Float64Array {
  return Float64Array.from(source.features.aggregates, (aggregate) => 10 ** scaleOf(aggregate, source));
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
    this.#columns = source.features.aggregates.map((aggregate) => find(aggregate.name));
    this.#divisors = partialDivisors(source);
    this.#zero = source.features.aggregates.map(({ kind }) => ZERO_WHEN_EMPTY.has(kind));
    this.#limits = source.features.aggregates.map((aggregate) => aggregate.limit ?? Infinity);
    this.#names = source.features.aggregates.map((aggregate) => aggregate.name);
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
