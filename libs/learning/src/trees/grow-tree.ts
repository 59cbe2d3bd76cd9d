import type { Operation } from '../kernels/compute.ts';
import type { RecordViews } from './boosting-layout.ts';
import { cellSize, gradientUnitOf, hessianUnitOf, node, plan, rule, viewRecords } from './boosting-layout.ts';
import { best, resetBest, searchColumn } from './split.ts';

/**
 * Grows one tree leaf by leaf, always splitting the leaf of greatest gain, from records that lie in the front array and the root's
 * histogram in the first slot; leaves the nodes and where the records of each lie. Threads own shares of the records and move them
 * within their share alone. All sums are exact, so neither the order of records nor the number of shares shows in the tree.
 * Arguments: plan, rules, cellStarts, candidates, nodes, segments, histograms, scratch, front, back.
 */
export const growBoostedTree: Operation<[Int32Array, Float64Array, Int32Array, Int32Array, Float64Array, Int32Array, Float64Array, Float64Array, Uint8Array, Uint8Array]> = {
  name: 'growBoostedTree',
  plain: (thread, threadCount, ints, rules, cellStarts, candidates, nodes, segments, histograms, _scratch, front, back) =>
    new TreeGrower(thread, threadCount, ints, rules, cellStarts, candidates, nodes, segments, histograms, [viewRecords(front), viewRecords(back)]).grow(),
};

/** Numbers per thread that `growBoostedTree` and `updateRecords` keep to themselves; only the WASM twin has any. */
export function scratchLength(columnCount: number, slots: number): number {
  return columnCount * privateCells * 4 + slots + 64;
}

/** Cells of a column in a thread's own histogram: 255 bins and the missing, and some more so that equal bins of columns don't share cache sets. */
const privateCells = 260;

class TreeGrower {
  readonly #ints: Int32Array;
  readonly #rules: Float64Array;
  readonly #cellStarts: Int32Array;
  readonly #candidates: Int32Array;
  readonly #nodes: Float64Array;
  readonly #segments: Int32Array;
  readonly #histograms: Float64Array;
  readonly #sides: readonly [RecordViews, RecordViews];
  readonly #share: number;
  readonly #shares: number;
  readonly #histogramLength: number;
  /** Which node's histogram a slot holds, -1 for none. */
  readonly #owners: Int32Array;
  readonly #found = new Float64Array(best.size);
  #nodeCount = 1;

  constructor(
    share: number, shares: number, ints: Int32Array, rules: Float64Array, cellStarts: Int32Array, candidates: Int32Array,
    nodes: Float64Array, segments: Int32Array, histograms: Float64Array, sides: readonly [RecordViews, RecordViews],
  ) {
    this.#ints = ints;
    this.#rules = rules;
    this.#cellStarts = cellStarts;
    this.#candidates = candidates;
    this.#nodes = nodes;
    this.#segments = segments;
    this.#histograms = histograms;
    this.#sides = sides;
    this.#share = share;
    this.#shares = shares;
    this.#histogramLength = ints[plan.cellCount]! * cellSize;
    this.#owners = new Int32Array(ints[plan.slots]!).fill(-1);
  }

  *grow(): Generator<number> {
    const leavesMax = this.#ints[plan.leavesMax]!;
    this.#startRoot();
    yield this.#histogramLength;
    for (let leaves = 1; leaves < leavesMax; leaves++) {
      const chosen = this.#chooseLeaf();
      if (chosen < 0) break;
      yield* this.#split(chosen, leaves + 1 < leavesMax);
    }
    this.#ints[plan.nodeCount] = this.#nodeCount;
  }

  #startRoot(): void {
    const nodes = this.#nodes;
    nodes.fill(0, 0, node.size);
    nodes[node.left] = -1;
    const histogram = this.#slot(0);
    // Any one column's bins hold every row once.
    for (let cell = 0; cell < this.#cellStarts[1]! * cellSize; cell += cellSize) {
      nodes[node.gradient]! += histogram[cell]!;
      nodes[node.hessian]! += histogram[cell + 1]!;
      nodes[node.weight]! += histogram[cell + 2]!;
    }
    this.#owners[0] = 0;
    this.#search(0, 0);
  }

  /** The leaf of greatest gain, the earliest made on a tie; -1 when none can be split. */
  #chooseLeaf(): number {
    const nodes = this.#nodes;
    let chosen = -1;
    let gain = 0;
    for (let at = 0; at < this.#nodeCount; at++) {
      const place = at * node.size;
      if (nodes[place + node.left]! >= 0 || nodes[place + node.column]! < 0 || nodes[place + node.gain]! <= gain) continue;
      chosen = at;
      gain = nodes[place + node.gain]!;
    }
    return chosen;
  }

  /** Parts the node's records; when its children may be split in turn, counts the smaller and subtracts for the larger. */
  *#split(parent: number, searchOn: boolean): Generator<number> {
    const left = this.#addChild(parent, true);
    const right = this.#addChild(parent, false);
    yield* this.#partRecords(parent, left, right);
    const held = this.#owners.indexOf(parent);
    const goesOn = searchOn && this.#nodes[left * node.size + node.depth]! < this.#ints[plan.depthMax]!;
    if (held >= 0) this.#owners[held] = -1;
    if (!goesOn) return;
    const leftIsSmall = this.#nodes[left * node.size + node.weight]! <= this.#nodes[right * node.size + node.weight]!;
    const [small, large] = leftIsSmall ? [left, right] : [right, left];
    if (held >= 0) this.#owners[held] = large;
    const smallSlot = this.#takeSlot(small);
    yield* this.#countRecords(small, this.#slot(smallSlot));
    const largeSlot = held >= 0 ? held : this.#takeSlot(large);
    if (held >= 0) subtractHistogram(this.#slot(held), this.#slot(smallSlot));
    else yield* this.#countRecords(large, this.#slot(largeSlot));
    this.#search(small, smallSlot);
    this.#search(large, largeSlot);
    yield 2 * this.#histogramLength;
  }

  #addChild(parent: number, isLeft: boolean): number {
    const nodes = this.#nodes;
    const child = this.#nodeCount++;
    const [from, to] = [parent * node.size, child * node.size];
    nodes.fill(0, to, to + node.size);
    nodes[to + node.column] = -1;
    nodes[to + node.left] = -1;
    nodes[to + node.depth] = nodes[from + node.depth]! + 1;
    nodes[to + node.side] = 1 - nodes[from + node.side]!;
    const [gradient, hessian, weight] = [nodes[from + node.leftGradient]!, nodes[from + node.leftHessian]!, nodes[from + node.leftWeight]!];
    nodes[to + node.gradient] = isLeft ? gradient : nodes[from + node.gradient]! - gradient;
    nodes[to + node.hessian] = isLeft ? hessian : nodes[from + node.hessian]! - hessian;
    nodes[to + node.weight] = isLeft ? weight : nodes[from + node.weight]! - weight;
    nodes[from + (isLeft ? node.left : node.right)] = child;
    return child;
  }

  /** Moves the records to the same places of the other array, left ones from the beginning and right ones from the end. */
  *#partRecords(parent: number, left: number, right: number): Generator<number> {
    const place = parent * node.size;
    const nodes = this.#nodes;
    const segments = this.#segments;
    const width = this.#ints[plan.width]!;
    const words = width / 4;
    const column = nodes[place + node.column]!;
    const last = nodes[place + node.bin]!;
    const missingThatGoesLeft = nodes[place + node.missingLeft] === 1 ? this.#cellStarts[column + 1]! - this.#cellStarts[column]! - 1 : -1;
    const side = nodes[place + node.side]!;
    const from = this.#sides[side]!;
    const to = this.#sides[1 - side]!;
    const segment = 2 * (parent * this.#shares + this.#share);
    const start = segments[segment]!;
    const end = segments[segment + 1]!;
    let low = start;
    let high = end;
    for (let i = start; i < end; i++) {
      const bin = from.u8[i * width + column]!;
      const target = bin <= last || bin === missingThatGoesLeft ? low++ : --high;
      for (let word = 0; word < words; word++) to.i32[target * words + word] = from.i32[i * words + word]!;
      if ((i & 4095) === 4095) yield 4096 * words;
    }
    segments.set([start, low], 2 * (left * this.#shares + this.#share));
    segments.set([low, end], 2 * (right * this.#shares + this.#share));
  }

  *#countRecords(at: number, histogram: Float64Array): Generator<number> {
    const segment = 2 * (at * this.#shares + this.#share);
    const records = this.#sides[this.#nodes[at * node.size + node.side]!]!;
    const end = this.#segments[segment + 1]!;
    histogram.fill(0);
    for (let start = this.#segments[segment]!; start < end; start += 4096) {
      const stop = Math.min(start + 4096, end);
      addRecords(records, start, stop, this.#ints, this.#rules, this.#cellStarts, histogram);
      yield (stop - start) * this.#ints[plan.columnCount]!;
    }
  }

  #search(at: number, slot: number): void {
    const place = at * node.size;
    const nodes = this.#nodes;
    const found = this.#found;
    const histogram = this.#slot(slot);
    const [gradient, hessian, weight] = [nodes[place + node.gradient]!, nodes[place + node.hessian]!, nodes[place + node.weight]!];
    resetBest(found, gradient, hessian, this.#rules);
    for (let k = 0; k < this.#ints[plan.candidates]!; k++) {
      const column = this.#candidates[k]!;
      searchColumn(column, histogram, this.#cellStarts[column]! * cellSize, this.#cellStarts[column + 1]! * cellSize, gradient, hessian, weight, this.#rules, found);
    }
    nodes[place + node.column] = found[best.column]!;
    nodes[place + node.bin] = found[best.bin]!;
    nodes[place + node.missingLeft] = found[best.missingLeft]!;
    nodes[place + node.gain] = found[best.gain]!;
    nodes[place + node.leftGradient] = found[best.gradient]!;
    nodes[place + node.leftHessian] = found[best.hessian]!;
    nodes[place + node.leftWeight] = found[best.weight]!;
    if (found[best.column]! < 0) this.#owners[slot] = -1;
  }

  #slot(slot: number): Float64Array {
    return this.#histograms.subarray(slot * this.#histogramLength, (slot + 1) * this.#histogramLength);
  }

  /** A slot for the node: an empty one, or that of the leaf of least gain, whose children will then both be counted. */
  #takeSlot(at: number): number {
    let taken = 0;
    let least = Infinity;
    for (let slot = 0; slot < this.#owners.length; slot++) {
      const owner = this.#owners[slot]!;
      // The newest nodes are the children that this is for.
      const gain = owner < 0 ? -1 : owner >= this.#nodeCount - 2 ? Infinity : this.#nodes[owner * node.size + node.gain]!;
      if (gain >= least) continue;
      least = gain;
      taken = slot;
    }
    this.#owners[taken] = at;
    return taken;
  }
}

/** The sibling's histogram from its parent's, in place: exact because all sums are. */
function subtractHistogram(parent: Float64Array, child: Float64Array): void {
  for (let i = 0; i < parent.length; i++) parent[i]! -= child[i]!;
}

/** Adds records [start, end) to a histogram of cellCount x `cellSize`. */
export function addRecords(records: RecordViews, start: number, end: number, ints: Int32Array, rules: Float64Array, cellStarts: Int32Array, histogram: Float64Array): void {
  const { u8, i32, f64 } = records;
  const columnCount = ints[plan.columnCount]!;
  const width = ints[plan.width]!;
  const layout = { wide: ints[plan.wide] === 1, squaredError: ints[plan.squaredError] === 1 };
  const [gradientAt, hessianAt, countedAt] = [ints[plan.gradient]!, ints[plan.hessian]!, ints[plan.counted]!];
  const gradientUnit = gradientUnitOf(layout, rules[rule.scale]!);
  const hessianUnit = hessianUnitOf(layout);
  for (let i = start; i < end; i++) {
    const record = i * width;
    const gradient = gradientUnit * (layout.wide ? f64[(record + gradientAt) / 8]! : i32[(record + gradientAt) / 4]!);
    const hessian = hessianUnit * (layout.wide ? f64[(record + hessianAt) / 8]! : i32[(record + hessianAt) / 4]!);
    const weight = layout.wide ? f64[(record + countedAt) / 8]! : 1;
    for (let j = 0; j < columnCount; j++) {
      const cell = (cellStarts[j]! + u8[record + j]!) * cellSize;
      histogram[cell]! += gradient;
      histogram[cell + 1]! += hessian;
      histogram[cell + 2]! += weight;
    }
  }
}
