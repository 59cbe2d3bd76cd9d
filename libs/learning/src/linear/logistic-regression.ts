import type { Family, FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { classWeightRule, classWeights } from './class-weights.ts';
import { minimizeLinearLoss } from './fit-linear-loss.ts';
import { LinearCore } from './linear-core.ts';
import { LinearObjective } from './linear-objective.ts';
import { hasOneClass, priorLogOdds } from './log-loss.ts';

/**
 * L2-penalised logistic regression, the intercept free: minimises sum of weighted log losses + l2/2 |coefficients|^2, the
 * objective of scikit-learn's `LogisticRegression(C=1/l2)`. Deterministic; stops at a mean gradient of 1e-10.
 */
export const logisticRegression: Family = {
  kind: 'logistic-regression',
  tasks: ['classification'],
  parameters: {
    l2: { default: 1, min: 0, max: 1e12, integer: false, meaning: 'penalty on half the squared coefficients against the summed loss (1/C)' },
    class_weight: classWeightRule,
    max_iterations: { default: 1000, min: 1, max: 1e6, integer: true, meaning: 'iterations at most' },
  },
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-8,
  fit: fitLogisticRegression,
  load: (file) => LinearCore.load(file),
};

async function fitLogisticRegression(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const { y, weights, rowCount, columnCount } = prepared;
  const { positive, negative } = classWeights(settings, y, weights);
  const X = await prepared.matrix(context.compute, context.pace);
  const objective = await LinearObjective.of({
    X, rowCount, columnCount, y, weights, loss: 'logistic', positive, negative, l2: numberOf(settings.parameters, 'l2'), penalizesIntercept: false,
  }, context.compute, context.pace);
  const start = new Float64Array(columnCount + 1);
  start[columnCount] = priorLogOdds(y, weights) + Math.log(positive / negative);
  if (hasOneClass(y, weights)) {
    // With one class the free intercept would run to infinity, so the answer is the smoothed prior alone.
    const loss = await objective.evaluate(start, new Float64Array(start.length));
    return { core: new LinearCore(new Float64Array(columnCount), start[columnCount]!, objective.moments.mean), history: [loss] };
  }
  const minimum = await minimizeLinearLoss(objective, start, numberOf(settings.parameters, 'max_iterations'), context);
  const { coefficients, intercept } = objective.unscale(minimum.v);
  return { core: new LinearCore(coefficients, intercept, objective.moments.mean), history: minimum.history };
}
