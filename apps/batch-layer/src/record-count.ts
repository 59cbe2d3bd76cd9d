import type { OffsetRanges } from '#tideline/lake';
import type { EventLog } from '#tideline/platform';

const READ_BYTES = 8 << 20;

interface PartitionBounds {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Counts the records of a topic by reading them, once each however often it is asked for the newest number: on a networked log offsets have
 * gaps, so their difference is no count. Beside the total it counts those within given ranges of offsets.
 */
export class RecordCount {
  readonly #log: EventLog;
  readonly #topic: string;
  readonly #ranges: Readonly<Record<string, OffsetRanges>>;
  readonly #within = new Map<string, number>();
  readonly #next = new Map<number, number>();
  readonly #ends = new Map<string, number>();
  #total = 0;

  constructor(log: EventLog, topic: string, ranges: Readonly<Record<string, OffsetRanges>> = {}) {
    this.#log = log;
    this.#topic = topic;
    this.#ranges = ranges;
  }

  get total(): number {
    return this.#total;
  }

  /** Records within the ranges of that name. */
  within(name: string): number {
    return this.#within.get(name) ?? 0;
  }

  /** Whether ranges of that name reach beyond the log. */
  isBeyondEnd(name: string): boolean {
    return Object.entries(this.#ranges[name] ?? {}).some(([partition, [, end]]) => end > (this.#ends.get(partition) ?? 0));
  }

  /** Counts on, up to these ends. */
  async upTo(partitions: readonly PartitionBounds[]): Promise<void> {
    for (const { partition, start, end } of partitions) {
      this.#ends.set(String(partition), end);
      await this.#count(partition, this.#next.get(partition) ?? start, end);
    }
  }

  async #count(partition: number, from: number, end: number): Promise<void> {
    for (let offset = from; offset < end; ) {
      const batches = await this.#log.read(this.#topic, partition, offset, { maxBytes: READ_BYTES, maxWaitMs: 0 });
      if (batches.length === 0) return;
      for (const { baseOffset, count } of batches) {
        if (baseOffset >= end) return;
        this.#total += count;
        for (const [name, ranges] of Object.entries(this.#ranges)) {
          const [first, last] = ranges[String(partition)] ?? [0, 0];
          if (baseOffset >= first && baseOffset < last) this.#within.set(name, this.within(name) + count);
        }
        offset = baseOffset + count;
        this.#next.set(partition, offset);
      }
    }
  }
}
