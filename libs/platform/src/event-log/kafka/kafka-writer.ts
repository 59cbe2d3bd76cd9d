import { PlatformError } from '../../errors.ts';
import type { LogWriter, OffsetCommit, Transaction } from '../event-log.ts';
import { checkTransaction, offsetMovedBack, writerFenced } from '../log-rules.ts';
import type { PartitionAt } from './cluster-calls.ts';
import { compress, type Compression } from './compression.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { isRefusal, kafkaCodes, KafkaRefusal } from './kafka-errors.ts';
import { cutPieces, frameBatch, packRecords } from './record-batch-encoder.ts';
import {
  addOffsetsCall, addPartitionsCall, commitOffsetsCall, describeTransactionCall, endTransactionCall, initProducerIdCall, produceCall, type GroupOffset, type ProducerIdentity,
} from './transaction-calls.ts';

/** A transaction that is open longer is rolled back by Kafka; it bounds how long a dead writer can hold back readers. */
const transactionTimeoutMs = 60_000;
const produceTimeoutMs = 10_000;
/** Bytes of batches that one request carries, the first batch of it excepted (a broker takes 100 MiB). */
const requestBytesMax = 32 * 1024 * 1024;
const sequenceCount = 2 ** 31;

export interface KafkaWriterOptions {
  readonly cluster: KafkaCluster;
  readonly id: string;
  readonly compression: Compression;
  /** Where an append goes; throws `NOT_FOUND` or `PERMISSION` for a place that it can't have. */
  readonly place: (topic: string, partition: number | undefined, writerId: string) => Promise<number>;
  readonly batchBytesMax: (topic: string) => Promise<number>;
  readonly committed: (group: string, topic: string, partition: number) => Promise<{ readonly offset: number } | undefined>;
}

/** One record batch to be, packed and compressed. */
interface ReadyPiece extends PartitionAt {
  /** Which append of the transaction it is part of. */
  readonly append: number;
  readonly isFirst: boolean;
  readonly count: number;
  readonly firstTime: number;
  readonly maxTime: number;
  readonly packed: Buffer;
}

/**
 * A transactional producer under the writer's id. Whatever failure it meets before the commit is sent, it rolls back and says
 * `not-applied`; once the commit is sent and nobody can say what became of it, the outcome is `unknown` and this holder is done: only opening
 * the identity again settles it.
 */
export class KafkaWriter implements LogWriter {
  readonly id: string;
  readonly #options: KafkaWriterOptions;
  #identity: ProducerIdentity;
  readonly #sequences = new Map<string, number>();
  /** What the groups committed through this writer, or before it. */
  readonly #committed = new Map<string, number>();
  #end: 'open' | 'closed' | 'fenced' | 'in doubt' = 'open';
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(options: KafkaWriterOptions, identity: ProducerIdentity) {
    this.id = options.id;
    this.#options = options;
    this.#identity = identity;
  }

  /** Fences the older holder; waits until the transaction that it left open is rolled back or completed. */
  static async open(options: KafkaWriterOptions): Promise<KafkaWriter> {
    const { cluster, id } = options;
    const patience = { what: `taking over the writer ${id}` };
    const identity = await cluster.toCoordinator('transaction', id, patience, (node) => node.send(initProducerIdCall(id, transactionTimeoutMs)));
    return new KafkaWriter(options, identity);
  }

  commit(transaction: Transaction): Promise<readonly number[]> {
    const turn = this.#queue.then(() => this.#commit(transaction));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await this.#queue;
    if (this.#end === 'open') this.#end = 'closed';
  }

  async #commit(transaction: Transaction): Promise<readonly number[]> {
    checkTransaction(transaction);
    this.#options.cluster.checkOpen();
    if (this.#end === 'closed') throw new PlatformError('CLOSED', `writer ${this.id} is closed`);
    if (this.#end === 'fenced') throw writerFenced(this.id);
    if (this.#end === 'in doubt') throw this.#inDoubt('an earlier transaction is in doubt');
    const offsets = transaction.offsets ?? [];
    await this.#checkOffsets(offsets);
    const pieces = await this.#prepare(transaction);
    if (pieces.length === 0 && offsets.length === 0) return [];
    const bases = new Array<number>(transaction.appends.length).fill(-1);
    try {
      await this.#fill(pieces, offsets, bases);
    } catch (error) {
      await this.#rollBack(error);
      throw this.#failure(error);
    }
    await this.#finish();
    for (const { group, topic, partition, offset } of offsets) this.#committed.set(`${group} ${topic}/${partition}`, offset);
    return bases;
  }

  /** Refuses a step back before anything is sent. */
  async #checkOffsets(offsets: readonly OffsetCommit[]): Promise<void> {
    for (const { group, topic, partition, offset } of offsets) {
      const key = `${group} ${topic}/${partition}`;
      const before = this.#committed.get(key) ?? (await this.#options.committed(group, topic, partition))?.offset ?? 0;
      this.#committed.set(key, before);
      if (offset < before) throw offsetMovedBack(group, topic, partition, before, offset);
    }
  }

  async #prepare({ appends }: Transaction): Promise<ReadyPiece[]> {
    const at = Date.now();
    const ready = appends.map(async ({ topic, partition: wanted, records }, append): Promise<ReadyPiece[]> => {
      const partition = await this.#options.place(topic, wanted, this.id);
      const byteLimit = Math.floor((await this.#options.batchBytesMax(topic)) * 0.98) - 2048;
      const pieces = cutPieces(records, byteLimit);
      if (pieces === undefined) throw new PlatformError('TOO_LARGE', `append to ${topic}/${partition}: expected records of at most ${byteLimit} bytes, found a larger one; raise max.message.bytes of the topic`);
      const numbers = records.headers.filter(({ values }) => typeof values !== 'string').map(({ name }) => name);
      return Promise.all(
        pieces.map(async (piece, i) => {
          const mark = { at, ...(numbers.length === 0 ? {} : { numbers }), ...(i === 0 ? {} : { before: piece.from }), ...(i === pieces.length - 1 ? {} : { more: true }) };
          const packed = await compress(this.#options.compression, packRecords(records, piece, mark));
          let maxTime = -Infinity;
          for (let r = piece.from; r < piece.to; r++) maxTime = Math.max(maxTime, Math.round(records.timestamps[r]));
          const firstTime = Math.round(records.timestamps[piece.from]);
          return { topic, partition, append, isFirst: i === 0, count: piece.to - piece.from, firstTime, maxTime, packed };
        }),
      );
    });
    return (await Promise.all(ready)).flat();
  }

  /** Everything of the transaction but its end: records on one way, offsets on another. */
  async #fill(pieces: readonly ReadyPiece[], offsets: readonly OffsetCommit[], bases: number[]): Promise<void> {
    const { cluster } = this.#options;
    const who = this.#identity;
    if (pieces.length > 0) {
      const patience = { what: `writing as ${this.id}` };
      await cluster.toCoordinator('transaction', this.id, patience, (node) => node.send(addPartitionsCall(who, pieces)));
    }
    const ways = await Promise.allSettled([this.#produce(pieces, bases), this.#sendOffsets(offsets)]);
    for (const way of ways) if (way.status === 'rejected') throw way.reason;
  }

  async #sendOffsets(offsets: readonly OffsetCommit[]): Promise<void> {
    const { cluster } = this.#options;
    const byGroup = Map.groupBy(offsets, ({ group }) => group);
    for (const [group, commits] of byGroup) {
      const patience = { what: `committing offsets of group ${group} as ${this.id}` };
      await cluster.toCoordinator('transaction', this.id, patience, (node) => node.send(addOffsetsCall(this.#identity, group)));
      const wanted: GroupOffset[] = commits.map(({ topic, partition, offset, metadata = '' }) => ({ topic, partition, offset, metadata }));
      await cluster.toCoordinator('group', group, patience, (node) => node.send(commitOffsetsCall(this.#identity, group, wanted)));
    }
  }

  /** Partitions side by side, the pieces of one partition one after the other. */
  async #produce(pieces: readonly ReadyPiece[], bases: number[]): Promise<void> {
    for (let rest = [...pieces]; rest.length > 0; ) {
      const round: ReadyPiece[] = [];
      const later: ReadyPiece[] = [];
      const taken = new Set<string>();
      let byteCount = 0;
      for (const piece of rest) {
        const name = `${piece.topic}/${piece.partition}`;
        const fits = round.length === 0 || byteCount + piece.packed.byteLength <= requestBytesMax;
        if (taken.has(name) || !fits) {
          later.push(piece);
        } else {
          round.push(piece);
          byteCount += piece.packed.byteLength;
        }
        taken.add(name);
      }
      await this.#produceRound(round, bases);
      rest = later;
    }
  }

  async #produceRound(round: readonly ReadyPiece[], bases: number[]): Promise<void> {
    const { cluster } = this.#options;
    let waiting = round.map((piece) => ({ piece, batch: this.#frame(piece) }));
    let isFresh = true;
    await cluster.patiently({ what: `writing as ${this.id}` }, async () => {
      if (!isFresh) await cluster.refresh([...new Set(waiting.map(({ piece }) => piece.topic))]);
      isFresh = false;
      const byLeader = Map.groupBy(waiting, ({ piece }) => cluster.leaderOf(piece));
      const failures: unknown[] = [];
      const left: typeof waiting = [];
      await Promise.all(
        [...byLeader].map(async ([node, parts]) => {
          try {
            const calls = parts.map(({ piece, batch }) => ({ topic: piece.topic, partition: piece.partition, batch }));
            // On a connection of its own: a broker answers one connection in order, and the offsets are on their way meanwhile.
            const { results } = await node.sendAlone(produceCall(this.#identity, calls, produceTimeoutMs));
            for (const part of parts) {
              const result = results.find(({ topic, partition }) => topic === part.piece.topic && partition === part.piece.partition);
              const code = result?.code ?? kafkaCodes.NETWORK_EXCEPTION;
              if (result !== undefined && code === 0) {
                if (part.piece.isFirst) bases[part.piece.append] = result.baseOffset;
              } else {
                left.push(part);
                failures.push(new KafkaRefusal(code, `writing to ${part.piece.topic}/${part.piece.partition}`));
              }
            }
          } catch (error) {
            left.push(...parts);
            failures.push(error);
          }
        }),
      );
      waiting = left;
      if (failures.length > 0) throw failures[0];
    });
  }

  // Sent again with the same sequence, a batch that did arrive is not appended twice.
  #frame({ topic, partition, count, firstTime, maxTime, packed }: ReadyPiece): Buffer {
    const name = `${topic}/${partition}`;
    const firstSequence = this.#sequences.get(name) ?? 0;
    this.#sequences.set(name, (firstSequence + count) % sequenceCount);
    const { producerId, producerEpoch } = this.#identity;
    return frameBatch(packed, { count, firstTime, maxTime, compression: this.#options.compression, producerId, producerEpoch, firstSequence });
  }

  /** Commits, and waits until readers see it: Kafka answers when the decision is kept, its marks follow. */
  async #finish(): Promise<void> {
    const { cluster, id } = this.#options;
    let isLost = false;
    try {
      await cluster.toCoordinator('transaction', id, { what: `committing as ${id}` }, async (node) => {
        try {
          await node.send(endTransactionCall(this.#identity, true));
        } catch (error) {
          isLost ||= !(error instanceof KafkaRefusal);
          throw error;
        }
      });
    } catch (error) {
      if (isFencing(error)) {
        this.#end = 'fenced';
        throw writerFenced(id, isLost ? 'unknown' : 'not-applied');
      }
      this.#end = 'in doubt';
      throw this.#inDoubt(textOf(error), error);
    }
    // The commit stands: what fails now is only the looking.
    await this.#untilSettled().catch(() => undefined);
  }

  async #untilSettled(): Promise<void> {
    const { cluster, id } = this.#options;
    const { producerId, producerEpoch } = this.#identity;
    await cluster.toCoordinator('transaction', id, { what: `waiting for the commit of ${id} to be seen` }, async (node) => {
      const found = await node.send(describeTransactionCall(id));
      const isOurs = found.producerId === producerId && found.producerEpoch === producerEpoch;
      if (isOurs && found.state === 'PrepareCommit') throw new KafkaRefusal(kafkaCodes.CONCURRENT_TRANSACTIONS, `committing as ${id}`);
    });
  }

  /** Rolls back and goes on under a new epoch, with sequences from 0; not when another holder took over, nor when that can't be known. */
  async #rollBack(cause: unknown): Promise<void> {
    if (isFencing(cause)) {
      this.#end = 'fenced';
      return;
    }
    const { cluster, id } = this.#options;
    try {
      const patience = { what: `rolling back as ${id}` };
      this.#identity = await cluster.toCoordinator('transaction', id, patience, (node) => node.send(initProducerIdCall(id, transactionTimeoutMs, this.#identity)));
      this.#sequences.clear();
    } catch (error) {
      this.#end = isFencing(error) ? 'fenced' : 'in doubt';
    }
  }

  #failure(error: unknown): unknown {
    if (this.#end === 'fenced' || isFencing(error)) {
      this.#end = 'fenced';
      return writerFenced(this.id);
    }
    if (this.#end === 'in doubt') return this.#inDoubt(textOf(error), error);
    return error;
  }

  #inDoubt(why: string, cause?: unknown): PlatformError {
    return new PlatformError('UNAVAILABLE', `writer ${this.id}: ${why}; open the writer again and read the committed offset`, { outcome: 'unknown', retriable: true, cause });
  }
}

function refusalOf(error: unknown): unknown {
  return error instanceof PlatformError ? error.cause : error;
}

function isFencing(error: unknown): boolean {
  return isRefusal(refusalOf(error), 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
