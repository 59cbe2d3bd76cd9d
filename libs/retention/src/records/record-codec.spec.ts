// The codec against avsc in both directions, on random batches of every type, and on scanned logs.
import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { generate } from '../synthetic/generate.ts';
import { readLong } from './column-decoders.ts';
import { writeLong } from './column-writers.ts';
import type { Column, ColumnBatch, ColumnType, ScalarType } from './columns.ts';
import { concatenateBatches } from './concatenate-batches.ts';
import { ALIBABA, column, decimal, list, ONLINE_RETAIL, sourceOf, USER_BEHAVIOR } from './fixtures.ts';
import { LogScanner } from './log-scanner.ts';
import { allocateValues, elementType } from './physical-form.ts';
import { RecordCodec } from './record-codec.ts';

const SCALARS: readonly ScalarType[] = [
  { name: 'int' }, { name: 'bigint' }, decimal(9, 2), decimal(15, 4), { name: 'double' }, { name: 'boolean' }, { name: 'timestamp' }, { name: 'date' },
];
const TYPES: readonly ColumnType[] = [...SCALARS, { name: 'string' }, ...SCALARS.map((type) => list(type))];
const EVERYTHING = sourceOf(
  'every-thing',
  TYPES.flatMap((type, index) => [column(`plain_${index}`, type), column(`maybe_${index}`, type, { nullable: true, description: 'may be null' })]),
  { listSeparator: ' ' },
);
const MAX = Number.MAX_SAFE_INTEGER;
// Beyond this avsc loses the last bit of negative longs; the codec's own writer is checked against BigInt there.
const AVSC_MAX = 2 ** 52;

/** Stored values of a scalar type, the ends of its range among them. */
function scalarValue(type: ScalarType): fc.Arbitrary<number | string> {
  const narrow = fc.oneof(fc.integer(), fc.integer({ min: -200, max: 200 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1));
  if (type.name === 'string') return fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', 'é'.repeat(100)));
  if (type.name === 'double') return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(5e-324, -1.5, 0));
  if (type.name === 'boolean') return fc.constantFrom(0, 1);
  if (type.name === 'int' || type.name === 'date' || (type.name === 'decimal' && type.precision <= 9)) return narrow;
  return fc.oneof(narrow, fc.integer({ min: -AVSC_MAX, max: AVSC_MAX }), fc.constantFrom(AVSC_MAX, -AVSC_MAX, -(2 ** 31) - 1, 63, 64, -64, -65));
}

function batchOf(source: typeof EVERYTHING, rows: readonly (readonly unknown[])[]): ColumnBatch {
  const columns = source.columns.map(({ type }, index): Column => {
    const values = rows.map((row) => row[index]);
    const nulls = Uint8Array.from(values, (value) => (value === null ? 1 : 0));
    const marks = nulls.includes(1) ? { nulls } : {};
    if (type.name !== 'string' && type.name !== 'list') {
      const stored = allocateValues(type, rows.length);
      values.forEach((value, row) => (stored[row] = (value as number | null) ?? 0));
      return { type, values: stored, ...marks };
    }
    const parts = values.map((value) => (type.name === 'string' ? [...Buffer.from((value as string | null) ?? '')] : ((value as number[] | null) ?? [])));
    const offsets = new Int32Array(rows.length + 1);
    parts.forEach((part, row) => (offsets[row + 1] = offsets[row] + part.length));
    const stored = allocateValues(elementType(type), offsets[rows.length]);
    stored.set(parts.flat());
    return { type, values: stored, offsets, ...marks };
  });
  return { rowCount: rows.length, names: source.columns.map(({ name }) => name), columns };
}

const rowsOfEverything = fc.array(
  fc.tuple(
    ...EVERYTHING.columns.map(({ type, nullable }) => {
      const value: fc.Arbitrary<unknown> = type.name === 'list' ? fc.array(scalarValue(type.of), { maxLength: 12 }) : scalarValue(type);
      return nullable ? fc.option(value, { nil: null }) : value;
    }),
  ),
  { maxLength: 6 },
);

/** One row as avsc shows it. */
function avscRow(source: typeof EVERYTHING, batch: ColumnBatch, row: number): Record<string, unknown> {
  return Object.fromEntries(
    source.columns.map(({ name, type, nullable }, index) => {
      const { values, offsets, nulls } = batch.columns[index];
      const shown = (value: number): unknown => (elementType(type).name === 'boolean' ? value === 1 : value);
      const part = offsets === undefined ? undefined : values.slice(offsets[row], offsets[row + 1]);
      const plain = type.name === 'string' ? Buffer.from(part!).toString() : part === undefined ? shown(values[row]) : Array.from(part, shown);
      const branch = type.name === 'list' ? 'array' : avscBranch(type);
      return [name, !nullable ? plain : nulls?.[row] === 1 ? null : { [branch]: plain }];
    }),
  );
}

function avscBranch(type: ScalarType): string {
  if (type.name === 'string' || type.name === 'double' || type.name === 'boolean') return type.name;
  return allocateValues(type, 0) instanceof Int32Array ? 'int' : 'long';
}

function expectEqualToAvsc(source: typeof EVERYTHING, batch: ColumnBatch): void {
  const codec = new RecordCodec(source, 7);
  const type = avro.Type.forSchema(JSON.parse(codec.avroSchema), { wrapUnions: true });
  const packed = codec.encode(batch);
  for (let row = 0; row < batch.rowCount; row++) {
    const value = Buffer.from(packed.values.subarray(packed.valueOffsets[row], packed.valueOffsets[row + 1]));
    const expected = avscRow(source, batch, row);
    expect(value.subarray(5).equals(type.toBuffer(expected))).toBe(true);
    expect(JSON.stringify(type.fromBuffer(value.subarray(5)))).toBe(JSON.stringify(expected));
    expect([...value.subarray(0, 5)]).toEqual([0, 0, 0, 0, 7]);
  }
  expect(codec.decode(packed)).toEqual(batch);
}

describe('RecordCodec', () => {
  it('differential: writes and reads the bytes of avsc for every type', () => {
    fc.assert(fc.property(rowsOfEverything, (rows) => expectEqualToAvsc(EVERYTHING, batchOf(EVERYTHING, rows))), { numRuns: 150 });
  });

  it.each([ALIBABA, USER_BEHAVIOR, ONLINE_RETAIL])('differential: writes and reads the bytes of avsc for a scanned $name log', (source) => {
    const scanner = new LogScanner(source, { chunkRows: 100, byteOffset: 0, skipHeader: source.format.header });
    const chunks = [...generate(source.name, { seed: 2, rows: 250 })].flatMap((block) => scanner.push(block));
    expectEqualToAvsc(source, concatenateBatches([...chunks, scanner.end()!].map(({ batch }) => batch)));
  });

  it('oracle: longs are zigzag varints up to +-(2^53 - 1)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constantFrom(MAX, -MAX, AVSC_MAX, -AVSC_MAX - 1)), (value) => {
        const target = new Uint8Array(10);
        const end = writeLong(value, target, 0);
        const expected: number[] = [];
        let rest = value < 0 ? BigInt(value) * -2n - 1n : BigInt(value) * 2n;
        for (; rest > 127n; rest >>= 7n) expected.push(Number(rest & 127n) | 128);
        expect([...target.subarray(0, end)]).toEqual([...expected, Number(rest)]);
        expect(readLong({ bytes: target, view: new DataView(target.buffer), position: 0 })).toBe(value);
      }),
    );
  });

  it('encodes picked rows alone, and columns by name', () => {
    const source = sourceOf('two', [column('a', { name: 'int' }), column('b', { name: 'int' })], {});
    const codec = new RecordCodec(source, 1);
    const batch = batchOf(source, [[1, 10], [2, 20], [3, 30]]);
    const turned = { ...batch, names: ['b', 'a'], columns: [batch.columns[1], batch.columns[0]] };
    const { columns } = codec.decode(codec.encode(turned, Int32Array.of(2, 0)));
    expect(columns.map(({ values }) => [...values])).toEqual([[3, 1], [30, 10]]);
    expect(() => codec.encode({ ...batch, names: ['a', 'c'] })).toThrow(/expected the column b in the batch, found a, c/);
  });

  it('reads arrays in several blocks, with and without their sizes in bytes', () => {
    const source = sourceOf('blocks', [column('numbers', list({ name: 'int' }))], { listSeparator: ' ' });
    // One item; then a block of two that says it has two bytes; then the end.
    const value = [0, 0, 0, 0, 9, 2, 2, 3, 4, 4, 6, 0];
    const { columns } = new RecordCodec(source, 9).decode({ count: 1, valueOffsets: Uint32Array.of(0, 12), values: Uint8Array.from(value) });
    expect([...columns[0].values]).toEqual([1, 2, 3]);
  });

  it('stops at records of another schema, cut short, or with bytes left over', () => {
    const batch = batchOf(USER_BEHAVIOR as typeof EVERYTHING, [[1, 2, 3, 'pv', 1_511_658_000_000]]);
    const codec = new RecordCodec(USER_BEHAVIOR, 7);
    const packed = codec.encode(batch);
    expect(() => new RecordCodec(USER_BEHAVIOR, 8).decode(packed)).toThrow(/expected schema 8 of user-behavior, found 7 \(record 0\)/);
    const length = packed.values.length;
    for (const cut of [3, 6, length - 1]) {
      expect(() => codec.decode({ count: 1, valueOffsets: Uint32Array.of(0, cut), values: packed.values.subarray(0, cut) })).toThrow(/expected record 0/);
    }
    const longer = Buffer.concat([packed.values, Buffer.of(0)]);
    expect(() => codec.decode({ count: 1, valueOffsets: Uint32Array.of(0, length + 1), values: longer })).toThrow(/expected record 0 to end at byte/);
  });

  it('describes decimals, times and nulls in the schema', () => {
    const schema = JSON.parse(new RecordCodec(ONLINE_RETAIL, 1).avroSchema) as { name: string; fields: { name: string; type: unknown }[] };
    expect(schema.name).toBe('online_retail');
    const typeOf = Object.fromEntries(schema.fields.map(({ name, type }) => [name, type]));
    expect(typeOf).toMatchObject({
      description: ['null', 'string'],
      invoice_date: { type: 'long', logicalType: 'timestamp-millis' },
      unit_price: { type: 'long', precision: 10, scale: 3 },
      customer_id: 'int',
    });
  });
});
