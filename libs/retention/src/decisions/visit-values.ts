/** One line of counts: `by` as text (a segment), `step` the page's number in its visit. `reward` is the sum, in the reward's own unit. */
export interface VisitCount {
  readonly by: string;
  readonly step: number;
  readonly pages: number;
  readonly leaves: number;
  readonly reward: number;
}

interface StepValue {
  readonly leave: number;
  readonly reward: number;
  readonly value: number;
}

interface Totals {
  pages: number;
  leaves: number;
  reward: number;
}

const LAYOUT = 1;

/**
 * What a visit is still worth after each of its pages, from counts alone. With l(p) the share of visits that leave after page p and
 * r(p) the mean reward of page p, V(p) = (1 - l(p)) (r(p+1) + V(p+1)), and 0 after the last step that was ever seen: policy
 * evaluation by backward recursion on an episodic chain (Sutton & Barto 2018, ch. 4.1), undiscounted.
 *
 * A step that a group was never seen at takes the pooled numbers of all groups together; a group that was never seen at all is the
 * pool itself. Steps beyond the last one ever seen are unknown (`undefined`).
 */
export class VisitValues {
  readonly #counts: readonly VisitCount[];
  readonly #groups = new Map<string, ReadonlyMap<number, StepValue>>();
  readonly #pool: ReadonlyMap<number, StepValue>;

  constructor(counts: readonly VisitCount[]) {
    for (const { by, step, pages, leaves } of counts) {
      if (!(Number.isInteger(step) && pages >= 0 && leaves >= 0 && leaves <= pages)) {
        throw new RangeError(`expected whole steps and at most as many leaves as pages, found step ${step}, ${pages} pages and ${leaves} leaves (${by})`);
      }
    }
    this.#counts = counts;
    const pooled = totalsByStep(counts);
    const last = Math.max(-Infinity, ...pooled.keys());
    this.#pool = recurse(pooled, pooled, last);
    const groups = Map.groupBy(counts, ({ by }) => by);
    for (const [by, own] of groups) this.#groups.set(by, recurse(totalsByStep(own), pooled, last));
  }

  /** Expected reward of the rest of the visit after page `step`. */
  expectedValue(by: string, step: number): number | undefined {
    return this.#at(by, step)?.value;
  }

  /** Chance that the visit ends with page `step`. */
  leaveProbability(by: string, step: number): number | undefined {
    return this.#at(by, step)?.leave;
  }

  /** Mean reward of page `step` itself. */
  meanReward(by: string, step: number): number | undefined {
    return this.#at(by, step)?.reward;
  }

  /** JSON bytes that `load` reads. */
  save(): Uint8Array {
    return Buffer.from(JSON.stringify({ kind: 'visit-values', layout: LAYOUT, counts: this.#counts.map(({ by, step, pages, leaves, reward }) => [by, step, pages, leaves, reward]) }));
  }

  static load(bytes: Uint8Array): VisitValues {
    const found = JSON.parse(Buffer.from(bytes).toString('utf8')) as { kind?: string; layout?: number; counts: [string, number, number, number, number][] };
    if (found.kind !== 'visit-values' || found.layout !== LAYOUT) throw new RangeError(`expected visit values of layout ${LAYOUT}, found ${found.kind} ${found.layout}`);
    return new VisitValues(found.counts.map(([by, step, pages, leaves, reward]) => ({ by, step, pages, leaves, reward })));
  }

  #at(by: string, step: number): StepValue | undefined {
    return (this.#groups.get(by) ?? this.#pool).get(step);
  }
}

function totalsByStep(counts: readonly VisitCount[]): Map<number, Totals> {
  const totals = new Map<number, Totals>();
  for (const { step, pages, leaves, reward } of counts) {
    if (pages === 0) continue;
    const total = totals.get(step) ?? { pages: 0, leaves: 0, reward: 0 };
    totals.set(step, { pages: total.pages + pages, leaves: total.leaves + leaves, reward: total.reward + reward });
  }
  return totals;
}

/** Values from the last step back to the first one ever seen; a gap that not even the pool knows ends the recursion there. */
function recurse(own: ReadonlyMap<number, Totals>, pooled: ReadonlyMap<number, Totals>, last: number): Map<number, StepValue> {
  const values = new Map<number, StepValue>();
  const first = Math.min(Infinity, ...pooled.keys());
  for (let step = last; step >= first; step--) {
    const totals = own.get(step) ?? pooled.get(step);
    if (totals === undefined) continue;
    const next = values.get(step + 1);
    const leave = totals.leaves / totals.pages;
    values.set(step, { leave, reward: totals.reward / totals.pages, value: next === undefined ? 0 : (1 - leave) * (next.reward + next.value) });
  }
  return values;
}
