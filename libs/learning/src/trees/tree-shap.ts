import { shapleyOfLeaf } from './shapley-of-leaf.ts';
import type { TreeNodes } from './tree-ensemble.ts';

/** Answers that a table's index may tell apart, in bits, and numbers that all tables together may hold (32 MB). */
const mostBits = 10;
const mostNumbers = 2 ** 22;

/** The distinct features of a way down a tree, in the order of its splits, and the product of the weight shares of the splits on each. */
interface Path {
  readonly features: readonly number[];
  readonly shares: readonly number[];
}

/**
 * Exact Shapley values of a row's features; `shapley-of-leaf.ts` says of what. A row's comparisons say all that they depend on, so each tree is cut into an upper part
 * and, under it, subtrees with few enough comparisons for a table: its index is one bit for each feature of the path above (does the row take the path's side at
 * every split on it?) and one for each split below, its entry the sum over the subtree's leaves. Leaves on paths too long for a table, and trees too large, are
 * worked out anew for each row. Tables for 100 trees of 31 leaves take 10 to 20 MB. Keeps scratch: a call must end before the next.
 */
export class TreeShap {
  /** What the trees expect before any feature is known. */
  readonly base: number;
  readonly #upper: UpperSplits;
  readonly #tables: Tables;
  readonly #leaves: readonly LongLeaf[];
  /** By place (an upper split or what hangs below one): bit i is 1 while the row takes the way's side at every split on the way's i-th feature. */
  readonly #agrees: Int32Array;
  readonly #kept: Uint8Array;
  readonly #parts: Float64Array;

  constructor(nodes: TreeNodes) {
    const layout = layOut(nodes);
    this.base = layout.base;
    this.#upper = packUpper(layout.upper);
    this.#tables = packTables(nodes, layout.tables);
    this.#leaves = layout.leaves;
    this.#agrees = new Int32Array(layout.places).fill(-1);
    const longest = layout.leaves.reduce((most, leaf) => Math.max(most, leaf.shares.length), 0);
    this.#kept = new Uint8Array(longest);
    this.#parts = new Float64Array(longest);
  }

  /** Adds each feature's contribution to `contributions`. */
  add(x: Float32Array, contributions: Float64Array): void {
    this.#compare(x);
    this.#look(x, contributions);
    for (const leaf of this.#leaves) this.#work(leaf, contributions);
  }

  #compare(x: Float32Array): void {
    const { features, thresholds, missingRight, bits, places, lefts, rights, answers } = this.#upper;
    const agrees = this.#agrees;
    for (let i = 0; i < features.length; i++) {
      const value = x[features[i]!]!;
      const right = +(value > thresholds[i]!) | (+(value !== value) & missingRight[i]!);
      const way = agrees[places[i]!]!;
      const bit = bits[i]!;
      answers[i] = right;
      agrees[lefts[i]!] = way & ~(-right & bit);
      agrees[rights[i]!] = way & ~((right - 1) & bit);
    }
  }

  #look(x: Float32Array, contributions: Float64Array): void {
    const { places, aboveBits, splitStarts, features, thresholds, missingRight, columnStarts, columns, numberStarts, numbers } = this.#tables;
    const agrees = this.#agrees;
    let split = 0;
    let column = 0;
    for (let table = 0; table < places.length; table++) {
      let bit = aboveBits[table]!;
      let index = agrees[places[table]!]! & ((1 << bit) - 1);
      for (const end = splitStarts[table + 1]!; split < end; split++) {
        const value = x[features[split]!]!;
        index |= (+(value > thresholds[split]!) | (+(value !== value) & missingRight[split]!)) << bit++;
      }
      const end = columnStarts[table + 1]!;
      let from = numberStarts[table]! + index * (end - column);
      for (; column < end; column++) contributions[columns[column]!]! += numbers[from++]!;
    }
  }

  #work(leaf: LongLeaf, contributions: Float64Array): void {
    const { value, features, shares, splits, sides, positions } = leaf;
    const kept = this.#kept, parts = this.#parts, answers = this.#upper.answers;
    kept.fill(1, 0, shares.length);
    for (let i = 0; i < splits.length; i++) kept[positions[i]!]! &= +(answers[splits[i]!] === sides[i]);
    shapleyOfLeaf(value, shares, kept, shares.length, parts);
    for (let j = 0; j < shares.length; j++) contributions[features[j]!]! += parts[j]!;
  }
}

/** A split above all tables, its place and those of its children, and the bit of its feature (none past the bits that tables read). */
interface UpperSplit {
  readonly node: number;
  readonly feature: number;
  readonly threshold: number;
  readonly missingRight: number;
  readonly bit: number;
  readonly place: number;
  left: number;
  right: number;
}

/** A subtree with a table. */
interface Low {
  readonly node: number;
  readonly place: number;
  readonly path: Path;
}

/** A leaf without a table: the upper splits on its way, the side that each takes to it and the position of each one's feature. */
interface LongLeaf {
  readonly value: number;
  readonly features: readonly number[];
  readonly shares: Float64Array;
  readonly splits: readonly number[];
  readonly sides: readonly number[];
  readonly positions: readonly number[];
}

interface Layout {
  base: number;
  /** Parents before children. */
  readonly upper: UpperSplit[];
  readonly tables: Low[];
  readonly leaves: LongLeaf[];
  places: number;
}

function layOut(nodes: TreeNodes): Layout {
  const { roots, feature, threshold, left, right, missingLeft, value } = nodes;
  const { bits, splitsBelow } = planTables(nodes);
  const layout: Layout = { base: 0, upper: [], tables: [], leaves: [], places: 0 };
  const way: { split: number; side: number }[] = [];
  const descend = (node: number, path: Path): number => {
    const place = layout.places++;
    if (path.features.length + splitsBelow[node]! <= bits) {
      layout.tables.push({ node, place, path });
      return place;
    }
    const column = feature[node]!;
    if (column < 0) {
      layout.leaves.push({
        value: value[node]!, features: path.features, shares: Float64Array.from(path.shares), splits: way.map(({ split }) => split), sides: way.map(({ side }) => side),
        positions: way.map(({ split }) => path.features.indexOf(layout.upper[split]!.feature)),
      });
      return place;
    }
    const known = path.features.indexOf(column);
    const position = known < 0 ? path.features.length : known;
    const split = layout.upper.length;
    const upper = { node, feature: column, threshold: threshold[node]!, missingRight: 1 - missingLeft[node]!, bit: position < mostBits ? 1 << position : 0, place, left: 0, right: 0 };
    layout.upper.push(upper);
    way.push({ split, side: 0 });
    upper.left = descend(left[node]!, below(nodes, path, node, left[node]!));
    way[way.length - 1] = { split, side: 1 };
    upper.right = descend(right[node]!, below(nodes, path, node, right[node]!));
    way.pop();
    return place;
  };
  for (const root of roots) {
    layout.base += expectation(nodes, root);
    descend(root, { features: [], shares: [] });
  }
  return layout;
}

/** Part of the training weight at a node that went to its child; 0 where none came. */
const weightShare = ({ cover }: TreeNodes, node: number, child: number): number => (cover[node]! > 0 ? cover[child]! / cover[node]! : 0);

function expectation(nodes: TreeNodes, node: number): number {
  if (nodes.feature[node]! < 0) return nodes.value[node]!;
  const from = (child: number): number => weightShare(nodes, node, child) * expectation(nodes, child);
  return from(nodes.left[node]!) + from(nodes.right[node]!);
}

function below(nodes: TreeNodes, { features, shares }: Path, node: number, child: number): Path {
  const feature = nodes.feature[node]!;
  const ratio = weightShare(nodes, node, child);
  const position = features.indexOf(feature);
  if (position < 0) return { features: [...features, feature], shares: [...shares, ratio] };
  return { features, shares: shares.with(position, shares[position]! * ratio) };
}

/** The most bits of an index with which all tables fit, and the splits in each node's subtree. */
function planTables(nodes: TreeNodes): { bits: number; splitsBelow: Int32Array } {
  const { roots, feature, left, right } = nodes;
  const splitsBelow = new Int32Array(feature.length);
  for (let node = feature.length - 1; node >= 0; node--) if (feature[node]! >= 0) splitsBelow[node] = 1 + splitsBelow[left[node]!]! + splitsBelow[right[node]!]!;
  // What tables of so many bits take, were each node's subtree to have one exactly when it fits and its parent's does not.
  const sizes = new Float64Array(mostBits + 1);
  const seen = new Set<number>();
  const count = (node: number, parentBits: number): void => {
    const wanted = seen.size + splitsBelow[node]!;
    for (let bits = wanted; bits < Math.min(parentBits, mostBits + 1); bits++) sizes[bits]! += wanted * 2 ** wanted;
    const column = feature[node]!;
    if (column < 0) return;
    const isNew = !seen.has(column);
    seen.add(column);
    count(left[node]!, wanted);
    count(right[node]!, wanted);
    if (isNew) seen.delete(column);
  };
  for (const root of roots) count(root, Infinity);
  return { bits: sizes.findLastIndex((size) => size <= mostNumbers), splitsBelow };
}

interface UpperSplits {
  readonly features: Int32Array;
  readonly thresholds: Float64Array;
  readonly missingRight: Uint8Array;
  readonly bits: Int32Array;
  readonly places: Int32Array;
  readonly lefts: Int32Array;
  readonly rights: Int32Array;
  /** 1 where the row at hand goes right. */
  readonly answers: Uint8Array;
}

const packUpper = (splits: readonly UpperSplit[]): UpperSplits => ({
  features: Int32Array.from(splits, (split) => split.feature), thresholds: Float64Array.from(splits, (split) => split.threshold), missingRight: Uint8Array.from(splits, (split) => split.missingRight),
  bits: Int32Array.from(splits, (split) => split.bit), places: Int32Array.from(splits, (split) => split.place), lefts: Int32Array.from(splits, (split) => split.left),
  rights: Int32Array.from(splits, (split) => split.right), answers: new Uint8Array(splits.length),
});

/** All tables in a row: of each its place, bits from above, splits, columns and, for each index, one number a column. */
interface Tables {
  readonly places: Int32Array;
  readonly aboveBits: Int32Array;
  readonly splitStarts: Int32Array;
  readonly features: Int32Array;
  readonly thresholds: Float64Array;
  readonly missingRight: Uint8Array;
  readonly columnStarts: Int32Array;
  readonly columns: Int32Array;
  readonly numberStarts: Int32Array;
  readonly numbers: Float64Array;
}

function packTables(nodes: TreeNodes, lows: readonly Low[]): Tables {
  const splits: number[] = [], splitStarts = [0], columns: number[] = [], columnStarts = [0], numberStarts: number[] = [];
  const filled: { low: Low; inner: readonly number[]; own: readonly number[]; leaves: readonly LowLeaf[] }[] = [];
  let size = 0;
  for (const low of lows) {
    const { inner, leaves } = unfold(nodes, low);
    const own = [...new Set(leaves.flatMap((leaf) => leaf.path.features))];
    splits.push(...inner);
    columns.push(...own);
    splitStarts.push(splits.length);
    columnStarts.push(columns.length);
    numberStarts.push(size);
    size += own.length * 2 ** (low.path.features.length + inner.length);
    filled.push({ low, inner, own, leaves });
  }
  const numbers = new Float64Array(size);
  filled.forEach(({ low, inner, own, leaves }, table) => {
    const indices = 2 ** (low.path.features.length + inner.length);
    for (const leaf of leaves) addLeaf(leaf, own, indices, numbers.subarray(numberStarts[table]));
  });
  return {
    places: Int32Array.from(lows, (low) => low.place), aboveBits: Int32Array.from(lows, (low) => low.path.features.length), splitStarts: Int32Array.from(splitStarts),
    features: Int32Array.from(splits, (node) => nodes.feature[node]!), thresholds: Float64Array.from(splits, (node) => nodes.threshold[node]!),
    missingRight: Uint8Array.from(splits, (node) => 1 - nodes.missingLeft[node]!), columnStarts: Int32Array.from(columnStarts), columns: Int32Array.from(columns),
    numberStarts: Int32Array.from(numberStarts), numbers,
  };
}

/** A leaf of a subtree with a table: feature j of its path is kept where the index has the bits `wanted[j]` among those of `masks[j]`. */
interface LowLeaf {
  readonly value: number;
  readonly path: Path;
  readonly masks: readonly number[];
  readonly wanted: readonly number[];
}

function unfold(nodes: TreeNodes, low: Low): { inner: number[]; leaves: LowLeaf[] } {
  const inner: number[] = [];
  const leaves: LowLeaf[] = [];
  const above = low.path.features.length;
  const descend = (node: number, path: Path, masks: readonly number[], wanted: readonly number[]): void => {
    const feature = nodes.feature[node]!;
    if (feature < 0) {
      leaves.push({ value: nodes.value[node]!, path, masks, wanted });
      return;
    }
    const bit = 1 << (above + inner.push(node) - 1);
    const position = path.features.indexOf(feature);
    const add = (list: readonly number[], extra: number): readonly number[] => (position < 0 ? [...list, extra] : list.with(position, list[position]! | extra));
    descend(nodes.left[node]!, below(nodes, path, node, nodes.left[node]!), add(masks, bit), add(wanted, 0));
    descend(nodes.right[node]!, below(nodes, path, node, nodes.right[node]!), add(masks, bit), add(wanted, bit));
  };
  const bits = low.path.features.map((_, position) => 1 << position);
  descend(low.node, low.path, bits, bits);
  return { inner, leaves };
}

/** Adds a leaf's values to every entry of its table; they are worked out once for each pattern of kept features. */
function addLeaf({ value, path, masks, wanted }: LowLeaf, columns: readonly number[], indices: number, numbers: Float64Array): void {
  const count = path.features.length;
  const shares = Float64Array.from(path.shares);
  const kept = new Uint8Array(count);
  const parts = new Float64Array(count);
  const byPattern = new Float64Array(count * 2 ** count);
  for (let pattern = 0; pattern < 2 ** count; pattern++) {
    for (let j = 0; j < count; j++) kept[j] = (pattern >> j) & 1;
    shapleyOfLeaf(value, shares, kept, count, parts);
    byPattern.set(parts, pattern * count);
  }
  const to = path.features.map((feature) => columns.indexOf(feature));
  for (let index = 0; index < indices; index++) {
    let pattern = 0;
    for (let j = 0; j < count; j++) pattern |= +((index & masks[j]!) === wanted[j]!) << j;
    for (let j = 0; j < count; j++) numbers[index * columns.length + to[j]!]! += byPattern[pattern * count + j]!;
  }
}
