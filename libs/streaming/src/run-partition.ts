import { setImmediate as yieldToLoop } from 'node:timers/promises';
import type { Append, CommittedOffset, EventLog, ObjectStore, RecordBatch } from '#tideline/platform';
import { Checkpoints } from './checkpoints.ts';
import { readCommitMetadata, writeCommitMetadata } from './commit-metadata.ts';
import { describeError, failureOf } from './failure.ts';
import { OffsetWriter, patiently } from './offset-writer.ts';
import type { CommitFacts, EngineClock, Processor, Steering } from './processor.ts';

/** How much one step may hold and how often state is saved; none of it changes what is computed. */
export interface PartitionLimits {
  /** Value bytes of input that one transaction covers; at least one batch always goes through. */
  readonly transactionBytes: number;
  readonly transactionRecords: number;
  /** A checkpoint is due after this many records or, with at least one new record, after this time. */
  readonly checkpointRecords: number;
  readonly checkpointMs: number;
  /** Longest wait for new records before looking around again. */
  readonly idleMs: number;
}

const LIMITS: PartitionLimits = {
  transactionBytes: 4 * 1024 * 1024,
  transactionRecords: 10_000,
  checkpointRecords: 1_000_000,
  checkpointMs: 60_000,
  idleMs: 500,
};

/** Told what happened, for logs and metrics; must not throw. */
export interface PartitionObserver {
  /** The state is as of the committed offset, or empty at the log's first one when nothing was ever committed. */
  recovered?(facts: { offset: number; checkpointOffset: number | undefined; replayedRecords: number; ms: number }): void;
  /** Before every look at the log: the loop moves, with or without records. */
  looked?(): void;
  /** `startedAtMs` is when processing began, after a read that took `readMs` (0 for further transactions of the same read). */
  committed?(facts: { offset: number; batches: number; records: number; startedAtMs: number; readMs: number; processMs: number; commitMs: number }): void;
  checkpointed?(facts: { offset: number; byteCount: number; ms: number }): void;
  warned?(message: string): void;
  /** The run is over, in order or not: somebody else may have the partition now. */
  ended?(): void;
}

export interface PartitionOptions {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly clock: EngineClock;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly processor: Processor;
  readonly steering?: Steering;
  readonly limits?: Partial<PartitionLimits>;
  readonly observer?: PartitionObserver;
  /** Aborting it stops at the next batch border: the transaction at hand is finished and the state saved. */
  readonly signal: AbortSignal;
}

/** Where a run ended: `offset` is the first one not yet processed. */
export interface PartitionSummary {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Processed live by this run, replayed ones not counted. */
  readonly records: number;
}

/**
 * Runs a processor over one partition, exactly once, until the signal aborts. Input offset and outputs are one transaction of the
 * writer `<group>-<topic>-<partition>`; state comes back as the newest checkpoint plus a replay with outputs suppressed to exactly
 * the committed offset. Rejects with the log's `FENCED` error when another process took the partition over, and with any failure
 * that waiting does not cure.
 */
export async function runPartition(options: PartitionOptions): Promise<PartitionSummary> {
  const run = new PartitionRun(options);
  return run.run();
}

/** Inputs that were processed together with what they led to. */
interface Step {
  readonly appends: readonly Append[];
  readonly to: CommittedOffset;
  readonly batches: number;
  readonly records: number;
  /** What was in force, as JSON. */
  readonly facts: string;
}

class PartitionRun {
  readonly #options: PartitionOptions;
  readonly #limits: PartitionLimits;
  readonly #checkpoints: Checkpoints;
  readonly #writer: OffsetWriter;
  #lineage = '';
  /** First offset that the state does not cover; the committed offset once `#settle` was true. */
  #position = 0;
  #records = 0;
  #savedOffset: number | undefined;
  #savedAtMs = 0;
  #recordsSinceSave = 0;
  /** The processor has seen batches that no commit has taken with it: its state must not be saved. */
  #stateIsAhead = false;
  /** The commit under way; the next batches are processed meanwhile. It never rejects: what went wrong is told by `#settle`. */
  #underWay: Promise<{ readonly committed: boolean } | { readonly error: unknown }> | undefined;
  /** What the last commit sent says was in force, as JSON; undefined before the first one. */
  #factsInForce: string | undefined;

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#checkpoints = new Checkpoints(options.store, options);
    const writerId = `${options.group}-${options.topic}-${options.partition}`;
    this.#writer = new OffsetWriter({ ...options, writerId, warned: (message) => this.#warn(message) });
  }

  async run(): Promise<PartitionSummary> {
    const { signal, clock, steering, topic, partition } = this.#options;
    try {
      const committed = await this.#writer.takeOver();
      const known = committed === undefined ? undefined : readCommitMetadata(committed.metadata);
      this.#lineage = known?.lineage ?? clock.nowMs().toString(36);
      await this.#recover(committed?.offset);
      if (known !== undefined) this.#factsInForce = JSON.stringify(known.facts);
      if (!signal.aborted) await steering?.resume(known?.facts);
      while (!signal.aborted) await this.#advance();
      if (await this.#settle()) await this.#saveCheckpoint();
      return { topic, partition, offset: this.#position, records: this.#records };
    } finally {
      await this.#underWay;
      await this.#writer.close();
      this.#options.observer?.ended?.();
    }
  }

  async #recover(target: number | undefined): Promise<void> {
    const { log, topic, partition, clock, processor, observer, signal } = this.#options;
    const startedAtMs = clock.nowMs();
    const { start } = await this.#patiently('reading the offsets', () => log.offsets(topic, partition));
    this.#position = start;
    this.#savedAtMs = startedAtMs;
    if (target === undefined) {
      observer?.recovered?.({ offset: start, checkpointOffset: undefined, replayedRecords: 0, ms: clock.nowMs() - startedAtMs });
      return;
    }
    const checkpointOffset = await this.#restoreNewest(target);
    if (checkpointOffset === undefined && start > 0) {
      this.#warn(`no checkpoint fits and the log begins at ${start}: state is rebuilt from there`);
    }
    if (this.#position < start) throw new Error(`${this.#name}: expected the log to reach back to offset ${this.#position}, found ${start}`);
    let replayedRecords = 0;
    while (this.#position < target && !signal.aborted) {
      const batches = await this.#read(0);
      if (batches.length === 0) {
        // A read that is told to stop gives nothing, too.
        if (signal.aborted) break;
        throw new Error(`${this.#name}: expected records up to the committed offset ${target}, found none from ${this.#position}`);
      }
      for (const batch of batches) {
        if (batch.baseOffset >= target) break;
        const end = batch.baseOffset + batch.count;
        if (end > target) throw new Error(`${this.#name}: expected ${target} to be a batch border, found batch ${batch.baseOffset}..${end}`);
        await processor.process(batch, false);
        this.#position = end;
        replayedRecords += batch.count;
        this.#recordsSinceSave += batch.count;
      }
      await yieldToLoop();
      // Only a gap lies between here and the committed offset.
      const last = batches.at(-1);
      if (last !== undefined && last.baseOffset >= target) this.#position = target;
    }
    observer?.recovered?.({ offset: this.#position, checkpointOffset, replayedRecords, ms: clock.nowMs() - startedAtMs });
  }

  async #restoreNewest(target: number): Promise<number | undefined> {
    const { processor } = this.#options;
    const found = await this.#patiently('reading checkpoints', () =>
      this.#checkpoints.newest(target, ({ processorVersion, lineage }) => {
        if (processorVersion !== processor.version) return `expected version ${processor.version}, found ${processorVersion}`;
        if (lineage !== this.#lineage) return `expected lineage ${this.#lineage}, found ${lineage}: another log's state`;
        return undefined;
      }),
    );
    for (const warning of found.warnings) this.#warn(warning);
    if (found.checkpoint === undefined) return undefined;
    processor.restore(found.checkpoint.state);
    this.#position = found.checkpoint.offset;
    this.#savedOffset = found.checkpoint.offset;
    return found.checkpoint.offset;
  }

  /** One turn of the live loop: read, process, commit, and save the state when that is due. At most one commit is under way at a time. */
  async #advance(): Promise<void> {
    const { clock } = this.#options;
    if ((await this.#border()) === undefined) return;
    const lookedAtMs = clock.nowMs();
    const batches = await this.#read(this.#limits.idleMs);
    let readMs = clock.nowMs() - lookedAtMs;
    for (const group of this.#cut(batches)) {
      // Also here: what came into force while the read waited must not be used before everybody was scored by it.
      const facts = await this.#border();
      if (facts === undefined) return;
      const startedAtMs = clock.nowMs();
      this.#stateIsAhead = true;
      const step = await this.#process(group, facts);
      const processMs = clock.nowMs() - startedAtMs;
      this.#position = step.to.offset;
      if (!(await this.#settle())) return;
      this.#factsInForce = step.facts;
      this.#underWay = this.#commit(step, { startedAtMs, readMs, processMs });
      this.#stateIsAhead = false;
      readMs = 0;
      // The embedded log answers at once: without this a backlog would keep signals and timers waiting.
      await yieldToLoop();
      if (this.#options.signal.aborted) break;
    }
    // Without records nothing is gained by waiting longer to hear how the last commit went.
    if ((batches.length === 0 || this.#checkpointIsDue()) && !(await this.#settle())) return;
    if (this.#checkpointIsDue()) await this.#saveCheckpoint();
  }

  #checkpointIsDue(): boolean {
    if (this.#recordsSinceSave === 0) return false;
    const sinceMs = this.#options.clock.nowMs() - this.#savedAtMs;
    // Below zero the time of day was set back: without this no checkpoint would be due for as long as it was set back by.
    return sinceMs < 0 || sinceMs >= this.#limits.checkpointMs || this.#recordsSinceSave >= this.#limits.checkpointRecords;
  }

  async #commit(step: Step, times: { startedAtMs: number; readMs: number; processMs: number }): Promise<{ committed: boolean } | { error: unknown }> {
    const { clock, observer } = this.#options;
    const sentAtMs = clock.nowMs();
    try {
      if (!(await this.#writer.commit(step.appends, step.to))) return { committed: false };
      this.#records += step.records;
      this.#recordsSinceSave += step.records;
      observer?.committed?.({ offset: step.to.offset, batches: step.batches, records: step.records, ...times, commitMs: clock.nowMs() - sentAtMs });
      return { committed: true };
    } catch (error) {
      return { error };
    }
  }

  /** Waits for the commit under way; true when everything processed is committed or about to be, false when the log could not take it any more. */
  async #settle(): Promise<boolean> {
    const outcome = await this.#underWay;
    this.#underWay = undefined;
    if (outcome === undefined) return true;
    if ('error' in outcome) throw outcome.error;
    if (!outcome.committed) this.#stateIsAhead = true;
    return outcome.committed;
  }

  /** Batches by transaction; `read` has kept to the byte budget already. */
  *#cut(batches: readonly RecordBatch[]): Iterable<readonly RecordBatch[]> {
    let group: RecordBatch[] = [];
    let records = 0;
    for (const batch of batches) {
      if (group.length > 0 && records + batch.count > this.#limits.transactionRecords) {
        yield group;
        group = [];
        records = 0;
      }
      group.push(batch);
      records += batch.count;
    }
    if (group.length > 0) yield group;
  }

  async #process(batches: readonly RecordBatch[], facts: CommitFacts): Promise<Step> {
    const { processor } = this.#options;
    const appends: Append[] = [];
    let endOffset = this.#position;
    let records = 0;
    let count = 0;
    for (const batch of batches) {
      try {
        for (const append of (await processor.process(batch, true)).appends) appends.push(append);
      } catch (error) {
        // What was processed before a batch that can't be read is committed first; the next turn then ends at that batch.
        if (count === 0 || failureOf(error)?.outcome !== 'not-applied') throw error;
        break;
      }
      endOffset = batch.baseOffset + batch.count;
      records += batch.count;
      count++;
    }
    const metadata = writeCommitMetadata({ lineage: this.#lineage, facts });
    return { appends, to: { offset: endOffset, metadata }, batches: count, records, facts: JSON.stringify(facts) };
  }

  /**
   * The border of a transaction: what is in force from here on. When that is something else than the last commit says, the processor says what it changes
   * before further records: outputs and the new facts are one transaction at the same offset, so a crash repeats or keeps both. Undefined when the log
   * could not take it.
   */
  async #border(): Promise<CommitFacts | undefined> {
    const { processor, steering } = this.#options;
    const facts = steering?.border() ?? {};
    const inForce = JSON.stringify(facts);
    if (processor.refresh === undefined || this.#factsInForce === undefined || inForce === this.#factsInForce) return facts;
    if (!(await this.#settle())) return undefined;
    const { appends } = processor.refresh(this.#position);
    const metadata = writeCommitMetadata({ lineage: this.#lineage, facts });
    if (!(await this.#writer.commit(appends, { offset: this.#position, metadata }))) return undefined;
    this.#factsInForce = inForce;
    return facts;
  }

  async #saveCheckpoint(): Promise<void> {
    const { clock, processor, observer } = this.#options;
    if (this.#stateIsAhead || this.#savedOffset === this.#position || this.#recordsSinceSave === 0) return;
    const startedAtMs = clock.nowMs();
    this.#savedAtMs = startedAtMs;
    try {
      const state = processor.snapshot();
      const checkpoint = { offset: this.#position, processorVersion: processor.version, lineage: this.#lineage, state };
      const byteCount = await this.#checkpoints.save(checkpoint);
      this.#savedOffset = this.#position;
      this.#recordsSinceSave = 0;
      observer?.checkpointed?.({ offset: this.#position, byteCount, ms: clock.nowMs() - startedAtMs });
    } catch (error) {
      // Older checkpoints still serve; the next try comes with the next turn of the cadence.
      if (failureOf(error) === undefined) throw error;
      this.#warn(`saving the checkpoint at ${this.#position} failed: ${describeError(error)}`);
    }
  }

  async #read(maxWaitMs: number): Promise<readonly RecordBatch[]> {
    const { log, topic, partition, signal, observer } = this.#options;
    observer?.looked?.();
    const options = { maxBytes: this.#limits.transactionBytes, maxWaitMs, signal };
    return this.#patiently('reading', () => log.read(topic, partition, this.#position, options));
  }

  #patiently<T>(what: string, call: () => Promise<T>): Promise<T> {
    const { clock, signal } = this.#options;
    return patiently(what, { clock, signal, warned: (message) => this.#warn(message) }, call);
  }

  get #name(): string {
    const { topic, partition, group } = this.#options;
    return `${topic}/${partition} (group ${group})`;
  }

  #warn(message: string): void {
    this.#options.observer?.warned?.(`${this.#name}: ${message}`);
  }
}
