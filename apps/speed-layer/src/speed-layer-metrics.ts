import type { Metrics } from '#tideline/platform';
import type { PartitionObserver, TopicPartition } from '#tideline/streaming';

const LABELS = ['topic', 'partition'] as const;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the speed layer does, as Prometheus metrics. */
export class SpeedLayerMetrics {
  readonly #records;
  readonly #batches;
  readonly #warnings;
  readonly #position;
  readonly #lag;
  readonly #checkpointBytes;
  readonly #process;
  readonly #commit;
  readonly #checkpoint;
  readonly #positions = new Map<string, { at: TopicPartition; offset: number }>();

  constructor(metrics: Metrics) {
    this.#records = metrics.counter('speed_records_total', 'Records processed live', LABELS);
    this.#batches = metrics.counter('speed_batches_total', 'Log batches processed live', LABELS);
    this.#warnings = metrics.counter('speed_warnings_total', 'Failures waited out and things passed over', LABELS);
    this.#position = metrics.gauge('speed_position', 'First offset not yet processed', LABELS);
    this.#lag = metrics.gauge('speed_lag_records', 'Records on the log that are not processed yet', LABELS);
    this.#checkpointBytes = metrics.gauge('speed_checkpoint_bytes', 'Size of the newest checkpoint', LABELS);
    this.#process = metrics.histogram('speed_transaction_process_seconds', 'Processing of one transaction', SECONDS, LABELS);
    this.#commit = metrics.histogram('speed_transaction_commit_seconds', 'Commit of one transaction', SECONDS, LABELS);
    this.#checkpoint = metrics.histogram('speed_checkpoint_seconds', 'Snapshot and upload of one checkpoint', SECONDS, LABELS);
  }

  observerOf(at: TopicPartition, report: { info(message: string): void; warn(message: string): void }): PartitionObserver {
    const labels = { topic: at.topic, partition: String(at.partition) };
    const moved = (offset: number): void => {
      this.#position.set(labels, offset);
      this.#positions.set(`${at.topic}/${at.partition}`, { at, offset });
    };
    return {
      recovered: ({ offset, checkpointOffset, replayedRecords, ms }) => {
        moved(offset);
        const from = checkpointOffset === undefined ? 'the start' : `the checkpoint at ${checkpointOffset}`;
        report.info(`${at.topic}/${at.partition} recovered to offset ${offset} from ${from}: ${replayedRecords} records replayed in ${ms} ms`);
      },
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
        report.warn(message);
      },
    };
  }

  /** Brings the lag up to date: the end of each partition is asked for only when somebody wants to know. */
  async measureLag(endOf: (at: TopicPartition) => Promise<number>): Promise<void> {
    for (const { at, offset } of this.#positions.values()) {
      this.#lag.set({ topic: at.topic, partition: String(at.partition) }, (await endOf(at)) - offset);
    }
  }
}
