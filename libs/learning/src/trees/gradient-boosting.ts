import type { PreparedRows } from '../prepared-rows.ts';
import { asDataset } from '../prepared-rows.ts';
import type { Core, Family, FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import { hasOneClass } from '../linear/log-loss.ts';
import { binFeatures } from './binning.ts';
import { createBoostingLoss } from './boosting-loss.ts';
import type { GrownTree } from './grow-tree.ts';
import { TreeGrower } from './grow-tree.ts';
import { TreeEnsemble } from './tree-ensemble.ts';

/**
 * Gradient boosting of leaf-wise trees over histograms, by the second-order objective of XGBoost (Chen & Guestrin 2016), with
 * log loss or squared error. Defaults and their meaning follow scikit-learn's `HistGradientBoosting*` without early stopping. Uses
 * randomness only to sample rows for cut points beyond 200,000; up to there any order of rows gives the same bits.
 */
export const gradientBoosting: Family = {
  kind: 'gradient-boosting',
  tasks: ['classification', 'regression'],
  parameters: {
    trees: { default: 100, min: 1, max: 10_000, integer: true, meaning: 'trees grown, one after the other' },
    learning_rate: { default: 0.1, min: 1e-6, max: 1, integer: false, meaning: 'share of each tree that counts' },
    leaves: { default: 31, min: 2, max: 4096, integer: true, meaning: 'leaves of a tree at most' },
    min_rows_in_leaf: { default: 20, min: 1, max: 1e9, integer: true, meaning: 'rows, by weight, that a leaf needs' },
    min_hessian_in_leaf: { default: 1e-3, min: 0, max: 1e9, integer: false, meaning: 'sum of second derivatives that a leaf needs' },
    l2: { default: 0, min: 0, max: 1e12, integer: false, meaning: 'penalty on half the squared leaf values' },
    bins: { default: 255, min: 2, max: 255, integer: true, meaning: 'bins of a feature at most, missing values apart' },
  },
  imputesMissing: false,
  needsFeature: false,
  orderTolerance: 0,
  fit: fitGradientBoosting,
  load: (file) => TreeEnsemble.load(file),
};

async function fitGradientBoosting(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }> {
  const { task } = settings;
  const parameter = (name: string): number => numberOf(settings.parameters, name);
  const data = await asDataset(prepared, context);
  const loss = createBoostingLoss(task, data.y, data.weights);
  const history = [loss.start()];
  const nodes = new NodeList(parameter('learning_rate'));
  if (task === 'classification' && hasOneClass(data.y, data.weights)) return { core: nodes.toEnsemble(loss.bias), history };
  const binned = await binFeatures(data, parameter('bins'), context.random, context.pace);
  context.progress(0.02);
  const grower = new TreeGrower(binned, {
    leavesMax: parameter('leaves'), minRowsInLeaf: parameter('min_rows_in_leaf'), minHessianInLeaf: parameter('min_hessian_in_leaf'), l2: parameter('l2'),
  }, context.pace);
  for (let t = 0; t < parameter('trees'); t++) {
    const tree = await grower.grow(loss.derivatives());
    const values = nodes.add(tree);
    tree.eachLeaf((node, rows) => loss.addToMargins(rows, values[node]!));
    if (context.pace.spend(2 * data.rowCount)) await context.pace.pause();
    history.push(await loss.refresh(context.pace));
    context.progress(0.02 + 0.98 * ((t + 1) / parameter('trees')), history.at(-1));
  }
  return { core: nodes.toEnsemble(loss.bias), history };
}

/** Collects grown trees into flat arrays. */
class NodeList {
  readonly #learningRate: number;
  readonly #roots: number[] = [];
  readonly #feature: number[] = [];
  readonly #threshold: number[] = [];
  readonly #left: number[] = [];
  readonly #right: number[] = [];
  readonly #missingLeft: number[] = [];
  readonly #value: number[] = [];
  readonly #cover: number[] = [];

  constructor(learningRate: number) {
    this.#learningRate = learningRate;
  }

  /** Adds a tree and returns its nodes' values after shrinkage. */
  add(tree: GrownTree): readonly number[] {
    const first = this.#feature.length;
    const values = tree.nodes.map((node) => node.value * this.#learningRate);
    this.#roots.push(first);
    tree.nodes.forEach((node, i) => {
      const isLeaf = node.feature < 0;
      this.#feature.push(node.feature);
      this.#threshold.push(node.threshold);
      this.#left.push(isLeaf ? -1 : first + node.left);
      this.#right.push(isLeaf ? -1 : first + node.right);
      this.#missingLeft.push(node.missingLeft ? 1 : 0);
      this.#value.push(values[i]!);
      this.#cover.push(node.cover);
    });
    return values;
  }

  toEnsemble(bias: number): TreeEnsemble {
    return new TreeEnsemble({
      roots: Int32Array.from(this.#roots), feature: Int32Array.from(this.#feature), threshold: Float64Array.from(this.#threshold),
      left: Int32Array.from(this.#left), right: Int32Array.from(this.#right), missingLeft: Uint8Array.from(this.#missingLeft),
      value: Float64Array.from(this.#value), cover: Float64Array.from(this.#cover),
    }, bias);
  }
}
