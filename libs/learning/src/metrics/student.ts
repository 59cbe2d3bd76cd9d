import { strict as assert } from 'node:assert';

/** Chance that Student's t with `freedom` degrees of freedom is below t, through the incomplete beta function; absolute error below 1e-12. */
export function studentCdf(t: number, freedom: number): number {
  assert(freedom > 0, `expected positive degrees of freedom, found ${freedom}`);
  if (t === 0) return 0.5;
  const tail = 0.5 * incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
  return t > 0 ? 1 - tail : tail;
}

/** t with `studentCdf(t)` = probability in (0, 1), by bisection. */
export function studentQuantile(probability: number, freedom: number): number {
  assert(probability > 0 && probability < 1, `expected a probability between 0 and 1, found ${probability}`);
  if (probability > 0.5) return -studentQuantile(1 - probability, freedom);
  if (probability === 0.5) return 0;
  let low = -1;
  while (studentCdf(low, freedom) > probability) low *= 2;
  let high = 0;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, freedom) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Regularised incomplete beta function by Lentz's continued fraction (Abramowitz & Stegun 26.5.8), from the side where it converges fast. */
function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(b, a, 1 - x);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a;
  const tiny = 1e-300;
  const apart = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let [c, d] = [1, 1 / apart(1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m <= 1000; m++) {
    let previous = fraction;
    for (const term of [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)), (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))]) {
      d = 1 / apart(1 + term * d);
      c = apart(1 + term / c);
      previous = fraction;
      fraction *= c * d;
    }
    if (Math.abs(fraction - previous) <= 1e-16 * Math.abs(fraction)) break;
  }
  return front * fraction;
}

/** ln of the gamma function for x > 0: Stirling's series beyond 10, reached by x Γ(x) = Γ(x + 1). */
function logGamma(x: number): number {
  let shift = 0;
  while (x < 10) shift += Math.log(x++);
  const inverse = 1 / (x * x);
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188 - (inverse * 691) / 360360))))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
