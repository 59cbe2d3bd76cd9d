// Goal: values are the expectation that they claim to be. Method: by hand, and against the sum over all ways a visit can go on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type VisitCount, VisitValues } from './visit-values.ts';

describe('VisitValues', () => {
  it('by hand: two pages', () => {
    const values = new VisitValues([
      { by: 'a', step: 0, pages: 10, leaves: 4, reward: 5 },
      { by: 'a', step: 1, pages: 4, leaves: 1, reward: 8 },
      { by: 'a', step: 2, pages: 2, leaves: 2, reward: 1 },
    ]);
    // V(2) = 0; V(1) = 3/4 (1/2 + 0); V(0) = 6/10 (2 + 3/8).
    expect(values.expectedValue('a', 2)).toBe(0);
    expect(values.expectedValue('a', 1)).toBe(0.375);
    expect(values.expectedValue('a', 0)).toBeCloseTo(0.6 * 2.375, 15);
    expect(values.leaveProbability('a', 0)).toBe(0.4);
    expect(values.meanReward('a', 1)).toBe(2);
    expect(values.expectedValue('a', 3)).toBeUndefined();
    expect(values.leaveProbability('a', -1)).toBeUndefined();
  });

  it('takes the pool where a group was never seen, and for groups never seen', () => {
    const values = new VisitValues([
      { by: 'a', step: 0, pages: 2, leaves: 0, reward: 0 },
      { by: 'b', step: 0, pages: 2, leaves: 2, reward: 4 },
      { by: 'b', step: 1, pages: 4, leaves: 2, reward: 12 },
      { by: 'a', step: 1, pages: 0, leaves: 0, reward: 0 },
    ]);
    expect(values.leaveProbability('a', 1)).toBe(0.5);
    expect(values.expectedValue('a', 0)).toBe(3);
    expect(values.expectedValue('b', 0)).toBe(0);
    expect(values.leaveProbability('never', 0)).toBe(0.5);
    expect(values.expectedValue('never', 0)).toBe(1.5);
    expect(new VisitValues([]).expectedValue('a', 0)).toBeUndefined();
  });

  it('refuses counts that cannot be', () => {
    expect(() => new VisitValues([{ by: 'a', step: 0, pages: 1, leaves: 2, reward: 0 }])).toThrow('found step 0, 1 pages and 2 leaves (a)');
  });

  const counts = fc.array(fc.record({ by: fc.constantFrom('a', 'b', 'ü'), step: fc.nat(6), pages: fc.nat(9), leaves: fc.nat(9), reward: fc.integer({ min: 0, max: 50 }) }), { maxLength: 18 })
    .map((items) => items.map((item): VisitCount => ({ ...item, leaves: Math.min(item.leaves, item.pages) })));

  it('oracle: equals the sum over all lengths of the rest of a visit', () => {
    fc.assert(fc.property(counts, (items) => {
      const values = new VisitValues(items);
      const sum = (step: number, by: string | undefined, pick: (item: VisitCount) => number): number =>
        items.filter((item) => item.step === step && item.pages > 0 && (by === undefined || item.by === by)).reduce((total, item) => total + pick(item), 0);
      for (const by of ['a', 'b', 'ü', 'never']) {
        const at = (step: number): { leave: number; reward: number } | undefined => {
          const group = sum(step, by, (item) => item.pages) > 0 ? by : undefined;
          const pages = sum(step, group, (item) => item.pages);
          return pages === 0 ? undefined : { leave: sum(step, group, (item) => item.leaves) / pages, reward: sum(step, group, (item) => item.reward) / pages };
        };
        for (let step = 0; step <= 7; step++) {
          let expected = 0;
          let stays = 1;
          for (let next = step + 1; at(next) !== undefined; next++) {
            stays *= 1 - (at(next - 1)?.leave ?? 1);
            expected += stays * (at(next)?.reward ?? 0);
          }
          if (at(step) === undefined) expect(values.expectedValue(by, step)).toBeUndefined();
          else {
            expect(values.expectedValue(by, step)).toBeCloseTo(expected, 9);
            expect(values.leaveProbability(by, step)).toBe(at(step)?.leave);
          }
        }
      }
    }));
  });

  it('survives being saved', () => {
    fc.assert(fc.property(counts, (items) => {
      const again = VisitValues.load(new VisitValues(items).save());
      for (let step = 0; step < 8; step++) expect(again.expectedValue('a', step)).toBe(new VisitValues(items).expectedValue('a', step));
    }));
    expect(() => VisitValues.load(Buffer.from('{"kind":"visit-values","layout":9,"counts":[]}'))).toThrow('expected visit values of layout 1, found visit-values 9');
  });
});
