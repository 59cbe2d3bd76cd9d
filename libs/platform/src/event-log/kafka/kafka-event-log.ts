import assert from 'node:assert';
import type { Address } from '../../address.ts';
import type { Login } from '../../configuration/configuration.ts';
import { PlatformError } from '../../errors.ts';
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
} from '../event-log.ts';
import { noSuchTopic, readBytesDefault } from '../log-rules.ts';
import { describeConfigsCall, fetchCall, listOffsetsCall, type FetchedPartition, type PartitionAt } from './cluster-calls.ts';
import type { Compression } from './compression.ts';
import { fetchOffsetsCall } from './group-calls.ts';
import { KafkaCluster } from './kafka-cluster.ts';
import { isRefusal, kafkaCodes, KafkaRefusal, type KafkaCode } from './kafka-errors.ts';
import { KafkaGroupMember } from './kafka-group-member.ts';
import { kafkaSettings } from './kafka-settings.ts';
import { KafkaTopics } from './kafka-topics.ts';
import { KafkaWriter } from './kafka-writer.ts';
import { PartitionReader } from './partition-reader.ts';

export interface KafkaEventLogOptions {
  /** The app, for the client id that the brokers' logs and quotas see. */
  readonly app: string;
  readonly login?: Login | undefined;
  /** Told of what is no failure but should be known; `process.emitWarning` when absent. */
  readonly warn?: ((message: string) => void) | undefined;
  /** How written batches are compressed; `lz4` when absent. */
  readonly compression?: Compression | undefined;
}

/** One long poll; a read that waits longer asks again, and a stopped one holds its connection no longer than this. */
const pollMsMax = 500;
const fetchBytes = { min: 64 * 1024, max: 4 * 1024 * 1024 };
const readersMax = 512;
const heldBytesMax = 64 * 1024 * 1024;
const settledPatienceMs = 2000;
/** Below this, offsets of groups that nobody is a member of (replays) are forgotten within a year. */
const offsetsRetentionMinutesWanted = 365 * 24 * 60;

/**
 * The log on a Kafka cluster. An append is a record batch of its own (several where it is larger than the topic takes; readers put them
 * together again); a commit is a Kafka transaction under the writer's id; reading fetches committed records from the partitions' leaders
 * without a group. `shared` topics are known as such to the handles that ensured them.
 */
export class KafkaEventLog extends EventLog {
  readonly #cluster: KafkaCluster;
  readonly #topics: KafkaTopics;
  readonly #options: KafkaEventLogOptions;
  /** Readers by where they go on, `topic/partition@offset`, the least lately used first. */
  readonly #readers = new Map<string, PartitionReader>();
  readonly #members = new Set<KafkaGroupMember>();

  private constructor(cluster: KafkaCluster, options: KafkaEventLogOptions) {
    super();
    this.#cluster = cluster;
    this.#topics = new KafkaTopics(cluster);
    this.#options = options;
  }

  /** Connects; a cluster that can't be reached or refuses the login is said within about 15 s, naming the setting and what to do. */
  static async open(address: Address, options: KafkaEventLogOptions): Promise<KafkaEventLog> {
    const cluster = new KafkaCluster(kafkaSettings(address, options.app, options.login));
    await cluster.open();
    return new KafkaEventLog(cluster, options);
  }

  async ensureTopics(topics: Readonly<Record<string, TopicSettings>>): Promise<void> {
    this.#cluster.checkOpen();
    await this.#topics.ensure(topics);
  }

  async describeTopics(): Promise<readonly TopicDescription[]> {
    this.#cluster.checkOpen();
    return this.#topics.describe();
  }

  async offsets(topic: string, partition: number): Promise<{ readonly start: number; readonly end: number }> {
    this.#cluster.checkOpen();
    await this.#checkPartition(topic, partition);
    return this.#topics.offsetsOf({ topic, partition });
  }

  async read(topic: string, partition: number, offset: number, options: ReadOptions = {}): Promise<readonly RecordBatch[]> {
    this.#cluster.checkOpen();
    assert(offset >= 0, `expected an offset of at least 0, found ${offset}`);
    await this.#checkPartition(topic, partition);
    const { signal, maxWaitMs = 0, maxBytes = readBytesDefault } = options;
    const name = `${topic}/${partition}`;
    const reader = this.#takeReader({ topic, partition }, offset, maxBytes);
    const ended = endOf(signal, this.#cluster.closed);
    try {
      const deadline = performance.now() + maxWaitMs;
      const batches: RecordBatch[] = [];
      let next = offset;
      let byteCount = 0;
      for (;;) {
        if (signal?.aborted === true) return [];
        const leftMs = Math.max(0, Math.min(pollMsMax, Math.ceil(deadline - performance.now())));
        const batch = await Promise.race([reader.next(offset, batches.length === 0 ? leftMs : 0), ended.promise]);
        this.#cluster.checkOpen();
        // The fetch goes on without us; the reader is left to it.
        if (batch === 'ended') return batches;
        if (batch !== undefined) {
          batches.push(batch);
          next = batch.baseOffset + batch.count;
          byteCount += batch.valueOffsets[batch.count];
        }
        const isWaiting = batches.length === 0 && performance.now() < deadline;
        const mayHaveMore = batch !== undefined && byteCount < maxBytes && !reader.isAtEnd;
        if (!isWaiting && !mayHaveMore) break;
      }
      this.#keepReader(`${name}@${next}`, reader);
      return batches;
    } finally {
      ended.dispose();
    }
  }

  async committed(group: string, topic: string, partition: number): Promise<CommittedOffset | undefined> {
    this.#cluster.checkOpen();
    const what = `asking what group ${group} committed`;
    const ask = (isSettled: boolean): Promise<CommittedOffset | undefined> =>
      this.#cluster.toCoordinator('group', group, { what, ...(isSettled ? { ms: settledPatienceMs } : {}) }, async (node) => {
        const { groups } = await node.send(fetchOffsetsCall([group], { at: { topic, partition }, isSettled }));
        const [found] = groups[0].offsets;
        const code = groups[0].code || (found?.code ?? 0);
        if (code !== 0) throw new KafkaRefusal(code, what);
        return found === undefined || found.offset < 0 ? undefined : { offset: found.offset, metadata: found.metadata };
      });
    try {
      return await ask(true);
    } catch (error) {
      // A writer that died within a transaction leaves it undecided for a while; what was committed before it stands.
      if (!(error instanceof PlatformError) || !isRefusal(error.cause, 'UNSTABLE_OFFSET_COMMIT')) throw error;
      return ask(false);
    }
  }

  async openWriter(id: string): Promise<LogWriter> {
    this.#cluster.checkOpen();
    return KafkaWriter.open({
      cluster: this.#cluster,
      id,
      compression: this.#options.compression ?? 'lz4',
      place: (topic, partition, writerId) => this.#place(topic, partition, writerId),
      batchBytesMax: (topic) => this.#topics.batchBytesMax(topic),
      committed: (group, topic, partition) => this.committed(group, topic, partition),
    });
  }

  async joinGroup(group: string, topics: readonly string[], listener: AssignmentListener): Promise<GroupMember> {
    this.#cluster.checkOpen();
    for (const topic of topics) await this.#checkPartition(topic, 0);
    const member = await KafkaGroupMember.join({ cluster: this.#cluster, group, topics, listener, warn: (message) => this.#warn(message) });
    this.#members.add(member);
    return {
      leave: async () => {
        this.#members.delete(member);
        await member.leave();
      },
    };
  }

  override async warnings(): Promise<readonly string[]> {
    const name = 'offsets.retention.minutes';
    const answers = await this.#cluster.toAll('reading the settings of the brokers', (id) => describeConfigsCall([{ kind: 'broker', name: String(id) }], [name]));
    const minutes = answers.flatMap(({ values }) => [...values.values()].map((settings) => Number(settings.get(name) ?? NaN))).filter((found) => Number.isFinite(found));
    const least = Math.min(...minutes);
    if (least >= offsetsRetentionMinutesWanted) return [];
    return [
      `the brokers forget the offsets of a group ${Math.round(least / 1440)} days after its last commit (${name}=${least}): a file replayed again later would be taken for a new one and doubled, and apps that stood still that long begin anew; set ${name}=2147483647`,
    ];
  }

  async close(): Promise<void> {
    if (this.#cluster.closed.aborted) return;
    this.#cluster.close();
    this.#readers.clear();
    await Promise.all([...this.#members].map((member) => member.leave()));
  }

  /** A partition that this writer may append to; without a number, one that the writer's id chooses. */
  async #place(topic: string, partition: number | undefined, writerId: string): Promise<number> {
    if (partition !== undefined && this.#topics.isShared(topic)) {
      throw new PlatformError('PERMISSION', `topic ${topic} is shared: expected an append without a partition, found ${partition}`);
    }
    const count = await this.#checkPartition(topic, partition ?? 0);
    if (partition !== undefined) return partition;
    let hash = 0;
    for (const byte of Buffer.from(writerId)) hash = (hash * 31 + byte) >>> 0;
    return hash % count;
  }

  async #checkPartition(topic: string, partition: number): Promise<number> {
    const count = await this.#cluster.partitionCount(topic);
    if (count === undefined) throw noSuchTopic(topic, []);
    if (partition >= 0 && partition < count) return count;
    throw new PlatformError('NOT_FOUND', `topic ${topic}: expected a partition below ${count}, found ${partition}`);
  }

  #takeReader(at: PartitionAt, offset: number, maxBytes: number): PartitionReader {
    const name = `${at.topic}/${at.partition}@${offset}`;
    const kept = this.#readers.get(name);
    this.#readers.delete(name);
    const bytes = Math.min(Math.max(maxBytes, fetchBytes.min), fetchBytes.max);
    return kept ?? new PartitionReader(at, offset, (from, maxWaitMs) => this.#fetch(at, from, bytes, maxWaitMs));
  }

  #keepReader(name: string, reader: PartitionReader): void {
    this.#readers.set(name, reader);
    let held = 0;
    for (const kept of this.#readers.values()) held += kept.heldBytes;
    for (const [oldest, kept] of this.#readers) {
      if (this.#readers.size <= readersMax && held <= heldBytesMax) break;
      this.#readers.delete(oldest);
      held -= kept.heldBytes;
    }
  }

  async #fetch(at: PartitionAt, offset: number, maxBytes: number, maxWaitMs: number): Promise<FetchedPartition> {
    const what = `reading ${at.topic}/${at.partition}`;
    return this.#cluster.toLeader(at, { what }, async (node) => {
      const fetched = await node.sendAlone(fetchCall({ ...at, offset, maxBytes, maxWaitMs }));
      if (fetched.code === 0) return fetched;
      if (fetched.code !== kafkaCodes['OFFSET_OUT_OF_RANGE' satisfies KafkaCode]) throw new KafkaRefusal(fetched.code, what);
      const { offsets } = await node.send(listOffsetsCall('first', [at]));
      const first = offsets[0].offset;
      // Beyond the end there is nothing yet; before the beginning the first records kept are next.
      if (offset >= first) return { code: 0, stableEnd: offset, logStart: first, aborted: [], records: Buffer.alloc(0) };
      return node.sendAlone(fetchCall({ ...at, offset: first, maxBytes, maxWaitMs }));
    });
  }

  #warn(message: string): void {
    if (this.#options.warn === undefined) process.emitWarning(message);
    else this.#options.warn(message);
  }
}

/** Resolves with 'ended' when either signal aborts. */
function endOf(signal: AbortSignal | undefined, closed: AbortSignal): { readonly promise: Promise<'ended'>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<'ended'>();
  const end = (): void => resolve('ended');
  const signals = [closed, ...(signal === undefined ? [] : [signal])];
  for (const each of signals) {
    if (each.aborted) end();
    each.addEventListener('abort', end);
  }
  return {
    promise,
    dispose: () => {
      for (const each of signals) each.removeEventListener('abort', end);
    },
  };
}
