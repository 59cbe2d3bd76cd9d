import { strict as assert } from 'node:assert';
import type { Append, CommittedOffset, EventLog, LogWriter, ObjectStore, RecordBatch, Transaction } from '#tideline/platform';
import { Checkpoints } from './checkpoints.ts';
import { readCommitMetadata, writeCommitMetadata } from './commit-metadata.ts';
import { describeError, failureOf } from './failure.ts';
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
  transactionBytes: 16 * 1024 * 1024,
  transactionRecords: 50_000,
  checkpointRecords: 1_000_000,
  checkpointMs: 60_000,
  idleMs: 500,
};

/** Tries that a commit still gets after the run was told to stop. */
const ATTEMPTS_WHEN_STOPPING = 4;

/** Told what happened, for logs and metrics; must not throw. */
export interface PartitionObserver {
  recovered?(facts: { offset: number; checkpointOffset: number | undefined; replayedRecords: number; ms: number }): void;
  committed?(facts: { offset: number; batches: number; records: number; processMs: number; commitMs: number }): void;
  checkpointed?(facts: { offset: number; byteCount: number; ms: number }): void;
  warned?(message: string): void;
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

/** Inputs that were processed together with what they led to: repeatable as it is while its fate is unknown. */
interface Step {
  /** What was committed before; undefined when nothing was. */
  readonly startOffset: number | undefined;
  readonly endOffset: number;
  readonly batches: number;
  readonly records: number;
  readonly transaction: Transaction;
}

class PartitionRun {
  readonly #options: PartitionOptions;
  readonly #limits: PartitionLimits;
  readonly #checkpoints: Checkpoints;
  readonly #writerId: string;
  #writer: LogWriter | undefined;
  #lineage = '';
  /** What the last commit of the group said when this run took over. */
  #committed: CommittedOffset | undefined;
  /** First offset that the state does not cover; never beyond the committed offset when a checkpoint is taken. */
  #position = 0;
  #records = 0;
  #savedOffset: number | undefined;
  #savedAtMs = 0;
  #recordsSinceSave = 0;
  /** The processor has seen batches that are not committed: its state must not be saved. */
  #stateIsAhead = false;

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#checkpoints = new Checkpoints(options.store, options);
    this.#writerId = `${options.group}-${options.topic}-${options.partition}`;
  }

  async run(): Promise<PartitionSummary> {
    const { signal, topic, partition } = this.#options;
    try {
      await this.#takeOver();
      await this.#recover();
      if (!signal.aborted) await this.#options.steering?.resume(this.#resumedFacts());
      while (!signal.aborted) await this.#advance();
      await this.#saveCheckpoint();
      return { topic, partition, offset: this.#position, records: this.#records };
    } finally {
      await this.#writer?.close().catch((error: unknown) => this.#warn(`closing the writer failed: ${describeError(error)}`));
    }
  }

  /** Opening the identity comes first: it fences an older holder, so that the committed offset read next can't move any more. */
  async #takeOver(): Promise<void> {
    const { log, group, topic, partition, clock } = this.#options;
    this.#writer = await this.#patiently('taking over the writer', () => log.openWriter(this.#writerId));
    this.#committed = await this.#patiently('reading the committed offset', () => log.committed(group, topic, partition));
    const known = this.#committed === undefined ? undefined : readCommitMetadata(this.#committed.metadata);
    this.#lineage = known?.lineage ?? clock.nowMs().toString(36);
  }

  async #recover(): Promise<void> {
    const { log, topic, partition, clock, processor, observer, signal } = this.#options;
    const startedAtMs = clock.nowMs();
    const { start } = await this.#patiently('reading the offsets', () => log.offsets(topic, partition));
    this.#position = start;
    this.#savedAtMs = startedAtMs;
    if (this.#committed === undefined) return;
    const target = this.#committed.offset;
    const checkpointOffset = await this.#restoreNewest(target);
    if (checkpointOffset === undefined && start > 0) {
      this.#warn(`no checkpoint fits and the log begins at ${start}: state is rebuilt from there`);
    }
    if (this.#position < start) throw new Error(`${this.#name}: expected the log to reach back to offset ${this.#position}, found ${start}`);
    let replayedRecords = 0;
    while (this.#position < target && !signal.aborted) {
      const batches = await this.#read(0);
      if (batches.length === 0) {
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

  /** One turn of the live loop: read, process, commit, and save the state when that is due. */
  async #advance(): Promise<void> {
    const { clock, observer } = this.#options;
    const batches = await this.#read(this.#limits.idleMs);
    for (const group of this.#cut(batches)) {
      const startedAtMs = clock.nowMs();
      this.#stateIsAhead = true;
      const step = await this.#process(group);
      const processedAtMs = clock.nowMs();
      if (!(await this.#commit(step))) return;
      this.#stateIsAhead = false;
      this.#position = step.endOffset;
      this.#records += step.records;
      this.#recordsSinceSave += step.records;
      const processMs = processedAtMs - startedAtMs;
      observer?.committed?.({ offset: step.endOffset, batches: step.batches, records: step.records, processMs, commitMs: clock.nowMs() - processedAtMs });
      if (this.#options.signal.aborted) break;
    }
    if (this.#recordsSinceSave === 0) return;
    const overdue = clock.nowMs() - this.#savedAtMs >= this.#limits.checkpointMs;
    if (overdue || this.#recordsSinceSave >= this.#limits.checkpointRecords) await this.#saveCheckpoint();
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

  async #process(batches: readonly RecordBatch[]): Promise<Step> {
    const { processor, steering, group, topic, partition } = this.#options;
    const facts: CommitFacts = steering?.border() ?? {};
    const appends: Append[] = [];
    let endOffset = this.#position;
    let records = 0;
    for (const batch of batches) {
      const output = await processor.process(batch, true);
      for (const append of output.appends) appends.push(append);
      endOffset = batch.baseOffset + batch.count;
      records += batch.count;
    }
    const metadata = writeCommitMetadata({ lineage: this.#lineage, facts });
    const transaction = { appends, offsets: [{ group, topic, partition, offset: endOffset, metadata }] };
    return { startOffset: this.#committed?.offset, endOffset, batches: batches.length, records, transaction };
  }

  /** True once the step is on the log; false when the run was told to stop while the log could not take it. */
  async #commit(step: Step): Promise<boolean> {
    const { clock, signal } = this.#options;
    let inDoubt = false;
    for (let attempt = 0; ; attempt++) {
      try {
        if (inDoubt && (await this.#wasApplied(step))) break;
        inDoubt = false;
        assert(this.#writer !== undefined);
        await this.#writer.commit(step.transaction);
        break;
      } catch (error) {
        const failure = failureOf(error);
        if (failure === undefined || failure.code === 'FENCED') throw error;
        if (failure.outcome === 'unknown') inDoubt = true;
        else if (!failure.retriable) throw error;
        this.#warn(`commit up to offset ${step.endOffset}, attempt ${attempt + 1}: ${describeError(error)}`);
        if (signal.aborted && attempt >= ATTEMPTS_WHEN_STOPPING) return false;
        await clock.sleep(backOffMs(attempt));
      }
    }
    this.#committed = { offset: step.endOffset, metadata: '' };
    return true;
  }

  /** After a commit of unknown outcome: taking the identity again settles it, then the committed offset tells what happened. */
  async #wasApplied(step: Step): Promise<boolean> {
    const { log, group, topic, partition } = this.#options;
    this.#writer = await log.openWriter(this.#writerId);
    const committed = await log.committed(group, topic, partition);
    if (committed?.offset === step.endOffset) return true;
    if (committed?.offset === step.startOffset) return false;
    throw new Error(
      `${this.#name}: expected the committed offset to be ${step.startOffset} or ${step.endOffset}, ` +
        `found ${committed?.offset}: another process moved it`,
    );
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
    const { log, topic, partition, signal } = this.#options;
    const options = { maxBytes: this.#limits.transactionBytes, maxWaitMs, signal };
    return this.#patiently('reading', () => log.read(topic, partition, this.#position, options));
  }

  /** Repeats a call that changes nothing, or fences only older selves, while waiting may cure its failure. */
  async #patiently<T>(what: string, call: () => Promise<T>): Promise<T> {
    const { clock, signal } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        if (failureOf(error)?.retriable !== true || signal.aborted) throw error;
        this.#warn(`${what}, attempt ${attempt + 1}: ${describeError(error)}`);
        await clock.sleep(backOffMs(attempt), signal);
      }
    }
  }

  #resumedFacts(): CommitFacts | undefined {
    return this.#committed === undefined ? undefined : readCommitMetadata(this.#committed.metadata)?.facts;
  }

  get #name(): string {
    const { topic, partition, group } = this.#options;
    return `${topic}/${partition} (group ${group})`;
  }

  #warn(message: string): void {
    this.#options.observer?.warned?.(`${this.#name}: ${message}`);
  }
}

/** 20, 40, 80 … at most 5,000 ms. */
function backOffMs(attempt: number): number {
  return Math.min(20 * 2 ** attempt, 5_000);
}
