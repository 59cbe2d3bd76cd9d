import { isPlatformError, type Clock, type Logger } from '#tideline/platform';
import type { Source } from '#tideline/retention';
import type { BatchLayer } from './batch-layer.ts';
import { NothingToBuildError } from './gold.ts';

/** How long to wait after a round in which nothing was new. */
const IDLE_MS = 2_000;
/** Between two landings of a topic that keeps growing: each makes a file, so not at every record. */
const LAND_EVERY_MS = 10_000;
/** Gold is rebuilt when silver grew by this share since the last build, and at most so often. */
const GROWTH = 0.2;
const BUILD_EVERY_MS = 30_000;

interface Progress {
  landedAtMs: number;
  builtAtMs: number;
  silverRows: number;
  builtRows: number;
}

/** Runs the batch layer by itself: lands what is new, rebuilds gold when enough is, compacts in between. */
export class Schedule {
  readonly #layer: BatchLayer;
  readonly #sources: readonly Source[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #progress = new Map<string, Progress>();

  constructor(layer: BatchLayer, sources: readonly Source[], clock: Clock, logger: Logger) {
    this.#layer = layer;
    this.#sources = sources;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Until the signal aborts; a round that fails because of the world is told and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const source of this.#sources) {
        if (signal.aborted) return;
        try {
          await this.#round(source, signal);
        } catch (error) {
          if (!isPlatformError(error) && !(error instanceof NothingToBuildError)) throw error;
          this.#logger.warn({ err: error }, `${source.name}: this round failed and is tried again`);
        }
      }
      await this.#clock.sleep(IDLE_MS, signal);
    }
  }

  async #round(source: Source, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const progress = this.#progress.get(source.name) ?? { landedAtMs: -Infinity, builtAtMs: -Infinity, silverRows: 0, builtRows: 0 };
    this.#progress.set(source.name, progress);
    if (nowMs - progress.landedAtMs >= LAND_EVERY_MS) {
      const landing = await this.#layer.land(source, signal);
      progress.landedAtMs = this.#clock.nowMs();
      if (landing.silverRows > 0 || landing.bronzeRows > 0) {
        this.#logger.info({ source: source.name, ...landing }, `${source.name}: landed ${landing.bronzeRows} rows`);
        for (const { table, filesBefore, filesAfter } of await this.#layer.compact(source)) {
          this.#logger.info({ table, filesBefore, filesAfter }, `${table}: ${filesBefore} files became ${filesAfter}`);
        }
      }
      progress.silverRows = await this.#layer.silverRows(source);
    }
    const grown = progress.silverRows > progress.builtRows * (1 + GROWTH);
    if (!grown || nowMs - progress.builtAtMs < BUILD_EVERY_MS || signal.aborted) return;
    const startMs = this.#clock.nowMs();
    const report = await this.#layer.build(source);
    progress.builtAtMs = this.#clock.nowMs();
    progress.builtRows = progress.silverRows;
    this.#logger.info({ source: source.name, ...report, seconds: (progress.builtAtMs - startMs) / 1000 }, `${source.name}: built gold, ${report.trainingRows} rows to learn from`);
  }
}
