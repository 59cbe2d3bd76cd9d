import type { Liveness, Metrics, Pulse, Traces } from '#tideline/platform';
import type { IngestorObserver } from './ingestor.ts';
import type { PaceClock } from './pace.ts';
import type { ReplayJob } from './replay-job.ts';
import type { ReplayReport } from './replay.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const STATES = ['running', 'complete', 'already-complete', 'stopped', 'failed'] as const;

/** What the replays do, as Prometheus metrics, one span a chunk, and a sign of life each. */
export class IngestorMetrics implements IngestorObserver {
  readonly #rows;
  readonly #rejected;
  readonly #bytes;
  readonly #chunk;
  readonly #commit;
  readonly #share;
  readonly #replays;
  readonly #warnings;
  readonly #traces: Traces | undefined;
  readonly #liveness: Liveness;
  readonly #pulses = new Map<ReplayJob, Pulse>();

  constructor(metrics: Metrics, liveness: Liveness, traces: Traces | undefined) {
    this.#traces = traces;
    this.#liveness = liveness;
    this.#rows = metrics.counter('ingest_rows_total', 'Rows read, by what became of them', ['source', 'outcome']);
    this.#rejected = metrics.counter('ingest_dead_letters_total', 'Rows put on the dead-letter topic, by reason', ['source', 'reason']);
    this.#bytes = metrics.counter('ingest_bytes_total', 'Decompressed bytes of log files that are on the event log', ['source']);
    this.#chunk = metrics.histogram('ingest_chunk_seconds', 'Reading, scanning and packing of one chunk', SECONDS, ['source']);
    this.#commit = metrics.histogram('ingest_commit_seconds', 'Commit of one chunk, retries included', SECONDS, ['source']);
    this.#share = metrics.gauge('ingest_replay_share', 'Share of the file that is done in this pass, 0 to 1', ['source', 'file']);
    this.#replays = metrics.gauge('ingest_replays', 'Replays by state', ['state']);
    this.#warnings = metrics.counter('ingest_warnings_total', 'Failures waited out', ['source']);
    for (const state of STATES) this.#replays.set({ state }, 0);
  }

  /** The clock for a replay: while it waits for its pace or for a door, the loop rests. */
  restingClock(clock: PaceClock, job: ReplayJob): PaceClock {
    const pulse = this.#pulseOf(job);
    return {
      nowMs: () => clock.nowMs(),
      steadyMs: () => clock.steadyMs(),
      sleep: async (ms, signal) => {
        pulse.rest();
        await clock.sleep(ms, signal);
        pulse.beat();
      },
    };
  }

  began(job: ReplayJob): void {
    this.#replays.inc({ state: 'running' });
    this.#pulseOf(job).beat();
  }

  progressed(job: ReplayJob, { share, chunk }: ReplayReport): void {
    const { source, file } = job;
    this.#pulseOf(job).beat();
    this.#rows.inc({ source, outcome: 'accepted' }, chunk.accepted);
    for (const [reason, count] of Object.entries(chunk.rejectedBy)) {
      this.#rows.inc({ source, outcome: 'rejected' }, count);
      this.#rejected.inc({ source, reason }, count);
    }
    this.#bytes.inc({ source }, chunk.bytes);
    this.#chunk.observe({ source }, chunk.scanMs / 1000);
    this.#commit.observe({ source }, chunk.commitMs / 1000);
    if (share !== undefined) this.#share.set({ source, file }, share);
    this.#traces?.record({
      name: 'ingest chunk', startMs: chunk.startMs, endMs: chunk.endMs,
      attributes: { source, file, rows: chunk.rows, accepted: chunk.accepted, bytes: chunk.bytes },
      parts: [
        { name: 'read, scan and pack', startMs: chunk.startMs, endMs: chunk.startMs + chunk.scanMs },
        { name: 'commit', startMs: chunk.endMs - chunk.commitMs, endMs: chunk.endMs },
      ],
    });
  }

  finished(job: ReplayJob, { ended }: { readonly ended: (typeof STATES)[number] }): void {
    this.#ended(job, ended);
  }

  failed(job: ReplayJob): void {
    this.#ended(job, 'failed');
  }

  warned(job: ReplayJob): void {
    this.#warnings.inc({ source: job.source });
  }

  #ended(job: ReplayJob, state: (typeof STATES)[number]): void {
    this.#replays.dec({ state: 'running' });
    this.#replays.inc({ state });
    this.#pulseOf(job).rest();
  }

  #pulseOf(job: ReplayJob): Pulse {
    let pulse = this.#pulses.get(job);
    if (pulse === undefined) this.#pulses.set(job, (pulse = this.#liveness.loop(`replay of ${job.file}`)));
    return pulse;
  }
}
