import { expect, test } from 'vitest';
import { SimulatedClock } from './fixtures.ts';
import { keepRounds } from './keep-rounds.ts';

test('every item gets its round in turn; what fails is tried again with the next turn', async () => {
  const stop = new AbortController();
  const done: string[] = [];
  await keepRounds({
    items: ['a', 'b'], everyMs: 10, clock: new SimulatedClock(), signal: stop.signal,
    round: async (item) => {
      done.push(item);
      if (done.length === 6) stop.abort();
      if (item === 'a') throw new Error('down');
    },
    failed: () => true,
  });
  expect(done).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
});

test('a failure that is not to be tried again ends the rounds, one after the stop does not', async () => {
  const stop = new AbortController();
  const options = { items: [1], everyMs: 10, clock: new SimulatedClock(), signal: stop.signal, failed: () => false };
  await expect(keepRounds({ ...options, round: () => Promise.reject(new Error('mistake')) })).rejects.toThrow('mistake');
  const stopping = async (): Promise<never> => {
    stop.abort();
    throw new Error('interrupted');
  };
  await keepRounds({ ...options, round: stopping });
});

test('a round that never ends shows as a loop without a sign of life', async () => {
  const signs: string[] = [];
  const stop = new AbortController();
  const pulse = { beat: () => void signs.push('beat'), rest: () => void signs.push('rest') };
  const round = async (): Promise<void> => void (signs.length > 2 && stop.abort());
  await keepRounds({ items: [1], everyMs: 10, clock: new SimulatedClock(), signal: stop.signal, failed: () => true, round, pulse });
  expect(signs).toEqual(['beat', 'rest', 'beat', 'rest']);
});
