import { strict as assert } from 'node:assert';
import type { Random } from '../random.ts';

/** Row numbers, ascending, to learn from and to judge by; they never overlap. */
export interface Split {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/**
 * Tests on the rows of one as-of time (the latest unless told) and trains on those whose whole label window had passed by then: as-of
 * at most `testAsOfMs - gapMs`, the gap being the label's horizon. Rows in between are used for neither.
 */
export function timeSplit(asOfMs: ArrayLike<number>, options: { readonly gapMs: number; readonly testAsOfMs?: number | undefined }): Split {
  let latest = -Infinity;
  for (let i = 0; i < asOfMs.length; i++) latest = Math.max(latest, asOfMs[i]!);
  const testAsOfMs = options.testAsOfMs ?? latest;
  assert(options.gapMs >= 0, `expected a gap of at least 0 ms, found ${options.gapMs}`);
  return {
    train: rowsWhere(asOfMs.length, (i) => asOfMs[i]! <= testAsOfMs - options.gapMs && asOfMs[i]! < testAsOfMs),
    test: rowsWhere(asOfMs.length, (i) => asOfMs[i] === testAsOfMs),
  };
}

/** Tests on the last share of the rows, in the order they have, and leaves out `gapRows` rows before it. */
export function holdoutSplit(rowCount: number, options: { readonly testShare: number; readonly gapRows: number }): Split {
  const { testShare, gapRows } = options;
  assert(testShare > 0 && testShare < 1, `expected a test share between 0 and 1, found ${testShare}`);
  assert(Number.isInteger(gapRows) && gapRows >= 0, `expected a whole number of gap rows, found ${gapRows}`);
  const testStart = rowCount - Math.round(rowCount * testShare);
  return { train: rowsWhere(rowCount, (i) => i < testStart - gapRows), test: rowsWhere(rowCount, (i) => i >= testStart) };
}

/** k splits whose tests part the rows, each with the classes' shares of the whole (to within one row per class). */
export function stratifiedFolds(y: Float64Array, foldCount: number, random: Random): readonly Split[] {
  assert(Number.isInteger(foldCount) && foldCount >= 2 && foldCount <= y.length, `expected 2 to ${y.length} folds, found ${foldCount}`);
  const foldOf = new Int32Array(y.length);
  let dealt = 0;
  for (const label of [0, 1]) {
    const rows = random.shuffle(rowsWhere(y.length, (i) => y[i] === label));
    // Dealing goes on where the last class stopped, so that fold sizes differ by one at most.
    for (const row of rows) foldOf[row] = dealt++ % foldCount;
  }
  assert(dealt === y.length, `expected labels of 0 or 1, found ${y.length - dealt} others`);
  return Array.from({ length: foldCount }, (_, fold) => splitByFold(foldOf, fold));
}

/** A random share of the rows to keep aside, none for a share of 0, from each label its share (one label for all where `labels` is left out); both ascending. */
export function stratifiedShare(y: Float64Array, labels: readonly number[] | undefined, share: number, random: Random): { readonly kept: Int32Array; readonly aside: Int32Array } {
  if (share === 0) return { kept: rowsWhere(y.length, () => true), aside: new Int32Array(0) };
  const isAside = new Uint8Array(y.length);
  for (const label of labels ?? [undefined]) {
    const rows = rowsWhere(y.length, (i) => label === undefined || y[i] === label);
    // One row at least, but never all: of a class with two rows each side sees one.
    const count = Math.min(rows.length - 1, Math.max(1, Math.round(share * rows.length)));
    if (count > 0) for (const row of random.shuffle(rows).subarray(0, count)) isAside[row] = 1;
  }
  return { kept: rowsWhere(y.length, (i) => isAside[i] === 0), aside: rowsWhere(y.length, (i) => isAside[i] === 1) };
}

/** The split that tests on one fold of a fold number per row and trains on the others. */
export function splitByFold(foldOf: Int32Array, fold: number): Split {
  return { train: rowsWhere(foldOf.length, (i) => foldOf[i] !== fold), test: rowsWhere(foldOf.length, (i) => foldOf[i] === fold) };
}

function rowsWhere(rowCount: number, keeps: (row: number) => boolean): Int32Array {
  const rows = new Int32Array(rowCount);
  let count = 0;
  for (let i = 0; i < rowCount; i++) if (keeps(i)) rows[count++] = i;
  return rows.slice(0, count);
}
