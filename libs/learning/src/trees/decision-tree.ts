import type { Core, Family, FitContext, FitSettings, ParameterRule } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import { hasOneClass } from '../linear/log-loss.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { CartTargets } from './cart-targets.ts';
import { cartTargets, meanSquare } from './cart-targets.ts';
import type { GrownCart } from './fit-cart.ts';
import { fitCart } from './fit-cart.ts';
import { criteria } from './grow-cart.ts';
import { TreeEnsemble } from './tree-ensemble.ts';

/** Parameters that a tree and a forest share. */
export const cartParameters = {
  max_depth: { default: 0, min: 0, max: 1e6, integer: true, meaning: 'steps from the root to a leaf at most; 0 for no bound' },
  min_rows_in_leaf: { default: 1, min: 1, max: 1e9, integer: true, meaning: 'rows, by weight, that a leaf needs' },
  min_rows_to_split: { default: 2, min: 2, max: 1e9, integer: true, meaning: 'rows, by weight, that a node needs to be split' },
  criterion: { default: 'gini', choices: ['gini', 'entropy'], meaning: 'impurity that splits of a classifier lower; regression lowers the squared error' },
  class_weight: { default: 'none', choices: ['none', 'balanced'], meaning: 'balanced: both classes weigh the same' },
} as const satisfies Record<string, ParameterRule>;

/**
 * One decision tree (CART, Breiman et al. 1984): at each node the cut that lowers impurity most, while rows differ. A column of at most 255 distinct values is
 * cut between any two of them, half way between those that the node holds, as scikit-learn does; one of more at 255 quantiles. Of splits that are equally good the
 * first column by name wins, then the lowest cut. Missing values go to the side that is better for it; where a node saw none, to the heavier.
 */
export const decisionTree: Family = {
  kind: 'decision-tree',
  tasks: ['classification', 'regression'],
  parameters: {
    ...cartParameters,
    max_leaves: { default: 0, min: 0, max: 1e6, integer: true, meaning: 'leaves at most, grown by greatest gain; 0 for no bound' },
  },
  scale: 'probability',
  imputesMissing: false,
  needsFeature: false,
  orderTolerance: 0,
  quickParameters: { max_depth: 6, min_rows_in_leaf: 4 },
  fit: fitDecisionTree,
  load: (file) => TreeEnsemble.load(file),
};

async function fitDecisionTree(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }> {
  if (settings.task === 'classification' && hasOneClass(prepared.y, prepared.weights)) return oneLeaf(prepared);
  const targets = cartTargets(prepared, settings.task, choiceOf(settings.parameters, 'class_weight') === 'balanced', false);
  const leavesMost = numberOf(settings.parameters, 'max_leaves') || Infinity;
  const grown = await fitCart(prepared, targets, { trees: 1, bootstrap: false, featuresPerSplit: prepared.columnCount, leavesMost, ...growthOf(settings) }, context);
  return { core: new TreeEnsemble(grown.nodes, targets.center), history: [trainingLoss(grown, targets, settings)] };
}

/** The settings of growth that a tree and a forest share. */
export function growthOf({ task, parameters }: FitSettings): { maxDepth: number; minRowsInLeaf: number; minRowsToSplit: number; criterion: number } {
  return {
    maxDepth: numberOf(parameters, 'max_depth') || Infinity,
    minRowsInLeaf: numberOf(parameters, 'min_rows_in_leaf'),
    minRowsToSplit: numberOf(parameters, 'min_rows_to_split'),
    criterion: task === 'regression' ? criteria.squaredError : choiceOf(parameters, 'criterion') === 'gini' ? criteria.gini : criteria.entropy,
  };
}

/** Where only one class was seen: its share smoothed by one row of each class (Laplace), since data can't show that the other never happens. */
export function oneLeaf({ y, weights }: PreparedRows): { core: Core; history: readonly number[] } {
  let [ones, total] = [0, 0];
  y.forEach((label, row) => {
    const weight = weights?.[row] ?? 1;
    ones += label * weight;
    total += weight;
  });
  const share = (ones + 1) / (total + 2);
  const nodes = {
    roots: Int32Array.of(0), feature: Int32Array.of(-1), threshold: Float64Array.of(0), left: Int32Array.of(-1), right: Int32Array.of(-1), missingLeft: Uint8Array.of(0),
    value: Float64Array.of(share), cover: Float64Array.of(total),
  };
  return { core: new TreeEnsemble(nodes, 0), history: [-Math.log(ones > 0 ? share : 1 - share)] };
}

/** Mean log loss or mean squared error of the tree on its own rows, from the sums in its leaves. */
function trainingLoss({ nodes, sums }: GrownCart, targets: CartTargets, { task }: FitSettings): number {
  let loss = task === 'regression' ? meanSquare(targets) * targets.totalWeight : 0;
  sums.forEach(({ target, weight }, node) => {
    if (nodes.feature[node]! >= 0) return;
    const value = nodes.value[node]!;
    if (task === 'regression') loss -= target * value;
    else loss -= (target > 0 ? target * Math.log(value) : 0) + (target < weight ? (weight - target) * Math.log(1 - value) : 0);
  });
  return Math.max(0, loss) / targets.totalWeight;
}
