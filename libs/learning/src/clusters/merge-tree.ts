/** Merges of leaves in some order: any leaf of either side, and the height at which the sides meet. */
export interface Merges {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly heights: Float64Array;
}

/**
 * The tree as scipy's `linkage` writes it: merges by height (ties as they came); merge i joins two clusters, the lower number first,
 * into cluster n + i.
 */
export function linkageOf({ first, second, heights }: Merges): { readonly first: Int32Array; readonly second: Int32Array; readonly heights: Float64Array } {
  const leafCount = heights.length + 1;
  const order = Int32Array.from(heights, (_, i) => i).sort((a, b) => heights[a]! - heights[b]! || a - b);
  const sets = new DisjointSets(leafCount);
  const numberOfRoot = Int32Array.from({ length: leafCount }, (_, leaf) => leaf);
  const out = { first: new Int32Array(order.length), second: new Int32Array(order.length), heights: new Float64Array(order.length) };
  order.forEach((merge, i) => {
    const [a, b] = [sets.find(first[merge]!), sets.find(second[merge]!)];
    out.first[i] = Math.min(numberOfRoot[a]!, numberOfRoot[b]!);
    out.second[i] = Math.max(numberOfRoot[a]!, numberOfRoot[b]!);
    out.heights[i] = heights[merge]!;
    numberOfRoot[sets.join(a, b)] = leafCount + i;
  });
  return out;
}

/** The cluster of each leaf when merging stops with `clusterCount` clusters, numbered in the order of their first leaves. */
export function cutTree(merges: Merges, clusterCount: number): Int32Array {
  const { first, second, heights } = merges;
  const leafCount = heights.length + 1;
  const order = Int32Array.from(heights, (_, i) => i).sort((a, b) => heights[a]! - heights[b]! || a - b);
  const sets = new DisjointSets(leafCount);
  for (const merge of order.subarray(0, Math.max(0, leafCount - clusterCount))) sets.join(sets.find(first[merge]!), sets.find(second[merge]!));
  const numbers = new Map<number, number>();
  return Int32Array.from({ length: leafCount }, (_, leaf) => {
    const root = sets.find(leaf);
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return numbers.get(root)!;
  });
}

class DisjointSets {
  readonly #parent: Int32Array;

  constructor(count: number) {
    this.#parent = Int32Array.from({ length: count }, (_, i) => i);
  }

  find(member: number): number {
    const parent = this.#parent;
    while (parent[member] !== member) {
      parent[member] = parent[parent[member]!]!;
      member = parent[member]!;
    }
    return member;
  }

  /** Joins two roots and returns the one that stays. */
  join(a: number, b: number): number {
    this.#parent[a] = b;
    return b;
  }
}
