import { SqlError } from '#tideline/lake';
import { isPlatformError, type Clock, type Logger, type Pulse } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { keepRounds } from '#tideline/streaming';
import { NothingToLearnError, type TrainReport } from './train.ts';
import type { Trainer } from './trainer.ts';

const LOOK_EVERY_MS = 3_000;
/** A source learns again from a newer training table at most so often: each run is kept for good. */
const TRAIN_EVERY_MS = 120_000;
/** After a failure; every attempt leaves a failed run behind. */
const RETRY_AFTER_MS = 30_000;
const SEED = 42;

/** What of the trainer the schedule calls. */
export type ScheduledTraining = Pick<Trainer, 'train' | 'trainingVersion' | 'learnedFrom'>;

/** Told what was done, for metrics and traces; times in ms since the epoch. */
export interface ScheduleObserver {
  readonly pulse?: Pulse;
  trained?(facts: { report: TrainReport; startMs: number; endMs: number }): void;
  failed?(source: string): void;
}

/** Runs the trainer by itself: learns from every new training table, not more often than is useful. */
export class Schedule {
  readonly #trainer: ScheduledTraining;
  readonly #sources: readonly Source[];
  readonly #clock: Clock;
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  readonly #observer: ScheduleObserver;
  /** Version of the training table that was learned from, or that held nothing to learn. */
  readonly #doneVersion = new Map<string, number>();
  /** By the steady clock. */
  readonly #notBeforeMs = new Map<string, number>();

  constructor(trainer: ScheduledTraining, sources: readonly Source[], clock: Clock, logger: Pick<Logger, 'info' | 'warn'>, observer: ScheduleObserver = {}) {
    this.#trainer = trainer;
    this.#sources = sources;
    this.#clock = clock;
    this.#logger = logger;
    this.#observer = observer;
  }

  /** Until the signal aborts; a training that fails because of the world is told and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    await keepRounds({
      items: this.#sources, everyMs: LOOK_EVERY_MS, clock: this.#clock, signal,
      ...(this.#observer.pulse && { pulse: this.#observer.pulse }),
      round: (source) => this.#round(source, signal),
      failed: (source, error) => {
        if (!isPlatformError(error) && !(error instanceof SqlError)) return false;
        this.#wait(source, RETRY_AFTER_MS);
        this.#observer.failed?.(source.name);
        this.#logger.warn({ err: error }, `${source.name}: training failed and is tried again`);
        return true;
      },
    });
  }

  async #round(source: Source, signal: AbortSignal): Promise<void> {
    if (this.#clock.steadyMs() < (this.#notBeforeMs.get(source.name) ?? -Infinity)) return;
    const version = await this.#trainer.trainingVersion(source);
    if (version === undefined || version === (await this.#versionDone(source))) return;
    try {
      const startMs = this.#clock.nowMs();
      const report = await this.#trainer.train(source, { seed: SEED, signal, onProgress: () => this.#observer.pulse?.beat() });
      this.#observer.trained?.({ report, startMs, endMs: this.#clock.nowMs() });
      this.#wait(source, TRAIN_EVERY_MS);
      this.#logger.info({ source: source.name, models: report.models.map(({ name, metrics }) => ({ name, rocAuc: metrics['rocAuc'] })) }, `${source.name}: ${outcomeOf(report)}`);
    } catch (error) {
      if (!(error instanceof NothingToLearnError)) throw error;
      // The next table may hold something: nothing was kept, so there is nothing to wait for.
      this.#logger.info(`${source.name}: ${error.message}`);
    }
    this.#doneVersion.set(source.name, version);
  }

  /** A new process does not repeat what the one before it has learned. */
  async #versionDone(source: Source): Promise<number | undefined> {
    if (!this.#doneVersion.has(source.name)) this.#doneVersion.set(source.name, (await this.#trainer.learnedFrom(source)) ?? -1);
    return this.#doneVersion.get(source.name);
  }

  #wait(source: Source, ms: number): void {
    this.#notBeforeMs.set(source.name, this.#clock.steadyMs() + ms);
  }
}

function outcomeOf({ candidate, champion }: TrainReport): string {
  if (candidate?.promoted === true) return `promoted ${candidate.model} as version ${champion?.version}`;
  return `nothing promoted: ${candidate?.reasons.join('; ') ?? 'no candidate'}`;
}
