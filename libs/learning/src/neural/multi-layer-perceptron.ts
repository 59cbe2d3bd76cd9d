import { InvalidDatasetError } from '../dataset.ts';
import { choiceOf, numberOf, numbersOf, type Family, type FitContext, type FitSettings } from '../family.ts';
import { hasOneClass, priorLogOdds } from '../linear/log-loss.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { NetworkCore } from './network-core.ts';
import type { Activation, NetworkShape } from './network-plan.ts';
import { Training } from './training.ts';

/**
 * Feed-forward network with one output, trained by mini-batches of Adam on log loss or squared error. Defaults and objective are those
 * of scikit-learn's `MLPClassifier` and `MLPRegressor` (mean loss + l2/2 |weights|^2 / rows of the batch), except that a regression's target is
 * standardised within, that held-out rows are judged by their loss, and that the loss logged leaves the penalty out. Reads features as
 * they are: standardise them before.
 */
export const multiLayerPerceptron: Family = {
  kind: 'multi-layer-perceptron',
  tasks: ['classification', 'regression'],
  parameters: {
    hidden: { default: [100], min: 1, max: 8192, integer: true, mostItems: 16, meaning: 'units of each hidden layer, from the input on' },
    activation: { default: 'relu', choices: ['relu', 'tanh'], meaning: 'how a hidden unit answers to its input' },
    l2: { default: 1e-4, min: 0, max: 1e6, integer: false, meaning: 'penalty on half the squared weights against the summed loss of a batch' },
    batch: { default: 200, min: 1, max: 65_536, integer: true, meaning: 'rows between two steps, at most all' },
    epochs: { default: 200, min: 1, max: 1e6, integer: true, meaning: 'passes over the rows at most' },
    learning_rate: { default: 1e-3, min: 1e-9, max: 10, integer: false, meaning: 'step size of Adam' },
    beta_1: { default: 0.9, min: 0, max: 0.999999, integer: false, meaning: 'share of the mean gradient that a step keeps' },
    beta_2: { default: 0.999, min: 0, max: 0.999999, integer: false, meaning: 'share of the mean squared gradient that a step keeps' },
    epsilon: { default: 1e-8, min: 1e-12, max: 1, integer: false, meaning: 'added to the root of the mean squared gradient' },
    tolerance: { default: 1e-4, min: 0, max: 1e6, integer: false, meaning: 'fall of the loss that counts as progress' },
    patience: { default: 10, min: 1, max: 1e6, integer: true, meaning: 'epochs in a row without progress before training stops' },
    held_out: { default: 0, min: 0, max: 0.9, integer: false, meaning: 'share of rows kept aside, whose loss then decides when to stop and which weights to keep' },
  },
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 0,
  dependsOnRowOrder: true,
  dependsOnColumnOrder: true,
  weights: 'approximate',
  quickParameters: { hidden: [12], epochs: 60, learning_rate: 0.01, batch: 32 },
  fit: fitMultiLayerPerceptron,
  load: (file) => NetworkCore.load(file),
};

async function fitMultiLayerPerceptron(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: NetworkCore; history: readonly number[] }> {
  const { y, weights } = prepared;
  const { task, parameters } = settings;
  const shape: NetworkShape = {
    columnCount: prepared.columnCount, hidden: numbersOf(parameters, 'hidden'), activation: choiceOf(parameters, 'activation') as Activation, regression: task === 'regression',
  };
  const constant = (offset: number): { core: NetworkCore; history: readonly number[] } => ({ core: new NetworkCore({ shape, weights: new Float32Array(0), offset, scale: 1 }), history: [0] });
  if (task === 'classification' && hasOneClass(y, weights)) return constant(priorLogOdds(y, weights));
  const { offset, scale } = task === 'regression' ? momentsOf(y, weights) : { offset: 0, scale: 1 };
  if (scale === 0) return constant(offset);
  const training = await Training.of(prepared, shape, { offset, scale }, parameters, context);
  const history: number[] = [];
  const epochs = numberOf(parameters, 'epochs');
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = await training.epoch((share) => context.progress((epoch + share) / epochs));
    if (!Number.isFinite(loss)) throw new InvalidDatasetError(`expected a finite loss after epoch ${epoch + 1}, found ${loss}: standardize the features or lower the learning rate`);
    history.push(loss);
    context.progress((epoch + 1) / epochs, loss);
    if (training.hasStalled) break;
  }
  return { core: new NetworkCore({ shape, weights: training.learned(), offset, scale }), history };
}

/** Weighted mean and population deviation; a deviation of exactly 0 where all values that count are equal. */
function momentsOf(y: Float64Array, weights: Float64Array | undefined): { offset: number; scale: number } {
  let total = 0;
  let sum = 0;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < y.length; i++) {
    const weight = weights?.[i] ?? 1;
    if (weight === 0) continue;
    total += weight;
    sum += weight * y[i]!;
    low = Math.min(low, y[i]!);
    high = Math.max(high, y[i]!);
  }
  if (low === high) return { offset: low, scale: 0 };
  const mean = sum / total;
  let squares = 0;
  for (let i = 0; i < y.length; i++) squares += (weights?.[i] ?? 1) * (y[i]! - mean) ** 2;
  return { offset: mean, scale: Math.sqrt(squares / total) };
}
