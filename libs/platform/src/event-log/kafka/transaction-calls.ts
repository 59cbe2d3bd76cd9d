/* Calls of a transactional producer. */
import { byTopic, refuse, type PartitionAt } from './cluster-calls.ts';
import type { KafkaCall } from './kafka-node.ts';
import { WireWriter, type WireReader } from './wire.ts';

/** Who writes: the coordinator refuses older epochs of the same transactional id. */
export interface ProducerIdentity {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

type Nothing = Readonly<Record<string, never>>;

/**
 * Takes the identity over: fences the older holder and rolls its open transaction back. With `holder`, only if that is still the newest
 * holder, who goes on under a new epoch.
 */
export function initProducerIdCall(transactionalId: string, transactionTimeoutMs: number, holder?: ProducerIdentity): KafkaCall<ProducerIdentity> {
  return {
    name: 'InitProducerId',
    key: 22,
    version: 3,
    flexible: true,
    write: () => {
      const out = new WireWriter().compactString(transactionalId).int32(transactionTimeoutMs);
      return out.int64(holder?.producerId ?? -1).int16(holder?.producerEpoch ?? -1).noTags();
    },
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `taking over the writer ${transactionalId}`);
      return { transactionalId, producerId: answer.int64(), producerEpoch: answer.int16() };
    },
  };
}

export function addPartitionsCall(who: ProducerIdentity, partitions: readonly PartitionAt[]): KafkaCall<Nothing> {
  return {
    name: 'AddPartitionsToTxn',
    key: 24,
    version: 1,
    write: () => {
      const out = identified(who);
      return out.array(byTopic(partitions), ([topic, numbers]) => out.string(topic).array(numbers, (partition) => out.int32(partition)));
    },
    read: (answer) => readPartitionCodes(answer, 'adding partitions to the transaction'),
  };
}

const operationNotAttempted = 55;

/** Of several codes the one that says why; partitions that were only skipped because of it say nothing. */
function readPartitionCodes(answer: WireReader, what: string): Nothing {
  answer.int32();
  const found = answer
    .array(() => {
      const topic = answer.string();
      return answer.array(() => ({ topic, partition: answer.int32(), code: answer.int16() }));
    })
    .flat()
    .filter(({ code }) => code !== 0);
  const cause = found.find(({ code }) => code !== operationNotAttempted) ?? found[0];
  if (cause !== undefined) refuse(cause.code, `${what} (${cause.topic}/${cause.partition})`);
  return {};
}

export function addOffsetsCall(who: ProducerIdentity, group: string): KafkaCall<Nothing> {
  return {
    name: 'AddOffsetsToTxn',
    key: 25,
    version: 1,
    write: () => identified(who).string(group),
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `adding the offsets of group ${group} to the transaction`);
      return {};
    },
  };
}

export interface GroupOffset extends PartitionAt {
  readonly offset: number;
  readonly metadata: string;
}

export function commitOffsetsCall(who: ProducerIdentity, group: string, offsets: readonly GroupOffset[]): KafkaCall<Nothing> {
  return {
    name: 'TxnOffsetCommit',
    key: 28,
    version: 1,
    write: () => {
      const out = new WireWriter().string(who.transactionalId).string(group).int64(who.producerId).int16(who.producerEpoch);
      // The last offset of a partition counts.
      const newest = new Map(offsets.map((offset) => [`${offset.topic}/${offset.partition}`, offset]));
      return out.array(byTopic(offsets), ([topic, numbers]) => {
        out.string(topic).array(numbers, (partition) => {
          const { offset, metadata } = newest.get(`${topic}/${partition}`)!;
          out.int32(partition).int64(offset).string(metadata);
        });
      });
    },
    read: (answer) => readPartitionCodes(answer, `committing the offsets of group ${group}`),
  };
}

export function endTransactionCall(who: ProducerIdentity, isCommit: boolean): KafkaCall<Nothing> {
  return {
    name: 'EndTxn',
    key: 26,
    version: 1,
    write: () => identified(who).int8(isCommit ? 1 : 0),
    read: (answer) => {
      answer.int32();
      refuse(answer.int16(), `${isCommit ? 'committing' : 'rolling back'} a transaction of the writer ${who.transactionalId}`);
      return {};
    },
  };
}

/** The state of the identity's last transaction, in Kafka's words: Empty, Ongoing, PrepareCommit, CompleteCommit … */
export function describeTransactionCall(transactionalId: string): KafkaCall<{ readonly state: string; readonly producerId: number; readonly producerEpoch: number }> {
  return {
    name: 'DescribeTransactions',
    key: 65,
    version: 0,
    flexible: true,
    write: () => {
      const out = new WireWriter();
      return out.compactArray([transactionalId], (id) => out.compactString(id)).noTags();
    },
    read: (answer) => {
      answer.int32();
      const [found] = answer.compactArray(() => {
        const code = answer.int16();
        answer.compactString();
        const state = answer.compactString() ?? '';
        answer.int32();
        answer.int64();
        const producerId = answer.int64();
        const producerEpoch = answer.int16();
        answer.compactArray(() => {
          answer.compactString();
          answer.compactArray(() => answer.int32());
          answer.skipTags();
        });
        answer.skipTags();
        return { code, state, producerId, producerEpoch };
      });
      refuse(found.code, `asking for the transaction of ${transactionalId}`);
      return found;
    },
  };
}

export interface ProducedPartition extends PartitionAt {
  readonly batch: Buffer;
}

/** Appends one record batch to each of these partitions, which one broker leads. */
export function produceCall(who: ProducerIdentity, parts: readonly ProducedPartition[], timeoutMs: number): KafkaCall<{ readonly results: readonly (PartitionAt & { readonly code: number; readonly baseOffset: number })[] }> {
  return {
    name: 'Produce',
    key: 0,
    version: 7,
    write: () => {
      const byteCount = parts.reduce((sum, { topic, batch }) => sum + batch.byteLength + topic.length * 3 + 32, 256 + who.transactionalId.length * 3);
      const out = new WireWriter(byteCount).string(who.transactionalId).int16(-1).int32(timeoutMs);
      return out.array(byTopic(parts), ([topic, numbers]) => {
        out.string(topic).array(numbers, (partition) => {
          out.int32(partition).sizedBytes(parts.find((part) => part.topic === topic && part.partition === partition)!.batch);
        });
      });
    },
    read: (answer) => {
      const topics = answer.array(() => {
        const topic = answer.string() ?? '';
        return answer.array(() => {
          const result = { topic, partition: answer.int32(), code: answer.int16(), baseOffset: answer.int64() };
          answer.int64();
          answer.int64();
          return result;
        });
      });
      answer.int32();
      return { results: topics.flat() };
    },
  };
}

function identified({ transactionalId, producerId, producerEpoch }: ProducerIdentity): WireWriter {
  return new WireWriter().string(transactionalId).int64(producerId).int16(producerEpoch);
}
