import type { Chunk } from '#tideline/retention';
import { sliceChunk } from './slice-chunk.ts';

/** The time of day as far as pacing needs it. */
export interface PaceClock {
  nowMs(): number;
  /** Only goes forward; rows must not wait an hour because the time of day was set back by one. */
  steadyMs(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** As fast as it goes, so many rows a second, or so many times faster than the events happened. */
export type Pace = { readonly kind: 'unpaced' } | { readonly kind: 'rate'; readonly rowsPerSecond: number } | { readonly kind: 'speed'; readonly factor: number };

/** Paced replays append at most about this often a second. */
const STEPS_PER_SECOND = 20;

/** Rows per chunk at this pace: a slow replay appends small chunks rather than rare ones. Depends on settings alone. */
export function pacedChunkRows(pace: Pace, chunkRows: number): number {
  if (pace.kind !== 'rate') return chunkRows;
  return Math.max(1, Math.min(chunkRows, Math.floor(pace.rowsPerSecond / STEPS_PER_SECOND)));
}

/**
 * Cuts a chunk where the running maximum of event time enters another cell of a grid that lasts 50 ms at this speed: the cuts depend on
 * the rows and the speed alone, never on when they were made.
 */
export function cutByEventTime(chunk: Chunk, timeColumn: string, factor: number): { chunk: Chunk; timeMs: number }[] {
  const times = chunk.batch.columns[chunk.batch.names.indexOf(timeColumn)].values;
  const gridMs = Math.max(1, Math.round((factor * 1000) / STEPS_PER_SECOND));
  const { rowCount } = chunk.batch;
  const pieces: { chunk: Chunk; timeMs: number }[] = [];
  let rowStart = 0;
  let timeMs = rowCount === 0 ? Number.NEGATIVE_INFINITY : times[0];
  for (let row = 1; row < rowCount; row++) {
    if (times[row] <= timeMs) continue;
    if (Math.floor(times[row] / gridMs) > Math.floor(timeMs / gridMs)) {
      pieces.push({ chunk: sliceChunk(chunk, rowStart, row), timeMs });
      rowStart = row;
    }
    timeMs = times[row];
  }
  pieces.push({ chunk: rowStart === 0 ? chunk : sliceChunk(chunk, rowStart, rowCount), timeMs });
  return pieces;
}

/** Holds rows back until they are due. */
export class Pacer {
  readonly #pace: Pace;
  readonly #clock: PaceClock;
  readonly #signal: AbortSignal;
  #startedAtMs: number | undefined;
  #rows = 0;
  #firstTimeMs: number | undefined;

  constructor(pace: Pace, clock: PaceClock, signal: AbortSignal) {
    this.#pace = pace;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Resolves when the next `rows` rows, the latest of event time `timeMs`, may go, or at once when the signal aborts. */
  async due(rows: number, timeMs: number | undefined): Promise<void> {
    if (this.#pace.kind === 'unpaced') return;
    this.#startedAtMs ??= this.#clock.steadyMs();
    const waitMs = this.#startedAtMs + this.#elapsedAt(timeMs) - this.#clock.steadyMs();
    this.#rows += rows;
    if (waitMs > 0) await this.#clock.sleep(waitMs, this.#signal);
  }

  #elapsedAt(timeMs: number | undefined): number {
    if (this.#pace.kind === 'rate') return (this.#rows / this.#pace.rowsPerSecond) * 1000;
    if (this.#pace.kind === 'unpaced' || timeMs === undefined || !Number.isFinite(timeMs)) return 0;
    this.#firstTimeMs ??= timeMs;
    return Math.max(0, timeMs - this.#firstTimeMs) / this.#pace.factor;
  }
}

/** Reads `60x` or `60`; undefined when it is neither or not above zero. */
export function parseSpeed(text: string): number | undefined {
  return positive(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1]);
}

/** Reads `20000/s` or `20000`; undefined when it is neither or not above zero. */
export function parseRate(text: string): number | undefined {
  return positive(/^(\d+(?:\.\d+)?)(?:\/s)?$/.exec(text)?.[1]);
}

function positive(text: string | undefined): number | undefined {
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}
