import type { EventLog, SchemaRegistry } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { describeError, failureOf } from '#tideline/streaming';
import type { PaceClock } from './pace.ts';
import type { ReplayJob } from './replay-job.ts';
import { replayFile, type ReplayReport, type ReplaySummary } from './replay.ts';

/** The outside world of the ingestor. */
export interface IngestorDoors {
  readonly log: EventLog;
  readonly registry: SchemaRegistry;
  readonly clock: PaceClock;
  /** The clock that a replay's own waits go by; the same one by default. */
  readonly clockOf?: (job: ReplayJob) => PaceClock;
  /** Folder for the locks that keep a second replay of a file out. */
  readonly lockFolder: string;
}

/** Told how the replays go; for logs. */
export interface IngestorObserver {
  began(job: ReplayJob): void;
  progressed(job: ReplayJob, report: ReplayReport): void;
  finished(job: ReplayJob, summary: ReplaySummary): void;
  failed(job: ReplayJob, message: string): void;
  warned(job: ReplayJob, message: string): void;
}

/** Tells several observers, in this order. */
export function observeTogether(observers: readonly IngestorObserver[]): IngestorObserver {
  return {
    began: (...told) => observers.forEach((observer) => observer.began(...told)),
    progressed: (...told) => observers.forEach((observer) => observer.progressed(...told)),
    finished: (...told) => observers.forEach((observer) => observer.finished(...told)),
    failed: (...told) => observers.forEach((observer) => observer.failed(...told)),
    warned: (...told) => observers.forEach((observer) => observer.warned(...told)),
  };
}

/** A sleeping timer is what keeps an idle process alive. */
const IDLE_MS = 60_000;
/** Between two tries of a replay that a door keeps from going on. */
const RETRY_MS = 5_000;

/**
 * Puts each line of a log on the event log exactly once: takes the replays it is given, runs them side by side, and is then idle until told
 * to stop. A replay that fails says so and leaves the others alone; started again, each goes on where it stopped.
 */
export class Ingestor {
  readonly #doors: IngestorDoors;
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #observer: IngestorObserver;

  constructor(doors: IngestorDoors, sources: readonly Source[], observer: IngestorObserver) {
    this.#doors = doors;
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    this.#observer = observer;
  }

  async run(jobs: readonly ReplayJob[], signal: AbortSignal): Promise<void> {
    await Promise.all(jobs.map((job) => this.#replay(job, signal)));
    while (!signal.aborted) await this.#doors.clock.sleep(IDLE_MS, signal);
  }

  async #replay(job: ReplayJob, signal: AbortSignal): Promise<void> {
    const source = this.#sources.get(job.source);
    if (source === undefined) {
      this.#observer.failed(job, `expected a source among ${[...this.#sources.keys()].join(', ')}, found ${job.source}`);
      return;
    }
    this.#observer.began(job);
    const clock = this.#doors.clockOf?.(job) ?? this.#doors.clock;
    for (;;) {
      try {
        this.#observer.finished(job, await this.#replayOnce(job, source, clock, signal));
        return;
      } catch (error) {
        if (failureOf(error)?.retriable !== true || signal.aborted) {
          this.#observer.failed(job, describeError(error));
          return;
        }
        this.#observer.warned(job, `the replay is tried again from where it stopped: ${describeError(error)}`);
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  #replayOnce(job: ReplayJob, source: Source, clock: PaceClock, signal: AbortSignal): Promise<ReplaySummary> {
    const { log, registry, lockFolder } = this.#doors;
    return replayFile({
      log, registry, lockFolder, clock, source, table: job.table, signal, path: job.file, pace: job.pace, loop: job.loop,
      onProgress: (report) => this.#observer.progressed(job, report),
      onWarning: (message) => this.#observer.warned(job, message),
    });
  }
}
