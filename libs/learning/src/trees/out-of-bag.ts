import type { Operation } from '../kernels/compute.ts';
import { cartNode, cartSum } from './grow-cart.ts';

/**
 * Adds what the trees in the first `treeCount` slots say about the rows that they did not draw to `predicted`, and 1 to `times`; slots in order, so how many trees are
 * grown at once does not show. Threads part the rows.
 */
export const addOutOfBag: Operation<[
  treeCount: number, bins: Uint8Array, binCounts: Int32Array, rowCount: number, counts: Uint8Array, capacity: number, nodes: Int32Array, sums: Float64Array, predicted: Float64Array, times: Int32Array,
]> = {
  name: 'addOutOfBag',
  *plain(thread, threadCount, treeCount, bins, binCounts, rowCount, counts, capacity, nodes, sums, predicted, times) {
    const last = Math.floor((rowCount * (thread + 1)) / threadCount);
    for (let start = Math.floor((rowCount * thread) / threadCount); start < last; start += blockRows) {
      const end = Math.min(start + blockRows, last);
      for (let slot = 0; slot < treeCount; slot++) {
        for (let row = start; row < end; row++) {
          if (counts[slot * rowCount + row] !== 0) continue;
          predicted[row]! += sums[(slot * capacity + leafOf(row, bins, binCounts, rowCount, nodes, slot * capacity)) * cartSum.size + cartSum.value]!;
          times[row]!++;
        }
      }
      yield 20 * treeCount * (end - start);
    }
  },
};

const blockRows = 4096;

function leafOf(row: number, bins: Uint8Array, binCounts: Int32Array, rowCount: number, nodes: Int32Array, root: number): number {
  let node = 0;
  for (;;) {
    const at = (root + node) * cartNode.size;
    const left = nodes[at + cartNode.left]!;
    if (left === 0) return node;
    const place = nodes[at + cartNode.place]!;
    const bin = bins[place * rowCount + row]!;
    const goesLeft = bin <= nodes[at + cartNode.bin]! || (bin === binCounts[place]! && nodes[at + cartNode.missingLeft] === 1);
    node = goesLeft ? left : left + 1;
  }
}
