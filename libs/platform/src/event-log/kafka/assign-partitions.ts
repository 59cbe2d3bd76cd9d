import type { PartitionAt } from './cluster-calls.ts';

/** What a member says when it joins. */
export interface Claim {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** What it still works on; nobody else is given it before the member has let go. */
  readonly owned: readonly PartitionAt[];
  /** The generation in which it was given that: of two claims on a partition the newer counts. */
  readonly generation: number;
}

/**
 * Spreads partitions over members: topic by topic as evenly as can be, leaving each where it is unless that is uneven. A partition that has
 * to move is given to nobody in this round: its holder lets go of it first and joins again, which starts the round that hands it on.
 */
export function assignPartitions(claims: readonly Claim[], partitionCounts: ReadonlyMap<string, number>): Map<string, PartitionAt[]> {
  const given = new Map<string, PartitionAt[]>(claims.map(({ memberId }) => [memberId, []]));
  const load = (memberId: string): number => given.get(memberId)!.length;
  for (const [topic, count] of [...partitionCounts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const members = claims.filter(({ topics }) => topics.includes(topic)).map(({ memberId }) => memberId).sort();
    if (members.length === 0) continue;
    const holders = holdersOf(topic, count, claims);
    const wanted = evenly(holders, members, load);
    wanted.forEach((memberId, partition) => {
      const holder = holders[partition];
      if (holder === undefined || holder === memberId) given.get(memberId)!.push({ topic, partition });
    });
  }
  return given;
}

/** Who works on each partition of a topic now. */
function holdersOf(topic: string, count: number, claims: readonly Claim[]): (string | undefined)[] {
  const holders = new Array<string | undefined>(count).fill(undefined);
  for (const { memberId, owned } of [...claims].sort((a, b) => a.generation - b.generation)) {
    for (const { topic: ownedTopic, partition } of owned) if (ownedTopic === topic && partition < count) holders[partition] = memberId;
  }
  return holders;
}

/** Who is to have each partition: nobody more than one above another, and as few moves as that allows. */
function evenly(holders: readonly (string | undefined)[], members: readonly string[], load: (memberId: string) => number): string[] {
  const counts = new Map(members.map((memberId) => [memberId, 0]));
  const wanted = holders.map((holder) => (holder !== undefined && counts.has(holder) ? holder : undefined));
  for (const memberId of wanted) if (memberId !== undefined) counts.set(memberId, counts.get(memberId)! + 1);
  const extremes = (): { least: string; most: string } => {
    const order = [...members].sort((a, b) => counts.get(a)! - counts.get(b)! || load(a) - load(b) || (a < b ? -1 : 1));
    return { least: order[0], most: order[order.length - 1] };
  };
  const give = (partition: number, memberId: string): void => {
    const before = wanted[partition];
    if (before !== undefined) counts.set(before, counts.get(before)! - 1);
    wanted[partition] = memberId;
    counts.set(memberId, counts.get(memberId)! + 1);
  };
  wanted.forEach((memberId, partition) => {
    if (memberId === undefined) give(partition, extremes().least);
  });
  for (;;) {
    const { least, most } = extremes();
    if (counts.get(most)! - counts.get(least)! <= 1) return wanted as string[];
    give(wanted.lastIndexOf(most), least);
  }
}
