import { unpackTexts, type EventLog } from '#tideline/platform';

const BINS = 60_000;

/** Where the batches of one raw partition begin and when the log took them, newest last; old ones are let go. */
class AppendTimes {
  readonly #ends: number[] = [];
  readonly #times: number[] = [];

  add(end: number, timeMs: number): void {
    this.#ends.push(end);
    this.#times.push(timeMs);
    if (this.#ends.length > 20_000) {
      this.#ends.splice(0, 10_000);
      this.#times.splice(0, 10_000);
    }
  }

  timeOf(offset: number): number | undefined {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#times[low];
  }
}

/**
 * Milliseconds from a record's append to the moment when this consumer holds its score, for every score on the topic: bins of 1 ms. The record's
 * time is stamped by its writer before its transaction ends, so both transactions count.
 */
export class ScoreLatency {
  readonly #bins = new Uint32Array(BINS);
  readonly #log: EventLog;
  readonly #rawTopic: string;
  readonly #raw: AppendTimes[] = [];
  count = 0;
  /** Scores whose record's batch had not been seen yet. */
  unmatched = 0;

  constructor(log: EventLog, rawTopic: string) {
    this.#log = log;
    this.#rawTopic = rawTopic;
  }

  /** Follows both topics until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const topics = await this.#log.describeTopics();
    const partitionsOf = (name: string): readonly { partition: number; end: number }[] => topics.find(({ topic }) => topic === name)?.partitions ?? [];
    const raw = partitionsOf(this.#rawTopic).map(({ partition, end }) => {
      this.#raw[partition] = new AppendTimes();
      return this.#readOn(this.#rawTopic, partition, end, signal, ({ baseOffset, count, appendedAtMs }) => this.#raw[partition].add(baseOffset + count, appendedAtMs));
    });
    const scores = partitionsOf('churn-scores').map(({ partition, end }) =>
      this.#readOn('churn-scores', partition, end, signal, (batch) => {
        const nowMs = Date.now();
        for (const { value } of unpackTexts(batch)) this.#note(value, nowMs);
      }));
    await Promise.all([...raw, ...scores]);
  }

  /** The latency, ms, that this share of the scores did not exceed. */
  quantile(share: number): number {
    const wanted = share * this.count;
    let seen = 0;
    for (let ms = 0; ms < BINS; ms++) {
      seen += this.#bins[ms];
      if (seen >= wanted && seen > 0) return ms;
    }
    return BINS;
  }

  /** Forgets what was measured so far, for a warm-up. */
  reset(): void {
    this.#bins.fill(0);
    this.count = 0;
    this.unmatched = 0;
  }

  #note(text: string, nowMs: number): void {
    const { origin } = JSON.parse(text) as { origin: { topic: string; partition: number; offset: string } };
    if (origin.topic !== this.#rawTopic) return;
    const appendedAtMs = this.#raw[origin.partition]?.timeOf(Number(origin.offset));
    if (appendedAtMs === undefined) {
      this.unmatched++;
      return;
    }
    this.#bins[Math.min(BINS - 1, Math.max(0, Math.round(nowMs - appendedAtMs)))]++;
    this.count++;
  }

  async #readOn(topic: string, partition: number, from: number, signal: AbortSignal, take: (batch: Awaited<ReturnType<EventLog['read']>>[number]) => void): Promise<void> {
    let offset = from;
    while (!signal.aborted) {
      const batches = await this.#log.read(topic, partition, offset, { maxWaitMs: 500, signal });
      for (const batch of batches) {
        take(batch);
        offset = batch.baseOffset + batch.count;
      }
    }
  }
}
