import type { EventLog, RecordBatch } from '#tideline/platform';
import { readScoreLine } from './churn-score.ts';
import type { LiveBoard } from './live-board.ts';
import { RateMeter } from './rate-meter.ts';
import { followTopic } from './topic-follower.ts';

export const SCORES_TOPIC = 'churn-scores';

export interface LiveViewOptions {
  readonly sources: readonly string[];
  /** Records read from before the start, per partition. */
  readonly newest: number;
  readonly now: () => number;
  readonly warn: (message: string) => void;
  /** Called when a message of `model-updates` arrives. */
  readonly onModelUpdate: () => void;
}

/** A batch of scores as the live view took it. */
export interface TakenScores {
  readonly batch: RecordBatch;
  /** Offset after the batch. */
  readonly end: number;
}

const SECOND_MS = 1000;

/** Follows the log into the board and tells the streams when new scores are there; the API's eye on the world. */
export class LiveView {
  readonly board: LiveBoard;
  readonly #log: EventLog;
  readonly #options: LiveViewOptions;
  readonly #abort = new AbortController();
  readonly #positions = new Map<number, number>();
  readonly #listeners = new Set<(taken: TakenScores) => void>();
  readonly #scores: ReadonlyMap<string, RateMeter>;
  readonly #records: ReadonlyMap<string, RateMeter>;
  readonly #ends = new Map<string, number>();
  #running: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(log: EventLog, board: LiveBoard, options: LiveViewOptions) {
    this.#log = log;
    this.board = board;
    this.#options = options;
    this.#scores = new Map(options.sources.map((source) => [source, new RateMeter()]));
    this.#records = new Map(options.sources.map((source) => [source, new RateMeter()]));
  }

  /** Starts reading; returns at once. */
  follow(): void {
    const shared = { newest: this.#options.newest, signal: this.#abort.signal, warn: this.#options.warn };
    const topics = [
      followTopic(this.#log, SCORES_TOPIC, { ...shared, skipped: (count) => this.board.leaveUnread(count), take: (batch, end) => this.#takeScores(batch, end) }),
      followTopic(this.#log, 'model-updates', { ...shared, newest: 0, take: () => this.#options.onModelUpdate() }),
      ...this.#options.sources.map((source) =>
        followTopic(this.#log, `transitions.${source}`, { ...shared, take: (batch) => this.#takeTransitions(source, batch) })),
    ];
    this.#running = Promise.all(topics);
    this.#timer = setInterval(() => void this.#measure(), SECOND_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#abort.abort();
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Next offset to be read of each partition of the score topic. */
  get positions(): ReadonlyMap<number, number> {
    return this.#positions;
  }

  /** Calls the listener after each batch of scores; gives the function that ends it. */
  onScores(listener: (taken: TakenScores) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Scores and records per second of a source over the last two minutes, oldest first. */
  rates(source: string): { scores: readonly number[]; records: readonly number[] } {
    return { scores: this.#scores.get(source)?.series() ?? [], records: this.#records.get(source)?.series() ?? [] };
  }

  #takeScores(batch: RecordBatch, end: number): void {
    const values = Buffer.from(batch.values.buffer, batch.values.byteOffset, batch.values.byteLength);
    const live = this.#options.now() - batch.appendedAtMs < 5 * SECOND_MS;
    for (let i = 0; i < batch.count; i++) {
      const line = readScoreLine(values.toString('utf8', batch.valueOffsets[i], batch.valueOffsets[i + 1]));
      if (line === undefined) continue;
      this.board.putScore(line);
      // Scores from before the start are history, not throughput.
      if (live) this.#scores.get(line.source)?.add(1);
    }
    this.#positions.set(batch.partition, end);
    for (const listener of this.#listeners) listener({ batch, end });
  }

  #takeTransitions(source: string, batch: RecordBatch): void {
    const keys = Buffer.from(batch.keys.buffer, batch.keys.byteOffset, batch.keys.byteLength);
    for (let i = 0; i < batch.count; i++) {
      const entity = keys.toString('utf8', batch.keyOffsets[i], batch.keyOffsets[i + 1]);
      this.board.putTransition(source, entity, batch.values.subarray(batch.valueOffsets[i], batch.valueOffsets[i + 1]));
    }
  }

  /** Once a second: how far each raw topic moved, then the meters' next second. */
  async #measure(): Promise<void> {
    try {
      for (const description of await this.#log.describeTopics()) {
        if (!description.topic.startsWith('raw.')) continue;
        const end = description.partitions.reduce((sum, partition) => sum + partition.end, 0);
        const before = this.#ends.get(description.topic);
        this.#ends.set(description.topic, end);
        if (before !== undefined) this.#records.get(description.topic.slice(4))?.add(Math.max(0, end - before));
      }
    } catch {
      // The readiness probe says why; a gap in a chart is enough here.
    }
    for (const meter of [...this.#scores.values(), ...this.#records.values()]) meter.tick();
  }
}
