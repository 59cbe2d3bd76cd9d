import { isPlatformError, type Clock, type Logger } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import { NothingToLearnError } from './train.ts';
import type { Trainer } from './trainer.ts';

const LOOK_EVERY_MS = 3_000;
/** A source learns again from a newer training table at most so often: each run is kept for good. */
const TRAIN_EVERY_MS = 120_000;
const SEED = 42;

/** Runs the trainer by itself: learns from every new training table, not more often than is useful. */
export class Schedule {
  readonly #trainer: Trainer;
  readonly #sources: readonly Source[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #triedVersion = new Map<string, number>();
  readonly #trainedAtMs = new Map<string, number>();

  constructor(trainer: Trainer, sources: readonly Source[], clock: Clock, logger: Logger) {
    this.#trainer = trainer;
    this.#sources = sources;
    this.#clock = clock;
    this.#logger = logger;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const source of this.#sources) {
        if (signal.aborted) return;
        try {
          await this.#round(source, signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!isPlatformError(error)) throw error;
          this.#logger.warn({ err: error }, `${source.name}: training failed and is tried again`);
        }
      }
      await this.#clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #round(source: Source, signal: AbortSignal): Promise<void> {
    const version = await this.#trainer.trainingVersion(source);
    if (version === undefined || this.#triedVersion.get(source.name) === version) return;
    if (!this.#triedVersion.has(source.name) && (await this.#trainer.learnedFrom(source)) === version) {
      this.#triedVersion.set(source.name, version);
      return;
    }
    const nowMs = this.#clock.nowMs();
    if (nowMs - (this.#trainedAtMs.get(source.name) ?? -Infinity) < TRAIN_EVERY_MS) return;
    this.#triedVersion.set(source.name, version);
    this.#trainedAtMs.set(source.name, nowMs);
    try {
      const report = await this.#trainer.train(source, { seed: SEED, signal });
      const { candidate, champion } = report;
      const outcome = candidate?.promoted === true ? `promoted ${candidate.model} as version ${champion?.version}` : `nothing promoted: ${candidate?.reasons.join('; ') ?? 'no candidate'}`;
      this.#logger.info({ source: source.name, models: report.models.map(({ name, metrics }) => ({ name, rocAuc: metrics['rocAuc'] })) }, `${source.name}: ${outcome}`);
    } catch (error) {
      if (!(error instanceof NothingToLearnError)) throw error;
      this.#logger.info(`${source.name}: ${error.message}`);
    }
  }
}
