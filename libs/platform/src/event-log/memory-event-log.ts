import assert from 'node:assert';
import { PlatformError } from '../errors.ts';
import { Arrivals } from './arrivals.ts';
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
  type Transaction,
} from './event-log.ts';
import { checkShared, checkTopics, checkTransaction, noSuchTopic, offsetMovedBack, readBytesDefault, writerFenced } from './log-rules.ts';
import { copyPackedRecords } from './packed-records.ts';

interface MemoryTopic {
  readonly settings: TopicSettings;
  readonly partitions: RecordBatch[][];
}

interface GroupOffset extends CommittedOffset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** The whole log in this process's memory: for tests and short runs. Records are copied on append. */
export class MemoryEventLog extends EventLog {
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #offsets = new Map<string, GroupOffset>();
  readonly #epochs = new Map<string, number>();
  readonly #groups = new Set<string>();
  readonly #arrivals = new Arrivals();
  #open = true;

  async ensureTopics(topics: Readonly<Record<string, TopicSettings>>): Promise<void> {
    this.#checkOpen();
    checkTopics(topics, (name) => this.#topics.get(name)?.settings);
    for (const [name, settings] of Object.entries(topics)) {
      if (this.#topics.has(name)) continue;
      this.#topics.set(name, { settings, partitions: Array.from({ length: settings.partitions }, () => []) });
    }
    this.#arrivals.announce();
  }

  async describeTopics(): Promise<readonly TopicDescription[]> {
    this.#checkOpen();
    const names = [...this.#topics.keys()].sort();
    return names.map((topic) => ({
      topic,
      partitions: this.#topic(topic).partitions.map((batches, partition) => ({ partition, start: 0, end: endOf(batches) })),
      groups: [...this.#offsets.values()]
        .filter((committed) => committed.topic === topic)
        .map(({ group, partition, offset }) => ({ group, partition, offset }))
        .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : a.partition - b.partition)),
    }));
  }

  async offsets(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }> {
    this.#checkOpen();
    return { start: 0, end: endOf(this.#partition(topic, partition)) };
  }

  async read(topic: string, partition: number, offset: number, options: ReadOptions = {}): Promise<readonly RecordBatch[]> {
    this.#checkOpen();
    assert(offset >= 0, `expected an offset of at least 0, found ${offset}`);
    return this.#arrivals.poll(options, () => {
      this.#checkOpen();
      return this.#batchesFrom(topic, partition, offset, options.maxBytes ?? readBytesDefault);
    });
  }

  async committed(group: string, topic: string, partition: number): Promise<CommittedOffset | undefined> {
    this.#checkOpen();
    const found = this.#offsets.get(keyOf(group, topic, partition));
    return found && { offset: found.offset, metadata: found.metadata };
  }

  async openWriter(id: string): Promise<LogWriter> {
    this.#checkOpen();
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    this.#epochs.set(id, epoch);
    let open = true;
    return {
      id,
      commit: async (transaction) => {
        this.#checkOpen();
        if (!open) throw new PlatformError('CLOSED', `writer ${id} is closed`);
        if (this.#epochs.get(id) !== epoch) throw writerFenced(id);
        return this.#apply(transaction);
      },
      close: async () => {
        open = false;
      },
    };
  }

  async joinGroup(group: string, topics: readonly string[], listener: AssignmentListener): Promise<GroupMember> {
    this.#checkOpen();
    const partitions = topics.flatMap((topic) => this.#topic(topic).partitions.map((_, partition) => ({ topic, partition })));
    if (this.#groups.has(group)) throw new PlatformError('LOCKED', `group ${group} has a member already`, { retriable: true });
    this.#groups.add(group);
    try {
      await listener.assigned(partitions);
    } catch (error) {
      this.#groups.delete(group);
      throw error;
    }
    let joined = true;
    return {
      leave: async () => {
        if (!joined) return;
        joined = false;
        await listener.revoked(partitions);
        this.#groups.delete(group);
      },
    };
  }

  async close(): Promise<void> {
    this.#open = false;
    this.#arrivals.announce();
  }

  // Checks everything before it changes anything, so a refused transaction leaves no trace.
  #apply(transaction: Transaction): readonly number[] {
    checkTransaction(transaction);
    const targets = transaction.appends.map(({ topic, partition }) => {
      checkShared(topic, this.#topic(topic).settings, partition);
      return this.#partition(topic, partition ?? 0);
    });
    for (const { group, topic, partition, offset } of transaction.offsets ?? []) {
      this.#partition(topic, partition);
      const before = this.#offsets.get(keyOf(group, topic, partition));
      if (before !== undefined && offset < before.offset) throw offsetMovedBack(group, topic, partition, before.offset, offset);
    }
    const appendedAtMs = Date.now();
    const baseOffsets = transaction.appends.map((append, i) => {
      const baseOffset = endOf(targets[i]);
      const batch = { ...copyPackedRecords(append.records), topic: append.topic, partition: append.partition ?? 0, baseOffset, appendedAtMs };
      targets[i].push(batch);
      return baseOffset;
    });
    for (const { group, topic, partition, offset, metadata } of transaction.offsets ?? []) {
      this.#offsets.set(keyOf(group, topic, partition), { group, topic, partition, offset, metadata: metadata ?? '' });
    }
    this.#arrivals.announce();
    return baseOffsets;
  }

  #batchesFrom(topic: string, partition: number, offset: number, maxBytes: number): readonly RecordBatch[] {
    const batches = this.#partition(topic, partition);
    let low = 0;
    for (let high = batches.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (batches[middle].baseOffset + batches[middle].count > offset) high = middle;
      else low = middle + 1;
    }
    let end = low;
    for (let byteCount = 0; end < batches.length && (end === low || byteCount < maxBytes); end++) byteCount += batches[end].values.byteLength;
    return batches.slice(low, end);
  }

  #topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw noSuchTopic(name, [...this.#topics.keys()]);
    return topic;
  }

  #partition(topic: string, partition: number): RecordBatch[] {
    const { partitions } = this.#topic(topic);
    if (partitions[partition] === undefined) {
      throw new PlatformError('NOT_FOUND', `topic ${topic} has partitions 0 to ${partitions.length - 1}, found ${partition}`);
    }
    return partitions[partition];
  }

  #checkOpen(): void {
    if (!this.#open) throw new PlatformError('CLOSED', 'the event log is closed');
  }
}

function endOf(batches: readonly RecordBatch[]): number {
  const last = batches.at(-1);
  return last === undefined ? 0 : last.baseOffset + last.count;
}

function keyOf(group: string, topic: string, partition: number): string {
  return JSON.stringify([group, topic, partition]);
}
