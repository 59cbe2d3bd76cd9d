import type { Family, FitContext, FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { classWeightRule, classWeights, type ClassWeights } from './class-weights.ts';
import { momentsOf } from './column-moments.ts';
import { constantSide, foldConstants } from './constant-columns.ts';
import { minimizeLinearLoss } from './fit-linear-loss.ts';
import { hingeDescent, hingeState } from './hinge-descent.ts';
import { LinearCore } from './linear-core.ts';
import { LinearObjective } from './linear-objective.ts';
import { hasOneClass } from './log-loss.ts';
import { shuffleRows } from './shuffle-rows.ts';

/**
 * Linear support vector machine, scikit-learn's `LinearSVC(C=1/l2)`: minimises sum of weighted losses max(0, 1 - side x margin), squared unless
 * `loss` is hinge, + l2/2 |(coefficients, intercept)|^2. The intercept is penalised as liblinear does (a column of ones, intercept_scaling 1).
 * Squared hinge: Newton's method or L-BFGS in the primal, to a mean gradient of 1e-10. Hinge: dual coordinate descent, until the
 * projected gradients' range is below `tolerance`. Margins are signed distances in units of the margin, without probability.
 */
export const linearSvm: Family = {
  kind: 'linear-svm',
  tasks: ['classification'],
  parameters: {
    l2: { default: 1, min: 1e-12, max: 1e12, integer: false, meaning: 'penalty on half the squared coefficients and intercept against the summed loss (1/C)' },
    loss: { default: 'squared_hinge', choices: ['squared_hinge', 'hinge'], meaning: 'what a row short of the margin costs' },
    class_weight: classWeightRule,
    tolerance: { default: 1e-4, min: 1e-10, max: 1, integer: false, meaning: 'range of projected gradients at which the hinge loss has converged' },
    max_iterations: { default: 1000, min: 1, max: 1e6, integer: true, meaning: 'iterations at most; for hinge, rounds over the rows' },
  },
  scale: 'distance',
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-8,
  fit: fitLinearSvm,
  load: (file) => LinearCore.load(file),
};

async function fitLinearSvm(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const X = await prepared.matrix(context.compute, context.pace);
  const factors = classWeights(settings, prepared.y, prepared.weights);
  const fit = choiceOf(settings.parameters, 'loss') === 'hinge' ? fitHinge : fitSquaredHinge;
  return fit(X, prepared, factors, settings, context);
}

async function fitSquaredHinge(X: Float32Array, prepared: PreparedRows, factors: ClassWeights, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const { y, weights, rowCount, columnCount } = prepared;
  const objective = await LinearObjective.of({
    X, rowCount, columnCount, y, weights, loss: 'squared-hinge', ...factors, l2: numberOf(settings.parameters, 'l2'), penalizesIntercept: true,
  }, context.compute, context.pace);
  if (hasOneClass(y, weights)) return { core: constantSide(prepared, objective.moments), history: [0] };
  const minimum = await minimizeLinearLoss(objective, new Float64Array(columnCount + 1), numberOf(settings.parameters, 'max_iterations'), context);
  const { coefficients, intercept } = objective.unscale(minimum.v);
  return { core: new LinearCore(coefficients, intercept, objective.moments.mean), history: minimum.history };
}

/** Rounds in random orders of the active rows; when they have converged, all rows are looked at once more. */
async function fitHinge(X: Float32Array, prepared: PreparedRows, factors: ClassWeights, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const { compute, pace, random } = context;
  const { rowCount, columnCount, y } = prepared;
  const l2 = numberOf(settings.parameters, 'l2');
  const weights = prepared.weights === undefined ? undefined : compute.adopt(prepared.weights);
  const moments = await momentsOf(X, rowCount, columnCount, weights, compute);
  if (hasOneClass(y, prepared.weights)) return { core: constantSide(prepared, moments), history: [0] };
  const labels = compute.adopt(y);
  const order = compute.int32(rowCount);
  for (let i = 0; i < rowCount; i++) order[i] = i;
  const [alpha, squares, point, state] = [compute.float64(rowCount), compute.float64(rowCount), compute.float64(columnCount + 1), compute.float64(hingeState.length)];
  const rounds = numberOf(settings.parameters, 'max_iterations');
  const tolerance = numberOf(settings.parameters, 'tolerance');
  const lookAtAll = (): void => { state.set([Infinity, -Infinity, 0, 0, rowCount]); };
  lookAtAll();
  const history: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    shuffleRows(order.subarray(0, state[hingeState.active]), random);
    if (pace.spend(4 * rowCount)) await pace.pause();
    await compute.run(hingeDescent, X, columnCount, labels, weights ?? labels, weights === undefined ? 0 : 1, factors.positive / l2, factors.negative / l2, order, alpha, squares, point, state);
    const [, , high, low, active] = state;
    history.push(dualValue(alpha, point, moments.total, l2));
    context.progress(Math.min(0.99, Math.log(Math.max(high! - low!, 1e-300)) / Math.log(tolerance)), history.at(-1));
    if (high! - low! <= tolerance) {
      if (active === rowCount) break;
      lookAtAll();
      continue;
    }
    state[hingeState.boundHigh] = high! > 0 ? high! : Infinity;
    state[hingeState.boundLow] = low! < 0 ? low! : -Infinity;
  }
  return { core: foldConstants(point, moments), history };
}

/** Mean of l2 x (sum of alpha - |point|^2 / 2): the dual objective, below the primal one and equal to it at the optimum. Turned over, so that it falls. */
function dualValue(alpha: Float64Array, point: Float64Array, total: number, l2: number): number {
  return (l2 * (0.5 * point.reduce((sum, w) => sum + w * w, 0) - alpha.reduce((sum, a) => sum + a, 0))) / total;
}
