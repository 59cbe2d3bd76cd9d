/** What the lake learned about visits, step (page) by step; a group never seen answers with the pool of all. */
export interface VisitLookup {
  /** Expected reward of the rest of the visit after a step. */
  expectedValue(by: string, step: number): number | undefined;
  leaveProbability(by: string, step: number): number | undefined;
  /** Mean reward of the step itself. */
  meanReward(by: string, step: number): number | undefined;
}

/** A registered version of a source's visit values. */
export interface VisitValueTable {
  readonly name: string;
  readonly version: string;
  readonly lookup: VisitLookup;
  /** Groups (segments) that the log held. */
  readonly groups: ReadonlySet<string>;
}

/** The numbers of one step. */
export interface VisitStep {
  readonly step: number;
  readonly leave: number;
  readonly meanReward: number;
  readonly expectedValue: number;
}

const STEPS_LOOKED_AT = 1000;

/** Every step that a group has numbers for, ascending. */
export function stepsOf({ lookup }: VisitValueTable, group: string): VisitStep[] {
  const steps: VisitStep[] = [];
  for (let step = 0; step < STEPS_LOOKED_AT; step++) {
    const expectedValue = lookup.expectedValue(group, step);
    const leave = lookup.leaveProbability(group, step);
    const meanReward = lookup.meanReward(group, step);
    if (expectedValue === undefined || leave === undefined || meanReward === undefined) continue;
    steps.push({ step, leave, meanReward, expectedValue });
  }
  return steps;
}

/** The groups that an artifact's counts name: `{ counts: [[group, …], …] }`; empty when it is laid out otherwise. */
export function groupsNamedIn(bytes: Uint8Array): ReadonlySet<string> {
  const document = JSON.parse(Buffer.from(bytes).toString('utf8')) as { counts?: unknown };
  const counts: readonly unknown[] = Array.isArray(document.counts) ? document.counts : [];
  return new Set(counts.flatMap((line) => (Array.isArray(line) && typeof line[0] === 'string' ? [line[0]] : [])));
}
