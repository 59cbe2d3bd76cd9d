import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { PartitionObserver, TopicPartition } from '#tideline/streaming';

const LABELS = ['topic', 'partition'] as const;

/** What the speed layer does, as Prometheus metrics. */
export class SpeedLayerMetrics {
  readonly registry = new Registry();
  readonly #records = this.#counter('tideline_speed_records_total', 'Records processed live');
  readonly #batches = this.#counter('tideline_speed_batches_total', 'Log batches processed live');
  readonly #warnings = this.#counter('tideline_speed_warnings_total', 'Failures waited out and things passed over');
  readonly #position = this.#gauge('tideline_speed_position', 'First offset not yet processed');
  readonly #lag = this.#gauge('tideline_speed_lag_records', 'Records on the log that are not processed yet');
  readonly #checkpointBytes = this.#gauge('tideline_speed_checkpoint_bytes', 'Size of the newest checkpoint');
  readonly #process = this.#histogram('tideline_speed_transaction_process_seconds', 'Processing of one transaction');
  readonly #commit = this.#histogram('tideline_speed_transaction_commit_seconds', 'Commit of one transaction');
  readonly #checkpoint = this.#histogram('tideline_speed_checkpoint_seconds', 'Snapshot and upload of one checkpoint');
  readonly #positions = new Map<string, { at: TopicPartition; offset: number }>();

  observerOf(at: TopicPartition, warn: (message: string) => void): PartitionObserver {
    const labels = { topic: at.topic, partition: String(at.partition) };
    const moved = (offset: number): void => {
      this.#position.set(labels, offset);
      this.#positions.set(`${at.topic}/${at.partition}`, { at, offset });
    };
    return {
      recovered: ({ offset }) => moved(offset),
      committed: ({ offset, batches, records, processMs, commitMs }) => {
        moved(offset);
        this.#records.inc(labels, records);
        this.#batches.inc(labels, batches);
        this.#process.observe(labels, processMs / 1000);
        this.#commit.observe(labels, commitMs / 1000);
      },
      checkpointed: ({ byteCount, ms }) => {
        this.#checkpointBytes.set(labels, byteCount);
        this.#checkpoint.observe(labels, ms / 1000);
      },
      warned: (message) => {
        this.#warnings.inc(labels);
        warn(message);
      },
    };
  }

  /** Brings the lag up to date: the end of each partition is asked for only when somebody wants to know. */
  async measureLag(endOf: (at: TopicPartition) => Promise<number>): Promise<void> {
    for (const { at, offset } of this.#positions.values()) {
      this.#lag.set({ topic: at.topic, partition: String(at.partition) }, (await endOf(at)) - offset);
    }
  }

  #counter(name: string, help: string): Counter<'topic' | 'partition'> {
    return new Counter({ name, help, labelNames: LABELS, registers: [this.registry] });
  }

  #gauge(name: string, help: string): Gauge<'topic' | 'partition'> {
    return new Gauge({ name, help, labelNames: LABELS, registers: [this.registry] });
  }

  #histogram(name: string, help: string): Histogram<'topic' | 'partition'> {
    const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
    return new Histogram({ name, help, labelNames: LABELS, buckets, registers: [this.registry] });
  }
}
