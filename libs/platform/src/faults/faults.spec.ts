// Each way in which a call goes wrong: what the caller sees, when it sees it, and whether the effect is there then or later.
import { describe, expect, test } from 'vitest';
import { isPlatformError, type PlatformError } from '../errors.ts';
import { Faults, type FaultChances } from './faults.ts';

/** Time that passes only by sleeping. */
class Sleeps {
  ms = 0;
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted !== true) this.ms += ms;
  }
}

async function failing(chances: Omit<FaultChances, 'seed'>, call: { reads?: boolean; signal?: AbortSignal } = {}): Promise<{ error: PlatformError; effects: number; sleptMs: number; faults: Faults; later: () => number }> {
  const clock = new Sleeps();
  const faults = new Faults({ seed: 1, clock, boundMs: 700, ...chances });
  let effects = 0;
  const error: unknown = await faults.around('do it', async () => effects++, call).then(() => undefined, (reason: unknown) => reason);
  if (!isPlatformError(error)) throw new Error('expected a failure');
  return { error, effects, sleptMs: clock.ms, faults, later: () => effects };
}

describe('a call', () => {
  test('that fails before it began had no effect, for certain', async () => {
    const { error, effects, sleptMs } = await failing({ failBefore: 1 });
    expect([error.code, error.outcome, error.retriable, effects, sleptMs]).toEqual(['UNAVAILABLE', 'not-applied', true, 0, 0]);
  });

  test('that fails afterwards had its effect, and the caller can not know', async () => {
    const { error, effects } = await failing({ failAfter: 1 });
    expect([error.code, error.outcome, effects]).toEqual(['TIMEOUT', 'unknown', 1]);
  });

  test('that hangs ends at the bound, or sooner when its signal says so, and never has an effect', async () => {
    const { error, sleptMs, faults, later } = await failing({ hang: 1 });
    expect([error.code, error.outcome, sleptMs]).toEqual(['TIMEOUT', 'unknown', 700]);
    await faults.settle();
    expect(later()).toBe(0);
    expect((await failing({ hang: 1 }, { signal: AbortSignal.abort() })).sleptMs).toBe(0);
  });

  test('whose effect is late ends at the bound, and the effect comes before a later call or at the end', async () => {
    const { error, effects, sleptMs, faults, later } = await failing({ effectLate: 1 });
    expect([error.code, error.outcome, effects, sleptMs]).toEqual(['TIMEOUT', 'unknown', 0, 700]);
    for (let calls = 0; later() === 0 && calls < 10; calls++) await faults.around('look', async () => 0, { reads: true }).catch(() => undefined);
    expect(later()).toBe(1);
    const another = await failing({ effectLate: 1 });
    await another.faults.settle();
    expect(another.later()).toBe(1);
  });

  test('that only reads was certainly not applied, and may be repeated', async () => {
    for (const chances of [{ failAfter: 1 }, { hang: 1 }, { effectLate: 1 }]) {
      const { error, faults, later, effects } = await failing(chances, { reads: true });
      expect([error.code, error.outcome, error.retriable]).toEqual(['TIMEOUT', 'not-applied', true]);
      await faults.settle();
      expect(later()).toBe(effects);
    }
  });
});

test('the same seed gives the same fates', async () => {
  const fates = async (seed: number): Promise<string[]> => {
    const faults = new Faults({ seed, clock: new Sleeps(), failBefore: 0.2, failAfter: 0.2, hang: 0.2, effectLate: 0.2 });
    const found: string[] = [];
    for (let k = 0; k < 50; k++) found.push(await faults.around('do it', async () => 'done').catch((error: unknown) => (error as Error).message));
    return found;
  };
  expect(await fates(3)).toEqual(await fates(3));
  expect(await fates(3)).not.toEqual(await fates(4));
  expect(new Set((await fates(3)).map((fate) => fate.slice(-20))).size).toBe(5);
});
