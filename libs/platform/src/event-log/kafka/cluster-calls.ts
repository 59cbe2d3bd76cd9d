/* Calls about the cluster and its topics. */
import { kafkaCodes, KafkaRefusal } from './kafka-errors.ts';
import type { KafkaCall } from './kafka-node.ts';
import { WireWriter, type WireReader } from './wire.ts';

export interface ClusterMetadata {
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

export interface TopicMetadata {
  readonly code: number;
  readonly topic: string;
  readonly isInternal: boolean;
  readonly partitions: readonly { readonly code: number; readonly partition: number; readonly leader: number }[];
}

/** Throws what a code says, if it is a failure. */
export function refuse(code: number, what: string, detail?: string | null): void {
  if (code !== 0) throw new KafkaRefusal(code, what, detail);
}

/** Brokers, and leaders of these topics (of all when undefined); topics that fail carry their code instead of failing the call. */
export function metadataCall(topics: readonly string[] | undefined): KafkaCall<ClusterMetadata> {
  return {
    name: 'Metadata',
    key: 3,
    version: 6,
    write: () => {
      const out = new WireWriter();
      if (topics === undefined) out.int32(-1);
      else out.array(topics, (topic) => out.string(topic));
      return out.int8(0);
    },
    read: (answer) => {
      answer.int32();
      const brokers = answer.array(() => ({ id: answer.int32(), host: answer.string() ?? '', port: answer.int32(), rack: answer.string() }));
      answer.string();
      return { brokers, controllerId: answer.int32(), topics: answer.array(() => readTopic(answer)) };
    },
  };
}

function readTopic(answer: WireReader): TopicMetadata {
  const code = answer.int16();
  const topic = answer.string() ?? '';
  const isInternal = answer.int8() === 1;
  const partitions = answer.array(() => {
    const partition = { code: answer.int16(), partition: answer.int32(), leader: answer.int32() };
    for (let list = 0; list < 3; list++) answer.array(() => answer.int32());
    return partition;
  });
  return { code, topic, isInternal, partitions: partitions.sort((a, b) => a.partition - b.partition) };
}

export function findCoordinatorCall(kind: 'group' | 'transaction', name: string): KafkaCall<{ readonly id: number; readonly host: string; readonly port: number }> {
  return {
    name: 'FindCoordinator',
    key: 10,
    version: 2,
    write: () => new WireWriter().string(name).int8(kind === 'group' ? 0 : 1),
    read: (answer) => {
      answer.int32();
      const code = answer.int16();
      refuse(code, `finding the coordinator of ${kind} ${name}`, answer.string());
      return { id: answer.int32(), host: answer.string() ?? '', port: answer.int32() };
    },
  };
}

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replication: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** Makes topics; one that exists already is no failure here. */
export function createTopicsCall(topics: readonly NewTopic[], timeoutMs: number): KafkaCall<{ readonly existing: readonly string[] }> {
  return {
    name: 'CreateTopics',
    key: 19,
    version: 3,
    holdMs: timeoutMs,
    write: () => {
      const out = new WireWriter();
      out.array(topics, ({ topic, partitions, replication, configs }) => {
        out.string(topic).int32(partitions).int16(replication).int32(0);
        out.array(Object.entries(configs), ([name, value]) => out.string(name).string(value));
      });
      return out.int32(timeoutMs).int8(0);
    },
    read: (answer) => {
      answer.int32();
      const results = answer.array(() => ({ topic: answer.string() ?? '', code: answer.int16(), message: answer.string() }));
      const existing = results.filter(({ code }) => code === kafkaCodes.TOPIC_ALREADY_EXISTS).map(({ topic }) => topic);
      for (const { topic, code, message } of results) if (!existing.includes(topic)) refuse(code, `making topic ${topic}`, message);
      return { existing };
    },
  };
}

export interface ConfigResource {
  readonly kind: 'topic' | 'broker';
  readonly name: string;
}

/** Chosen settings of topics or brokers, by resource name. */
export function describeConfigsCall(resources: readonly ConfigResource[], names: readonly string[]): KafkaCall<{ readonly values: ReadonlyMap<string, ReadonlyMap<string, string>> }> {
  return {
    name: 'DescribeConfigs',
    key: 32,
    version: 2,
    write: () => {
      const out = new WireWriter();
      out.array(resources, ({ kind, name }) => {
        out.int8(kind === 'topic' ? 2 : 4).string(name);
        out.array(names, (setting) => out.string(setting));
      });
      return out.int8(0);
    },
    read: (answer) => {
      answer.int32();
      const results = answer.array(() => {
        const code = answer.int16();
        const message = answer.string();
        answer.int8();
        const name = answer.string() ?? '';
        refuse(code, `reading the settings of ${name}`, message);
        const entries = answer.array((): [string, string] => {
          const entry: [string, string] = [answer.string() ?? '', answer.string() ?? ''];
          // Read-only, source, sensitive; then synonyms.
          answer.bytes(3);
          answer.array(() => [answer.string(), answer.string(), answer.int8()]);
          return entry;
        });
        return [name, new Map(entries)] as const;
      });
      return { values: new Map(results) };
    },
  };
}

export interface PartitionAt {
  readonly topic: string;
  readonly partition: number;
}

/** First offset, or the next one that a read_committed reader may reach. */
export function listOffsetsCall(which: 'first' | 'next', partitions: readonly PartitionAt[]): KafkaCall<{ readonly offsets: readonly (PartitionAt & { readonly code: number; readonly offset: number })[] }> {
  return {
    name: 'ListOffsets',
    key: 2,
    version: 3,
    write: () => {
      const out = new WireWriter().int32(-1).int8(1);
      return out.array(byTopic(partitions), ([topic, numbers]) => {
        out.string(topic).array(numbers, (partition) => out.int32(partition).int64(which === 'first' ? -2 : -1));
      });
    },
    read: (answer) => {
      answer.int32();
      const topics = answer.array(() => {
        const topic = answer.string() ?? '';
        return answer.array(() => {
          const at = { topic, partition: answer.int32(), code: answer.int16() };
          answer.int64();
          return { ...at, offset: answer.int64() };
        });
      });
      return { offsets: topics.flat() };
    },
  };
}

/** Partition numbers by topic, in the order in which topics first appear. */
export function byTopic(partitions: readonly PartitionAt[]): [string, number[]][] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const numbers = topics.get(topic) ?? [];
    if (!numbers.includes(partition)) numbers.push(partition);
    topics.set(topic, numbers);
  }
  return [...topics];
}

export interface FetchedPartition {
  readonly code: number;
  /** Readers of committed records may read up to here. */
  readonly stableEnd: number;
  readonly logStart: number;
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[];
  readonly records: Buffer;
}

/** Raw record batches of one partition, committed or aborted, up to the last stable offset. */
export function fetchCall(at: PartitionAt & { readonly offset: number; readonly maxBytes: number; readonly maxWaitMs: number }): KafkaCall<FetchedPartition> {
  return {
    name: 'Fetch',
    key: 1,
    version: 11,
    holdMs: at.maxWaitMs,
    write: () => {
      const out = new WireWriter().int32(-1).int32(at.maxWaitMs).int32(1).int32(at.maxBytes).int8(1).int32(0).int32(-1);
      out.int32(1).string(at.topic).int32(1);
      out.int32(at.partition).int32(-1).int64(at.offset).int64(-1).int32(at.maxBytes);
      return out.int32(0).string('');
    },
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `reading ${at.topic}/${at.partition}`);
      answer.int32();
      const [[fetched]] = answer.array(() => {
        answer.string();
        return answer.array((): FetchedPartition => {
          answer.int32();
          const code = answer.int16();
          answer.int64();
          const stableEnd = answer.int64();
          const logStart = answer.int64();
          const aborted = answer.array(() => ({ producerId: answer.int64(), firstOffset: answer.int64() }));
          answer.int32();
          return { code, stableEnd, logStart, aborted, records: answer.sizedBytes() };
        });
      });
      return fetched;
    },
  };
}
