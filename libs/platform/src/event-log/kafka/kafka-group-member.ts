import { setTimeout as delay } from 'node:timers/promises';
import type { AssignmentListener, GroupMember } from '../event-log.ts';
import { assignPartitions, type Claim } from './assign-partitions.ts';
import { byTopic, type PartitionAt } from './cluster-calls.ts';
import { heartbeatCall, joinGroupCall, leaveGroupCall, syncGroupCall, type GroupPlace, type JoinedGroup } from './group-calls.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { isRefusal, kafkaCodes, KafkaRefusal } from './kafka-errors.ts';
import type { KafkaCall } from './kafka-node.ts';
import { WireReader, WireWriter } from './wire.ts';

/** A member that is silent for this long is taken for dead, and its partitions go to others. */
const sessionTimeoutMs = 10_000;
const heartbeatMs = 1000;
/** How long the others wait for a member that still lets go of partitions. */
const rebalanceTimeoutMs = 60_000;
/** Other members must follow the same rules: the name is compared by the coordinator. */
const protocol = 'tideline-sticky-1';

export interface KafkaGroupMemberOptions {
  readonly cluster: KafkaCluster;
  readonly group: string;
  readonly topics: readonly string[];
  readonly listener: AssignmentListener;
  readonly warn: (message: string) => void;
}

/** How a stay at one assignment ended. */
type Turn = 'rejoin' | 'lost' | 'leave';

/**
 * One member of a consumer group. Partitions move in two rounds: the holder is asked to let go, works off what it has begun
 * (`revoked` is awaited), joins again, and only then another member is given it. A member that the group has given up (its process stood
 * still) is told to let go of everything; its writers are fenced by whoever took over.
 */
export class KafkaGroupMember implements GroupMember {
  readonly #options: KafkaGroupMemberOptions;
  readonly #leaving = new AbortController();
  #place: GroupPlace;
  #owned: PartitionAt[] = [];
  #ownedSince = -1;
  #life: Promise<void> | undefined;

  private constructor(options: KafkaGroupMemberOptions) {
    this.#options = options;
    this.#place = { group: options.group, memberId: '', generation: -1 };
  }

  /** Resolves once the first assignment was handed to the listener. */
  static async join(options: KafkaGroupMemberOptions): Promise<KafkaGroupMember> {
    const member = new KafkaGroupMember(options);
    const isSettled = await member.#joinOnce();
    member.#life = member.#live(isSettled);
    return member;
  }

  async leave(): Promise<void> {
    this.#leaving.abort();
    await this.#life;
  }

  async #live(isSettled: boolean): Promise<void> {
    const { cluster, warn, group } = this.#options;
    for (let settled = isSettled; ; ) {
      const turn = settled ? await this.#stay() : 'rejoin';
      if (turn === 'leave' || this.#isOver) break;
      try {
        if (turn === 'lost') await this.#loseAll();
        settled = await this.#joinOnce();
      } catch (error) {
        if (this.#isOver) break;
        if (!isRefusal(error, 'REBALANCE_IN_PROGRESS')) warn(`group ${group}: joining failed and is tried again: ${error instanceof Error ? error.message : String(error)}`);
        if (isLoss(error)) await this.#loseAll();
        settled = false;
        await this.#pause(heartbeatMs);
      }
    }
    await this.#letGo(this.#owned);
    if (cluster.closed.aborted || this.#place.memberId === '') return;
    // Not told, the group would find out by silence.
    await this.#toGroup('leaving', leaveGroupCall(this.#place), 2000).catch(() => undefined);
  }

  get #isOver(): boolean {
    return this.#leaving.signal.aborted || this.#options.cluster.closed.aborted;
  }

  /** Heartbeats until the group changes, gives this member up, or it is to leave. */
  async #stay(): Promise<Turn> {
    for (;;) {
      await this.#pause(heartbeatMs);
      if (this.#isOver) return 'leave';
      const turn = await this.#beat();
      if (turn !== undefined) return turn;
    }
  }

  async #beat(): Promise<Turn | undefined> {
    try {
      await this.#toGroup('heartbeat', heartbeatCall(this.#place), sessionTimeoutMs);
      return undefined;
    } catch (error) {
      if (this.#isOver) return 'leave';
      if (isRefusalAnywhere(error, 'REBALANCE_IN_PROGRESS')) return 'rejoin';
      if (isLoss(error)) return 'lost';
      this.#options.warn(`group ${this.#options.group}: no heartbeat got through: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  /** One round: join, hand out as leader, let go of what others are to have, take what is new. False when a further round must follow at once. */
  async #joinOnce(): Promise<boolean> {
    const { cluster, group, listener } = this.#options;
    const joined = await this.#enter();
    this.#place = { group, memberId: joined.memberId, generation: joined.generation };
    const assignments = joined.leaderId === joined.memberId ? await this.#assign(joined) : [];
    const { assignment } = await this.#toGroup('collecting the assignment', syncGroupCall(this.#place, assignments, rebalanceTimeoutMs), rebalanceTimeoutMs);
    const mine = readAssignment(assignment);
    const lost = this.#owned.filter((at) => !includes(mine, at));
    const gained = mine.filter((at) => !includes(this.#owned, at));
    this.#ownedSince = joined.generation;
    if (lost.length > 0) await this.#beatWhile(this.#letGo(lost));
    if (gained.length > 0 && !cluster.closed.aborted) {
      this.#owned = [...this.#owned, ...gained];
      await this.#beatWhile(listener.assigned(gained));
    }
    return lost.length === 0;
  }

  async #enter(): Promise<JoinedGroup> {
    const { cluster, group } = this.#options;
    for (let memberId = this.#place.memberId; ; ) {
      const metadata = writeClaim({ topics: this.#options.topics, owned: this.#owned, generation: this.#ownedSince });
      const call = joinGroupCall(group, { memberId, metadata, protocol, sessionTimeoutMs, rebalanceTimeoutMs });
      // Alone, because the answer waits for the other members.
      const patience = { what: `joining group ${group}`, ms: sessionTimeoutMs };
      const joined = await cluster.toCoordinator('group', group, patience, async (node) => {
        const answer = await node.sendAlone(call);
        const isAnswer = answer.code === 0 || answer.code === kafkaCodes.MEMBER_ID_REQUIRED;
        if (!isAnswer) throw new KafkaRefusal(answer.code, `joining group ${group}`);
        return answer;
      });
      if (joined.code === 0) return joined;
      memberId = joined.memberId;
    }
  }

  async #assign({ members }: JoinedGroup): Promise<{ memberId: string; assignment: Buffer }[]> {
    const { cluster } = this.#options;
    const claims = members.map(({ memberId, metadata }) => readClaim(memberId, metadata));
    const counts = new Map<string, number>();
    for (const topic of new Set(claims.flatMap(({ topics }) => topics))) {
      const count = await cluster.partitionCount(topic);
      if (count !== undefined) counts.set(topic, count);
    }
    return [...assignPartitions(claims, counts)].map(([memberId, partitions]) => ({ memberId, assignment: writeAssignment(partitions) }));
  }

  /** The group gave this member up: what it had may be somebody else's by now. */
  async #loseAll(): Promise<void> {
    this.#place = { ...this.#place, memberId: '', generation: -1 };
    await this.#letGo(this.#owned);
    this.#ownedSince = -1;
  }

  async #letGo(partitions: readonly PartitionAt[]): Promise<void> {
    if (partitions.length === 0) return;
    await this.#options.listener.revoked(partitions);
    this.#owned = this.#owned.filter((at) => !includes(partitions, at));
  }

  /** Keeps the session alive during work that may take long. */
  async #beatWhile(work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.finally(() => (isDone = true));
    const beating = (async () => {
      while (!isDone) {
        await Promise.race([done.catch(() => undefined), delay(heartbeatMs, undefined, { ref: false })]);
        if (!isDone) await this.#beat();
      }
    })();
    await done;
    await beating;
  }

  #toGroup<T>(what: string, call: KafkaCall<T>, ms: number): Promise<T> {
    const { cluster, group } = this.#options;
    return cluster.toCoordinator('group', group, { what: `${what} (group ${group})`, ms }, (node) => node.sendAlone(call));
  }

  async #pause(ms: number): Promise<void> {
    const signal = AbortSignal.any([this.#leaving.signal, this.#options.cluster.closed]);
    await delay(ms, undefined, { signal }).catch(() => undefined);
  }
}

function isRefusalAnywhere(error: unknown, ...names: Parameters<typeof isRefusal>[1][]): boolean {
  return isRefusal(error, ...names) || (error instanceof Error && isRefusal(error.cause, ...names));
}

function isLoss(error: unknown): boolean {
  return isRefusalAnywhere(error, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION');
}

function includes(partitions: readonly PartitionAt[], { topic, partition }: PartitionAt): boolean {
  return partitions.some((at) => at.topic === topic && at.partition === partition);
}

// Kafka's own layout of a subscription (version 0), so that its tools can show it; what is owned goes into the user data.
function writeClaim({ topics, owned, generation }: Omit<Claim, 'memberId'>): Buffer {
  const out = new WireWriter().int16(0);
  out.array(topics, (topic) => out.string(topic));
  return Buffer.from(out.sizedBytes(Buffer.from(JSON.stringify({ owned, generation }))).buffer);
}

function readClaim(memberId: string, metadata: Buffer): Claim {
  const answer = new WireReader(metadata);
  answer.int16();
  const topics = answer.array(() => answer.string() ?? '');
  const { owned, generation } = JSON.parse(answer.sizedBytes().toString()) as Pick<Claim, 'owned' | 'generation'>;
  return { memberId, topics, owned, generation };
}

function writeAssignment(partitions: readonly PartitionAt[]): Buffer {
  const out = new WireWriter().int16(0);
  out.array(byTopic(partitions), ([topic, numbers]) => out.string(topic).array(numbers, (number) => out.int32(number)));
  return Buffer.from(out.sizedBytes(Buffer.alloc(0)).buffer);
}

function readAssignment(bytes: Buffer): PartitionAt[] {
  if (bytes.byteLength === 0) return [];
  const answer = new WireReader(bytes);
  answer.int16();
  return answer.array(() => {
    const topic = answer.string() ?? '';
    return answer.array(() => ({ topic, partition: answer.int32() }));
  }).flat();
}
