import { strict as assert } from 'node:assert';
import type { Split } from './splits.ts';

/** What the two sides of a split have in common: each count is a way for the test to know what it should not. */
export interface OverlapReport {
  readonly trainRows: number;
  readonly testRows: number;
  readonly trainEntities: number;
  readonly testEntities: number;
  readonly sharedEntities: number;
  /** Test rows of entities that training has seen, at whatever time. */
  readonly testRowsOfSharedEntities: number;
  /** Test rows whose entity trains at the same time: the same row twice, or nearly. */
  readonly testRowsOfSharedEntityAndTime: number;
  /** Training rows at or after the earliest test row; undefined without times. */
  readonly trainRowsNotBeforeTest: number | undefined;
}

/** Counts rows that share entity, and entity and time, between training and test. */
export function overlapReport(split: Split, entities: ArrayLike<string | number>, asOfMs?: ArrayLike<number>): OverlapReport {
  assert(asOfMs === undefined || asOfMs.length === entities.length, `expected a time for each of ${entities.length} rows, found ${asOfMs?.length}`);
  const timesOf = new Map<string | number, Set<number>>();
  for (const row of split.train) {
    const times = timesOf.get(entities[row]!) ?? new Set<number>();
    if (asOfMs !== undefined) times.add(asOfMs[row]!);
    timesOf.set(entities[row]!, times);
  }
  const testEntities = new Set<string | number>();
  let [ofEntity, ofEntityAndTime, earliest] = [0, 0, Infinity];
  for (const row of split.test) {
    const entity = entities[row]!;
    testEntities.add(entity);
    if (asOfMs !== undefined) earliest = Math.min(earliest, asOfMs[row]!);
    const times = timesOf.get(entity);
    if (times === undefined) continue;
    ofEntity++;
    if (asOfMs !== undefined && times.has(asOfMs[row]!)) ofEntityAndTime++;
  }
  return {
    trainRows: split.train.length, testRows: split.test.length, trainEntities: timesOf.size, testEntities: testEntities.size,
    sharedEntities: [...testEntities].filter((entity) => timesOf.has(entity)).length,
    testRowsOfSharedEntities: ofEntity, testRowsOfSharedEntityAndTime: ofEntityAndTime,
    trainRowsNotBeforeTest: asOfMs === undefined ? undefined : split.train.filter((row) => asOfMs[row]! >= earliest).length,
  };
}
