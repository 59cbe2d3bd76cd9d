import fc from 'fast-check';
import type { ColumnBatch, ColumnType, ScalarType } from './column-batch.ts';
import { batchFromRows, type PlainScalar, type PlainValue } from './column-from-values.ts';
import type { ColumnDefinition } from './table-schema.ts';

const scalarTypes: readonly ScalarType[] = [
  { name: 'int' },
  { name: 'bigint' },
  { name: 'decimal', precision: 7, scale: 6 },
  { name: 'decimal', precision: 16, scale: 2 },
  { name: 'double' },
  { name: 'boolean' },
  { name: 'timestamp' },
  { name: 'date' },
  { name: 'string' },
];

function oneOf(values: readonly number[], otherwise: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return fc.oneof({ weight: 1, arbitrary: fc.constantFrom(...values) }, { weight: 3, arbitrary: otherwise });
}

/** Values of a type, extremes included, in its own unit. */
function scalarArbitrary(type: ScalarType): fc.Arbitrary<PlainScalar> {
  switch (type.name) {
    case 'int':
      return fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -(2 ** 29), max: 2 ** 29 }), oneOf([-(2 ** 31), 2 ** 31 - 1, 0], fc.integer()));
    case 'date':
      return fc.integer({ min: -100_000, max: 100_000 });
    case 'bigint':
      return oneOf([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0], fc.maxSafeInteger());
    case 'decimal': {
      const most = type.precision <= 9 ? 10 ** type.precision - 1 : 9_007_199_254_740_991;
      return oneOf([most, -most, 0], fc.integer({ min: -5000, max: 5000 }));
    }
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'timestamp':
      return oneOf([0, -62_135_596_800_000, 253_402_300_799_999], fc.integer({ min: 1_500_000_000_000, max: 1_900_000_000_000 }));
    case 'string':
      return fc.oneof(fc.constantFrom('', 'a', 'Zürich', '茶🍵', '0-0-0'), fc.string({ unit: 'grapheme', maxLength: 40 }));
  }
}

/** A table of one to five columns of any types and its rows, some of them in long runs, in one or several batches. */
export function tableArbitrary(maxRows = 300): fc.Arbitrary<{ columns: ColumnDefinition[]; batches: ColumnBatch[] }> {
  const type: fc.Arbitrary<ColumnType> = fc.oneof(
    fc.constantFrom(...scalarTypes),
    fc.constantFrom(...scalarTypes.filter(({ name }) => name !== 'string')).map((of): ColumnType => ({ name: 'list', of })),
  );
  return fc
    .array(fc.record({ type, nullable: fc.boolean() }), { minLength: 1, maxLength: 5 })
    .map((columns) => columns.map((column, index): ColumnDefinition => ({ name: `c${index}`, ...column })))
    .chain((columns) => {
      const row = fc.record(Object.fromEntries(columns.map((column) => [column.name, valueArbitrary(column)])));
      const part = fc
        .record({ rows: fc.array(row, { maxLength: maxRows, size: 'max' }), repeat: fc.constantFrom(1, 1, 2, 40) })
        .map(({ rows, repeat }) => (repeat === 1 ? rows : rows.slice(0, 20).flatMap((one) => Array<typeof one>(repeat).fill(one))));
      return fc
        .array(part, { minLength: 1, maxLength: 3 })
        .map((parts) => ({ columns, batches: parts.map((rows) => batchFromRows(columns, rows)) }));
    });
}

function valueArbitrary({ type, nullable }: ColumnDefinition): fc.Arbitrary<PlainValue> {
  const value: fc.Arbitrary<PlainValue> = type.name === 'list' ? fc.array(scalarArbitrary(type.of), { maxLength: 12 }) : scalarArbitrary(type);
  return nullable ? fc.option(value, { nil: null }) : value;
}
