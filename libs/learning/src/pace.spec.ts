// Goal: work pauses after its budget, and an abort is seen before and after each pause.
import { describe, expect, it } from 'vitest';
import { Pace } from './pace.ts';

describe('Pace', () => {
  it('is due when the budget is spent, and anew after each pause', async () => {
    let yields = 0;
    const pace = new Pace(undefined, () => { yields++; return Promise.resolve(); }, 10);
    expect([pace.spend(4), pace.spend(5), pace.spend(1), pace.spend(1)]).toEqual([false, false, true, true]);
    await pace.pause();
    expect([yields, pace.spend(9), pace.spend(1)]).toEqual([1, false, true]);
  });

  it('throws the reason of a signal aborted before or while it gives way', async () => {
    const reason = new Error('stop');
    await expect(new Pace(AbortSignal.abort(reason), undefined).pause()).rejects.toBe(reason);
    const controller = new AbortController();
    const pace = new Pace(controller.signal, () => { controller.abort(reason); return Promise.resolve(); });
    await expect(pace.pause()).rejects.toBe(reason);
    await expect(new Pace(new AbortController().signal, undefined).pause()).resolves.toBeUndefined();
  });
});
