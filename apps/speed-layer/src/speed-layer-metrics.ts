import type { Clock, Liveness, Metrics, ReadinessCheck, Traces } from '#tideline/platform';
import type { PartitionObserver, TopicPartition } from '#tideline/streaming';

const LABELS = ['topic', 'partition'] as const;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What of a partition's processor is worth watching. */
interface WatchedState {
  readonly watermarkMs: number;
  readonly entityCount: number;
}

export interface WatchedPartition {
  readonly at: TopicPartition;
  readonly state: WatchedState;
  readonly report: { info(message: string): void; warn(message: string): void };
}

interface Watched {
  readonly at: TopicPartition;
  readonly labels: { readonly topic: string; readonly partition: string };
  readonly state: WatchedState;
  /** Undefined until recovered. */
  offset: number | undefined;
}

export interface SpeedLayerMetricsOptions {
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly liveness?: Liveness | undefined;
  readonly traces?: Traces | undefined;
}

/** What the speed layer does, as Prometheus metrics, one span a transaction, and a sign of life for each partition. */
export class SpeedLayerMetrics {
  readonly #options: SpeedLayerMetricsOptions;
  readonly #records;
  readonly #batches;
  readonly #warnings;
  readonly #position;
  readonly #lag;
  readonly #watermarkDelay;
  readonly #entities;
  readonly #checkpointBytes;
  readonly #process;
  readonly #commit;
  readonly #checkpoint;
  readonly #recovery;
  readonly #partitions = new Map<string, Watched>();

  constructor(options: SpeedLayerMetricsOptions) {
    const { metrics } = options;
    this.#options = options;
    this.#records = metrics.counter('speed_records_total', 'Records processed live', LABELS);
    this.#batches = metrics.counter('speed_batches_total', 'Log batches processed live', LABELS);
    this.#warnings = metrics.counter('speed_warnings_total', 'Failures waited out and things passed over', LABELS);
    this.#position = metrics.gauge('speed_position', 'First offset not yet processed', LABELS);
    this.#lag = metrics.gauge('speed_lag_records', 'Records on the log that are not processed yet', LABELS);
    this.#watermarkDelay = metrics.gauge('speed_watermark_delay_seconds', 'How far the newest event time lies behind now; in a replay of old data the age of the data', LABELS);
    this.#entities = metrics.gauge('speed_state_entities', 'Entities whose state is held', LABELS);
    this.#checkpointBytes = metrics.gauge('speed_checkpoint_bytes', 'Size of the newest checkpoint', LABELS);
    this.#process = metrics.histogram('speed_transaction_process_seconds', 'Processing of one transaction', SECONDS, LABELS);
    this.#commit = metrics.histogram('speed_transaction_commit_seconds', 'Commit of one transaction, retries included', SECONDS, LABELS);
    this.#checkpoint = metrics.histogram('speed_checkpoint_seconds', 'Snapshot and upload of one checkpoint', SECONDS, LABELS);
    this.#recovery = metrics.gauge('speed_recovery_seconds', 'Restore and replay when the partition was last taken over', LABELS);
  }

  observerOf({ at, state, report }: WatchedPartition): PartitionObserver {
    const { liveness, traces } = this.#options;
    const labels = { topic: at.topic, partition: String(at.partition) };
    const name = `${at.topic}/${at.partition}`;
    const watched: Watched = { at, labels, state, offset: undefined };
    this.#partitions.set(name, watched);
    const pulse = liveness?.loop(name);
    const moved = (offset: number): void => {
      watched.offset = offset;
      this.#position.set(labels, offset);
      pulse?.beat();
    };
    return {
      looked: () => pulse?.beat(),
      recovered: ({ offset, checkpointOffset, replayedRecords, ms }) => {
        moved(offset);
        this.#recovery.set(labels, ms / 1000);
        const from = checkpointOffset === undefined ? 'the start' : `the checkpoint at ${checkpointOffset}`;
        report.info(`${name} recovered to offset ${offset} from ${from}: ${replayedRecords} records replayed in ${ms} ms`);
      },
      committed: ({ offset, batches, records, startedAtMs, readMs, processMs, commitMs }) => {
        moved(offset);
        this.#records.inc(labels, records);
        this.#batches.inc(labels, batches);
        this.#process.observe(labels, processMs / 1000);
        this.#commit.observe(labels, commitMs / 1000);
        const processedAtMs = startedAtMs + processMs;
        traces?.record({
          name: 'speed step', startMs: startedAtMs - readMs, endMs: processedAtMs + commitMs, attributes: { ...labels, offset, batches, records },
          parts: [
            { name: 'read', startMs: startedAtMs - readMs, endMs: startedAtMs },
            { name: 'process', startMs: startedAtMs, endMs: processedAtMs },
            { name: 'commit', startMs: processedAtMs, endMs: processedAtMs + commitMs },
          ],
        });
      },
      checkpointed: ({ byteCount, ms, offset }) => {
        this.#checkpointBytes.set(labels, byteCount);
        this.#checkpoint.observe(labels, ms / 1000);
        if (traces === undefined) return;
        const endMs = this.#options.clock.nowMs();
        traces.record({ name: 'checkpoint', startMs: endMs - ms, endMs, attributes: { ...labels, offset, bytes: byteCount } });
      },
      warned: (message) => {
        pulse?.beat();
        this.#warnings.inc(labels);
        report.warn(message);
      },
      ended: () => this.#forget(name, watched),
    };
  }

  /** The partition is another process's from now on: what was known of it goes, or it would be alarmed about for ever. */
  #forget(name: string, watched: Watched): void {
    // A partition that came back already belongs to its new run.
    if (this.#partitions.get(name) !== watched) return;
    this.#partitions.delete(name);
    this.#options.liveness?.loop(name).rest();
    for (const gauge of [this.#position, this.#lag, this.#watermarkDelay, this.#entities, this.#checkpointBytes, this.#recovery]) gauge.remove(watched.labels);
  }

  /** Ready once every partition that this process was given has its state. */
  readiness(): ReadinessCheck {
    const all = [...this.#partitions.values()];
    const recovered = all.filter(({ offset }) => offset !== undefined).length;
    return { name: 'partitions', ok: recovered === all.length, found: `${recovered} of ${all.length} recovered` };
  }

  /** Brings the gauges up to date: the end of each partition is asked for only when somebody wants to know. */
  async measure(endOf: (at: TopicPartition) => Promise<number>): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    for (const { at, labels, state, offset } of this.#partitions.values()) {
      this.#entities.set(labels, state.entityCount);
      if (Number.isFinite(state.watermarkMs)) this.#watermarkDelay.set(labels, (nowMs - state.watermarkMs) / 1000);
      if (offset !== undefined) this.#lag.set(labels, Math.max(0, (await endOf(at)) - offset));
    }
  }
}
