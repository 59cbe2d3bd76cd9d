import { SystemClock, type Clock } from '../clock/clock.ts';
import { PlatformError } from '../errors.ts';

/** Chances from 0 to 1 that a call goes wrong in each way; their sum must not exceed 1. */
export interface FaultChances {
  readonly seed: number;
  /** The call fails and certainly had no effect (`UNAVAILABLE`, `not-applied`, retriable). */
  readonly failBefore?: number;
  /** The call takes effect and then fails (`TIMEOUT`). */
  readonly failAfter?: number;
  /** The call works but answers up to `lateMsMax` (20 by default) later. */
  readonly answerLate?: number;
  readonly lateMsMax?: number;
  /** Nothing happens and nothing answers: the call fails with `TIMEOUT` after the door's bound. */
  readonly hang?: number;
  /** The call fails with `TIMEOUT` after the bound, and takes effect only later: before one of the next calls, or at `settle`. */
  readonly effectLate?: number;
  /** The door's bound, 30,000 ms by default: no call takes longer. */
  readonly boundMs?: number;
  /** What the waiting is done with; a simulated one takes no time. */
  readonly clock?: Pick<Clock, 'sleep'>;
}

/** What a call is like that goes through the coin. */
export interface FaultyCall {
  /** It changes nothing, so that without an answer it was certainly not applied. */
  readonly reads?: boolean;
  /** Ends the wait of a call that hangs. */
  readonly signal?: AbortSignal | undefined;
}

/** A late effect comes before one of so many next calls. */
const LATE_CALLS = 6;

/** One seeded coin for all calls of an unreliable door: the same seed and the same order of calls give the same faults. */
export class Faults {
  readonly #chances: Required<FaultChances>;
  #late: { callsLeft: number; readonly effect: () => Promise<unknown> }[] = [];
  #state: number;
  #count = 0;

  constructor(chances: FaultChances) {
    this.#chances = { failBefore: 0, failAfter: 0, answerLate: 0, lateMsMax: 20, hang: 0, effectLate: 0, boundMs: 30_000, clock: new SystemClock(), ...chances };
    this.#state = chances.seed >>> 0;
  }

  /** How many calls have gone wrong. */
  get count(): number {
    return this.#count;
  }

  /** Runs a call through the coin; `doing` names it in the error. What the call is handed must stay as it is, also after a failure. */
  async around<T>(doing: string, call: () => Promise<T>, { reads = false, signal }: FaultyCall = {}): Promise<T> {
    await this.#letComeThrough();
    const { failBefore, failAfter, answerLate, lateMsMax, hang, effectLate, boundMs, clock } = this.#chances;
    const coin = this.#next();
    const timeout = (how: string): PlatformError =>
      new PlatformError('TIMEOUT', `could not ${doing}: ${how}`, { outcome: reads ? 'not-applied' : 'unknown', retriable: true });
    let limit = failBefore;
    if (coin < limit) throw this.#counted(new PlatformError('UNAVAILABLE', `could not ${doing}: made to fail before it began`, { retriable: true }));
    if (coin < (limit += failAfter)) {
      await call();
      throw this.#counted(timeout('made to fail after it took effect'));
    }
    if (coin < (limit += answerLate)) {
      const result = await call();
      await clock.sleep(this.#next() * lateMsMax);
      return result;
    }
    if (coin < (limit += hang)) {
      await clock.sleep(boundMs, signal);
      throw this.#counted(timeout(`no answer within ${boundMs} ms`));
    }
    if (coin < limit + effectLate) {
      if (!reads) this.#late.push({ callsLeft: 1 + Math.floor(this.#next() * LATE_CALLS), effect: call });
      await clock.sleep(boundMs, signal);
      throw this.#counted(timeout(`no answer within ${boundMs} ms, but it goes through later`));
    }
    return call();
  }

  /** Lets everything take effect that is still on its way. */
  async settle(): Promise<void> {
    for (const late of this.#late) late.callsLeft = 0;
    await this.#letComeThrough();
  }

  async #letComeThrough(): Promise<void> {
    if (this.#late.length === 0) return;
    for (const late of this.#late) late.callsLeft--;
    const due = this.#late.filter(({ callsLeft }) => callsLeft <= 0);
    this.#late = this.#late.filter(({ callsLeft }) => callsLeft > 0);
    // Nobody is left to be told how it went.
    for (const { effect } of due) await effect().catch(() => undefined);
  }

  #counted(error: PlatformError): PlatformError {
    this.#count++;
    return error;
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
