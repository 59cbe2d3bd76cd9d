import type { Pace } from '../pace.ts';
import type { StepInput } from './step.ts';

/** Of the present values of each column, weighted; a column that was never present has mean 0, low Infinity and high -Infinity. */
export interface ColumnMeans {
  readonly mean: Float64Array;
  /** Weight of the present values. */
  readonly total: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** 2 for a column with missing values, 1 where they are in rows of weight 0 only, else 0. */
  readonly gaps: Uint8Array;
}

/** Rows of weight 0 do not count. */
export async function columnMeans(input: StepInput, pace: Pace): Promise<ColumnMeans> {
  const count = input.names.length;
  const { weights } = input;
  const mean = new Float64Array(count);
  const total = new Float64Array(count);
  const low = new Float64Array(count).fill(Infinity);
  const high = new Float64Array(count).fill(-Infinity);
  const gaps = new Uint8Array(count);
  const sums = { mean, total, low, high, gaps };
  if (input.raw !== undefined && weights === undefined) await addRawRows(input.raw, input.rowCount, sums, pace);
  else await input.eachBlock((rows, start, rowCount) => {
    for (let i = 0; i < rowCount; i++) {
      const weight = weights === undefined ? 1 : weights[start + i];
      const offset = i * count;
      for (let j = 0; j < count; j++) {
        const x = rows[offset + j];
        if (x !== x) {
          gaps[j] |= weight > 0 ? 2 : 1;
          continue;
        }
        if (weight === 0) continue;
        mean[j] += weight * x;
        total[j] += weight;
        if (x < low[j]) low[j] = x;
        if (x > high[j]) high[j] = x;
      }
    }
  }, pace);
  // Rounding may move the mean of equal values off them, so a constant column is told by its range.
  for (let j = 0; j < count; j++) mean[j] = low[j] === high[j] ? low[j] : total[j] > 0 ? mean[j] / total[j] : 0;
  return { mean, total, low, high, gaps: gaps.map((seen) => Math.min(seen, 2)) };
}

/** Unweighted rows as they came: four at a time, and cell by cell only where one of the four is missing. */
async function addRawRows(X: Float32Array, rowCount: number, { mean, total, low, high, gaps }: ColumnMeans, pace: Pace): Promise<void> {
  const count = mean.length;
  const addCell = (x: number, j: number): void => {
    if (x !== x) {
      gaps[j] |= 2;
      return;
    }
    mean[j] += x;
    total[j]++;
    if (x < low[j]) low[j] = x;
    if (x > high[j]) high[j] = x;
  };
  const addFour = (offset: number): void => {
    for (let j = 0; j < count; j++) {
      const at = offset + j;
      const a = X[at], b = X[at + count], c = X[at + 2 * count], d = X[at + 3 * count];
      const sum = a + b + (c + d);
      if (sum !== sum) {
        for (const x of [a, b, c, d]) addCell(x, j);
        continue;
      }
      mean[j] += sum;
      total[j] += 4;
      let least = low[j], most = high[j];
      if (a < least) least = a;
      if (b < least) least = b;
      if (c < least) least = c;
      if (d < least) least = d;
      if (a > most) most = a;
      if (b > most) most = b;
      if (c > most) most = c;
      if (d > most) most = d;
      low[j] = least;
      high[j] = most;
    }
  };
  let row = 0;
  for (; row + 4 <= rowCount; row += 4) {
    addFour(row * count);
    if (pace.spend(2 * count)) await pace.pause();
  }
  for (; row < rowCount; row++) for (let j = 0; j < count; j++) addCell(X[row * count + j], j);
}

/** Weighted population variance of the present values of each column about `mean`. */
export async function columnVariances(input: StepInput, { mean, total }: ColumnMeans, pace: Pace): Promise<Float64Array> {
  const count = input.names.length;
  const { weights } = input;
  const sums = new Float64Array(count);
  await input.eachBlock((rows, start, rowCount) => {
    for (let i = 0; i < rowCount; i++) {
      const weight = weights === undefined ? 1 : weights[start + i];
      if (weight === 0) continue;
      const offset = i * count;
      for (let j = 0; j < count; j++) {
        const distance = rows[offset + j] - mean[j];
        if (distance === distance) sums[j] += weight * distance * distance;
      }
    }
  }, pace);
  return sums.map((sum, j) => (total[j] > 0 ? sum / total[j] : 0));
}
