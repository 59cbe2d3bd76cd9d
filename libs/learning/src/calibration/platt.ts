import { logLossOfMargin, sigmoid } from '../linear/log-loss.ts';

/** Log-odds of class 1 = slope x decision value + intercept. */
export interface PlattScaling {
  readonly slope: number;
  readonly intercept: number;
}

const stepsAtMost = 200;

/**
 * Platt's (1999) sigmoid: maximum likelihood with targets drawn in by one row of each class, by Newton's method with backtracking
 * (Lin, Lin & Weng 2007). Decision values are scaled within, so any unit will do.
 */
export function fitPlatt(values: Float64Array, y: Float64Array, weights: Float64Array | undefined): PlattScaling {
  const weightOf = (i: number): number => weights?.[i] ?? 1;
  let [positive, negative, largest] = [0, 0, 0];
  for (let i = 0; i < y.length; i++) {
    if (y[i] === 1) positive += weightOf(i);
    else negative += weightOf(i);
    largest = Math.max(largest, Math.abs(values[i]!));
  }
  const unit = largest > 0 ? largest : 1;
  const targets = y.map((label) => (label === 1 ? (positive + 1) / (positive + 2) : 1 / (negative + 2)));
  const scaled = values.map((value) => value / unit);
  const lossAt = (slope: number, intercept: number): number => scaled.reduce((sum, value, i) => sum + weightOf(i) * logLossOfMargin(targets[i]!, slope * value + intercept), 0);
  let [slope, intercept] = [0, Math.log((positive + 1) / (negative + 1))];
  let loss = lossAt(slope, intercept);
  for (let step = 0; step < stepsAtMost; step++) {
    // Without a little of the identity the Hessian of equal values has no inverse.
    let [hss, hsi, hii, gs, gi] = [1e-12, 0, 1e-12, 0, 0];
    for (let i = 0; i < y.length; i++) {
      const value = scaled[i]!;
      const p = sigmoid(slope * value + intercept);
      const [curvature, residual] = [weightOf(i) * p * (1 - p), weightOf(i) * (p - targets[i]!)];
      hss += curvature * value * value;
      hsi += curvature * value;
      hii += curvature;
      gs += residual * value;
      gi += residual;
    }
    if (Math.max(Math.abs(gs), Math.abs(gi)) < 1e-11 * (positive + negative)) break;
    const determinant = hss * hii - hsi * hsi;
    const [ds, di] = [-(hii * gs - hsi * gi) / determinant, -(hss * gi - hsi * gs) / determinant];
    let size = 1;
    let next = lossAt(slope + ds, intercept + di);
    while (!(next <= loss + 1e-4 * size * (gs * ds + gi * di)) && size > 1e-10) {
      size /= 2;
      next = lossAt(slope + size * ds, intercept + size * di);
    }
    if (!(next < loss)) break;
    slope += size * ds;
    intercept += size * di;
    loss = next;
  }
  return { slope: slope / unit, intercept };
}
