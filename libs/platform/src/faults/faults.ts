import { PlatformError } from '../errors.ts';

/** Chances from 0 to 1 that a call goes wrong in each way; their sum must not exceed 1. */
export interface FaultChances {
  readonly seed: number;
  /** The call fails and certainly had no effect (`UNAVAILABLE`, `not-applied`, retriable). */
  readonly failBefore?: number;
  /** The call takes effect and then fails (`TIMEOUT`, `unknown`). */
  readonly failAfter?: number;
  /** The call works but answers up to `lateMsMax` (20 by default) later. */
  readonly answerLate?: number;
  readonly lateMsMax?: number;
}

/** One seeded coin for all calls of an unreliable door: the same seed and the same order of calls give the same faults. */
export class Faults {
  readonly #chances: Required<FaultChances>;
  #state: number;

  constructor(chances: FaultChances) {
    this.#chances = { failBefore: 0, failAfter: 0, answerLate: 0, lateMsMax: 20, ...chances };
    this.#state = chances.seed >>> 0;
  }

  /** Runs a call through the coin; `doing` names it in the error. */
  async around<T>(doing: string, call: () => Promise<T>): Promise<T> {
    const { failBefore, failAfter, answerLate, lateMsMax } = this.#chances;
    const coin = this.#next();
    if (coin < failBefore) {
      throw new PlatformError('UNAVAILABLE', `could not ${doing}: made to fail before it began`, { retriable: true });
    }
    const result = await call();
    if (coin < failBefore + failAfter) {
      throw new PlatformError('TIMEOUT', `could not ${doing}: made to fail after it took effect`, { outcome: 'unknown' });
    }
    if (coin < failBefore + failAfter + answerLate) {
      const lateMs = this.#next() * lateMsMax;
      await new Promise((resolve) => setTimeout(resolve, lateMs));
    }
    return result;
  }

  // Mulberry32 (Tommy Ettinger, public domain algorithm): 32 bits of state are plenty for a coin.
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}
