// Goal: a forest is the mean of independent trees on drawn rows and columns. Method: laws that follow from that (oracle), scores of scikit-learn's forests on
// the same data, means over seeds, and WebAssembly against typed arrays to the bit (differential).
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { takeRows } from '../dataset.ts';
import type { FittedModel, Parameters, Task } from '../estimator.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { rocAuc } from '../metrics/classification.ts';
import { r2 } from '../metrics/regression.ts';
import { decodeModelFile } from '../model-file.ts';
import { Random } from '../random.ts';
import { TreeEnsemble } from './tree-ensemble.ts';

interface Table { readonly trained: number; readonly X: (number | null)[][]; readonly labels: number[]; readonly targets: number[] }
interface Forests { readonly forests: readonly { readonly task: Task; readonly parameters: Parameters; readonly score: number }[] }

const table = readReference<Table>('gradient-boosting');

function tableData(task: Task): { train: Dataset; test: Dataset } {
  const y = Float64Array.from(task === 'classification' ? table.labels : table.targets);
  const columnCount = table.X[0]!.length;
  const data: Dataset = { rowCount: y.length, columnCount, X: Float32Array.from(flatten(table.X)), y, featureNames: table.X[0]!.map((_, j) => `x${j}`) };
  const rows = Int32Array.from(y.keys());
  return { train: takeRows(data, rows.slice(0, table.trained)), test: takeRows(data, rows.slice(table.trained)) };
}

/** Two threads where WebAssembly was compiled: the same forests to the bit, sooner. */
const backends = await wasmBackends();

const fit = (kind: string, data: Dataset, task: Task, parameters: Parameters, kernels = backends[1]): Promise<FittedModel> =>
  createEstimator({ kind, task, parameters, prepare: [] }).fit(data, { random: new Random(1), kernels });

const ensembleOf = (model: FittedModel): TreeEnsemble => TreeEnsemble.load(decodeModelFile(model.save()));

describe('random forest', () => {
  it('differential: WebAssembly grows the same trees to the bit by entropy, by gain, with weights and class weights, few columns drawn and some of one value', async () => {
    const { train } = tableData('classification');
    const X = train.X.map((value, at) => (at % train.columnCount < 3 ? Math.min(value, 2) : value));
    const data = { ...train, X, weights: train.y.map((_, row) => (row % 7) / 4) };
    for (const [kind, parameters] of [['decision-tree', { criterion: 'entropy', max_leaves: 20, class_weight: 'balanced' }], ['random-forest', { criterion: 'entropy', trees: 4, features_per_split: 1, min_rows_in_leaf: 3 }]] as const) {
      const expected = (await fit(kind, data, 'classification', parameters, plainKernels)).save();
      for (const kernels of backends) expect((await fit(kind, data, 'classification', parameters, kernels)).save()).toEqual(expected);
    }
  });

  for (const { task, parameters, score } of readReference<Forests>('forests').forests) {
    it(`differential: ${task} ${JSON.stringify(parameters)} scores as scikit-learn's`, async () => {
      const { train, test } = tableData(task);
      const found = (await fit('random-forest', train, task, parameters)).score(test.X, test.rowCount);
      expect(Math.abs((task === 'classification' ? rocAuc(test.y, found) : r2(test.y, found)) - score)).toBeLessThan(0.01);
    });
  }

  it('oracle: one tree on all rows and columns is the decision tree', async () => {
    const { train } = tableData('classification');
    const rules = { max_depth: 6, min_rows_in_leaf: 4, class_weight: 'balanced' };
    const [forest, tree] = [await fit('random-forest', train, 'classification', { ...rules, trees: 1, bootstrap: 'no', features_per_split: 6 }), await fit('decision-tree', train, 'classification', rules)];
    expect(ensembleOf(forest).nodes).toEqual(ensembleOf(tree).nodes);
  });

  it('oracle: a row\'s score is the mean of its trees\' shares, and more trees only add to the earlier ones', async () => {
    const { train, test } = tableData('classification');
    const [few, more] = [await fit('random-forest', train, 'classification', { trees: 3, max_depth: 5 }), await fit('random-forest', train, 'classification', { trees: 5, max_depth: 5 })];
    const [first, second] = [ensembleOf(few), ensembleOf(more)];
    expect(first.divisor).toBe(3);
    expect(second.nodes.value.slice(0, first.nodes.value.length)).toEqual(first.nodes.value);
    const scores = few.score(test.X, test.rowCount);
    const alone = [...first.nodes.roots].map((_, tree) => new TreeEnsemble({ ...first.nodes, roots: first.nodes.roots.slice(tree, tree + 1) }, 0));
    scores.forEach((score, row) => expect(score).toBeCloseTo(alone.reduce((sum, tree) => sum + tree.margin(test.X, row * test.columnCount), 0) / 3, 14));
  });

  it('draws as many rows as there are, about 63 % of them at least once', async () => {
    const { train } = tableData('regression');
    const { nodes } = ensembleOf(await fit('random-forest', { ...train, X: train.X.map((_, at) => (at % train.columnCount === 0 ? Math.floor(at / train.columnCount) % 250 : 0)) }, 'regression', { trees: 20 }));
    for (const root of nodes.roots) expect(nodes.cover[root]).toBe(train.rowCount);
    const single = await fit('random-forest', { ...train, X: train.X.map((_, at) => Math.floor(at / train.columnCount)), y: train.y }, 'regression', { trees: 40, features_per_split: 1 });
    const { nodes: fine } = ensembleOf(single);
    const leavesPerTree = fine.feature.filter((feature) => feature < 0).length / 40;
    // Quantile bins hold 4 or 5 rows each, so nearly every bin is drawn and makes a leaf.
    expect(leavesPerTree).toBeGreaterThan(0.9 * 255);
    expect(leavesPerTree).toBeLessThanOrEqual(255);
  });

  it('the out-of-bag error tells the error on rows never seen, which the training error does not', async () => {
    for (const task of ['classification', 'regression'] as const) {
      const { train, test } = tableData(task);
      const model = await fit('random-forest', train, task, { trees: 40 });
      const errorOn = ({ X, y, rowCount }: Dataset): number => model.score(X, rowCount).reduce((sum, value, row) => sum + (value - y[row]!) ** 2, 0) / rowCount;
      expect(model.history).toHaveLength(1);
      expect(model.history[0]! / errorOn(test)).toBeGreaterThan(0.85);
      expect(model.history[0]! / errorOn(test)).toBeLessThan(1.15);
      expect(errorOn(train)).toBeLessThan(0.5 * model.history[0]!);
    }
  });

  it('rows without weight are never learned from', async () => {
    const { train, test } = tableData('classification');
    const weights = train.y.map((_, row) => (row % 3 === 0 ? 0 : 1));
    const flipped = { ...train, weights, y: train.y.map((label, row) => (row % 3 === 0 ? 1 - label : label)) };
    const parameters = { trees: 5, max_depth: 4 };
    expect((await fit('random-forest', flipped, 'classification', parameters)).score(test.X, test.rowCount)).toEqual((await fit('random-forest', { ...train, weights }, 'classification', parameters)).score(test.X, test.rowCount));
  });

  it('balanced classes raise the shares of the rarer class', async () => {
    const { train, test } = tableData('classification');
    const rare = takeRows(train, Int32Array.from(train.y.keys()).filter((row) => train.y[row] === 0 || row % 10 === 0));
    const meanOf = async (classWeight: string): Promise<number> => (await fit('random-forest', rare, 'classification', { trees: 20, max_depth: 5, class_weight: classWeight })).score(test.X, test.rowCount).reduce((sum, share) => sum + share, 0) / test.rowCount;
    expect(await meanOf('balanced')).toBeGreaterThan(1.5 * (await meanOf('none')));
  });
});
