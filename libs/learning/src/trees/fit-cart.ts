import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { addOutOfBag } from './out-of-bag.ts';
import type { CartTargets } from './cart-targets.ts';
import type { ColumnBins } from './column-bins.ts';
import { binColumns, cutBetween } from './column-bins.ts';
import { bestPlaces } from './scan-column.ts';
import { binStride, cartNode, cartRules, cartSum, chunkRows, growCart } from './grow-cart.ts';
import type { TreeNodes } from './tree-ensemble.ts';
import { TreeNodeList } from './tree-node-list.ts';

export interface CartSettings {
  readonly trees: number;
  readonly bootstrap: boolean;
  /** Columns tried at each split; that of the whole table tries all in order of their names. */
  readonly featuresPerSplit: number;
  /** Steps from root to leaf at most, `Infinity` for no bound; likewise `leavesMost`. */
  readonly maxDepth: number;
  readonly leavesMost: number;
  readonly minRowsInLeaf: number;
  readonly minRowsToSplit: number;
  readonly criterion: number;
}

export interface GrownCart {
  readonly nodes: TreeNodes;
  /** Sums of targets and weights in each leaf, in the order of nodes; of other nodes too. */
  readonly sums: readonly { readonly target: number; readonly weight: number }[];
  /** Mean of the values that trees gave to each row that they did not draw, NaN where all drew it; undefined without bootstrap. */
  readonly outOfBag: Float64Array | undefined;
}

/** Grows trees, one a thread at a time; each has a seed of its own, so that the trees are the same for any number of threads. */
export async function fitCart(prepared: PreparedRows, targets: CartTargets, settings: CartSettings, context: FitContext): Promise<GrownCart> {
  const { compute, pace, random, progress } = context;
  const binned = await binColumns(prepared, compute, random, pace);
  const { rowCount, columnCount, bins, binCounts } = binned;
  progress(0.05);
  const slots = Math.min(settings.trees, compute.facts.threadCount);
  const capacity = 2 * leavesAtMost(settings, targets, rowCount) - 1;
  const rules = compute.adopt(rulesOf(settings, targets));
  const values = compute.adopt(targets.values);
  const scratchSize = Math.min(settings.featuresPerSplit, columnCount) * binStride + 2 * chunkRows + bestPlaces.size;
  const [seeds, order, counts] = [compute.uint32(4 * slots), compute.int32(2 * rowCount * slots), compute.uint8(rowCount * slots)];
  const [places, scratch, nodes] = [compute.int32(columnCount * slots), compute.float64(scratchSize * slots), compute.int32(cartNode.size * capacity * slots)];
  const [sums, nodeCounts] = [compute.float64(cartSum.size * capacity * slots), compute.int32(slots)];
  const predicted = settings.bootstrap ? compute.float64(rowCount) : undefined;
  const times = settings.bootstrap ? compute.int32(rowCount) : undefined;
  const list = new CartNodeList(binned, targets.classWeights);
  for (let first = 0; first < settings.trees; first += slots) {
    const count = Math.min(slots, settings.trees - first);
    for (let i = 0; i < 4 * count; i++) seeds[i] = random.nextUint32();
    await compute.run(growCart, count, slots, bins, binCounts, rowCount, columnCount, values, rules, seeds, order, counts, places, scratch, capacity, nodes, sums, nodeCounts);
    if (predicted !== undefined && times !== undefined) await compute.run(addOutOfBag, count, bins, binCounts, rowCount, counts, capacity, nodes, sums, predicted, times);
    for (let slot = 0; slot < count; slot++) {
      list.add(nodes.subarray(slot * capacity * cartNode.size), sums.subarray(slot * capacity * cartSum.size), nodeCounts[slot]!);
      if (pace.spend(20 * nodeCounts[slot]!)) await pace.pause();
    }
    progress(0.05 + 0.95 * ((first + count) / settings.trees));
  }
  const outOfBag = predicted?.map((sum, row) => (times![row] === 0 ? NaN : sum / times![row]!));
  return { nodes: list.toNodes(), sums: list.sums, outOfBag };
}

/** No more leaves than rows, than rows divide into the smallest leaves, than the depth allows. */
function leavesAtMost({ maxDepth, leavesMost, minRowsInLeaf }: CartSettings, targets: CartTargets, rowCount: number): number {
  const byRows = targets.isWeighted ? rowCount : Math.max(1, Math.floor(rowCount / minRowsInLeaf));
  return Math.min(leavesMost, 2 ** maxDepth, byRows);
}

function rulesOf(settings: CartSettings, targets: CartTargets): Float64Array {
  const rules = new Float64Array(cartRules.length);
  rules[cartRules.bootstrap] = settings.bootstrap ? 1 : 0;
  rules[cartRules.featuresPerSplit] = settings.featuresPerSplit;
  rules[cartRules.maxDepth] = settings.maxDepth;
  rules[cartRules.leavesMost] = settings.leavesMost;
  rules[cartRules.minRowsInLeaf] = settings.minRowsInLeaf;
  rules[cartRules.minRowsToSplit] = settings.minRowsToSplit;
  rules[cartRules.criterion] = settings.criterion;
  rules[cartRules.weightOf0] = targets.classWeights[0];
  rules[cartRules.weightOf1] = targets.classWeights[1];
  rules[cartRules.isWeighted] = targets.isWeighted ? 1 : 0;
  return rules;
}

/** Collects grown trees, bins turned back into thresholds and places into columns. */
class CartNodeList {
  readonly #binned: ColumnBins;
  readonly #classWeights: CartTargets['classWeights'];
  readonly #nodes = new TreeNodeList();
  readonly sums: { readonly target: number; readonly weight: number }[] = [];

  constructor(binned: ColumnBins, classWeights: CartTargets['classWeights']) {
    this.#binned = binned;
    this.#classWeights = classWeights;
  }

  add(nodes: Int32Array, sums: Float64Array, count: number): void {
    this.#nodes.startTree();
    const { columns, borders } = this.#binned;
    const [weightOf0, weightOf1] = this.#classWeights;
    for (let node = 0; node < count; node++) {
      const at = node * cartNode.size;
      const [target, weight] = [sums[node * cartSum.size]!, sums[node * cartSum.size + cartSum.weight]!];
      const place = nodes[at + cartNode.place]!;
      const split = nodes[at + cartNode.left] === 0 ? undefined : {
        feature: columns[place]!, threshold: cutBetween(borders[place]!, nodes[at + cartNode.bin]!, nodes[at + cartNode.next]!),
        left: nodes[at + cartNode.left]!, right: nodes[at + cartNode.right]!, missingLeft: nodes[at + cartNode.missingLeft] === 1,
      };
      this.#nodes.add(split, sums[node * cartSum.size + cartSum.value]!, weightOf0 === weightOf1 ? weight : weightOf1 * target + weightOf0 * (weight - target));
      this.sums.push({ target, weight });
    }
  }

  toNodes(): TreeNodes {
    return this.#nodes.toNodes();
  }
}
