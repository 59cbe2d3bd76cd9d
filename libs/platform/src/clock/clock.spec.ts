import { expect, test } from 'vitest';
import { ManualClock, SystemClock } from './clock.ts';

test('the steady time of a clock goes on when the time of day is set', async () => {
  const clock = new ManualClock(10_000_000);
  clock.set(-3_600_000);
  await clock.advance(50);
  expect([clock.nowMs(), clock.steadyMs()]).toEqual([6_400_050, 10_000_050]);
  const system = new SystemClock();
  const before = system.steadyMs();
  await system.sleep(2);
  expect(system.steadyMs()).toBeGreaterThan(before);
});

test('a manual clock wakes sleepers at their times, also those who sleep again', async () => {
  const clock = new ManualClock(1000);
  const woken: string[] = [];
  const sleeper = async (name: string, ms: number, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await clock.sleep(ms);
      woken.push(`${name}@${clock.nowMs()}`);
    }
  };
  const all = Promise.all([sleeper('a', 30, 3), sleeper('b', 50, 1)]);
  await clock.advance(60);
  expect(woken).toEqual(['a@1030', 'b@1050', 'a@1060']);
  await clock.advance(40);
  await all;
  expect(woken.at(-1)).toBe('a@1090');
  expect(clock.nowMs()).toBe(1100);
});

test('sleep ends early on abort, on every clock', async () => {
  for (const clock of [new ManualClock(), new SystemClock()]) {
    const stop = new AbortController();
    const sleeping = clock.sleep(1e9, stop.signal);
    stop.abort();
    await sleeping;
    await clock.sleep(1e9, stop.signal);
  }
  const before = new SystemClock().nowMs();
  await new SystemClock().sleep(5);
  expect(new SystemClock().nowMs() - before).toBeGreaterThanOrEqual(4);
});
