import type { CholeskyFactor } from './cholesky.ts';

/** A smooth convex function; `evaluate` overwrites `gradient` and returns the value at `v`. */
export interface Objective {
  evaluate(v: Float64Array, gradient: Float64Array): Promise<number>;
}

export interface Minimum {
  readonly v: Float64Array;
  /** Objective after each iteration, the start first. */
  readonly history: readonly number[];
  readonly gradientMax: number;
}

interface Point { v: Float64Array; gradient: Float64Array; value: number }

export interface MinimizeOptions {
  readonly start: Float64Array;
  /** Stop when no component of the gradient is larger. */
  readonly tolerance: number;
  readonly maxIterations: number;
  readonly onIteration?: (iteration: number, value: number, gradientMax: number) => void;
}

/** Asked for at the last point evaluated: a factor of the Hessian there, or of something near to it. */
export type Curvature = (iteration: number) => Promise<CholeskyFactor>;

/**
 * Limited-memory BFGS with 10 pairs (Nocedal & Wright 2006, algorithm 7.5). Where `curvature` is given, its inverse is the matrix that
 * the pairs improve, else a multiple of the identity.
 */
export function minimizeByLbfgs(objective: Objective, options: MinimizeOptions, curvature?: Curvature): Promise<Minimum> {
  const memory: { s: Float64Array; q: Float64Array; rho: number }[] = [];
  let previous: Point | undefined;
  const direction = async (point: Point, iteration: number): Promise<Float64Array> => {
    if (previous !== undefined) {
      const s = difference(point.v, previous.v);
      const q = difference(point.gradient, previous.gradient);
      const sq = dot(s, q);
      // A pair without measurable curvature is rounding; keeping it would spoil the inverse.
      if (sq > 1e-12 * dot(q, q)) memory.push({ s, q, rho: 1 / sq });
      if (memory.length > 10) memory.shift();
    }
    previous = point;
    let step: Float64Array = point.gradient.map((g) => -g);
    const alpha = new Float64Array(memory.length);
    for (let k = memory.length - 1; k >= 0; k--) {
      const { s, q, rho } = memory[k]!;
      alpha[k] = rho * dot(s, step);
      addScaled(step, q, -alpha[k]!);
    }
    const last = memory.at(-1);
    if (curvature !== undefined) step = (await curvature(iteration)).solve(step);
    else if (last !== undefined) scaleBy(step, 1 / (last.rho * dot(last.q, last.q)));
    memory.forEach(({ s, q, rho }, k) => addScaled(step, s, alpha[k]! - rho * dot(q, step)));
    return step;
  };
  return descend(objective, direction, options);
}

/** Newton's method; for logistic regression this is iteratively reweighted least squares. */
export function minimizeByNewton(objective: Objective, options: MinimizeOptions, curvature: Curvature): Promise<Minimum> {
  const direction = async (point: Point, iteration: number): Promise<Float64Array> => (await curvature(iteration)).solve(point.gradient.map((g) => -g));
  return descend(objective, direction, options);
}

async function descend(objective: Objective, direction: (point: Point, iteration: number) => Promise<Float64Array>, options: MinimizeOptions): Promise<Minimum> {
  let point = await evaluateAt(objective, options.start.slice());
  const history = [point.value];
  for (let iteration = 1; iteration <= options.maxIterations; iteration++) {
    if (maxAbs(point.gradient) <= options.tolerance) break;
    const next = await searchLine(objective, point, await direction(point, iteration));
    if (next === undefined) break;
    point = next;
    history.push(point.value);
    options.onIteration?.(iteration, point.value, maxAbs(point.gradient));
  }
  return { v: point.v, history, gradientMax: maxAbs(point.gradient) };
}

async function evaluateAt(objective: Objective, v: Float64Array): Promise<Point> {
  const gradient = new Float64Array(v.length);
  const value = await objective.evaluate(v, gradient);
  return { v, gradient, value };
}

/**
 * A step that meets the Wolfe conditions, by doubling and bisection. Near the minimum values differ by less than rounding, so there
 * the slope decides (the approximate Wolfe condition of Hager & Zhang 2005). Undefined when no step improves: rounding's floor.
 */
async function searchLine(objective: Objective, from: Point, direction: Float64Array): Promise<Point | undefined> {
  const slope = dot(direction, from.gradient);
  if (!(slope < 0)) return undefined;
  const rounding = 1e-14 * Math.abs(from.value);
  let low = 0;
  let high = Infinity;
  let step = 1;
  for (let attempt = 0; attempt < 40; attempt++) {
    const v = from.v.slice();
    addScaled(v, direction, step);
    const point = await evaluateAt(objective, v);
    const pointSlope = dot(direction, point.gradient);
    const falls = point.value <= from.value + 1e-4 * step * slope;
    const fallsBySlope = point.value <= from.value + rounding && pointSlope <= -0.9998 * slope;
    if (!(falls || fallsBySlope)) high = step;
    else if (pointSlope < 0.9 * slope) low = step;
    else return maxAbs(point.gradient) < maxAbs(from.gradient) || point.value < from.value - rounding ? point : undefined;
    step = high === Infinity ? 2 * step : (low + high) / 2;
  }
  return undefined;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - b[i]!);
}

function addScaled(a: Float64Array, b: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}

function scaleBy(a: Float64Array, factor: number): void {
  for (let i = 0; i < a.length; i++) a[i]! *= factor;
}

function maxAbs(a: Float64Array): number {
  return a.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
}
