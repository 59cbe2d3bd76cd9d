import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignPartitions, type Claim } from './assign-partitions.ts';
import type { PartitionAt } from './cluster-calls.ts';

const nameOf = ({ topic, partition }: PartitionAt): string => `${topic}/${partition}`;

interface Play {
  readonly counts: Map<string, number>;
  /** Who is a member in each act. */
  readonly acts: readonly (readonly string[])[];
}

const plays: fc.Arbitrary<Play> = fc.record({
  counts: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }).map((sizes) => new Map(sizes.map((count, i) => [`t${i}`, count]))),
  acts: fc.array(fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }), { minLength: 1, maxLength: 5 }),
});

/** Rounds until nothing moves any more; gives who has what, and checks each round. */
function settle(counts: Map<string, number>, before: ReadonlyMap<string, PartitionAt[]>, members: readonly string[]): { owned: Map<string, PartitionAt[]>; rounds: number; moved: number } {
  let owned = new Map(members.map((memberId) => [memberId, before.get(memberId) ?? []]));
  let moved = 0;
  for (let rounds = 1; ; rounds++) {
    const claims: Claim[] = members.map((memberId) => ({ memberId, topics: [...counts.keys()], owned: owned.get(memberId)!, generation: rounds }));
    const given = assignPartitions(claims, counts);
    const holders = new Map([...owned].flatMap(([memberId, partitions]) => partitions.map((at) => [nameOf(at), memberId] as const)));
    const taken = [...given].flatMap(([memberId, partitions]) => partitions.map((at) => [nameOf(at), memberId] as const));
    expect(new Set(taken.map(([name]) => name)).size).toBe(taken.length);
    // Nobody is given what another still works on.
    for (const [name, memberId] of taken) expect(holders.get(name) ?? memberId).toBe(memberId);
    const released = [...holders].filter(([name, memberId]) => !taken.some(([other, taker]) => other === name && taker === memberId)).length;
    moved += released;
    owned = given;
    if (released === 0) return { owned, rounds, moved };
    expect(rounds).toBeLessThan(4);
  }
}

test('every partition ends with one member, topics and totals are even, and nothing is handed over while held', () => {
  fc.assert(
    fc.property(plays, ({ counts, acts }) => {
      let owned = new Map<string, PartitionAt[]>();
      for (const members of acts) {
        const settled = settle(counts, owned, members);
        owned = settled.owned;
        const all = [...owned.values()].flat().map(nameOf).sort();
        expect(all).toEqual([...counts].flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => `${topic}/${partition}`)).sort());
        const spread = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);
        for (const topic of counts.keys()) expect(spread([...owned.values()].map((partitions) => partitions.filter((at) => at.topic === topic).length))).toBeLessThanOrEqual(1);
        expect(spread([...owned.values()].map(({ length }) => length))).toBeLessThanOrEqual(1);
        // Once even, a further round moves nothing.
        expect(settle(counts, owned, members).moved).toBe(0);
      }
    }),
    { numRuns: 300 },
  );
});

test('of two claims on a partition the newer counts', () => {
  const owned = [{ topic: 't', partition: 0 }];
  const given = assignPartitions([{ memberId: 'old', topics: ['t'], owned, generation: 3 }, { memberId: 'new', topics: ['t'], owned, generation: 7 }], new Map([['t', 1]]));
  expect(given).toEqual(new Map([['old', []], ['new', owned]]));
});

test('a topic is given to those who asked for it only', () => {
  const claims = ['t', 'u'].map((topic) => ({ memberId: `wants ${topic}`, topics: [topic], owned: [], generation: -1 }));
  const given = assignPartitions(claims, new Map([['t', 3], ['u', 1]]));
  expect(given.get('wants t')?.map(nameOf)).toEqual(['t/0', 't/1', 't/2']);
  expect(given.get('wants u')?.map(nameOf)).toEqual(['u/0']);
});
