import { setTimeout as delay } from 'node:timers/promises';
import { PlatformError } from '../../errors.ts';
import type { TopicDescription, TopicSettings } from '../event-log.ts';
import { checkTopics } from '../log-rules.ts';
import { createTopicsCall, describeConfigsCall, fetchCall, listOffsetsCall, type NewTopic, type PartitionAt } from './cluster-calls.ts';
import { fetchOffsetsCall, listGroupsCall, type GroupOffsets } from './group-calls.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { isStale, KafkaRefusal } from './kafka-errors.ts';
import { isAbortMarker, splitRecordBatches } from './record-batch-decoder.ts';

const batchBytesMax = 16 * 1024 * 1024;
const replicasWanted = 3;
const createTimeoutMs = 15_000;
const leaderPatienceMs = 20_000;
const forever = '9223372036854775807';
const stepsBackMax = 16;

/** Topics of a cluster: making them, and saying what is on them. */
export class KafkaTopics {
  readonly #cluster: KafkaCluster;
  readonly #shared = new Set<string>();
  readonly #batchBytes = new Map<string, number>();
  /** Ends that were found behind marks of transactions, by partition, for the stable end at which they were found. */
  readonly #ends = new Map<string, { readonly stableEnd: number; readonly end: number }>();

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
  }

  async ensure(topics: Readonly<Record<string, TopicSettings>>): Promise<void> {
    const names = Object.keys(topics);
    if (names.length === 0) return;
    const found = await this.#partitionCounts(names);
    this.#check(topics, found);
    const missing = names.filter((name) => !found.has(name));
    if (missing.length > 0) {
      const brokers = this.#cluster.brokerIds.length;
      const fresh = missing.map((topic) => newTopic(topic, topics[topic], Math.min(replicasWanted, brokers)));
      const { existing } = await this.#cluster.toController(`making the topics ${missing.join(', ')}`, createTopicsCall(fresh, createTimeoutMs));
      // Another process made them at the same time.
      if (existing.length > 0) this.#check(topics, await this.#partitionCounts(existing));
      await this.#untilLed(missing);
    }
    for (const name of names) {
      if (topics[name].shared === true) this.#shared.add(name);
    }
  }

  isShared(topic: string): boolean {
    return this.#shared.has(topic);
  }

  /** Largest record batch that the topic takes. */
  async batchBytesMax(topic: string): Promise<number> {
    const known = this.#batchBytes.get(topic);
    if (known !== undefined) return known;
    const call = describeConfigsCall([{ kind: 'topic', name: topic }], ['max.message.bytes']);
    const { values } = await this.#cluster.toAny(`reading the settings of ${topic}`, call);
    const found = Number(values.get(topic)?.get('max.message.bytes') ?? 1_048_588);
    this.#batchBytes.set(topic, found);
    return found;
  }

  async describe(): Promise<readonly TopicDescription[]> {
    const metadata = await this.#cluster.patiently({ what: 'listing the topics' }, () => this.#cluster.refresh(undefined));
    const topics = metadata.topics.filter(({ code, isInternal, topic }) => code === 0 && !isInternal && !topic.startsWith('__'));
    const partitions = topics.flatMap(({ topic, partitions: all }) => all.map(({ partition }) => ({ topic, partition })));
    const [first, next, groups] = await Promise.all([this.#offsets('first', partitions), this.#offsets('next', partitions), this.#groups()]);
    const ends = await Promise.all(partitions.map((at) => this.endOf(at, first.get(nameOf(at)) ?? 0, next.get(nameOf(at)) ?? 0)));
    const endsByName = new Map(partitions.map((at, i) => [nameOf(at), ends[i]]));
    const committed = Map.groupBy(
      groups.flatMap(({ group, offsets }) => offsets.filter(({ offset, code }) => code === 0 && offset >= 0).map((offset) => ({ group, ...offset }))),
      ({ topic }) => topic,
    );
    return topics
      .map(({ topic, partitions: all }) => ({
        topic,
        partitions: all.map(({ partition }) => ({ partition, start: first.get(`${topic}/${partition}`) ?? 0, end: endsByName.get(`${topic}/${partition}`) ?? 0 })),
        groups: (committed.get(topic) ?? [])
          .map(({ group, partition, offset }) => ({ group, partition, offset }))
          .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : a.partition - b.partition)),
      }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  async offsetsOf(at: PartitionAt): Promise<{ readonly start: number; readonly end: number }> {
    const ask = (which: 'first' | 'next'): Promise<number> =>
      this.#cluster.toLeader(at, { what: `asking for offsets of ${nameOf(at)}` }, async (node) => {
        const { offsets } = await node.send(listOffsetsCall(which, [at]));
        if (offsets[0].code !== 0) throw new KafkaRefusal(offsets[0].code, `asking for offsets of ${nameOf(at)}`);
        return offsets[0].offset;
      });
    const [start, stableEnd] = await Promise.all([ask('first'), ask('next')]);
    return { start, end: await this.endOf(at, start, stableEnd) };
  }

  /**
   * The offset behind the last record: Kafka spends an offset on the mark that ends a transaction, and counting it would leave every reader
   * that has caught up one behind. Looks at what lies before the stable end.
   */
  async endOf(at: PartitionAt, start: number, stableEnd: number): Promise<number> {
    if (stableEnd <= start) return stableEnd;
    const known = this.#ends.get(nameOf(at));
    if (known?.stableEnd === stableEnd) return known.end;
    let end = stableEnd;
    for (let steps = 0; steps < stepsBackMax && end > start; steps++) {
      const call = fetchCall({ ...at, offset: end - 1, maxBytes: 1, maxWaitMs: 0 });
      const { records, aborted } = await this.#cluster.toLeader(at, { what: `looking at the end of ${nameOf(at)}` }, async (node) => {
        const fetched = await node.send(call);
        if (isStale(new KafkaRefusal(fetched.code, ''))) throw new KafkaRefusal(fetched.code, `looking at the end of ${nameOf(at)}`);
        return fetched;
      });
      const [batch] = splitRecordBatches(records);
      if (batch === undefined) break;
      if (batch.isControl) {
        end = batch.baseOffset;
        // A commit has its records before it.
        if (!isAbortMarker(batch)) break;
      } else if (batch.isTransactional && aborted.some(({ producerId, firstOffset }) => producerId === batch.producerId && firstOffset <= batch.baseOffset)) {
        end = batch.baseOffset;
      } else {
        break;
      }
    }
    this.#ends.set(nameOf(at), { stableEnd, end });
    return end;
  }

  #check(topics: Readonly<Record<string, TopicSettings>>, found: ReadonlyMap<string, number>): void {
    for (const [name, { partitions }] of Object.entries(topics)) {
      const existing = found.get(name);
      if (existing === undefined || existing === partitions) continue;
      throw new PlatformError(
        'VERSION_MISMATCH',
        `EVENT_LOG ${this.#cluster.shown}: topic ${name}: expected ${partitions} partitions, found ${existing}; set the partitions of the source's deployment.yaml to ${existing}, or move to another cluster: records stay with their partition`,
      );
    }
    checkTopics(topics, () => undefined);
  }

  async #partitionCounts(names: readonly string[]): Promise<Map<string, number>> {
    const { topics } = await this.#cluster.patiently({ what: 'looking for topics' }, () => this.#cluster.refresh(names));
    return new Map(topics.filter(({ code }) => code === 0).map(({ topic, partitions }) => [topic, partitions.length]));
  }

  async #untilLed(names: readonly string[]): Promise<void> {
    for (const deadline = performance.now() + leaderPatienceMs; ; ) {
      const { topics } = await this.#cluster.patiently({ what: 'waiting for leaders' }, () => this.#cluster.refresh(names));
      const isLed = topics.length === names.length && topics.every(({ code, partitions }) => code === 0 && partitions.every(({ code: problem, leader }) => problem === 0 && leader >= 0));
      if (isLed) return;
      if (performance.now() > deadline) throw new PlatformError('UNAVAILABLE', `EVENT_LOG ${this.#cluster.shown}: expected a leader for every partition of ${names.join(', ')}, found none within ${leaderPatienceMs} ms`, { retriable: true });
      await delay(20);
    }
  }

  /** Offsets of many partitions, one call a leader. */
  async #offsets(which: 'first' | 'next', partitions: readonly PartitionAt[]): Promise<Map<string, number>> {
    const led = partitions.flatMap((at) => {
      try {
        return [{ at, node: this.#cluster.leaderOf(at) }];
      } catch {
        // A partition without a leader can't be read either.
        return [];
      }
    });
    const answers = await Promise.all(
      [...Map.groupBy(led, ({ node }) => node)].map(([node, parts]) =>
        this.#cluster.patiently({ what: 'asking for offsets' }, () => node.send(listOffsetsCall(which, parts.map(({ at }) => at)))),
      ),
    );
    return new Map(answers.flatMap(({ offsets }) => offsets.filter(({ code }) => code === 0).map((found) => [nameOf(found), found.offset])));
  }

  /** What every group of the cluster committed. */
  async #groups(): Promise<readonly GroupOffsets[]> {
    const lists = await this.#cluster.toAll('listing the groups', () => listGroupsCall());
    const names = [...new Set(lists.flatMap(({ groups }) => groups))];
    // One by one: a group whose coordinator moved or still loads is asked again alone, and never left out as if it had committed nothing.
    const what = 'asking for committed offsets';
    return Promise.all(names.map((name) => this.#cluster.toCoordinator('group', name, { what }, async (node) => {
      const [group] = (await node.send(fetchOffsetsCall([name], { isSettled: false }))).groups;
      if (group.code !== 0) throw new KafkaRefusal(group.code, what);
      return group;
    })));
  }
}

/** Event times go back years: a topic that deletes by age, or wants times near now, would lose or refuse them. */
function newTopic(topic: string, { partitions, cleanup = 'delete', retentionMs }: TopicSettings, replication: number): NewTopic {
  return {
    topic,
    partitions,
    replication,
    configs: {
      'cleanup.policy': cleanup,
      'retention.ms': String(retentionMs ?? -1),
      'retention.bytes': '-1',
      'max.message.bytes': String(batchBytesMax),
      'message.timestamp.type': 'CreateTime',
      'message.timestamp.before.max.ms': forever,
      'message.timestamp.after.max.ms': forever,
      'min.insync.replicas': String(replication >= replicasWanted ? 2 : 1),
    },
  };
}

function nameOf({ topic, partition }: PartitionAt): string {
  return `${topic}/${partition}`;
}
