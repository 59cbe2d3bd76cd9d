/** Milliseconds that only go forward: the time of day may be set back or forth while a process runs. */
export type Monotonic = () => number;

/** A turn of a loop may take this long before the process counts as stuck; one that waits for work takes any time. */
const STUCK_AFTER_MS = 300_000;

/** One loop's sign of life: `beat` at every step forward, `rest` before it waits for work, for its pace or for a door. */
export interface Pulse {
  beat(): void;
  rest(): void;
}

interface Loop {
  readonly stuckAfterMs: number;
  atMs: number;
  resting: boolean;
}

/**
 * Whether the main loops of a process still move. A failing door is not stuck (waiting is right, a restart would not cure it); a loop
 * that has been busy with the same step for too long is.
 */
export class Liveness {
  readonly #nowMs: Monotonic;
  readonly #loops = new Map<string, Loop>();

  constructor(nowMs: Monotonic = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** A loop under that name, resting at first; asking again for a name takes over its loop. */
  loop(name: string, stuckAfterMs: number = STUCK_AFTER_MS): Pulse {
    const loop: Loop = { stuckAfterMs, atMs: this.#nowMs(), resting: true };
    this.#loops.set(name, loop);
    const sign = (resting: boolean) => (): void => {
      loop.atMs = this.#nowMs();
      loop.resting = resting;
    };
    return { beat: sign(false), rest: sign(true) };
  }

  /** Which loops are stuck, as sentences; empty while all is well. */
  problems(): readonly string[] {
    const nowMs = this.#nowMs();
    return [...this.#loops].flatMap(([name, { atMs, resting, stuckAfterMs }]) => {
      const silentMs = nowMs - atMs;
      if (resting || silentMs < stuckAfterMs) return [];
      return [`${name}: no step forward for ${Math.round(silentMs / 1000)} s, expected one within ${Math.round(stuckAfterMs / 1000)} s`];
    });
  }
}
