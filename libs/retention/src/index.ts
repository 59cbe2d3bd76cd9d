/**
 * What the business means: sources, records, features, labels, rewards and decisions, as pure functions of their arguments.
 */
export type { Column, ColumnBatch, ColumnType, ScalarType } from './records/columns.ts';
export { LogScanner, type Chunk, type Rejection } from './records/log-scanner.ts';
export type { Source } from './sources/source.ts';
