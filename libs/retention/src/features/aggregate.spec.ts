// Goal: partials may be built in any grouping and any order, so that every layer gets the same value.
// Method: algebraic laws on random records, and each kind against the naive twin.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Aggregate, aggregates, durationOf, lagOf, type Observation, ofLastSession, sessionCountOf } from './aggregate.ts';
import { naiveValueAsOf } from './naive-windows.ts';

const observations = fc.array(fc.record({ timeMs: fc.integer({ min: 0, max: 9 }), value: fc.integer({ min: -5, max: 5 }) }), { maxLength: 12 })
  .map((items) => items.map((item, sequence): Observation => ({ ...item, sequence })));

type Case = readonly [name: string, aggregate: Aggregate<unknown>, options: { readonly back?: number; readonly sessionMs?: number }];
const cases: readonly Case[] = [
  ...Object.values(aggregates).map((aggregate): Case => [aggregate.kind, aggregate as Aggregate<unknown>, {}]),
  ['lag of 1', lagOf(1) as Aggregate<unknown>, { back: 1 }],
  ['lag of 3', lagOf(3) as Aggregate<unknown>, { back: 3 }],
  ['sessions', sessionCountOf(2) as Aggregate<unknown>, { sessionMs: 2 }],
  ['duration', durationOf(1) as Aggregate<unknown>, { sessionMs: 1 }],
  ['mean of the last session', ofLastSession(1, aggregates.mean) as Aggregate<unknown>, { sessionMs: 1 }],
  ['max of the last session', ofLastSession(2, aggregates.max) as Aggregate<unknown>, { sessionMs: 2 }],
];

describe.each(cases)('%s', (_, aggregate, options) => {
  const { kind } = aggregate;
  const fold = (items: readonly Observation[]): unknown => items.reduce((partial, item) => aggregate.add(partial, item), aggregate.empty());

  it('merges any split to the same value', () => {
    fc.assert(fc.property(observations, fc.nat(12), fc.nat(12), (items, i, j) => {
      const [a, b] = [Math.min(i, j), Math.max(i, j)];
      const [x, y, z] = [fold(items.slice(0, a)), fold(items.slice(a, b)), fold(items.slice(b))];
      const whole = aggregate.finish(fold(items));
      expect(aggregate.finish(aggregate.merge(aggregate.merge(x, y), z))).toBe(whole);
      expect(aggregate.finish(aggregate.merge(x, aggregate.merge(y, z)))).toBe(whole);
      expect(aggregate.finish(aggregate.merge(z, aggregate.merge(y, x)))).toBe(whole);
    }));
  });

  it('has an empty partial that changes nothing', () => {
    fc.assert(fc.property(observations, (items) => {
      const whole = aggregate.finish(fold(items));
      expect(aggregate.finish(aggregate.merge(fold(items), aggregate.empty()))).toBe(whole);
      expect(aggregate.finish(aggregate.merge(aggregate.empty(), fold(items)))).toBe(whole);
    }));
  });

  it('oracle: equals the naive twin in any order of adding', () => {
    fc.assert(fc.property(observations, fc.func(fc.integer()), (items, rank) => {
      const shuffled = items.map((item) => [rank(item), item] as const).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
      const records = items.map(({ timeMs, value }) => ({ entity: 'e', timeMs, columns: { v: value }, holds: new Set<string>() }));
      const definition = { kind, of: 'v', where: undefined, windowMs: 100, windowRecords: undefined, ...options };
      expect(aggregate.finish(fold(shuffled))).toBe(naiveValueAsOf(records, 'e', definition, 50));
    }));
  });
});
