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
  await input.eachBlock((rows, start, rowCount) => {
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
