import type { EstimatorDefinition } from '#tideline/learning';

/** One thing to measure on table A: 1,000,000 rows of 30 features, of which the first 800,000 are learned from. */
export interface BenchedModel {
  readonly name: string;
  readonly definition: EstimatorDefinition;
  /** Rows to learn from; all 800,000 unless said. */
  readonly trainRows?: number;
  /** How many of the features, from the first; all 30 unless said. */
  readonly features?: number;
  readonly score: 'rocAuc' | 'r2' | 'finalLoss' | 'none';
  /** What the reference reaches, and how far from it is as good. */
  readonly wanted?: { readonly value: number; readonly within: number };
  /** A program of `learning-peers.py`. */
  readonly peer: string;
  /** The peer does this share of the work, because all of it would take minutes. */
  readonly peerShare?: number;
  /** Which of the two times is held to floor and aim. */
  readonly held: 'fit' | 'predict';
  /** Our time over the peer's: the most that will do, and what the project is for. */
  readonly floor: number;
  readonly aim: number;
  /** Resident memory above the bare runtime, MB; three times the training data unless said. */
  readonly mostMemoryMb?: number;
}

type Change = Partial<EstimatorDefinition>;
const classifier = (kind: string, parameters: EstimatorDefinition['parameters'] = {}, change: Change = {}): EstimatorDefinition => ({ kind, task: 'classification', parameters, prepare: [], ...change });
const regressor = (kind: string, parameters: EstimatorDefinition['parameters'] = {}, change: Change = {}): EstimatorDefinition => ({ kind, task: 'regression', parameters, prepare: [], ...change });
const auc = (value: number, within = 0.005): Pick<BenchedModel, 'score' | 'wanted'> => ({ score: 'rocAuc', wanted: { value, within } });
const r2 = (value: number, within = 0.005): Pick<BenchedModel, 'score' | 'wanted'> => ({ score: 'r2', wanted: { value, within } });

/** Every model with its peer, floor and aim. Methods that stop when they have converged are held to the fifth decimal, the others to the score of one in two hundred. */
export const benchedModels: readonly BenchedModel[] = [
  { name: 'logistic regression', definition: classifier('logistic-regression'), ...auc(0.76429, 1e-5), peer: 'logistic-regression', held: 'fit', floor: 0.8, aim: 0.4 },
  { name: 'linear SVM', definition: classifier('linear-svm'), ...auc(0.76429), peer: 'linear-svm', held: 'fit', floor: 1, aim: 0.5 },
  { name: 'naive Bayes', definition: classifier('naive-bayes'), ...auc(0.76989, 1e-5), peer: 'naive-bayes', held: 'fit', floor: 2, aim: 1 },
  { name: 'perceptron, 5 epochs', definition: classifier('perceptron', { epochs: 5 }), score: 'rocAuc', peer: 'perceptron', held: 'fit', floor: 1, aim: 0.5 },
  { name: 'decision tree, depth 10', definition: classifier('decision-tree', { max_depth: 10 }), ...auc(0.75487), peer: 'decision-tree', held: 'fit', floor: 0.1, aim: 0.05 },
  { name: 'random forest, 100 x depth 10', definition: classifier('random-forest', { trees: 100, max_depth: 10 }), ...auc(0.7878), peer: 'random-forest', peerShare: 0.2, held: 'fit', floor: 0.15, aim: 0.06 },
  { name: 'boosting, 100 x 31 leaves', definition: classifier('gradient-boosting', { trees: 100, leaves: 31 }), ...auc(0.82359), peer: 'lightgbm', held: 'fit', floor: 1.3, aim: 0.8 },
  { name: 'boosting, predicting 200,000 rows', definition: classifier('gradient-boosting', { trees: 100, leaves: 31 }), ...auc(0.82359), peer: 'xgboost', held: 'predict', floor: 1.2, aim: 0.7 },
  { name: 'boosting, regression', definition: regressor('gradient-boosting', { trees: 100, leaves: 31 }), ...r2(0.8237), peer: 'lightgbm-regression', held: 'fit', floor: 1.3, aim: 0.8 },
  { name: 'multi-layer perceptron 64, 32; 5 epochs', definition: classifier('multi-layer-perceptron', { hidden: [64, 32], epochs: 5, batch: 256, tolerance: 0 }), ...auc(0.83524), peer: 'multi-layer-perceptron', held: 'fit', floor: 0.7, aim: 0.35 },
  { name: 'RBF SVM, 10,000 rows', definition: classifier('rbf-svm'), trainRows: 10_000, ...auc(0.79302), peer: 'rbf-svm', held: 'fit', floor: 2, aim: 1 },
  { name: 'k-means, 8 clusters, 20 rounds', definition: classifier('k-means', { clusters: 8, max_iterations: 20, tolerance: 0 }), score: 'none', peer: 'k-means', held: 'fit', floor: 1.5, aim: 0.9 },
  { name: 'Ward, 10,000 rows', definition: classifier('agglomerative', { clusters: 8 }), trainRows: 10_000, score: 'none', peer: 'ward', held: 'fit', floor: 1, aim: 0.5 },
  { name: 'Ward, 20,000 rows', definition: classifier('agglomerative', { clusters: 8 }), trainRows: 20_000, score: 'none', peer: 'ward', held: 'fit', floor: 1, aim: 0.5 },
  { name: 'PCA to 10', definition: classifier('constant', {}, { prepare: [{ step: 'pca', components: 10 }] }), score: 'none', peer: 'pca', held: 'fit', floor: 2.5, aim: 1.2 },
  { name: 'linear regression', definition: regressor('linear-regression'), ...r2(0.55818, 1e-5), peer: 'linear-regression', held: 'fit', floor: 2, aim: 1 },
  { name: 'linear regression, one feature', definition: regressor('linear-regression'), features: 1, ...r2(0.22317, 1e-5), peer: 'linear-regression', held: 'fit', floor: 2, aim: 1 },
  { name: 'polynomial degree 2, ridge 1', definition: regressor('linear-regression', { l2: 1 }, { prepare: [{ step: 'polynomial', degree: 2 }] }), ...r2(0.79034, 1e-5), peer: 'polynomial', held: 'fit', floor: 0.8, aim: 0.4, mostMemoryMb: 500 },
];

/** Rows that a model learns from here; `BENCH_ROWS` makes them fewer, to try the harness rather than to measure. */
export function trainRowsOf({ trainRows = 800_000 }: BenchedModel): number {
  return Math.min(trainRows, Number(process.env['BENCH_ROWS'] ?? trainRows));
}
