import { floatAbove, floatAtMost } from './nearby-floats.ts';
import type { TreeNodes } from './tree-ensemble.ts';

/**
 * Trees as a walk reads them, eight bytes a node. Nodes of a tree lie level by level, the two children of a node side by side, so that a step
 * is one addition: to the children's place, plus 1 where the comparison holds. Each node is two 32-bit words:
 *
 * - threshold, a float32 (`lessOrEqual` in float32 says the same as in float64 for every float32 feature);
 * - bit 31: the comparison is made with both signs turned; then `offsetBits` down to 0 the distance to the children, feature above them.
 *
 * The comparison is `x > threshold`, false for a missing value, which so takes the first child: the left one where missing values go
 * left. Where they go right the first child is the right one, and the comparison asks `-x > -(next float above threshold)`, which
 * holds for `x <= threshold`. A leaf compares with infinity and leads to itself.
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
  /** The node of `TreeNodes` that lies at each place. */
  readonly sources: Int32Array;
  /** Place of the parent; of itself for a root. */
  readonly parents: Int32Array;
}

export function packTrees(nodes: TreeNodes): PackedTrees {
  const { roots, feature, threshold, left, right, missingLeft, value } = nodes;
  const count = feature.length;
  const sources = new Int32Array(count);
  const parents = new Int32Array(count);
  const levels = new Int32Array(count);
  const words = new Int32Array(2 * count);
  const thresholds = new Float32Array(words.buffer);
  const starts = new Int32Array(roots.length + 1);
  const depths = new Int32Array(roots.length);
  const featureMost = feature.reduce((most, column) => Math.max(most, column), 0);
  const offsetBits = 31 - (32 - Math.clz32(featureMost));
  let end = 0;
  roots.forEach((root, tree) => {
    starts[tree] = end;
    sources[end] = root;
    parents[end] = end;
    for (let at = end++; at < end; at++) {
      const node = sources[at]!;
      depths[tree] = levels[at]!;
      if (feature[node]! < 0) {
        thresholds[2 * at] = Infinity;
        continue;
      }
      const turned = missingLeft[node] === 0;
      const limit = floatAtMost(threshold[node]!);
      if (end - at >= 2 ** offsetBits) throw new RangeError(`expected trees of fewer than ${2 ** offsetBits} nodes a level with ${featureMost + 1} features`);
      thresholds[2 * at] = turned ? -floatAbove(limit) : limit;
      words[2 * at + 1] = (turned ? 1 << 31 : 0) | (feature[node]! << offsetBits) | (end - at);
      for (const child of turned ? [right[node]!, left[node]!] : [left[node]!, right[node]!]) {
        sources[end] = child;
        parents[end] = at;
        levels[end++] = levels[at]! + 1;
      }
    }
  });
  starts[roots.length] = end;
  return { words, thresholds, offsetBits, values: Float64Array.from(sources, (node) => value[node]!), roots: starts, depths, sources, parents };
}
