import type { Family, FitContext, FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { classWeightRule, classWeights } from './class-weights.ts';
import { momentsOf } from './column-moments.ts';
import { constantSide, foldConstants } from './constant-columns.ts';
import { LinearCore } from './linear-core.ts';
import { hasOneClass } from './log-loss.ts';
import { perceptronEpoch } from './perceptron-epoch.ts';
import { shuffleRows } from './shuffle-rows.ts';

/**
 * Rosenblatt's perceptron, scikit-learn's `Perceptron(penalty=None, tol=None)`: a fixed number of epochs, each in a new random order, unit steps.
 * `average: steps` answers with the mean of the points after every step (Freund & Schapire 1999), which is far steadier than the last one.
 */
export const perceptron: Family = {
  kind: 'perceptron',
  tasks: ['classification'],
  parameters: {
    epochs: { default: 5, min: 1, max: 1e6, integer: true, meaning: 'passes over the rows' },
    average: { default: 'none', choices: ['none', 'steps'], meaning: 'none: the last point, steps: the mean of the points after each step' },
    class_weight: classWeightRule,
  },
  scale: 'distance',
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-8,
  dependsOnRowOrder: true,
  weights: 'approximate',
  quickParameters: { epochs: 10, average: 'steps' },
  fit: fitPerceptron,
  load: (file) => LinearCore.load(file),
};

async function fitPerceptron(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const { compute, pace, random } = context;
  const { rowCount, columnCount, y } = prepared;
  const { positive, negative } = classWeights(settings, y, prepared.weights);
  const X = await prepared.matrix(compute, pace);
  const weights = prepared.weights === undefined ? undefined : compute.adopt(prepared.weights);
  const moments = await momentsOf(X, rowCount, columnCount, weights, compute);
  if (hasOneClass(y, prepared.weights)) return { core: constantSide(prepared, moments), history: [0] };
  const labels = compute.adopt(y);
  let [order, next] = [compute.int32(rowCount), compute.int32(rowCount)];
  for (let i = 0; i < rowCount; i++) order[i] = i;
  shuffleRows(order, random);
  const [point, late, state] = [compute.float64(columnCount + 1), compute.float64(columnCount + 1), compute.float64(2)];
  const epochs = numberOf(settings.parameters, 'epochs');
  const averaged = choiceOf(settings.parameters, 'average') === 'steps';
  const history: number[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const running = compute.run(perceptronEpoch, X, rowCount, columnCount, labels, weights ?? labels, weights === undefined ? 0 : 1, positive, negative, order, averaged ? 1 : 0, point, late, state);
    // The next order is drawn while the threads are at work on this one.
    if (epoch < epochs) shuffleRows(copyInto(order, next), random);
    await running;
    [order, next] = [next, order];
    if (pace.spend(4 * rowCount)) await pace.pause();
    history.push(state[0]! / moments.total);
    context.progress(epoch / epochs, history.at(-1));
  }
  const steps = state[1]!;
  const answer = averaged ? point.map((value, j) => value - late[j]! / steps) : point.slice();
  return { core: foldConstants(answer, moments), history };
}

function copyInto(from: Int32Array, to: Int32Array): Int32Array {
  to.set(from);
  return to;
}
