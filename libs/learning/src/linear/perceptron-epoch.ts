import type { Operation } from '../kernels/compute.ts';
import { addRow } from './hinge-descent.ts';
import { marginOfRow } from './margins.ts';

/**
 * One epoch of Rosenblatt's perceptron over the rows in `order`, in float64: a row on the wrong side, or on neither, is added to the point with its
 * sign and factor. `late` collects each change times the steps done before it, so that the mean of all points is point - late / steps (Collins
 * 2002, Daume's form). `state` holds the sum of losses max(0, -side x margin) x factor of this epoch, and the steps done so far.
 *
 * Sequential by nature: one thread does it all. WASM: i32 for counts, `weighted` and `averaged`, f64 for the factors.
 */
export const perceptronEpoch: Operation<[
  X: Float32Array, rowCount: number, columnCount: number, y: Float64Array, weights: Float64Array, weighted: number, positive: number, negative: number,
  order: Int32Array, averaged: number, point: Float64Array, late: Float64Array, state: Float64Array,
]> = {
  name: 'linearPerceptronEpoch',
  *plain(thread, _threadCount, X, rowCount, columnCount, y, weights, weighted, positive, negative, order, averaged, point, late, state) {
    if (thread > 0) return;
    let loss = 0;
    let step = state[1]!;
    for (let i = 0; i < rowCount; i++, step++) {
      if ((i & 255) === 255) yield 256 * 2 * columnCount;
      const row = order[i]!;
      const offset = row * columnCount;
      const side = y[row]! + y[row]! - 1;
      const distance = side * marginOfRow(X, offset, columnCount, point);
      if (distance > 0) continue;
      const factor = (side > 0 ? positive : negative) * (weighted === 0 ? 1 : weights[row]!);
      loss -= factor * distance;
      addRow(X, offset, columnCount, factor * side, point);
      if (averaged !== 0) addRow(X, offset, columnCount, factor * side * step, late);
    }
    state[0] = loss;
    state[1] = step;
  },
};
