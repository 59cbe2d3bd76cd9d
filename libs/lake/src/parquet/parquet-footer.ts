import { physicalTypeOf, type ColumnType, type ScalarType } from '../columns/column-batch.ts';
import type { TableColumn, TableSchema } from '../columns/table-schema.ts';
import type { ChunkSummary } from './column-chunk-encoder.ts';
import type { GrowingBuffer } from './growing-buffer.ts';
import { binary, bool, i32, i64, list, struct, text, writeThrift, type ThriftFields, type ThriftValue } from './thrift.ts';

/** A row group as the footer describes it; `chunkOffsets` are file positions, one a column. */
export interface RowGroupSummary {
  readonly rowCount: number;
  readonly chunks: readonly ChunkSummary[];
  readonly chunkOffsets: readonly number[];
}

/** Names the writer; readers parse exactly this form to know about a writer's past mistakes. */
const createdBy = 'tideline version 0.1.0 (build 0)';

// Numbers of parquet.thrift.
const parquetTypes = { boolean: 0, int32: 1, int64: 2, double: 5, bytes: 6 } as const;
const repetitions = { required: 0, optional: 1, repeated: 2 } as const;
const convertedTypes = { utf8: 0, list: 3, decimal: 5, date: 6, timestampMicros: 10 } as const;
const codecs = { uncompressed: 0, zstd: 6 } as const;

/** Appends the FileMetaData struct (parquet.thrift), without length and magic. */
export function writeFooter(out: GrowingBuffer, schema: TableSchema, rowGroups: readonly RowGroupSummary[]): void {
  const rowCount = rowGroups.reduce((sum, group) => sum + group.rowCount, 0);
  writeThrift(out, {
    1: i32(2),
    2: list('struct', [struct({ 4: text('table'), 5: i32(schema.columns.length) }), ...schema.columns.flatMap(schemaElements)]),
    3: i64(rowCount),
    4: list('struct', rowGroups.map((group) => rowGroup(schema, group))),
    6: text(createdBy),
    7: list('struct', schema.columns.map(() => struct({ 1: struct({}) }))),
  });
}

function schemaElements(column: TableColumn): ThriftValue[] {
  const repetition = i32(column.nullable ? repetitions.optional : repetitions.required);
  const { type } = column;
  if (type.name !== 'list') return [leaf(column.name, type, repetition, column.id)];
  return [
    struct({ 3: repetition, 4: text(column.name), 5: i32(1), 6: i32(convertedTypes.list), 9: i32(column.id), 10: struct({ 3: struct({}) }) }),
    struct({ 3: i32(repetitions.repeated), 4: text('list'), 5: i32(1) }),
    leaf('element', type.of, i32(repetitions.required), column.elementId!),
  ];
}

function leaf(name: string, type: ScalarType, repetition: ThriftValue, id: number): ThriftValue {
  const head = { 1: i32(parquetTypes[physicalTypeOf(type)]), 3: repetition, 4: text(name) };
  return struct({ ...head, ...logicalType(type), 9: i32(id) });
}

function logicalType(type: ScalarType): ThriftFields {
  switch (type.name) {
    case 'string':
      return { 6: i32(convertedTypes.utf8), 10: struct({ 1: struct({}) }) };
    case 'date':
      return { 6: i32(convertedTypes.date), 10: struct({ 6: struct({}) }) };
    case 'timestamp':
      return { 6: i32(convertedTypes.timestampMicros), 10: struct({ 8: struct({ 1: bool(true), 2: struct({ 2: struct({}) }) }) }) };
    case 'decimal':
      return {
        6: i32(convertedTypes.decimal),
        7: i32(type.scale),
        8: i32(type.precision),
        10: struct({ 5: struct({ 1: i32(type.scale), 2: i32(type.precision) }) }),
      };
    default:
      return {};
  }
}

function rowGroup(schema: TableSchema, group: RowGroupSummary): ThriftValue {
  const sum = (of: (chunk: ChunkSummary) => number): number => group.chunks.reduce((total, chunk) => total + of(chunk), 0);
  return struct({
    1: list('struct', group.chunks.map((chunk, index) => columnChunk(schema.columns[index]!, chunk, group.chunkOffsets[index]!))),
    2: i64(sum((chunk) => chunk.uncompressedByteCount)),
    3: i64(group.rowCount),
    5: i64(group.chunkOffsets[0]!),
    6: i64(sum((chunk) => chunk.byteCount)),
  });
}

function columnChunk(column: TableColumn, chunk: ChunkSummary, offset: number): ThriftValue {
  const path = column.type.name === 'list' ? [column.name, 'list', 'element'] : [column.name];
  return struct({
    2: i64(0),
    3: struct({
      1: i32(parquetTypes[physicalTypeOf(column.type)]),
      2: list('i32', chunk.encodings.map(i32)),
      3: list('binary', path.map(text)),
      4: i32(codecs[chunk.codec]),
      5: i64(chunk.valueCount),
      6: i64(chunk.uncompressedByteCount),
      7: i64(chunk.byteCount),
      9: i64(offset + chunk.dictionaryByteCount),
      11: chunk.hasDictionary ? i64(offset) : undefined,
      12: column.type.name === 'list' ? undefined : statistics(column.type, chunk),
    }),
  });
}

function statistics(type: ColumnType, chunk: ChunkSummary): ThriftValue {
  const range = chunk.bounds?.range;
  return struct({
    3: i64(chunk.nullCount),
    5: range === undefined ? undefined : binary(plainValue(type, range.max)),
    6: range === undefined ? undefined : binary(plainValue(type, range.min)),
  });
}

function plainValue(type: ColumnType, value: number | Uint8Array): Uint8Array {
  if (typeof value !== 'number') return value;
  const bytes = Buffer.alloc(8);
  switch (physicalTypeOf(type)) {
    case 'int32':
      bytes.writeInt32LE(value);
      return bytes.subarray(0, 4);
    case 'double':
      bytes.writeDoubleLE(value);
      return bytes;
    default:
      bytes.writeBigInt64LE(BigInt(value) * (type.name === 'timestamp' ? 1000n : 1n));
      return bytes;
  }
}
