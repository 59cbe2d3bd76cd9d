import type { Operation } from '../kernels/compute.ts';
import type { PackedTrees } from './packed-trees.ts';

/** Rows that pass through all trees before the next: their cells stay in the second cache, and each tree's nodes in the first. */
export const blockRows = 256;

/**
 * Margins of rows: the values of the leaves reached, added in the order of trees from zero, over `divisor`, plus `bias`. Threads part the rows. Four rows
 * take their steps in turn, because each waits for memory and a comparison and the others' steps fill that time. In WASM it is eight, laid side by side in `spare`
 * first (room for `blockRows` rows and `blockRows` / 8 numbers a thread), so that one address serves them all and rows without missing values are known.
 */
export const walkTrees: Operation<[
  X: Float32Array, rowCount: number, columnCount: number, words: Int32Array, offsetBits: number, values: Float64Array,
  roots: Int32Array, depths: Int32Array, treeCount: number, bias: number, divisor: number, out: Float64Array, spare: Float32Array,
]> = {
  name: 'walkTrees',
  *plain(thread, threadCount, X, rowCount, columnCount, words, offsetBits, values, roots, depths, treeCount, bias, divisor, out) {
    const thresholds = new Float32Array(words.buffer, words.byteOffset, words.length);
    const trees = { words, thresholds, offsetBits, values };
    const last = Math.floor((rowCount * (thread + 1)) / threadCount);
    for (let start = Math.floor((rowCount * thread) / threadCount); start < last; start += blockRows) {
      const end = Math.min(start + blockRows, last);
      out.fill(0, start, end);
      let work = 0;
      for (let tree = 0; tree < treeCount; tree++) {
        addTree(trees, roots[tree]!, depths[tree]!, X, columnCount, start, end, out);
        work += (end - start) * (1 + depths[tree]!);
      }
      for (let row = start; row < end; row++) out[row] = bias + out[row]! / divisor;
      yield work;
    }
  },
};

type Walkable = Pick<PackedTrees, 'words' | 'thresholds' | 'offsetBits' | 'values'>;

function addTree(trees: Walkable, root: number, depth: number, X: Float32Array, columnCount: number, start: number, end: number, out: Float64Array): void {
  const { words, thresholds, offsetBits, values } = trees;
  let row = start;
  for (; row + 3 < end; row += 4) {
    const x = row * columnCount;
    let a = root, b = root, c = root, d = root;
    for (let step = 0; step < depth; step++) {
      a = next(a, X, x, words, thresholds, offsetBits);
      b = next(b, X, x + columnCount, words, thresholds, offsetBits);
      c = next(c, X, x + 2 * columnCount, words, thresholds, offsetBits);
      d = next(d, X, x + 3 * columnCount, words, thresholds, offsetBits);
    }
    out[row]! += values[a]!;
    out[row + 1]! += values[b]!;
    out[row + 2]! += values[c]!;
    out[row + 3]! += values[d]!;
  }
  for (; row < end; row++) {
    let a = root;
    for (let step = 0; step < depth; step++) a = next(a, X, row * columnCount, words, thresholds, offsetBits);
    out[row]! += values[a]!;
  }
}

/** Sum of the leaves that one row reaches, in the order of trees: the same bits as `walkTrees`; here four trees take their steps in turn. */
export function sumOfLeaves({ words, thresholds, offsetBits, values, roots, depths }: PackedTrees, X: Float32Array, offset: number): number {
  const treeCount = depths.length;
  let sum = 0;
  let tree = 0;
  for (; tree + 3 < treeCount; tree += 4) {
    let a = roots[tree]!, b = roots[tree + 1]!, c = roots[tree + 2]!, d = roots[tree + 3]!;
    const depth = Math.max(depths[tree]!, depths[tree + 1]!, depths[tree + 2]!, depths[tree + 3]!);
    for (let step = 0; step < depth; step++) {
      a = next(a, X, offset, words, thresholds, offsetBits);
      b = next(b, X, offset, words, thresholds, offsetBits);
      c = next(c, X, offset, words, thresholds, offsetBits);
      d = next(d, X, offset, words, thresholds, offsetBits);
    }
    sum = sum + values[a]! + values[b]! + values[c]! + values[d]!;
  }
  for (; tree < treeCount; tree++) {
    let a = roots[tree]!;
    for (let step = 0; step < depths[tree]!; step++) a = next(a, X, offset, words, thresholds, offsetBits);
    sum += values[a]!;
  }
  return sum;
}

/** The side is computed, not branched on: to the processor's branch prediction it is a coin toss. */
function next(at: number, X: Float32Array, offset: number, words: Int32Array, thresholds: Float32Array, offsetBits: number): number {
  const word = words[2 * at + 1]!;
  const x = X[offset + (word >>> (offsetBits + 1))]!;
  return at + (word & ((1 << offsetBits) - 1)) + (+(x > thresholds[2 * at]!) | (+(x !== x) & (word >>> offsetBits)));
}
