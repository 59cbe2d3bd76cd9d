import { isPlatformError } from '../errors.ts';
import { Faults, type FaultChances } from '../faults/faults.ts';
import {
  EventLog,
  type AssignmentListener,
  type CommittedOffset,
  type GroupMember,
  type LogWriter,
  type ReadOptions,
  type RecordBatch,
  type TopicDescription,
  type TopicSettings,
} from './event-log.ts';
import { copyPackedRecords } from './packed-records.ts';

/** Another log seen through a bad network, on purpose: what survives this survives a real one. Closing never fails. */
export class UnreliableEventLog extends EventLog {
  readonly #inner: EventLog;
  readonly #faults: Faults;

  constructor(inner: EventLog, faults: FaultChances | Faults) {
    super();
    this.#inner = inner;
    this.#faults = faults instanceof Faults ? faults : new Faults(faults);
  }

  ensureTopics(topics: Readonly<Record<string, TopicSettings>>): Promise<void> {
    return this.#faults.around('make topics', () => this.#inner.ensureTopics(topics));
  }

  describeTopics(): Promise<readonly TopicDescription[]> {
    return this.#faults.around('describe topics', () => this.#inner.describeTopics(), { reads: true });
  }

  offsets(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }> {
    return this.#faults.around(`ask for offsets of ${topic}/${partition}`, () => this.#inner.offsets(topic, partition), { reads: true });
  }

  async read(topic: string, partition: number, offset: number, options?: ReadOptions): Promise<readonly RecordBatch[]> {
    const signal = options?.signal;
    try {
      return await this.#faults.around(`read ${topic}/${partition}`, () => this.#inner.read(topic, partition, offset, options), { reads: true, signal });
    } catch (error) {
      if (signal?.aborted === true && isPlatformError(error, 'TIMEOUT')) return [];
      throw error;
    }
  }

  committed(group: string, topic: string, partition: number): Promise<CommittedOffset | undefined> {
    return this.#faults.around(`ask for the offset of ${group}`, () => this.#inner.committed(group, topic, partition), { reads: true });
  }

  async openWriter(id: string): Promise<LogWriter> {
    const writer = await this.#faults.around(`open writer ${id}`, () => this.#inner.openWriter(id));
    return {
      id,
      commit: (transaction) => {
        // What is under way does not change any more, whatever the caller does with its buffers after it gave up.
        const sent = { ...transaction, appends: transaction.appends.map((append) => ({ ...append, records: copyPackedRecords(append.records) })) };
        return this.#faults.around(`commit as ${id}`, () => writer.commit(sent));
      },
      close: () => writer.close(),
    };
  }

  // Not through the coin: a member whose join took effect but failed could never leave.
  joinGroup(group: string, topics: readonly string[], listener: AssignmentListener): Promise<GroupMember> {
    return this.#inner.joinGroup(group, topics, listener);
  }

  override warnings(): Promise<readonly string[]> {
    return this.#inner.warnings();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
