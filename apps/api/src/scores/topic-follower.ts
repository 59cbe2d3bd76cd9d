import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { EventLog, RecordBatch } from '#tideline/platform';
import { isPlatformError } from '#tideline/platform';

export interface FollowOptions {
  /** Start this many records before the end; what is older stays unread. */
  readonly newest: number;
  /** Told once a partition of how many records before the first one read stay unread. */
  readonly skipped?: (count: number) => void;
  readonly signal: AbortSignal;
  /** A batch, and the offset after its last record. Called in order, never at once for one partition. */
  readonly take: (batch: RecordBatch, end: number) => void;
  readonly warn: (message: string) => void;
}

const WAIT_MS = 1000;
const RETRY_MS = 1000;
const READ_BYTES = 1 << 20;

/** Reads every partition of a topic from near its end, then live, until the signal aborts; waits for a topic that does not exist yet. */
export async function followTopic(log: EventLog, topic: string, options: FollowOptions): Promise<void> {
  const partitions = await untilDescribed(log, topic, options);
  await Promise.all(partitions.map((partition) => followPartition(log, topic, partition, options)));
}

async function untilDescribed(log: EventLog, topic: string, options: FollowOptions): Promise<readonly number[]> {
  while (!options.signal.aborted) {
    try {
      const description = (await log.describeTopics()).find((candidate) => candidate.topic === topic);
      if (description !== undefined) return description.partitions.map(({ partition }) => partition);
    } catch (error) {
      reportUnlessClosing(error, topic, options);
    }
    await pause(RETRY_MS, options.signal);
  }
  return [];
}

async function followPartition(log: EventLog, topic: string, partition: number, options: FollowOptions): Promise<void> {
  let offset: number | undefined;
  while (!options.signal.aborted) {
    try {
      if (offset === undefined) {
        const { start, end } = await log.offsets(topic, partition);
        offset = Math.max(start, end - options.newest);
        options.skipped?.(offset - start);
      }
      for (const batch of await log.read(topic, partition, offset, { maxBytes: READ_BYTES, maxWaitMs: WAIT_MS, signal: options.signal })) {
        offset = batch.baseOffset + batch.count;
        options.take(batch, offset);
        // Requests come first: a long catch-up yields after every batch.
        await nextTurn();
      }
    } catch (error) {
      if (options.signal.aborted) return;
      reportUnlessClosing(error, topic, options);
      await pause(RETRY_MS, options.signal);
    }
  }
}

function reportUnlessClosing(error: unknown, topic: string, options: FollowOptions): void {
  if (options.signal.aborted || isPlatformError(error, 'CLOSED')) return;
  options.warn(`reading ${topic} failed and will be tried again: ${error instanceof Error ? error.message : String(error)}`);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
