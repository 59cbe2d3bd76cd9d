import { setTimeout as delay } from 'node:timers/promises';
import { PlatformError } from '../../errors.ts';
import { findCoordinatorCall, metadataCall, type ClusterMetadata, type PartitionAt } from './cluster-calls.ts';
import { isConnectionFailure, isPassing, isRefusal, isStale, KafkaRefusal, kafkaCodes, platformErrorOf } from './kafka-errors.ts';
import { KafkaNode, type KafkaCall } from './kafka-node.ts';
import type { KafkaSettings } from './kafka-settings.ts';

/** How long a call is repeated before its failure reaches the caller, who may wait on; a broker's restart takes less. */
const patienceMs = 20_000;
const openPatienceMs = 12_000;
const firstBackOffMs = 5;
const lastBackOffMs = 500;

export interface Patience {
  readonly what: string;
  readonly ms?: number;
  /** Which failures to wait out, beyond those that pass by themselves. */
  readonly also?: (error: unknown) => boolean;
}

/** Knows the brokers, who leads which partition and who coordinates what; repeats calls that a restart or a move of those interrupts. */
export class KafkaCluster {
  readonly #settings: KafkaSettings;
  readonly #nodes = new Map<number, KafkaNode>();
  readonly #leaders = new Map<string, readonly number[]>();
  readonly #coordinators = new Map<string, Promise<number>>();
  readonly #closed = new AbortController();
  #controllerId = -1;
  #seed: KafkaNode | undefined;

  constructor(settings: KafkaSettings) {
    this.#settings = settings;
  }

  /** The address as messages show it. */
  get shown(): string {
    return this.#settings.shown;
  }

  get brokerIds(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  /** Reaches any of the servers in the address, or says within seconds why not. */
  async open(): Promise<void> {
    try {
      await this.patiently({ what: 'connecting', ms: openPatienceMs }, () => this.refresh([]));
    } catch (error) {
      this.close();
      if (!(error instanceof PlatformError) || error.code !== 'UNAVAILABLE') throw error;
      const { tls, sasl } = this.#settings;
      const hint = tls ? 'tls=true needs a listener that speaks TLS with a certificate that Node trusts: a private authority is named by NODE_EXTRA_CA_CERTS' : 'a listener that speaks TLS needs ?tls=true';
      throw new PlatformError(
        'UNAVAILABLE',
        `EVENT_LOG ${this.shown}: expected a Kafka broker to answer, found: ${causeOf(error)}; check host and port, that the broker runs, and the settings (${hint}${sasl === undefined ? ', one with logins ?sasl=…' : ''})`,
        { retriable: true, cause: error },
      );
    }
  }

  /** Calls under way fail with `CLOSED`. */
  close(): void {
    this.#closed.abort();
    for (const node of this.#nodes.values()) node.close();
    this.#seed?.close();
    this.#nodes.clear();
  }

  /** Repeats a call while its failure passes, with growing, jittered pauses; then throws it as a failure of the door. */
  async patiently<T>({ what, ms = patienceMs, also }: Patience, attempt: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + ms;
    for (let tries = 0; ; tries++) {
      this.checkOpen();
      try {
        return await attempt();
      } catch (error) {
        this.checkOpen();
        const mayPass = isPassing(error) || also?.(error) === true;
        if (!mayPass || performance.now() > deadline) throw platformErrorOf(error, what, this.shown);
        // A transaction that is being settled takes milliseconds; a broker that is away takes seconds.
        const isBrief = isRefusal(error, 'CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT');
        const pause = Math.min((isBrief ? 1 : firstBackOffMs) * 2 ** Math.min(tries, 10), isBrief ? 20 : lastBackOffMs);
        await delay(pause * (0.5 + Math.random()), undefined, { signal: this.#closed.signal }).catch(() => undefined);
      }
    }
  }

  /** Asks again for brokers and leaders of these topics (of all when undefined). */
  async refresh(topics: readonly string[] | undefined): Promise<ClusterMetadata> {
    const metadata = await this.#ask(metadataCall(topics));
    this.#takeBrokers(metadata);
    for (const { code, topic, partitions } of metadata.topics) {
      if (code === 0) this.#leaders.set(topic, partitions.map(({ leader }) => leader));
      else this.#leaders.delete(topic);
    }
    return metadata;
  }

  /** Partitions of a topic; undefined when there is no such topic. */
  async partitionCount(topic: string): Promise<number | undefined> {
    if (!this.#leaders.has(topic)) await this.patiently({ what: `looking for topic ${topic}` }, () => this.refresh([topic]));
    return this.#leaders.get(topic)?.length;
  }

  /** A call to whoever leads the partition; leaders are looked up again when they moved. */
  toLeader<T>(at: PartitionAt, patience: Patience, send: (node: KafkaNode) => Promise<T>): Promise<T> {
    let isFresh = true;
    return this.patiently(patience, async () => {
      if (!isFresh || !this.#leaders.has(at.topic)) await this.refresh([at.topic]);
      isFresh = true;
      try {
        return await send(this.leaderOf(at));
      } catch (error) {
        isFresh = !(isStale(error) || isConnectionFailure(error));
        throw error;
      }
    });
  }

  /** Who leads a partition as far as is known; throws a passing refusal when nobody does. */
  leaderOf({ topic, partition }: PartitionAt): KafkaNode {
    const leader = this.#leaders.get(topic)?.[partition];
    const node = leader === undefined ? undefined : this.#nodes.get(leader);
    if (node !== undefined) return node;
    throw new KafkaRefusal(leader === undefined ? kafkaCodes.UNKNOWN_TOPIC_OR_PARTITION : kafkaCodes.LEADER_NOT_AVAILABLE, `finding the leader of ${topic}/${partition}`);
  }

  /** A call to the coordinator of a group or a transactional id; it is looked up again when it moved. */
  toCoordinator<T>(kind: 'group' | 'transaction', name: string, patience: Patience, send: (node: KafkaNode) => Promise<T>): Promise<T> {
    const key = `${kind} ${name}`;
    return this.patiently(patience, async () => {
      const finding = this.#coordinators.get(key) ?? this.#findCoordinator(kind, name, key);
      try {
        const node = this.#nodes.get(await finding);
        if (node === undefined) throw new KafkaRefusal(kafkaCodes.COORDINATOR_NOT_AVAILABLE, `finding the coordinator of ${key}`);
        return await send(node);
      } catch (error) {
        if ((isStale(error) || isConnectionFailure(error)) && this.#coordinators.get(key) === finding) this.#coordinators.delete(key);
        throw error;
      }
    });
  }

  /** A call that any broker answers. */
  toAny<T>(what: string, call: KafkaCall<T>): Promise<T> {
    return this.patiently({ what }, () => this.#ask(call));
  }

  /** A call to the broker that changes topics. */
  toController<T>(what: string, call: KafkaCall<T>): Promise<T> {
    return this.patiently({ what }, async () => {
      await this.refresh([]);
      return (this.#nodes.get(this.#controllerId) ?? this.#anyNode()).send(call);
    });
  }

  /** A call to every broker that is there; one that leaves the cluster meanwhile is not waited for. */
  async toAll<T>(what: string, make: (id: number) => KafkaCall<T>): Promise<T[]> {
    const answers = await Promise.all([...this.#nodes.values()].map((node) => this.patiently({ what }, async () => {
      if (this.#nodes.get(node.id) !== node) return [];
      try {
        return [await node.send(make(node.id))];
      } catch (error) {
        if (isConnectionFailure(error)) await this.refresh([]);
        throw error;
      }
    })));
    return answers.flat();
  }

  checkOpen(): void {
    if (this.#closed.signal.aborted) throw new PlatformError('CLOSED', `the event log at ${this.shown} is closed`);
  }

  /** Aborts when the cluster is closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  #findCoordinator(kind: 'group' | 'transaction', name: string, key: string): Promise<number> {
    const finding = this.#ask(findCoordinatorCall(kind, name)).then(async ({ id }) => {
      if (!this.#nodes.has(id)) await this.refresh([]);
      return id;
    });
    this.#coordinators.set(key, finding);
    finding.catch(() => {
      if (this.#coordinators.get(key) === finding) this.#coordinators.delete(key);
    });
    return finding;
  }

  /** Tries the known brokers in random order, then the servers of the address. */
  async #ask<T>(call: KafkaCall<T>): Promise<T> {
    let failure: unknown;
    const known = [...this.#nodes.values()];
    for (const node of shuffled(known)) {
      try {
        return await node.send(call);
      } catch (error) {
        if (!isConnectionFailure(error)) throw error;
        failure = error;
      }
    }
    for (const { host, port } of shuffled(this.#settings.seeds)) {
      this.checkOpen();
      if (known.some((node) => node.host === host && node.port === port)) continue;
      this.#seed?.close();
      this.#seed = new KafkaNode(this.#settings, { id: -1, host, port });
      try {
        return await this.#seed.send(call);
      } catch (error) {
        if (!isConnectionFailure(error)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #anyNode(): KafkaNode {
    const [node] = shuffled([...this.#nodes.values()]);
    if (node === undefined) throw new KafkaRefusal(kafkaCodes.LEADER_NOT_AVAILABLE, 'finding a broker');
    return node;
  }

  #takeBrokers({ brokers, controllerId }: ClusterMetadata): void {
    this.#controllerId = controllerId;
    // A broker that starts may answer before it knows any.
    if (brokers.length === 0) return;
    for (const node of this.#nodes.values()) {
      if (brokers.some(({ id, host, port }) => id === node.id && host === node.host && port === node.port)) continue;
      node.close();
      this.#nodes.delete(node.id);
    }
    for (const at of brokers) if (!this.#nodes.has(at.id)) this.#nodes.set(at.id, new KafkaNode(this.#settings, at));
  }
}

function causeOf(error: PlatformError): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items.map((item) => ({ item, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}
