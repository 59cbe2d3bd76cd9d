import type { Core, Family, FitContext, FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import { hasOneClass } from '../linear/log-loss.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { cartTargets } from './cart-targets.ts';
import { cartParameters, growthOf, oneLeaf } from './decision-tree.ts';
import { fitCart } from './fit-cart.ts';
import { TreeEnsemble } from './tree-ensemble.ts';

/**
 * The mean of many trees, each grown on rows drawn with replacement and free to split on a few columns drawn at each node (Breiman 2001). A row drawn
 * twice counts twice, towards `min_rows_in_leaf` too (scikit-learn counts it once there). The only entry of the history is the out-of-bag error: the mean squared
 * distance of each row's target to what the trees that did not draw it say, for classes the Brier score.
 */
export const randomForest: Family = {
  kind: 'random-forest',
  tasks: ['classification', 'regression'],
  parameters: {
    trees: { default: 100, min: 1, max: 100_000, integer: true, meaning: 'trees grown, each by itself' },
    features_per_split: { default: 0, min: 0, max: 1e6, integer: false, meaning: 'columns tried at a split: below 1 a share of them, from 1 their number; 0 for the square root of their number, in regression a third of them' },
    bootstrap: { default: 'yes', choices: ['yes', 'no'], meaning: 'whether each tree draws its rows, as many as there are, with replacement' },
    ...cartParameters,
  },
  scale: 'probability',
  imputesMissing: false,
  needsFeature: false,
  orderTolerance: 0,
  dependsOnRowOrder: true,
  weights: 'approximate',
  fit: fitRandomForest,
  load: (file) => TreeEnsemble.load(file),
};

async function fitRandomForest(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }> {
  const { task, parameters } = settings;
  if (task === 'classification' && hasOneClass(prepared.y, prepared.weights)) return oneLeaf(prepared);
  const trees = numberOf(parameters, 'trees');
  const bootstrap = choiceOf(parameters, 'bootstrap') === 'yes';
  const targets = cartTargets(prepared, task, choiceOf(parameters, 'class_weight') === 'balanced', bootstrap);
  const featuresPerSplit = columnsTried(numberOf(parameters, 'features_per_split'), prepared.columnCount, task === 'regression');
  const { nodes, outOfBag } = await fitCart(prepared, targets, { trees, bootstrap, featuresPerSplit, leavesMost: Infinity, ...growthOf(settings) }, context);
  const error = outOfBag === undefined ? undefined : outOfBagError(outOfBag, prepared, targets.center);
  return { core: new TreeEnsemble(nodes, targets.center, trees), history: error === undefined ? [] : [error] };
}

function columnsTried(asked: number, columnCount: number, isRegression: boolean): number {
  const share = asked === 0 ? (isRegression ? columnCount / 3 : Math.sqrt(columnCount)) : asked < 1 ? asked * columnCount : asked;
  return Math.min(columnCount, Math.max(1, Math.floor(share)));
}

/** Undefined where every row was drawn by every tree. */
function outOfBagError(outOfBag: Float64Array, { y, weights }: PreparedRows, center: number): number | undefined {
  let [sum, total] = [0, 0];
  outOfBag.forEach((predicted, row) => {
    if (predicted !== predicted) return;
    const weight = weights?.[row] ?? 1;
    sum += weight * (y[row]! - center - predicted) ** 2;
    total += weight;
  });
  return total > 0 ? sum / total : undefined;
}
