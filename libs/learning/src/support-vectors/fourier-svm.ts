import type { Family, FitContext, FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import { hasOneClass } from '../linear/log-loss.ts';
import { minimizeByLbfgs } from '../linear/minimize.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { FourierCore } from './fourier-core.ts';
import { drawFourierMap } from './fourier-map.ts';
import { FourierProblem } from './fourier-problem.ts';
import { lossPrices } from './loss-prices.ts';
import { scaleGamma } from './scale-gamma.ts';

/**
 * A support vector machine for many rows: `rbf-svm`'s kernel approximated by seeded random Fourier features (Rahimi & Recht 2007), and
 * in their space a linear machine with the squared hinge loss (scikit-learn's `LinearSVC`), minimised by L-BFGS. Features are made block
 * by block and never kept, so memory does not grow with the components. More components come nearer to the kernel: the error falls as
 * their square root. With one class every row lies on its side at distance 1.
 */
export const fourierSvm: Family = {
  kind: 'fourier-svm',
  tasks: ['classification'],
  parameters: {
    c: { default: 1, min: 1e-9, max: 1e9, integer: false, meaning: 'price of a violated margin, squared, against half the squared norm' },
    gamma: { default: 0, min: 0, max: 1e9, integer: false, meaning: 'width of the kernel; 0: 1 / (columns x variance of all cells)' },
    components: { default: 256, min: 1, max: 16_384, integer: true, meaning: 'random features' },
    class_weight: { default: 'none', choices: ['none', 'balanced'], meaning: 'balanced: each class weighs the same in sum' },
    tolerance: { default: 1e-5, min: 1e-12, max: 1, integer: false, meaning: 'largest component of the mean gradient at the end' },
    max_iterations: { default: 300, min: 1, max: 1e6, integer: true, meaning: 'iterations at most' },
  },
  scale: 'distance',
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-3,
  dependsOnColumnOrder: true,
  quickParameters: { components: 24, tolerance: 1e-6 },
  fit: fitFourierSvm,
  load: (file) => FourierCore.load(file),
};

async function fitFourierSvm(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: FourierCore; history: readonly number[] }> {
  const { parameters } = settings;
  const { compute, pace, progress, random } = context;
  const { rowCount, columnCount, y, weights } = prepared;
  const gamma = numberOf(parameters, 'gamma') || (await scaleGamma(prepared, pace));
  const map = drawFourierMap(random, numberOf(parameters, 'components'), columnCount, gamma);
  const side = hasOneClass(y, weights) ? y.find((_, row) => weights === undefined || weights[row]! > 0)! : undefined;
  if (side !== undefined) return { core: new FourierCore(map.frequencies, map.offsets, new Float64Array(map.offsets.length), side > 0 ? 1 : -1), history: [0] };
  const prices = lossPrices(prepared, numberOf(parameters, 'c'), choiceOf(parameters, 'class_weight') === 'balanced');
  const X = await prepared.matrix(compute, pace);
  const problem = new FourierProblem({ X, rowCount, columnCount, signs: y.map((label) => (label > 0 ? 1 : -1)), prices }, map, compute);
  const tolerance = numberOf(parameters, 'tolerance');
  let first = 0;
  const onIteration = (_iteration: number, value: number, gradientMax: number): void => {
    first ||= gradientMax;
    // Convergence is roughly geometric, so the share done is read off the gradient's logarithm.
    progress(Math.log(first / Math.max(gradientMax, 1e-300)) / Math.log(first / tolerance) || 0, value);
  };
  const minimum = await minimizeByLbfgs(problem, { start: new Float64Array(map.componentCount + 1), tolerance, maxIterations: numberOf(parameters, 'max_iterations'), onIteration });
  return { core: new FourierCore(map.frequencies, map.offsets, problem.coefficientsOf(minimum.v), minimum.v[map.componentCount]!), history: minimum.history };
}
