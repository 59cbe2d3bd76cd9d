import { InvalidDatasetError } from '../dataset.ts';
import type { Family, FitContext, FitOutcome, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import { hasOneClass, logLossOfMargin } from '../linear/log-loss.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { Random } from '../random.ts';
import { node } from './boosting-layout.ts';
import type { GrownTree } from './boosting-run.ts';
import { BoostingRun } from './boosting-run.ts';
import { studyTarget } from './boosting-target.ts';
import { findFeatureCuts } from './feature-cuts.ts';
import { TreeEnsemble } from './tree-ensemble.ts';
import { TreeNodeList } from './tree-node-list.ts';

/**
 * Gradient boosting of leaf-wise trees over histograms, by the second-order objective of XGBoost (Chen & Guestrin 2016), with
 * log loss or squared error. Defaults and their meaning follow scikit-learn's `HistGradientBoosting*` without early stopping. Uses
 * randomness only where shares of rows or columns are drawn, and to sample rows for cut points beyond 200,000; without shares any
 * order of up to that many rows gives the same bits, on any number of threads.
 */
export const gradientBoosting: Family = {
  kind: 'gradient-boosting',
  tasks: ['classification', 'regression'],
  parameters: {
    trees: { default: 100, min: 1, max: 10_000, integer: true, meaning: 'trees grown, one after the other' },
    learning_rate: { default: 0.1, min: 1e-6, max: 1, integer: false, meaning: 'share of each tree that counts' },
    leaves: { default: 31, min: 2, max: 4096, integer: true, meaning: 'leaves of a tree at most' },
    max_depth: { default: 0, min: 0, max: 4096, integer: true, meaning: 'splits from root to leaf at most; 0 for any number' },
    min_rows_in_leaf: { default: 20, min: 1, max: 1e9, integer: true, meaning: 'rows, by weight, that a leaf needs' },
    min_hessian_in_leaf: { default: 1e-3, min: 0, max: 1e9, integer: false, meaning: 'sum of second derivatives that a leaf needs' },
    l1: { default: 0, min: 0, max: 1e12, integer: false, meaning: 'penalty on the absolute leaf values' },
    l2: { default: 0, min: 0, max: 1e12, integer: false, meaning: 'penalty on half the squared leaf values' },
    bins: { default: 255, min: 2, max: 255, integer: true, meaning: 'bins of a feature at most, missing values apart' },
    row_share: { default: 1, min: 1e-6, max: 1, integer: false, meaning: 'share of rows, drawn anew, that each tree learns from' },
    column_share: { default: 1, min: 1e-6, max: 1, integer: false, meaning: 'share of columns, drawn anew, that each tree may split on' },
    class_weight: { default: 'none', choices: ['none', 'balanced'], meaning: 'balanced: both classes weigh the same in the loss' },
    positive_weight: { default: 1, min: 1e-6, max: 1e6, integer: false, meaning: 'factor of the loss of rows of class 1' },
    patience: { default: 0, min: 0, max: 10_000, integer: true, meaning: 'trees without a lower held-out loss after which to stop; 0 to hold nothing out' },
    held_out_share: { default: 0.1, min: 1e-6, max: 0.9, integer: false, meaning: 'last share of the rows, held out where patience is asked for' },
  },
  imputesMissing: false,
  needsFeature: false,
  orderTolerance: 0,
  fit: fitGradientBoosting,
  load: (file) => TreeEnsemble.load(file),
};

async function fitGradientBoosting(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<FitOutcome> {
  const { task, parameters } = settings;
  const number = (name: string): number => numberOf(parameters, name);
  const { random, pace, progress } = context;
  const patience = number('patience');
  const heldOut = patience === 0 ? 0 : Math.min(Math.round(prepared.rowCount * number('held_out_share')), prepared.rowCount - 1);
  const trained = prepared.rowCount - heldOut;
  const target = studyTarget(prepared.y, prepared.weights, trained, settings);
  if (!(target.trainedWeight > 0)) throw new InvalidDatasetError(`expected a positive sum of weights in the first ${trained} rows, the others being held out; found ${target.trainedWeight}`);
  const stopsEarly = target.heldOutWeight > 0;
  const nodes = new TreeNodeList();
  if (task === 'classification' && hasOneClass(prepared.y.subarray(0, trained), prepared.weights?.subarray(0, trained))) {
    return { core: new TreeEnsemble(nodes.toNodes(0), target.bias), history: [logLossOfMargin(target.bias > 0 ? 1 : 0, target.bias)] };
  }
  const cuts = await findFeatureCuts(prepared, trained, number('bins'), context);
  const run = await BoostingRun.start(prepared, trained, cuts, target, settings, context);
  progress(0.02);
  const columns = columnsByName(prepared.names);
  const candidates = Math.max(1, Math.round(number('column_share') * columns.length));
  const history: number[] = [];
  const heldOutHistory: number[] = [];
  let best = { loss: Infinity, trees: 0 };
  for (let trees = 0; ; trees++) {
    const losses = await run.update();
    history.push(losses.trained);
    if (stopsEarly) heldOutHistory.push(losses.heldOut);
    progress(0.02 + 0.98 * (trees / number('trees')), losses.trained);
    if (stopsEarly && losses.heldOut < best.loss) best = { loss: losses.heldOut, trees };
    if (trees === number('trees') || (stopsEarly && trees - best.trees >= patience)) break;
    addTree(nodes, await run.grow(drawColumns(columns, candidates, random), candidates), cuts);
    if (pace.spend(1000)) await pace.pause();
  }
  return { core: new TreeEnsemble(nodes.toNodes(stopsEarly ? best.trees : Infinity), target.bias), history, heldOutHistory };
}

/** Columns by feature name: the order in which equal gains are settled, so that it doesn't depend on the data's layout. */
function columnsByName(names: readonly string[]): Int32Array {
  return Int32Array.from(names, (_, j) => j).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
}

/** All columns, `count` drawn ones first and in the order given. */
function drawColumns(columns: Int32Array, count: number, random: Random): Int32Array {
  if (count === columns.length) return columns;
  const places = random.shuffle(columns.map((_, place) => place));
  places.subarray(0, count).sort();
  return places.map((place) => columns[place]!);
}

function addTree(list: TreeNodeList, { nodes, count }: GrownTree, cuts: readonly Float64Array[]): void {
  list.startTree();
  for (let place = 0; place < count * node.size; place += node.size) {
    const left = nodes[place + node.left]!;
    const feature = nodes[place + node.column]!;
    const split = left < 0 ? undefined : {
      // Left of the last bin lies every present value: the cut is then above them all.
      feature, threshold: cuts[feature]![nodes[place + node.bin]!] ?? Number.MAX_VALUE,
      left, right: nodes[place + node.right]!, missingLeft: nodes[place + node.missingLeft] === 1,
    };
    list.add(split, nodes[place + node.value]!, nodes[place + node.weight]!);
  }
}
