import type { Pace } from './pace.ts';
import type { Random } from './random.ts';

/** Beyond this many rows a distribution is read off a random sample: its quantiles are off by about 0.1 % of the rows. */
const sampleRows = 200_000;

/** Distinct values, ascending, and the weight of all rows up to and including each. */
export interface WeightedDistribution {
  readonly values: Float64Array;
  readonly weightUpTo: Float64Array;
}

/** Row numbers to read distributions from: undefined for all of them, or a sample without repeats where there are many. */
export function rowsToRead(rowCount: number, random: Random): Int32Array | undefined {
  if (rowCount <= sampleRows) return undefined;
  const rows = Int32Array.from({ length: rowCount }, (_, i) => i);
  for (let i = 0; i < sampleRows; i++) {
    const j = i + random.int(rowCount - i);
    const held = rows[i]!;
    rows[i] = rows[j]!;
    rows[j] = held;
  }
  return rows.slice(0, sampleRows);
}

/** Distribution of the present values of one column of a row-major matrix, over rows of positive weight. */
export async function columnDistribution(
  data: { readonly rowCount: number; readonly columnCount: number; readonly X: Float32Array; readonly weights?: Float64Array | undefined },
  column: number, rows: Int32Array | undefined, pace: Pace,
): Promise<WeightedDistribution> {
  const { columnCount, X, weights } = data;
  const count = rows?.length ?? data.rowCount;
  const values = new Float64Array(count);
  const weightOf = new Float64Array(count).fill(1);
  let present = 0;
  for (let i = 0; i < count; i++) {
    const row = rows === undefined ? i : rows[i]!;
    const value = X[row * columnCount + column]!;
    if (value !== value || weights?.[row] === 0) continue;
    values[present] = value;
    if (weights !== undefined) weightOf[present] = weights[row]!;
    present++;
  }
  if (pace.spend(4 * count)) await pace.pause();
  const distribution = distributionOf(values.subarray(0, present), weights === undefined ? undefined : weightOf.subarray(0, present));
  if (pace.spend((weights === undefined ? 20 : 60) * count)) await pace.pause();
  return distribution;
}

/** Sorting bare numbers is many times faster than sorting rows by them, so weights find their value afterwards by bisection. */
export function distributionOf(values: Float64Array, weights: Float64Array | undefined): WeightedDistribution {
  const sorted = values.slice().sort();
  const distinct = new Float64Array(sorted.length);
  const weightUpTo = new Float64Array(sorted.length);
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (count === 0 || sorted[i] !== distinct[count - 1]) distinct[count++] = sorted[i]!;
    weightUpTo[count - 1] = i + 1;
  }
  const kept = distinct.slice(0, count);
  if (weights === undefined) return { values: kept, weightUpTo: weightUpTo.slice(0, count) };
  weightUpTo.fill(0);
  for (let i = 0; i < values.length; i++) weightUpTo[firstAtLeast(kept, values[i]!)]! += weights[i]!;
  for (let k = 1; k < count; k++) weightUpTo[k]! += weightUpTo[k - 1]!;
  return { values: kept, weightUpTo: weightUpTo.slice(0, count) };
}

/** Index of the first element of an ascending array that is not below `value`; its length when all are. */
export function firstAtLeast(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= sorted[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}
