import type { Append, RecordBatch } from '#tideline/platform';

/** What one input batch led to; every append stays an append of its own on the log, never merged with another batch's. */
export interface ProcessorOutput {
  readonly appends: readonly Append[];
}

/**
 * Turns the ordered batches of one partition into state and outputs. Called in this order: `restore` at most once and first, then
 * `process` once for every batch in offset order, `snapshot` between any two. Deterministic: outputs and snapshots depend on the
 * batches alone (and on what a `Steering` set between them), never on time, chance or how batches were grouped.
 */
export interface Processor {
  /** Changes with everything that decides the state; a snapshot of another version is not restored. */
  readonly version: string;
  /**
   * May throw a failure with `outcome` `not-applied` (a record that can't be read) while the state is still as before the batch; the partition
   * then stops in front of that batch. With `emit` false the batch changes the state exactly as with true, but its outputs are already on the log:
   * none are made.
   */
  process(batch: RecordBatch, emit: boolean): ProcessorOutput | Promise<ProcessorOutput>;
  /**
   * Outputs that a change of steering calls for without new records (everybody scored by the new model); `offset` is the first one not
   * processed. Leaves the state as it is.
   */
  refresh?(offset: number): ProcessorOutput;
  snapshot(): Uint8Array;
  restore(bytes: Uint8Array): void;
}

/** What steers a processor from outside (the model in force): read and changed only at the borders of transactions. */
export interface Steering {
  /** What the last commit said, or undefined at the very first start; called once, before the first live batch. */
  resume(facts: CommitFacts | undefined): Promise<void>;
  /** Called before the batches of each transaction; gives the facts to commit with their outputs. */
  border(): CommitFacts;
}

/** Plain JSON kept in the metadata of an offset commit; `lineage` belongs to the engine. */
export type CommitFacts = Readonly<Record<string, unknown>>;

/** The clock as far as the engine needs it: to pace retries and checkpoints, never to decide what is computed. */
export interface EngineClock {
  nowMs(): number;
  /** Resolves early, without an error, when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
