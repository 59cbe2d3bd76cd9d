/** Probability of class 1 for log-odds `margin`, exact to rounding at both ends. */
export function sigmoid(margin: number): number {
  if (margin >= 0) return 1 / (1 + Math.exp(-margin));
  const odds = Math.exp(margin);
  return odds / (1 + odds);
}

/** -ln P(label) for log-odds `margin`, without overflow: ln(1 + e^m) - y m. */
export function logLossOfMargin(label: number, margin: number): number {
  return Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))) - label * margin;
}

/**
 * Log-odds of the weighted share of class 1. Where only one class was seen the share is smoothed by one row of each class
 * (Laplace), since data can't show that the other never happens.
 */
export function priorLogOdds(y: Float64Array, weights: Float64Array | undefined): number {
  let positive = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = weights === undefined ? 1 : weights[i]!;
    positive += weight * y[i]!;
    total += weight;
  }
  const negative = total - positive;
  return positive > 0 && negative > 0 ? Math.log(positive / negative) : Math.log((positive + 1) / (negative + 1));
}

/** True when rows of positive weight show one label only. */
export function hasOneClass(y: Float64Array, weights: Float64Array | undefined): boolean {
  let seen: number | undefined;
  for (let i = 0; i < y.length; i++) {
    if (weights !== undefined && weights[i] === 0) continue;
    if (seen !== undefined && y[i] !== seen) return false;
    seen = y[i]!;
  }
  return true;
}
