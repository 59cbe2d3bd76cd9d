/** What the lake learned about one step (page) of visits of one segment. */
export interface VisitValue {
  /** Share of visits that end with this step. */
  readonly leave: number;
  readonly meanReward: number;
  /** Expected reward of the visit from this step on. */
  readonly expectedValue: number;
}

/** Visit values of one source, by segment and step. */
export interface VisitValueTable {
  readonly name: string;
  readonly version: string;
  readonly by: ReadonlyMap<string, ReadonlyMap<number, VisitValue>>;
}

/** Reads `{ by: { segment: { step: { leave, meanReward, expectedValue } } } }`; gives the problem as text when it is something else. */
export function parseVisitValues(name: string, version: string, bytes: Uint8Array): VisitValueTable | string {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    return `expected JSON, found ${error instanceof Error ? error.message : String(error)}`;
  }
  const segments = member(document, 'by');
  if (typeof segments !== 'object' || segments === null) return 'expected a member "by" that holds segments';
  const by = new Map<string, Map<number, VisitValue>>();
  for (const [segment, steps] of Object.entries(segments)) {
    const table = new Map<number, VisitValue>();
    for (const [step, value] of Object.entries((steps ?? {}) as object)) {
      const leave = member(value, 'leave');
      const meanReward = member(value, 'meanReward');
      const expectedValue = member(value, 'expectedValue');
      if (typeof leave !== 'number' || typeof meanReward !== 'number' || typeof expectedValue !== 'number' || !/^-?\d+$/.test(step)) {
        return `expected step numbers with leave, meanReward and expectedValue, found something else at by.${segment}.${step}`;
      }
      table.set(Number(step), { leave, meanReward, expectedValue });
    }
    by.set(segment, table);
  }
  return { name, version, by };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
