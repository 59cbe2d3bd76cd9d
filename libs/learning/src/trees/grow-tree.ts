import type { Pace } from '../pace.ts';
import type { BinnedFeatures } from './binning.ts';
import type { Derivatives } from './histogram.ts';
import { cellSize, HistogramBuilder, subtractHistogram } from './histogram.ts';
import type { NodeSums, Split, SplitRules } from './split.ts';
import { findBestSplit, nodeValue } from './split.ts';

export interface GrowRules extends SplitRules {
  readonly leavesMax: number;
}

/** A grown node; rows are the range [start, end) of the grower's row order. */
interface GrownNode {
  readonly start: number;
  readonly end: number;
  readonly sums: NodeSums;
  split: Split | undefined;
  histogram: Float64Array | undefined;
  left: GrownNode | undefined;
  right: GrownNode | undefined;
}

/** A tree before it joins the ensemble: nodes in creation order, and each leaf's rows. */
export interface GrownTree {
  readonly nodes: readonly {
    readonly feature: number; readonly threshold: number; readonly missingLeft: boolean;
    readonly left: number; readonly right: number; readonly value: number; readonly cover: number;
  }[];
  /** Calls back with each leaf's node index and rows; valid until the next tree is grown. */
  eachLeaf(visit: (node: number, rows: Int32Array) => void): void;
}

/** Grows trees leaf by leaf, always splitting the leaf of greatest gain; one grower serves all trees of a fit. */
export class TreeGrower {
  readonly #binned: BinnedFeatures;
  readonly #rules: GrowRules;
  readonly #pace: Pace;
  readonly #histogramLength: number;
  readonly #builder: HistogramBuilder;
  readonly #rows: Int32Array;
  readonly #spare: Int32Array;
  readonly #pool: Float64Array[] = [];

  constructor(binned: BinnedFeatures, rules: GrowRules, pace: Pace) {
    this.#binned = binned;
    this.#rules = rules;
    this.#pace = pace;
    this.#histogramLength = binned.cellCount * cellSize;
    this.#builder = new HistogramBuilder(binned, pace);
    this.#rows = new Int32Array(binned.rowCount);
    this.#spare = new Int32Array(binned.rowCount);
  }

  async grow(derivatives: Derivatives): Promise<GrownTree> {
    const root = await this.#growRoot(derivatives);
    const nodes = [root];
    const open = root.split === undefined ? [] : [root];
    for (let leaves = 1; leaves < this.#rules.leavesMax && open.length > 0; leaves++) {
      const node = takeBest(open);
      await this.#splitNode(node, derivatives, leaves + 1 < this.#rules.leavesMax);
      for (const child of [node.left!, node.right!]) {
        nodes.push(child);
        if (child.split !== undefined) open.push(child);
      }
    }
    for (const node of nodes) this.#release(node);
    return this.#describe(nodes);
  }

  async #growRoot(derivatives: Derivatives): Promise<GrownNode> {
    const rowCount = this.#binned.rowCount;
    for (let i = 0; i < rowCount; i++) this.#rows[i] = i;
    const histogram = this.#pool.pop() ?? new Float64Array(this.#histogramLength);
    await this.#builder.build(this.#rows, derivatives, histogram);
    // Any one feature's bins hold every row once.
    let gradient = 0, hessian = 0, weight = 0;
    for (let cell = 0; cell < this.#binned.cellStarts[1]! * cellSize; cell += cellSize) {
      gradient += histogram[cell]!;
      hessian += histogram[cell + 1]!;
      weight += histogram[cell + 2]!;
    }
    const root: GrownNode = { start: 0, end: rowCount, sums: { gradient, hessian, weight }, split: undefined, histogram, left: undefined, right: undefined };
    root.split = findBestSplit(histogram, this.#binned, root.sums, this.#rules);
    return root;
  }

  /** Parts the node's rows; when its children may be split in turn, counts the smaller and subtracts for the larger. */
  async #splitNode(node: GrownNode, derivatives: Derivatives, searchOn: boolean): Promise<void> {
    const split = node.split!;
    const middle = partRows(this.#rows, this.#spare, node.start, node.end, this.#binned, split);
    if (this.#pace.spend(4 * (node.end - node.start))) await this.#pace.pause();
    const left: GrownNode = { start: node.start, end: middle, sums: split.left, split: undefined, histogram: undefined, left: undefined, right: undefined };
    const right: GrownNode = { ...left, start: middle, end: node.end, sums: split.right };
    node.left = left;
    node.right = right;
    if (!searchOn) return;
    const [small, large] = left.end - left.start <= right.end - right.start ? [left, right] : [right, left];
    small.histogram = this.#pool.pop() ?? new Float64Array(this.#histogramLength);
    await this.#builder.build(this.#rows.subarray(small.start, small.end), derivatives, small.histogram);
    large.histogram = node.histogram;
    node.histogram = undefined;
    subtractHistogram(large.histogram!, small.histogram);
    for (const child of [left, right]) {
      child.split = findBestSplit(child.histogram!, this.#binned, child.sums, this.#rules);
      if (child.split === undefined) this.#release(child);
      if (this.#pace.spend(this.#histogramLength)) await this.#pace.pause();
    }
  }

  #release(node: GrownNode): void {
    if (node.histogram !== undefined) this.#pool.push(node.histogram);
    node.histogram = undefined;
  }

  #describe(nodes: readonly GrownNode[]): GrownTree {
    const indexOf = new Map(nodes.map((node, i) => [node, i]));
    const described = nodes.map(({ split, sums, left, right }) => {
      const value = nodeValue(sums, this.#rules.l2);
      if (split === undefined || left === undefined || right === undefined) return { feature: -1, threshold: 0, missingLeft: false, left: -1, right: -1, value, cover: sums.weight };
      const cuts = this.#binned.thresholds[split.feature]!;
      // Left of the last bin lies every present value: the cut is then above them all.
      const threshold = split.bin < cuts.length ? cuts[split.bin]! : Number.MAX_VALUE;
      return { feature: split.feature, threshold, missingLeft: split.missingLeft, left: indexOf.get(left)!, right: indexOf.get(right)!, value, cover: sums.weight };
    });
    const eachLeaf = (visit: (node: number, rows: Int32Array) => void): void => {
      nodes.forEach((node, i) => {
        if (node.left === undefined) visit(i, this.#rows.subarray(node.start, node.end));
      });
    };
    return { nodes: described, eachLeaf };
  }
}

/**
 * Stable partition of a row range by a split; returns where the right side starts. Each row is written to both sides and one of
 * them moves on: which side it is can't be foreseen, so a branch would be mispredicted half of the time.
 */
function partRows(rows: Int32Array, spare: Int32Array, start: number, end: number, binned: BinnedFeatures, split: Split): number {
  const { bins, rowCount, thresholds } = binned;
  const columnStart = split.feature * rowCount;
  const missingThatGoesLeft = split.missingLeft ? thresholds[split.feature]!.length + 1 : -1;
  const last = split.bin;
  let left = start;
  let right = 0;
  for (let i = start; i < end; i++) {
    const row = rows[i]!;
    const bin = bins[columnStart + row]!;
    const goesLeft = +(bin <= last) | +(bin === missingThatGoesLeft);
    rows[left] = row;
    spare[right] = row;
    left += goesLeft;
    right += 1 - goesLeft;
  }
  rows.set(spare.subarray(0, right), left);
  return left;
}

/** Removes and returns the node of greatest gain, the earliest made on a tie. */
function takeBest(open: GrownNode[]): GrownNode {
  let best = 0;
  for (let i = 1; i < open.length; i++) if (open[i]!.split!.gain > open[best]!.split!.gain) best = i;
  return open.splice(best, 1)[0]!;
}
