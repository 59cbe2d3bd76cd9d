import type { Operation } from '../kernels/compute.ts';
import { plan, recordOfRow, rule, viewRecords } from './boosting-layout.ts';

/**
 * Makes records of rows [rowStart, rowStart + rowCount): bins, label, margin at the bias, weight. A bin is the number of the column's
 * cuts below the value; `cuts` are `cutsPerColumn` a column in float32, filled up with infinity, so that a search takes the same
 * steps for every value. The bin after the last holds the missing values.
 * Arguments: plan, rules, cellStarts, cuts, starts of the shares, rowStart, rowCount, X, y, weights, 1 if there are
 * weights, records.
 */
export const binIntoRecords: Operation<[Int32Array, Float64Array, Int32Array, Float32Array, Int32Array, number, number, Float32Array, Float64Array, Float64Array, number, Uint8Array]> = {
  name: 'binIntoRecords',
  *plain(_thread, _threadCount, ints, rules, cellStarts, cuts, starts, rowStart, rowCount, X, y, weights, hasWeights, records) {
    const { u8, u32, f64 } = viewRecords(records);
    const columnCount = ints[plan.columnCount]!;
    const squaredError = ints[plan.squaredError] === 1;
    for (let row = 0; row < rowCount; row++) {
      const record = recordOfRow(rowStart + row, starts) * ints[plan.width]!;
      for (let j = 0; j < columnCount; j++) {
        const value = X[row * columnCount + j]!;
        u8[record + j] = value !== value ? cellStarts[j + 1]! - cellStarts[j]! - 1 : cutsBelow(value, cuts, j * cutsPerColumn);
      }
      f64[(record + ints[plan.margin]!) / 8] = squaredError ? rules[rule.bias]! - y[row]! : rules[rule.bias]!;
      if (!squaredError) u8[record + ints[plan.label]!] = y[row]!;
      if (ints[plan.wide] === 1) {
        f64[(record + ints[plan.weight]!) / 8] = hasWeights === 1 ? weights[row]! : 1;
        u32[(record + ints[plan.row]!) / 4] = rowStart + row;
      }
      if ((row & 1023) === 1023) yield 1024 * 8 * columnCount;
    }
  },
};

export const cutsPerColumn = 256;

/** Bisection in eight steps; the last of the 256 places is always infinity. */
function cutsBelow(value: number, cuts: Float32Array, first: number): number {
  let count = 0;
  for (let step = cutsPerColumn / 2; step >= 1; step /= 2) if (cuts[first + count + step - 1]! < value) count += step;
  return count;
}
