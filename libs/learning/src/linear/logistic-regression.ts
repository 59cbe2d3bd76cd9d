import type { PreparedRows } from '../prepared-rows.ts';
import { asDataset } from '../prepared-rows.ts';
import type { Family, FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import { LinearCore } from './linear-core.ts';
import { hasOneClass, priorLogOdds } from './log-loss.ts';
import { LogisticProblem } from './logistic-problem.ts';
import type { Minimum, MinimizeOptions } from './minimize.ts';
import { minimizeByLbfgs, minimizeByNewton } from './minimize.ts';

/** Newton's few steps cost rows x columns^2 each; beyond this much, L-BFGS's many steps of rows x columns are faster. */
const newtonStepMax = 1e7;

/**
 * L2-penalised logistic regression, the intercept free: minimises sum of weighted log losses + l2/2 |coefficients|^2, the
 * objective of scikit-learn's `LogisticRegression(C=1/l2)`. Deterministic; stops at a mean gradient of 1e-10.
 */
export const logisticRegression: Family = {
  kind: 'logistic-regression',
  tasks: ['classification'],
  parameters: {
    l2: { default: 1, min: 0, max: 1e12, integer: false, meaning: 'penalty on half the squared coefficients against the summed loss (1/C)' },
    max_iterations: { default: 1000, min: 1, max: 1e6, integer: true, meaning: 'iterations at most' },
  },
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-8,
  fit: fitLogisticRegression,
  load: (file) => LinearCore.load(file),
};

async function fitLogisticRegression(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const data = await asDataset(prepared, context);
  const problem = await LogisticProblem.of(data, numberOf(settings.parameters, 'l2'), context.pace);
  const start = new Float64Array(data.columnCount + 1);
  start[data.columnCount] = priorLogOdds(data.y, data.weights);
  const minimum = hasOneClass(data.y, data.weights) ? await standStill(problem, start) : await minimize(problem, start, settings, context);
  const { coefficients, intercept, mean } = problem.unscale(minimum.v);
  return { core: new LinearCore(coefficients, intercept, mean), history: minimum.history };
}

/** With one class the free intercept would run to infinity, so the answer is the smoothed prior alone. */
async function standStill(problem: LogisticProblem, start: Float64Array): Promise<Minimum> {
  const gradient = new Float64Array(start.length);
  return { v: start, history: [await problem.evaluate(start, gradient)], gradientMax: 0 };
}

function minimize(problem: LogisticProblem, start: Float64Array, settings: FitSettings, context: FitContext): Promise<Minimum> {
  const tolerance = 1e-10;
  const onIteration = (_iteration: number, value: number, gradientMax: number): void => {
    // Convergence is roughly geometric, so the share done is read off the gradient's logarithm.
    context.progress(Math.min(0.99, Math.log(Math.max(gradientMax, 1e-300)) / Math.log(tolerance)), value);
  };
  const options: MinimizeOptions = { start, tolerance, maxIterations: numberOf(settings.parameters, 'max_iterations'), onIteration };
  const newtonStep = problem.rowCount * problem.columnCount ** 2 + problem.columnCount ** 3;
  return newtonStep <= newtonStepMax ? minimizeByNewton(problem, options) : minimizeByLbfgs(problem, options);
}
