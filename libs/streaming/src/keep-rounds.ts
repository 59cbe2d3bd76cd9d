import type { EngineClock } from './processor.ts';

export interface RoundsOptions<T> {
  /** Each gets its round in this order, again and again. */
  readonly items: readonly T[];
  /** Pause after all had their round. */
  readonly everyMs: number;
  readonly clock: EngineClock;
  readonly signal: AbortSignal;
  readonly round: (item: T) => Promise<void>;
  /** Told of a round that failed; true when it is to be tried again with the next turn, false for a mistake of our own. */
  readonly failed: (item: T, error: unknown) => boolean;
  /** Sign of life: before each round, and before each pause. */
  readonly pulse?: { beat(): void; rest(): void };
}

/** Gives every item its round until the signal aborts; rejects with a failure that is not to be tried again. */
export async function keepRounds<T>({ items, everyMs, clock, signal, round, failed, pulse }: RoundsOptions<T>): Promise<void> {
  while (!signal.aborted) {
    for (const item of items) {
      if (signal.aborted) return;
      pulse?.beat();
      try {
        await round(item);
      } catch (error) {
        // Whatever a round throws after it was told to stop is its way of stopping.
        if (signal.aborted) return;
        if (!failed(item, error)) throw error;
      }
    }
    pulse?.rest();
    await clock.sleep(everyMs, signal);
  }
}
