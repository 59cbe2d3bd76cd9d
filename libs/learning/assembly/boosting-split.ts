// Twin of `src/trees/split.ts`.
import {
  BEST_COLUMN, BEST_BIN, BEST_BYTES, BEST_GAIN, BEST_GRADIENT, BEST_HESSIAN, BEST_MISSING_LEFT, BEST_ORDER, BEST_WEIGHT, CELL_BYTES, L1, L2, MIN_HESSIAN, MIN_ROWS,
  numberAt, setNumber,
} from './boosting-layout';

function nodeScore(gradient: f64, hessian: f64, rules: usize): f64 {
  const curvature = hessian + numberAt(rules, L2);
  const pull = max<f64>(abs<f64>(gradient) - numberAt(rules, L1), 0);
  return curvature > 0 ? (pull * pull) / curvature : 0;
}

export function resetBest(found: usize, gradient: f64, hessian: f64, rules: usize): void {
  memory.fill(found, 0, BEST_BYTES);
  setNumber(found, BEST_GAIN, 1e-13 * nodeScore(gradient, hessian, rules));
  setNumber(found, BEST_COLUMN, -1);
}

/** As the twin does, of the column that comes `order`-th when ties are settled. */
export function searchColumn(column: i32, order: i32, cells: usize, count: i32, gradient: f64, hessian: f64, weight: f64, rules: usize, found: usize): void {
  const missing = cells + <usize>(count - 1) * CELL_BYTES;
  const missingWeight = load<f64>(missing, 16);
  const improved = scanCuts(column, order, cells, missing, 0, 0, 0, gradient, hessian, weight, rules, found);
  if (missingWeight > 0) scanCuts(column, order, cells, missing, load<f64>(missing), load<f64>(missing, 8), missingWeight, gradient, hessian, weight, rules, found);
  else if (improved) setNumber(found, BEST_MISSING_LEFT, numberAt(found, BEST_WEIGHT) > weight - numberAt(found, BEST_WEIGHT) ? 1 : 0);
}

function scanCuts(
  column: i32, order: i32, cells: usize, missing: usize, gradient: f64, hessian: f64, weight: f64,
  gradientAll: f64, hessianAll: f64, weightAll: f64, rules: usize, found: usize,
): bool {
  const l1 = numberAt(rules, L1), l2 = numberAt(rules, L2), minRows = numberAt(rules, MIN_ROWS), minHessian = numberAt(rules, MIN_HESSIAN);
  const parentScore = nodeScore(gradientAll, hessianAll, rules);
  const missingLeft = weight > 0;
  let best = numberAt(found, BEST_GAIN);
  let improved = false;
  const last = missingLeft || load<f64>(missing, 16) == 0 ? missing - CELL_BYTES : missing;
  for (let cell = cells; cell < last; cell += CELL_BYTES) {
    const here = load<f64>(cell, 16);
    if (here == 0) continue;
    gradient += load<f64>(cell);
    hessian += load<f64>(cell, 8);
    weight += here;
    if (weight < minRows || hessian < minHessian) continue;
    const hessianRight = hessianAll - hessian;
    const weightRight = weightAll - weight;
    if (weightRight < minRows || weightRight <= 0 || hessianRight < minHessian) break;
    const curvatureLeft = hessian + l2;
    const curvatureRight = hessianRight + l2;
    if (curvatureLeft <= 0 || curvatureRight <= 0) continue;
    const pullLeft = max<f64>(abs<f64>(gradient) - l1, 0);
    const pullRight = max<f64>(abs<f64>(gradientAll - gradient) - l1, 0);
    const gain = (pullLeft * pullLeft) / curvatureLeft + (pullRight * pullRight) / curvatureRight - parentScore;
    if (gain <= best) continue;
    improved = true;
    best = gain;
    setNumber(found, BEST_GAIN, gain);
    setNumber(found, BEST_COLUMN, <f64>column);
    setNumber(found, BEST_BIN, <f64>((cell - cells) / CELL_BYTES));
    setNumber(found, BEST_MISSING_LEFT, missingLeft ? 1 : 0);
    setNumber(found, BEST_GRADIENT, gradient);
    setNumber(found, BEST_HESSIAN, hessian);
    setNumber(found, BEST_WEIGHT, weight);
    setNumber(found, BEST_ORDER, <f64>order);
  }
  return improved;
}
