import type { Operation } from '../kernels/compute.ts';
import { Random } from '../random.ts';
import { bestPlaces, scanColumn, type SplitRules } from './scan-column.ts';

/** Numbers that rule the growing, by their places in the list that `growCart` is handed. */
export const cartRules = {
  bootstrap: 0, featuresPerSplit: 1, maxDepth: 2, leavesMost: 3, minRowsInLeaf: 4, minRowsToSplit: 5, criterion: 6, weightOf0: 7, weightOf1: 8, isWeighted: 9, length: 10,
} as const;
export const criteria = { gini: 0, entropy: 1, squaredError: 2 } as const;

/** Whole numbers of a node: `left` is 0 for a leaf; `next` is the bin right of the cut that holds rows, -1 for none. */
export const cartNode = { place: 0, bin: 1, next: 2, missingLeft: 3, left: 4, right: 5, start: 6, end: 7, depth: 8, open: 9, size: 10 } as const;
/** Sums of a node: of targets, of weights; its value; the gain of its best split and the sums left of it. */
export const cartSum = { target: 0, weight: 1, value: 2, gain: 3, leftTarget: 4, leftWeight: 5, size: 6 } as const;

/** Bins of a column at most, missing ones among them; each has a sum of targets and a sum of weights. */
export const binStride = 512;
/** Rows gathered at a time: their pairs of numbers stay in the first cache while every column's histogram takes them. */
export const chunkRows = 1024;

/**
 * Grows a tree in each of the first `treeCount` slots (Breiman et al. 1984, over histograms), whole on one thread: by depth, or by greatest gain where leaves are bounded. Targets
 * and weights are such that their sums are exact in float64, so no order of adding shows. `targets` holds the target of each row, and with
 * weights then target x weight and weight. `order` has room for two row numbers a row and slot, `counts` for how often a slot drew a row,
 * `scratch` for columns per split (rounded up as told) x `binStride` + 2 x `chunkRows` + 8 numbers a slot, `nodes` and `sums` for `capacity` nodes a slot.
 */
export const growCart: Operation<[
  treeCount: number, slots: number, bins: Uint8Array, binCounts: Int32Array, rowCount: number, columnCount: number, targets: Float64Array, rules: Float64Array, seeds: Uint32Array,
  order: Int32Array, counts: Uint8Array, places: Int32Array, scratch: Float64Array, capacity: number, nodes: Int32Array, sums: Float64Array, nodeCounts: Int32Array,
]> = {
  name: 'growCart',
  *plain(thread, threadCount, treeCount, slots, bins, binCounts, rowCount, columnCount, targets, rules, seeds, order, counts, places, scratch, capacity, nodes, sums, nodeCounts) {
    const part = <A extends Int32Array | Uint8Array | Float64Array>(array: A, slot: number): A => array.subarray((slot * array.length) / slots, ((slot + 1) * array.length) / slots) as A;
    for (let slot = thread; slot < treeCount; slot += threadCount) {
      const random = Random.ofState([seeds[4 * slot]!, seeds[4 * slot + 1]!, seeds[4 * slot + 2]!, seeds[4 * slot + 3]!]);
      const grower = new CartGrower({
        bins, binCounts, rowCount, columnCount, targets, rules, random, order: part(order, slot), counts: part(counts, slot), places: part(places, slot),
        scratch: part(scratch, slot), nodes: nodes.subarray(slot * capacity * cartNode.size), sums: sums.subarray(slot * capacity * cartSum.size),
      });
      yield* grower.grow();
      nodeCounts[slot] = grower.nodeCount;
    }
  },
};

interface CartInput {
  readonly bins: Uint8Array;
  readonly binCounts: Int32Array;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly targets: Float64Array;
  readonly rules: Float64Array;
  readonly random: Random;
  readonly order: Int32Array;
  readonly counts: Uint8Array;
  readonly places: Int32Array;
  readonly scratch: Float64Array;
  readonly nodes: Int32Array;
  readonly sums: Float64Array;
}

class CartGrower {
  nodeCount = 0;
  readonly #in: CartInput;
  readonly #splitRules: SplitRules;
  readonly #isBootstrap: boolean;
  readonly #isWeighted: boolean;
  /** Best split of the node under study; after the histograms and the chunk of pairs. */
  readonly #best: Float64Array;
  readonly #pairsAt: number;
  #rowsUsed = 0;
  #openHead = -1;
  #work = 0;
  #isPure = false;

  constructor(input: CartInput) {
    this.#in = input;
    const { rules, scratch } = input;
    this.#isBootstrap = rules[cartRules.bootstrap] === 1;
    this.#isWeighted = rules[cartRules.isWeighted] === 1;
    this.#splitRules = { criterion: rules[cartRules.criterion]!, weightOf0: rules[cartRules.weightOf0]!, weightOf1: rules[cartRules.weightOf1]!, minRowsInLeaf: rules[cartRules.minRowsInLeaf]! };
    this.#best = scratch.subarray(scratch.length - bestPlaces.size);
    this.#pairsAt = scratch.length - bestPlaces.size - 2 * chunkRows;
  }

  *grow(): Generator<number> {
    this.#drawRows();
    const { rules, nodes, places } = this.#in;
    for (let place = 0; place < places.length; place++) places[place] = place;
    this.#addNode(0, this.#rowsUsed, 0);
    yield* this.#study(0, true);
    const leavesMost = rules[cartRules.leavesMost]!;
    for (let leaves = 1; this.#openHead >= 0 && leaves < leavesMost; leaves++) {
      const node = this.#takeOpen(rules[cartRules.leavesMost] !== Infinity);
      const left = this.#split(node);
      // Read by the one who takes an open node before it is split; 0 marks a leaf.
      nodes[node * cartNode.size + cartNode.left] = left;
      nodes[node * cartNode.size + cartNode.right] = left + 1;
      yield* this.#study(left + 1, false);
      yield* this.#study(left, false);
    }
    this.#setValues();
    yield this.#work;
  }

  /** Draws as many rows as there are, with replacement, or takes each once; rows without weight stay out. */
  #drawRows(): void {
    const { rowCount, random, counts, targets, order } = this.#in;
    if (this.#isBootstrap) {
      counts.fill(0);
      // A count beyond 255 is less likely than 1 in 10^500 where there are so many rows.
      for (let i = 0; i < rowCount; i++) counts[random.int(rowCount)]!++;
    } else counts.fill(1);
    let used = 0;
    for (let row = 0; row < rowCount; row++) {
      order[used] = row;
      used += +(counts[row]! > 0 && (!this.#isWeighted || targets[2 * rowCount + row]! > 0));
    }
    this.#rowsUsed = used;
    this.#work += 4 * rowCount;
  }

  #addNode(start: number, end: number, depth: number): number {
    const node = this.nodeCount++;
    const at = node * cartNode.size;
    const { nodes, sums } = this.#in;
    nodes.fill(0, at, at + cartNode.size);
    nodes[at + cartNode.start] = start;
    nodes[at + cartNode.end] = end;
    nodes[at + cartNode.depth] = depth;
    sums.fill(0, node * cartSum.size, (node + 1) * cartSum.size);
    return node;
  }

  /** Finds the node's best split; a node that has one becomes open. */
  *#study(node: number, isRoot: boolean): Generator<number> {
    const { rules, sums, nodes, columnCount, binCounts, places, scratch, random } = this.#in;
    const at = node * cartSum.size;
    const best = this.#best;
    const featuresPerSplit = Math.min(rules[cartRules.featuresPerSplit]!, columnCount);
    if (!isRoot && this.#mustBeLeaf(node)) return;
    best[bestPlaces.score] = -Infinity;
    this.#isPure = true;
    let varied = false;
    for (let drawn = 0, batch = featuresPerSplit; drawn < columnCount && !varied; drawn += batch, batch = 1) {
      if (featuresPerSplit < columnCount) for (let i = drawn; i < drawn + batch; i++) swap(places, i, i + random.int(columnCount - i));
      yield* this.#countBins(node, drawn, batch, drawn === 0, isRoot && drawn === 0);
      if (isRoot && this.#mustBeLeaf(node)) return;
      if (this.#isPure) return;
      for (let i = 0; i < batch; i++) {
        const place = places[drawn + i]!;
        if (scanColumn(scratch, i * binStride, binCounts[place]!, place, sums[at]!, sums[at + cartSum.weight]!, this.#splitRules, best)) varied = true;
      }
      this.#work += 300 * batch;
    }
    if (best[bestPlaces.score] === -Infinity) return;
    const to = node * cartNode.size;
    nodes[to + cartNode.place] = best[bestPlaces.place]!;
    nodes[to + cartNode.bin] = best[bestPlaces.bin]!;
    nodes[to + cartNode.next] = best[bestPlaces.next]!;
    nodes[to + cartNode.missingLeft] = best[bestPlaces.missingLeft]!;
    sums[at + cartSum.gain] = best[bestPlaces.score]! - best[bestPlaces.parentScore]!;
    sums[at + cartSum.leftTarget] = best[bestPlaces.leftTarget]!;
    sums[at + cartSum.leftWeight] = best[bestPlaces.leftWeight]!;
    nodes[to + cartNode.open] = this.#openHead;
    this.#openHead = node;
  }

  #mustBeLeaf(node: number): boolean {
    const { rules, sums, nodes } = this.#in;
    const target = sums[node * cartSum.size]!;
    const weight = sums[node * cartSum.size + cartSum.weight]!;
    return nodes[node * cartNode.size + cartNode.depth]! >= rules[cartRules.maxDepth]! || weight < rules[cartRules.minRowsToSplit]! || weight < 2 * rules[cartRules.minRowsInLeaf]!
      || (rules[cartRules.criterion] !== criteria.squaredError && (target === 0 || target === weight));
  }

  /** Histograms of the columns at places [first, first + batch) over the node's rows; on the first pass also whether all targets are one. */
  *#countBins(node: number, first: number, batch: number, judgesPurity: boolean, sumsUp: boolean): Generator<number> {
    const { bins, binCounts, rowCount, nodes, sums, order, places, scratch } = this.#in;
    const end = nodes[node * cartNode.size + cartNode.end]!;
    const begin = nodes[node * cartNode.size + cartNode.start]!;
    for (let i = 0; i < batch; i++) scratch.fill(0, i * binStride, i * binStride + 2 * (binCounts[places[first + i]!]! + 1));
    for (let start = begin; start < end; start += chunkRows) {
      const stop = Math.min(start + chunkRows, end);
      this.#gather(start, stop, judgesPurity ? order[begin]! : -1);
      if (sumsUp) {
        for (let at = this.#pairsAt; at < this.#pairsAt + 2 * (stop - start); at += 2) {
          sums[node * cartSum.size]! += scratch[at]!;
          sums[node * cartSum.size + cartSum.weight]! += scratch[at + 1]!;
        }
      }
      for (let i = 0; i < batch; i++) addPairs(scratch, i * binStride, bins, places[first + i]! * rowCount, order, start, stop, this.#pairsAt);
      this.#work += (stop - start) * (batch + 2);
      if (this.#work > 200_000) {
        yield this.#work;
        this.#work = 0;
      }
    }
  }

  /** Target and weight of each row, times its count; `like` is a row whose target all must share for the node to be pure. */
  #gather(start: number, end: number, like: number): void {
    const { targets, rowCount, order, counts, scratch } = this.#in;
    const isWeighted = this.#isWeighted;
    let to = this.#pairsAt;
    let same = 0;
    const target = like < 0 ? 0 : targets[like]!;
    for (let i = start; i < end; i++) {
      const row = order[i]!;
      const count = counts[row]!;
      same += +(targets[row]! === target);
      scratch[to] = count * targets[isWeighted ? rowCount + row : row]!;
      scratch[to + 1] = isWeighted ? count * targets[2 * rowCount + row]! : count;
      to += 2;
    }
    if (like >= 0 && same < end - start) this.#isPure = false;
  }

  /** Parts the node's rows, each side in the order it had, and makes the children; returns the left one. */
  #split(node: number): number {
    const { nodes, sums, bins, binCounts, rowCount, order } = this.#in;
    const at = node * cartNode.size;
    const place = nodes[at + cartNode.place]!;
    const [start, end, depth] = [nodes[at + cartNode.start]!, nodes[at + cartNode.end]!, nodes[at + cartNode.depth]! + 1];
    const missing = nodes[at + cartNode.missingLeft] === 1 ? binCounts[place]! : -1;
    const middle = partRows(order, rowCount, start, end, bins, place * rowCount, nodes[at + cartNode.bin]!, missing);
    this.#work += 4 * (end - start);
    const left = this.#addNode(start, middle, depth);
    const right = this.#addNode(middle, end, depth);
    const [from, toLeft, toRight] = [node * cartSum.size, left * cartSum.size, right * cartSum.size];
    sums[toLeft] = sums[from + cartSum.leftTarget]!;
    sums[toLeft + cartSum.weight] = sums[from + cartSum.leftWeight]!;
    sums[toRight] = sums[from]! - sums[toLeft]!;
    sums[toRight + cartSum.weight] = sums[from + cartSum.weight]! - sums[toLeft + cartSum.weight]!;
    return left;
  }

  /** The open node made last, or the one of greatest gain (of equals the one made last). */
  #takeOpen(byGain: boolean): number {
    const { nodes, sums } = this.#in;
    let before = -1;
    let found = this.#openHead;
    if (byGain) {
      for (let last = this.#openHead, node = nodes[last * cartNode.size + cartNode.open]!; node >= 0; last = node, node = nodes[node * cartNode.size + cartNode.open]!) {
        if (sums[node * cartSum.size + cartSum.gain]! <= sums[found * cartSum.size + cartSum.gain]!) continue;
        before = last;
        found = node;
      }
    }
    const after = nodes[found * cartNode.size + cartNode.open]!;
    if (before < 0) this.#openHead = after;
    else nodes[before * cartNode.size + cartNode.open] = after;
    return found;
  }

  /** Share of class 1 with its class weights, or the mean target. */
  #setValues(): void {
    const { rules, sums } = this.#in;
    const isSquared = rules[cartRules.criterion] === criteria.squaredError;
    for (let at = 0; at < this.nodeCount * cartSum.size; at += cartSum.size) {
      const ones = rules[cartRules.weightOf1]! * sums[at]!;
      const zeros = rules[cartRules.weightOf0]! * (sums[at + cartSum.weight]! - sums[at]!);
      sums[at + cartSum.value] = isSquared ? sums[at]! / sums[at + cartSum.weight]! : ones / (ones + zeros);
    }
  }
}

function swap(values: Int32Array, i: number, j: number): void {
  const held = values[i]!;
  values[i] = values[j]!;
  values[j] = held;
}

/** The loop that the time goes into: a bin, two sums. */
function addPairs(sums: Float64Array, sumsAt: number, bins: Uint8Array, column: number, order: Int32Array, start: number, end: number, pairsAt: number): void {
  let pair = pairsAt;
  for (let i = start; i < end; i++) {
    const cell = sumsAt + 2 * bins[column + order[i]!]!;
    sums[cell]! += sums[pair]!;
    sums[cell + 1]! += sums[pair + 1]!;
    pair += 2;
  }
}

/** Each row is written to both sides and one of them moves on: which side it is can't be foreseen, so a branch would be mispredicted half of the time. */
function partRows(order: Int32Array, spare: number, start: number, end: number, bins: Uint8Array, column: number, last: number, missing: number): number {
  let left = start;
  let right = spare;
  for (let i = start; i < end; i++) {
    const row = order[i]!;
    const bin = bins[column + row]!;
    const goesLeft = +(bin <= last) | +(bin === missing);
    order[left] = row;
    order[right] = row;
    left += goesLeft;
    right += 1 - goesLeft;
  }
  order.copyWithin(left, spare, right);
  return left;
}
