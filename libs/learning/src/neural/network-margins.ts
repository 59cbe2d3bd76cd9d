import type { Operation } from '../kernels/compute.ts';
import { gatherRows, passForward } from './network-passes.ts';
import { layerOf, planField } from './network-plan.ts';

/**
 * The network's output for the rows `order[0]` … `order[rowCount - 1]`, in blocks of `shardRows`; block b is done by thread b modulo the
 * thread count, in that thread's part of `scratch`.
 */
export const networkMargins: Operation<readonly [plan: Int32Array, X: Float32Array, order: Int32Array, weights: Float32Array, scratch: Float32Array, margins: Float64Array]> = {
  name: 'networkMargins',
  * plain(thread, threadCount, plan, X, order, weights, scratch, margins) {
    const [rowCount, shardRows] = [plan[planField.rowCount]!, plan[planField.shardRows]!];
    const base = thread * plan[planField.scratchLength]!;
    const { output } = layerOf(plan, plan[planField.layerCount]! - 1);
    for (let start = thread * shardRows; start < rowCount; start += threadCount * shardRows) {
      const rows = Math.min(shardRows, rowCount - start);
      const paddedRows = 4 * Math.ceil(rows / 4);
      gatherRows(plan, X, order, start, rows, paddedRows, scratch, base);
      passForward(plan, weights, paddedRows, scratch, base);
      for (let i = 0; i < rows; i++) margins[start + i] = scratch[base + output + 4 * i]!;
      yield 0.25 * rows * plan[planField.weightLength]!;
    }
  },
};
