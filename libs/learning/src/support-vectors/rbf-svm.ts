import type { Family, FitContext, FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import { hasOneClass } from '../linear/log-loss.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { lossPrices } from './loss-prices.ts';
import { scaleGamma } from './scale-gamma.ts';
import { solveDual } from './solve-dual.ts';
import { SupportVectorCore } from './support-vector-core.ts';

/**
 * Support vector machine with the radial kernel e^(-gamma |x - z|^2), the C-SVC of libsvm: hinge loss x `c` + half the squared norm, a
 * row's weight multiplying its `c`. Time grows with the square of the rows and more; `fourier-svm` is for many. With one class every
 * row lies on its side at distance 1. History: the dual objective per row, by thousands of steps.
 */
export const rbfSvm: Family = {
  kind: 'rbf-svm',
  tasks: ['classification'],
  parameters: {
    c: { default: 1, min: 1e-9, max: 1e9, integer: false, meaning: 'price of a violated margin against half the squared norm' },
    gamma: { default: 0, min: 0, max: 1e9, integer: false, meaning: 'width of the kernel; 0: 1 / (columns x variance of all cells)' },
    class_weight: { default: 'none', choices: ['none', 'balanced'], meaning: 'balanced: each class weighs the same in sum' },
    tolerance: { default: 1e-3, min: 1e-9, max: 1, integer: false, meaning: 'violation of the optimality conditions at the end' },
    max_iterations: { default: 10_000_000, min: 1, max: 1e9, integer: true, meaning: 'pairs of multipliers moved at most' },
    cache_mb: { default: 200, min: 0, max: 2000, integer: false, meaning: 'memory for kernel rows, in 10^6 bytes' },
  },
  scale: 'distance',
  imputesMissing: true,
  needsFeature: false,
  orderTolerance: 1e-3,
  quickParameters: { tolerance: 1e-5 },
  fit: fitRbfSvm,
  load: (file) => SupportVectorCore.load(file),
};

async function fitRbfSvm(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: SupportVectorCore; history: readonly number[] }> {
  const { parameters } = settings;
  const { rowCount, columnCount, y, weights } = prepared;
  const rows = Int32Array.from({ length: rowCount }, (_, i) => i).filter((row) => weights === undefined || weights[row]! > 0);
  const gamma = Math.fround(numberOf(parameters, 'gamma') || (await scaleGamma(prepared, context.pace)));
  if (hasOneClass(y, weights)) {
    const machine = { vectors: new Float32Array(0), coefficients: new Float64Array(0), bias: y[rows[0]!]! > 0 ? 1 : -1, gamma };
    return { core: new SupportVectorCore(machine, columnCount), history: [0] };
  }
  const prices = lossPrices(prepared, numberOf(parameters, 'c'), choiceOf(parameters, 'class_weight') === 'balanced');
  const solution = await solveDual({
    prepared, rows, gamma, bounds: Float64Array.from(rows, (row) => prices[row]!),
    tolerance: numberOf(parameters, 'tolerance'), maxIterations: numberOf(parameters, 'max_iterations'), cacheBytes: numberOf(parameters, 'cache_mb') * 1e6,
  }, context);
  const support = rows.map((_, i) => i).filter((i) => solution.alpha[i]! > 0);
  const vectors = new Float32Array(support.length * columnCount);
  support.forEach((i, v) => prepared.read(rows[i]!, rows[i]! + 1, vectors.subarray(v * columnCount, (v + 1) * columnCount)));
  const coefficients = Float64Array.from(support, (i) => (y[rows[i]!]! > 0 ? 1 : -1) * solution.alpha[i]!);
  return { core: new SupportVectorCore({ vectors, coefficients, bias: solution.bias, gamma }, columnCount), history: solution.history.map((value) => value / rows.length) };
}
