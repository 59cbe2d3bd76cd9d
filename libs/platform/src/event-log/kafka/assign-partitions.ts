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
 * Spreads partitions over members, as evenly as can be topic by topic and then in total, leaving each where it is unless that is uneven. A
 * partition that has to move is given to nobody in this round: its holder lets go of it first and joins again, which starts the round
 * that hands it on.
 */
export function assignPartitions(claims: readonly Claim[], partitionCounts: ReadonlyMap<string, number>): Map<string, PartitionAt[]> {
  const shares: Share[] = [];
  const total = (memberId: string): number => shares.reduce((sum, share) => sum + share.countOf(memberId), 0);
  for (const [topic, count] of [...partitionCounts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const members = claims.filter(({ topics }) => topics.includes(topic)).map(({ memberId }) => memberId).sort();
    if (members.length === 0) continue;
    const share = new Share(topic, holdersOf(topic, count, claims), members);
    shares.push(share);
    share.even(total);
  }
  evenTotals(shares, claims.map(({ memberId }) => memberId).sort(), total);
  return new Map(claims.map(({ memberId }) => [memberId, shares.flatMap((share) => share.givenTo(memberId))]));
}

/** Who works on each partition of a topic now. */
function holdersOf(topic: string, count: number, claims: readonly Claim[]): (string | undefined)[] {
  const holders = new Array<string | undefined>(count).fill(undefined);
  for (const { memberId, owned } of [...claims].sort((a, b) => a.generation - b.generation)) {
    for (const { topic: ownedTopic, partition } of owned) if (ownedTopic === topic && partition < count) holders[partition] = memberId;
  }
  return holders;
}

/** Who is to have each partition of one topic. */
class Share {
  readonly #topic: string;
  readonly #holders: readonly (string | undefined)[];
  readonly #wanted: (string | undefined)[];
  readonly #counts: Map<string, number>;

  constructor(topic: string, holders: readonly (string | undefined)[], members: readonly string[]) {
    this.#topic = topic;
    this.#holders = holders;
    this.#counts = new Map(members.map((memberId) => [memberId, 0]));
    this.#wanted = holders.map((holder) => (holder !== undefined && this.#counts.has(holder) ? holder : undefined));
    for (const memberId of this.#wanted) if (memberId !== undefined) this.#counts.set(memberId, this.countOf(memberId) + 1);
  }

  countOf(memberId: string): number {
    return this.#counts.get(memberId) ?? 0;
  }

  isFor(memberId: string): boolean {
    return this.#counts.has(memberId);
  }

  /** Nobody more than one above another; of equals, who has less in total gets more. */
  even(total: (memberId: string) => number): void {
    const ordered = (): string[] =>
      [...this.#counts.keys()].sort((a, b) => this.countOf(a) - this.countOf(b) || total(a) - total(b) || (a < b ? -1 : 1));
    this.#wanted.forEach((memberId, partition) => {
      if (memberId === undefined) this.#give(partition, ordered()[0]);
    });
    for (;;) {
      const order = ordered();
      const most = order[order.length - 1];
      if (this.countOf(most) - this.countOf(order[0]) <= 1) return;
      this.move(most, order[0]);
    }
  }

  /** Moves one partition, rather one that its holder does not work on yet. */
  move(from: string, to: string): void {
    const fresh = this.#wanted.findLastIndex((memberId, partition) => memberId === from && this.#holders[partition] !== from);
    this.#give(fresh >= 0 ? fresh : this.#wanted.lastIndexOf(from), to);
  }

  /** What a member gets in this round. */
  givenTo(memberId: string): PartitionAt[] {
    return this.#wanted.flatMap((wanted, partition) => {
      const holder = this.#holders[partition];
      return wanted === memberId && (holder === undefined || holder === memberId) ? [{ topic: this.#topic, partition }] : [];
    });
  }

  #give(partition: number, memberId: string): void {
    const before = this.#wanted[partition];
    if (before !== undefined) this.#counts.set(before, this.countOf(before) - 1);
    this.#wanted[partition] = memberId;
    this.#counts.set(memberId, this.countOf(memberId) + 1);
  }
}

/** Evens the totals by swapping who is one ahead in a topic, which leaves the topic as even as it was. */
function evenTotals(shares: readonly Share[], members: readonly string[], total: (memberId: string) => number): void {
  const step = (): boolean => {
    const order = [...members].sort((a, b) => total(b) - total(a));
    for (const most of order) {
      for (const least of order.toReversed()) {
        if (total(most) - total(least) <= 1) continue;
        const share = shares.find((each) => each.isFor(least) && each.countOf(most) > each.countOf(least));
        if (share === undefined) continue;
        share.move(most, least);
        return true;
      }
    }
    return false;
  };
  while (step());
}
