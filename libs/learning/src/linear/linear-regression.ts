import type { Family, FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { lineThrough } from './line-through.ts';
import { LinearCore } from './linear-core.ts';
import { solveByGram } from './solve-by-gram.ts';
import { solveByRows } from './solve-by-rows.ts';

/** Up to this many visits of a cell, orthogonal transformations of the rows cost little and are the most exact. */
const exactMost = 1e7;

/** The smallest of all solutions where several fit alike. */
export interface LeastSquares {
  readonly coefficients: Float64Array;
  readonly intercept: number;
  /** Weighted means of the columns. */
  readonly mean: Float64Array;
  /** Mean squared error on the training rows. */
  readonly loss: number;
}

/**
 * Least squares on all features, or on one where the definition names it, with `l2` ridge: minimises sum of weighted squared errors + l2
 * |coefficients|^2, the intercept free, as scikit-learn's `LinearRegression` and `Ridge(alpha=l2)`. A column that is constant, or depends on the
 * others to 1e-6 of its spread (features are float32), leaves many solutions: the one with the smallest coefficients is taken. Rows are read
 * block by block, so an expanded matrix of features never exists as a whole.
 */
export const linearRegression: Family = {
  kind: 'linear-regression',
  tasks: ['regression'],
  parameters: {
    l2: { default: 0, min: 0, max: 1e12, integer: false, meaning: 'penalty on the squared coefficients against the summed squared errors (alpha of Ridge)' },
  },
  imputesMissing: true,
  needsFeature: false,
  takesFeature: true,
  orderTolerance: 1e-8,
  fit: fitLinearRegression,
  load: (file) => LinearCore.load(file),
};

async function fitLinearRegression(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: LinearCore; history: readonly number[] }> {
  const { coefficients, intercept, mean, loss } = await solve(prepared, settings, context);
  return { core: new LinearCore(coefficients, intercept, mean), history: [loss] };
}

async function solve(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<LeastSquares> {
  const l2 = numberOf(settings.parameters, 'l2');
  const { rowCount, columnCount } = prepared;
  if (settings.featureIndex >= 0) return lineThrough(prepared, settings.featureIndex, l2, context);
  if (rowCount * (columnCount + 8) ** 2 <= exactMost || rowCount < 4 * columnCount) return solveByRows(prepared, l2, context);
  return (await solveByGram(prepared, l2, context)) ?? solveByRows(prepared, l2, context);
}
