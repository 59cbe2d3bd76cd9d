/**
 * One leaf's part of its path's Shapley values, where the value of a set of features is what the tree expects from them alone: at a split on a feature
 * outside the set both sides count, by the share of training weight that went there (path-dependent TreeSHAP, Lundberg et al. 2018).
 *
 * With `kept` 1 where the row takes the leaf's side at every split on feature j of the path and else 0, and `shares` the product of the weight shares of
 * those splits, feature i gets value x (kept_i - share_i) x the integral over t in [0, 1] of the product over j other than i of
 * (t kept_j + (1 - t) share_j): Shapley's weights are those integrals (Owen 1972). The integrand is a polynomial, so Gauss-Legendre points give it exactly,
 * and long paths lose no digits. Fills the first `count` of `out`; time is `count` squared.
 */
export function shapleyOfLeaf(value: number, shares: Float64Array, kept: Uint8Array, count: number, out: Float64Array): void {
  const { points, weights } = quadrature(Math.ceil(count / 2));
  out.fill(0, 0, count);
  // (0 - share) / ((1 - t) share) is the same for every feature that is not kept.
  let notKept = 0;
  for (let q = 0; q < points.length; q++) {
    const t = points[q]!;
    const rest = 1 - t;
    let product = value * weights[q]!;
    for (let j = 0; j < count; j++) product *= kept[j]! * t + rest * shares[j]!;
    notKept -= product / rest;
    for (let j = 0; j < count; j++) out[j]! += product / (t + rest * shares[j]!);
  }
  for (let j = 0; j < count; j++) out[j] = kept[j] === 1 ? out[j]! * (1 - shares[j]!) : notKept;
}

interface Quadrature {
  readonly points: Float64Array;
  readonly weights: Float64Array;
}

const known = new Map<number, Quadrature>();

/** Gauss-Legendre points and weights on [0, 1], exact for polynomials of degree below 2 x size: roots of P_size by Newton's method. */
export function quadrature(size: number): Quadrature {
  const found = known.get(size);
  if (found !== undefined) return found;
  const points = new Float64Array(size);
  const weights = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (size + 0.5));
    for (let round = 0; round < 100; round++) {
      const { value, slope } = legendre(size, x);
      x -= value / slope;
      if (Math.abs(value / slope) < 1e-16) break;
    }
    const { slope } = legendre(size, x);
    points[i] = (1 + x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  const rule = { points, weights };
  known.set(size, rule);
  return rule;
}

/** P_n and its derivative, by Bonnet's recursion. */
function legendre(n: number, x: number): { value: number; slope: number } {
  let before = 1;
  let value = x;
  for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
  return { value, slope: (n * (x * value - before)) / (x * x - 1) };
}
