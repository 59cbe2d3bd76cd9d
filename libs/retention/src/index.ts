/**
 * Retention: what the business means. Bytes of a log become typed records, records become rolling features, states, rewards, labels and
 * scores; everything is said once in a source's YAML and compiled for the stream and for the lake.
 *
 * - Pure: no I/O, no clock, no chance; the answer of a function depends on its arguments alone.
 * - Numbers are exact until the last division; windows are `[T - w, T)` on tile borders; bad data is returned, never thrown.
 * - A batch of columns is never changed after it was handed over.
 *
 * Start at `sources/source.ts`, then `records/columns.ts`, `features/` and `decisions/`.
 */
export { checkedTables, type CheckedTable } from './checks/checked-tables.ts';
export { isRowCheck, type Check, type CheckRule, type CheckSuite, type CheckValue, type RowRule, type Severity, type TableRule } from './checks/check.ts';
export { judgeSuite, type CheckResult, type JudgeFacts } from './checks/judge-suite.ts';
export { suiteSql, type SuiteSql, type SuiteTarget } from './checks/suite-sql.ts';
export type { LiveModel } from './decisions/live-scorer.ts';
export { parseModelUpdate, type ModelUpdate } from './decisions/model-update.ts';
export { SourceProcessor, type BatchCounts, type ProcessedBatch } from './decisions/source-processor.ts';
export { decodeTransition, transitionSchema, TransitionWriter, type Transition } from './decisions/transition.ts';
export type { VisitLookup } from './decisions/visit-lookup.ts';
export { VisitValues, type VisitCount } from './decisions/visit-values.ts';
export { compileExpression, type CompiledExpression } from './expressions/compile-expression.ts';
export { parseExpression, type Expression } from './expressions/parse-expression.ts';
export { FeatureReplay, type ReplayedFrame } from './features/feature-replay.ts';
export { labelMatchesSql, labelsSql, partialsSql, populationSql, recordFeaturesSql, recordsByTimeSql, rewardScale, visitCountsSql } from './features/feature-sql.ts';
export { FeatureFormulas, PartialReader } from './features/finish-features.ts';
export type { Column, ColumnBatch, ColumnType, ScalarType } from './records/columns.ts';
export { decodeBatch, UnreadableRecord, type PlacedValues } from './records/decode-batch.ts';
export { detectSource, inspectLog, type Inspection, type InspectOptions } from './records/inspect-log.ts';
export { LateMarker, SourceLateMarker, type Watermarks } from './records/late-marker.ts';
export { LogScanner, type Chunk, type Originals, type Rejection, type ScanOptions } from './records/log-scanner.ts';
export { deadLetterRecords, packRecords, type DeadLetterOrigin, type PackedRecords, type PackOrigin, type RowsToPack } from './records/pack-records.ts';
export { RecordCodec, type PackedValues } from './records/record-codec.ts';
export { createRefiner, entityKeys, takeRows, type PackedTexts, type Refined } from './records/refine.ts';
export { registeredCodec, type SchemaIds } from './records/registered-codec.ts';
export { parseSource, type ParsedSource, type SourceFiles } from './sources/parse-source.ts';
export { InvalidSourcesError, parseSources, SOURCE_FILE_NAMES, sourcesOrThrow, type SourceFolder } from './sources/parse-sources.ts';
export type {
  AggregateDefinition, AggregateKind, AttributeDefinition, DelimitedFormat, Deployment, DerivedColumn, FeatureDefinition, FeatureDefinitions, LabelDefinition,
  ModelDefinition, ModelDefinitions, Source, SourceColumn, SourceTable, ValidatedLoad,
} from './sources/source.ts';
export { ALWAYS_MS, eventTables, fileSource, TABLE_COLUMN, tableNamesOf, tableOf } from './sources/source-tables.ts';
export { silverTables, tableNames, type TableNames } from './sources/table-names.ts';
export type { Problem, SourceFile } from './sources/yaml-fields.ts';
export { createWidener, NO_TABLE, tableIndexes } from './records/union-batch.ts';
export { LEDGER_HEADER, ledgerLine, topUpLedger, type LedgerTopUp } from './synthetic/ledger-lines.ts';
export { generate, SYNTHETIC_SOURCES, type GenerateOptions } from './synthetic/generate.ts';
export { generateTables, SYNTHETIC_TABLE_SOURCES, type GenerateTablesOptions, type SyntheticFile } from './synthetic/generate-tables.ts';
export { planTracks, type TrackPlan } from './features/aggregate-tracks.ts';
export { ValueTables, type TrackInputs } from './features/track-inputs.ts';
export { AHEAD, WindowState } from './features/window-state.ts';
