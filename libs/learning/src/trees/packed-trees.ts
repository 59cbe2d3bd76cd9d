import { floatAtMost } from './nearby-floats.ts';
import type { TreeNodes } from './tree-ensemble.ts';

/**
 * Trees as a walk reads them, eight bytes a node. Nodes of a tree lie level by level, the two children of a node side by side, so that a step
 * is one addition: to the left child's place, plus 1 where the row goes right. Each node is two 32-bit words:
 *
 * - threshold, a float32 (for a float32 feature "at most" says the same of the float64 threshold and of the float32 next below it);
 * - distance to the left child in `offsetBits` bits, one bit that sends missing values right, and above it the feature.
 *
 * A row goes right where its value is above the threshold. A leaf compares with infinity and leads to itself.
 */
export interface PackedTrees {
  readonly words: Int32Array;
  /** `words` once more, for thresholds. */
  readonly thresholds: Float32Array;
  readonly offsetBits: number;
  /** What each node adds; only those of leaves are ever read. */
  readonly values: Float64Array;
  /** Place of each tree's root, one more than there are trees: the last is the number of nodes. */
  readonly roots: Int32Array;
  /** Steps from root to deepest leaf. */
  readonly depths: Int32Array;
}

export function packTrees(nodes: TreeNodes): PackedTrees {
  const { roots, feature, threshold, left, right, missingLeft, value } = nodes;
  const count = feature.length;
  const sources = new Int32Array(count);
  const levels = new Int32Array(count);
  const words = new Int32Array(2 * count);
  const thresholds = new Float32Array(words.buffer);
  const starts = new Int32Array(roots.length + 1);
  const depths = new Int32Array(roots.length);
  const featureMost = feature.reduce((most, column) => Math.max(most, column), 0);
  const offsetBits = 31 - Math.max(1, 32 - Math.clz32(featureMost));
  let end = 0;
  roots.forEach((root, tree) => {
    starts[tree] = end;
    sources[end] = root;
    for (let at = end++; at < end; at++) {
      const node = sources[at]!;
      depths[tree] = levels[at]!;
      if (feature[node]! < 0) {
        thresholds[2 * at] = Infinity;
        continue;
      }
      if (end - at >= 2 ** offsetBits) throw new RangeError(`expected trees of fewer than ${2 ** offsetBits} nodes a level with ${featureMost + 1} features`);
      thresholds[2 * at] = floatAtMost(threshold[node]!);
      words[2 * at + 1] = (feature[node]! << (offsetBits + 1)) | ((missingLeft[node] === 0 ? 1 : 0) << offsetBits) | (end - at);
      for (const child of [left[node]!, right[node]!]) {
        sources[end] = child;
        levels[end++] = levels[at]! + 1;
      }
    }
  });
  starts[roots.length] = end;
  return { words, thresholds, offsetBits, values: Float64Array.from(sources, (node) => value[node]!), roots: starts, depths };
}
