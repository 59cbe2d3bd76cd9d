import { expect, test } from 'vitest';
import { isPlatformError } from '../errors.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { objectStoreContract } from './object-store.contract.ts';
import { UnreliableObjectStore } from './unreliable-object-store.ts';

objectStoreContract('MemoryObjectStore', async () => {
  const store = new MemoryObjectStore();
  return { store, dispose: () => store.close() };
});

objectStoreContract('UnreliableObjectStore without faults', async () => {
  const store = new UnreliableObjectStore(new MemoryObjectStore(), { seed: 5, answerLate: 0.1, lateMsMax: 2 });
  return { store, dispose: () => store.close() };
});

test('an unreliable store fails before and after the effect, and says which', async () => {
  const inner = new MemoryObjectStore();
  const store = new UnreliableObjectStore(inner, { seed: 11, failBefore: 0.3, failAfter: 0.3 });
  const seen = { done: 0, before: 0, after: 0 };
  for (let i = 0; i < 200; i++) {
    const key = `gold/k${i}`;
    try {
      expect(await store.putIfAbsent(key, new Uint8Array(1))).toBe(true);
      seen.done++;
      expect(await inner.head(key)).toBeDefined();
    } catch (error) {
      if (!isPlatformError(error)) throw error;
      const before = error.outcome === 'not-applied';
      seen[before ? 'before' : 'after']++;
      expect((await inner.head(key)) === undefined).toBe(before);
    }
  }
  expect(Math.min(seen.done, seen.before, seen.after)).toBeGreaterThan(30);
});
