/**
 * How ordered records become state, exactly once.
 *
 * - A partition has one processor, one writer identity and one order; outputs and the input offset are one transaction.
 * - State is a checkpoint plus a replay with outputs suppressed to exactly the committed offset; a checkpoint never covers more
 *   than was committed.
 * - What is computed depends on the batches of the log alone: limits, clocks, kills and retries change only when it happens.
 * - Steering (a new model) takes effect at a transaction's border, and the commit says what was in force.
 *
 * Start at `run-partition.ts`; `processor.ts` is the contract; `recovery.spec.ts` is the specification of crashes.
 */
export { appendOnce, type AppendOnceOptions } from './append-once.ts';
export { Checkpoints, decodeCheckpoint, encodeCheckpoint, type Checkpoint, type FoundCheckpoint } from './checkpoints.ts';
export { readCommitMetadata, writeCommitMetadata, type CommitMetadata } from './commit-metadata.ts';
export { describeError, failureOf, type Failure } from './failure.ts';
export { keepRounds, type RoundsOptions } from './keep-rounds.ts';
export { OffsetWriter, patiently, type OffsetWriterOptions } from './offset-writer.ts';
export type { CommitFacts, EngineClock, Processor, ProcessorOutput, Steering } from './processor.ts';
export { ProcessorDriver, type DriverStep } from './processor-driver.ts';
export { runGroup, type GroupOptions, type PartitionWork, type TopicPartition } from './run-group.ts';
export { runPartition, type PartitionLimits, type PartitionObserver, type PartitionOptions, type PartitionSummary } from './run-partition.ts';
export { MODEL_UPDATES, systemTopics } from './topics.ts';
