/** Chance that a standard normal is below z; absolute error below 1e-15 in the middle, relative 1e-13 in the left tail. */
export function normalCdf(z: number): number {
  if (z > 0) return 1 - normalCdf(-z);
  const x = -z;
  if (x > 38.6) return 0;
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  return x < 3 ? 0.5 - density * seriesOfCdf(x) : density / millsFraction(x);
}

/** x + x^3/3 + x^5/15 + …: (cdf(x) - 1/2) / density(x) (Marsaglia 2004). */
function seriesOfCdf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 3; term > 1e-18 * sum; k += 2) {
    term *= (x * x) / k;
    sum += term;
    if (term === 0) break;
  }
  return sum;
}

/** x + 1/(x + 2/(x + 3/(x + …))): density(x) / upper tail (Laplace's continued fraction), from the far end. */
function millsFraction(x: number): number {
  let fraction = x;
  for (let k = 200; k >= 1; k--) fraction = x + k / fraction;
  return fraction;
}

/** z with `normalCdf(z)` = probability in (0, 1), by bisection. */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) return probability === 0 ? -Infinity : probability === 1 ? Infinity : NaN;
  if (probability > 0.5) return -normalQuantile(1 - probability);
  let low = -39;
  let high = 0;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
