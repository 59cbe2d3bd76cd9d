import { CommitConflict, SqlError } from '#tideline/lake';
import { isPlatformError, type Clock, type Logger, type Pulse } from '#tideline/platform';
import { UnreadableRecord, type Source } from '#tideline/retention';
import { keepRounds } from '#tideline/streaming';
import type { BatchLayer, BuildReport } from './batch-layer.ts';
import type { CompactionReport } from './compact.ts';
import type { RunReport } from './gates/run-report.ts';
import type { Landing } from './land.ts';

/** How long to wait after each look at all sources. */
const IDLE_MS = 2_000;
/** Between two landings of a topic that keeps growing: each makes a file, so not at every record. */
const LAND_EVERY_MS = 10_000;
/** Gold is rebuilt once silver has grown by this share since the last build, has come to rest, or has waited long enough. */
const GROWTH = 0.2;
const BUILD_AT_LAST_MS = 600_000;
/** At most so often; sooner while there is nothing to learn from yet. */
const BUILD_EVERY_MS = 30_000;
const FIRST_BUILD_EVERY_MS = 10_000;
/** A build takes at most this share of the time. */
const BUILD_SHARE = 0.2;

/** What the schedule knows of one source; times by the steady clock. */
interface Progress {
  landedAtMs: number;
  /** The last landing found nothing new. */
  atRest: boolean;
  silverRows: number;
  builtAtMs: number;
  buildMs: number;
  builtRows: number;
  trainingRows: number;
}

/** What of the batch layer the schedule calls. */
export type ScheduledWork = Pick<BatchLayer, 'land' | 'compact' | 'build' | 'silverRows' | 'lastBuild'> & Partial<Pick<BatchLayer, 'validate'>>;

/** Told what was done, for metrics and traces; times in ms since the epoch. */
export interface ScheduleObserver {
  readonly pulse?: Pulse;
  landed?(facts: { source: string; landing: Landing & { rejects: number }; startMs: number; endMs: number }): void;
  compacted?(facts: { source: string; reports: readonly CompactionReport[]; startMs: number; endMs: number }): void;
  built?(facts: { source: string; report: BuildReport; startMs: number; endMs: number }): void;
  validated?(facts: { source: string; report: RunReport; startMs: number; endMs: number }): void;
  failed?(source: string): void;
}

/** Runs the batch layer by itself: lands what is new, rebuilds gold when enough is, compacts in between. */
export class Schedule {
  readonly #layer: ScheduledWork;
  readonly #sources: readonly Source[];
  readonly #clock: Clock;
  readonly #logger: Pick<Logger, 'info' | 'warn'>;
  readonly #observer: ScheduleObserver;
  readonly #progress = new Map<string, Progress>();

  constructor(layer: ScheduledWork, sources: readonly Source[], clock: Clock, logger: Pick<Logger, 'info' | 'warn'>, observer: ScheduleObserver = {}) {
    this.#layer = layer;
    this.#sources = sources;
    this.#clock = clock;
    this.#logger = logger;
    this.#observer = observer;
  }

  /** Until the signal aborts; a round that fails because of the world or the data is told and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    await keepRounds({
      items: this.#sources, everyMs: IDLE_MS, clock: this.#clock, signal,
      ...(this.#observer.pulse && { pulse: this.#observer.pulse }),
      round: (source) => this.#round(source, signal),
      failed: (source, error) => {
        if (!isToldAndTriedAgain(error)) return false;
        this.#observer.failed?.(source.name);
        this.#logger.warn({ err: error }, `${source.name}: this round failed and is tried again`);
        return true;
      },
    });
  }

  async #round(source: Source, signal: AbortSignal): Promise<void> {
    const progress = await this.#progressOf(source);
    if (this.#clock.steadyMs() - progress.landedAtMs >= LAND_EVERY_MS) await this.#land(source, progress, signal);
    if (!signal.aborted && this.#isBuildDue(source, progress)) await this.#build(source, progress, signal);
  }

  /** What is built already is not built again by a new process. */
  async #progressOf(source: Source): Promise<Progress> {
    const known = this.#progress.get(source.name);
    if (known !== undefined) return known;
    const build = await this.#layer.lastBuild(source);
    const built = { builtAtMs: -Infinity, buildMs: 0, builtRows: build?.silverRows ?? 0, trainingRows: build?.rowCount ?? 0 };
    const progress = { landedAtMs: -Infinity, atRest: false, silverRows: 0, ...built };
    this.#progress.set(source.name, progress);
    return progress;
  }

  async #land(source: Source, progress: Progress, signal: AbortSignal): Promise<void> {
    // Whether it fails or not, the next one waits its time.
    progress.landedAtMs = this.#clock.steadyMs();
    const startMs = this.#clock.nowMs();
    const landing = await this.#layer.land(source, signal, () => this.#observer.pulse?.beat());
    progress.landedAtMs = this.#clock.steadyMs();
    const endMs = this.#clock.nowMs();
    this.#observer.landed?.({ source: source.name, landing, startMs, endMs });
    progress.atRest = landing.bronzeRows === 0 && landing.silverRows === 0;
    if (!progress.atRest) {
      this.#logger.info({ source: source.name, ...landing }, `${source.name}: landed ${landing.bronzeRows} rows`);
      const reports = await this.#layer.compact(source);
      this.#observer.compacted?.({ source: source.name, reports, startMs: endMs, endMs: this.#clock.nowMs() });
      for (const { table, filesBefore, filesAfter } of reports) {
        this.#logger.info({ table, filesBefore, filesAfter }, `${table}: ${filesBefore} files became ${filesAfter}`);
      }
    }
    progress.silverRows = await this.#layer.silverRows(source);
  }

  #isBuildDue(source: Source, { atRest, silverRows, builtAtMs, buildMs, builtRows, trainingRows }: Progress): boolean {
    if (silverRows <= builtRows) return false;
    const sinceMs = this.#clock.steadyMs() - builtAtMs;
    const canLearn = source.time === undefined || source.models.asOf !== undefined;
    const hasNothingToLearn = canLearn && trainingRows === 0;
    if (sinceMs < Math.max(hasNothingToLearn ? FIRST_BUILD_EVERY_MS : BUILD_EVERY_MS, buildMs / BUILD_SHARE)) return false;
    return hasNothingToLearn || atRest || silverRows > builtRows * (1 + GROWTH) || sinceMs >= BUILD_AT_LAST_MS;
  }

  async #build(source: Source, progress: Progress, signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.nowMs();
    const begunMs = this.#clock.steadyMs();
    progress.builtAtMs = begunMs;
    const { silverRows } = progress;
    const report = await this.#layer.build(source, { signal, onProgress: () => this.#observer.pulse?.beat() });
    const buildMs = this.#clock.steadyMs() - begunMs;
    this.#observer.built?.({ source: source.name, report, startMs, endMs: this.#clock.nowMs() });
    Object.assign(progress, { builtAtMs: begunMs + buildMs, buildMs, builtRows: silverRows, trainingRows: report.trainingRows });
    this.#logger.info({ source: source.name, ...report, seconds: buildMs / 1000 }, `${source.name}: built gold, ${report.trainingRows} rows to learn from`);
    await this.#validate(source, signal);
  }

  /** What was just built is checked at once; what does not hold is told and counted, and stops nothing that serves already. */
  async #validate(source: Source, signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.nowMs();
    const report = await this.#layer.validate?.(source, signal);
    if (report === undefined) return;
    this.#observer.validated?.({ source: source.name, report, startMs, endMs: this.#clock.nowMs() });
    const named = (verdict: string): string[] => report.results.filter((result) => result.verdict === verdict).map(({ suite, check }) => `${suite}/${check}`);
    const facts = { source: source.name, run: report.run, failed: named('failed'), warned: named('warned'), rejected: report.rejected };
    if (report.verdict === 'refused') this.#logger.warn(facts, `${source.name}: ${facts.failed.length} checks failed: ${facts.failed.join(', ')}`);
    else this.#logger.info(facts, `${source.name}: every check passed${facts.warned.length > 0 ? `, ${facts.warned.length} with a warning` : ''}`);
  }
}

/** The world (doors, the engine's memory and disk), another process's commit, data beyond a declared limit, a foreign record on the topic; not our own mistakes. */
function isToldAndTriedAgain(error: unknown): boolean {
  return isPlatformError(error) || error instanceof CommitConflict || error instanceof SqlError || error instanceof RangeError || error instanceof UnreadableRecord;
}
