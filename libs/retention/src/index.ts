/**
 * What the business means: sources, records, features, labels, rewards and decisions, as pure functions of their arguments.
 */
export { compileExpression, type CompiledExpression } from './expressions/compile-expression.ts';
export { parseExpression } from './expressions/parse-expression.ts';
export type { Column, ColumnBatch, ColumnType, ScalarType } from './records/columns.ts';
export { inspectLog } from './records/inspect-log.ts';
export { LogScanner, type Chunk, type Rejection } from './records/log-scanner.ts';
export { deadLetterRecords, packRecords } from './records/pack-records.ts';
export { RecordCodec } from './records/record-codec.ts';
export { createRefiner, type Refined } from './records/refine.ts';
export { parseSource } from './sources/parse-source.ts';
export type { Source } from './sources/source.ts';
