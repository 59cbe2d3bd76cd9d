import type { EventLog, ObjectStore } from '#tideline/platform';
import type { EngineClock, Processor, Steering } from './processor.ts';
import { runPartition, type PartitionLimits, type PartitionObserver, type PartitionSummary } from './run-partition.ts';

/** One partition as a group member sees it. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** What runs on a partition; made anew each time the partition is assigned. */
export interface PartitionWork {
  readonly processor: Processor;
  readonly steering?: Steering;
  readonly observer?: PartitionObserver;
}

export interface GroupOptions {
  readonly log: EventLog;
  readonly store: ObjectStore;
  readonly clock: EngineClock;
  readonly group: string;
  readonly topics: readonly string[];
  /** Called for each partition that this member is given. */
  readonly open: (at: TopicPartition) => PartitionWork | Promise<PartitionWork>;
  readonly limits?: Partial<PartitionLimits>;
  /** Aborting it stops every partition at a batch border, saves the states and leaves the group. */
  readonly signal: AbortSignal;
}

/**
 * Joins the group and runs one `runPartition` for each partition it is given; a revoked partition stops at a batch border and
 * saves its state before the group hands it on. Resolves after the signal aborted and all has stopped; a partition that fails
 * stops the others in order, then the group rejects with that failure.
 */
export async function runGroup(options: GroupOptions): Promise<readonly PartitionSummary[]> {
  const run = new GroupRun(options);
  return run.run();
}

interface Running {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

class GroupRun {
  readonly #options: GroupOptions;
  readonly #running = new Map<string, Running>();
  readonly #summaries: PartitionSummary[] = [];
  readonly #failures: unknown[] = [];
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  async run(): Promise<readonly PartitionSummary[]> {
    const { log, group, topics, signal } = this.#options;
    const onAbort = (): void => this.#ended.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const member = await log.joinGroup(group, topics, {
        assigned: async (partitions) => {
          for (const at of partitions) this.#start(at);
        },
        revoked: async (partitions) => {
          await Promise.all(partitions.map((at) => this.#stop(nameOf(at))));
        },
      });
      await this.#ended.promise;
      await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
      await member.leave();
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (this.#failures.length > 0) throw this.#failures[0];
    return this.#summaries;
  }

  #start(at: TopicPartition): void {
    const name = nameOf(at);
    if (this.#running.has(name)) return;
    const stop = new AbortController();
    const done = this.#runOne(at, stop.signal).then(
      (summary) => void this.#summaries.push(summary),
      (error: unknown) => {
        this.#failures.push(error);
        this.#ended.resolve();
      },
    );
    this.#running.set(name, { stop, done });
  }

  async #runOne(at: TopicPartition, signal: AbortSignal): Promise<PartitionSummary> {
    const { log, store, clock, group, limits, open } = this.#options;
    const work = await open(at);
    return runPartition({ log, store, clock, group, ...at, ...work, ...(limits === undefined ? {} : { limits }), signal });
  }

  async #stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    running.stop.abort();
    await running.done;
    this.#running.delete(name);
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
