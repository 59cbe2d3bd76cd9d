// The lake: tables of Parquet files on an object store, with atomic snapshots. It knows columns and rows, nothing of what they mean.
//
// Invariants: a snapshot is visible wholly or not at all (I5); a version's metadata is published by one put-if-absent and never
// changed after; files are immutable; every column carries a field id; offset ranges of appends join without gap or overlap.
//
// Start with `table/table.ts` (what a commit is), then `parquet/parquet-writer.ts` (how rows become bytes) and `sql/sql.ts`
// (how they are read). hyparquet is imported in `parquet/` only, DuckDB in `sql/` only.
export { formatType, parseType, sameType, type Column, type ColumnBatch, type ColumnType, type ScalarType } from './columns/column-batch.ts';
export { batchFromRows, columnFromValues, valueAt, type PlainScalar, type PlainValue } from './columns/column-from-values.ts';
export { concatBatches } from './columns/concat-batches.ts';
export { defineSchema, type ColumnDefinition, type TableColumn, type TableSchema } from './columns/table-schema.ts';
export type { Bounds } from './parquet/bounds.ts';
export { ParquetFile, type RangeSource } from './parquet/parquet-file.ts';
export { ParquetWriter, type ByteSink, type ParquetOptions, type ParquetSummary } from './parquet/parquet-writer.ts';
export { CommitConflict } from './table/commit-conflict.ts';
export { DataFileWriter, type DataFileOptions } from './table/data-file-writer.ts';
export { Lake } from './table/lake.ts';
export { extendOffsets, nextOffset, type OffsetRanges } from './table/offset-ranges.ts';
export type { DataFile, Operation, Snapshot } from './table/snapshot.ts';
export { Table, type CommitOptions, type LakeEnvironment } from './table/table.ts';
export type { JsonValue } from './sql/json-value.ts';
export { Sql, type QueryOptions, type SqlOptions, type SqlParameter } from './sql/sql.ts';
export { SqlError } from './sql/sql-error.ts';
export { compact, type CompactionOptions } from './compaction/compact.ts';
export { planCompaction, type CompactionGroup, type CompactionTarget } from './compaction/plan-compaction.ts';
export { checkTable, type TableCheck } from './table/check-table.ts';
