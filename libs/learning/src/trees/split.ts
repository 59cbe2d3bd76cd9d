import { cellSize, rule } from './boosting-layout.ts';

/** The best split found so far, by place in a Float64Array: its gain, where it cuts, and the sums of its left side. */
export const best = { gain: 0, column: 1, bin: 2, missingLeft: 3, gradient: 4, hessian: 5, weight: 6, size: 8 } as const;

/** Loss that the best constant takes off a node, doubled: T(G)^2 / (H + l2), where T moves G towards 0 by l1 (Chen & Guestrin 2016, eq. 6). */
function nodeScore(gradient: number, hessian: number, rules: Float64Array): number {
  const curvature = hessian + rules[rule.l2]!;
  const pull = Math.max(Math.abs(gradient) - rules[rule.l1]!, 0);
  return curvature > 0 ? (pull * pull) / curvature : 0;
}

/** The constant that lowers the node's loss most: -T(G) / (H + l2) (eq. 5). */
export function nodeValue(gradient: number, hessian: number, rules: Float64Array): number {
  const curvature = hessian + rules[rule.l2]!;
  const pull = Math.max(Math.abs(gradient) - rules[rule.l1]!, 0);
  return curvature > 0 ? (gradient > 0 ? -pull : pull) / curvature : 0;
}

/** Nothing found yet. Splitting a node of equal gradients gains nothing but rounding, which stays below the gain to beat. */
export function resetBest(found: Float64Array, gradient: number, hessian: number, rules: Float64Array): void {
  found.fill(0);
  found[best.gain] = 1e-13 * nodeScore(gradient, hessian, rules);
  found[best.column] = -1;
}

/**
 * Tries every cut of one column, of which the histogram's numbers [start, end) are, with missing values on either side. A split of
 * greater gain than the one in `found` replaces it; of equal ones the lowest cut wins.
 */
export function searchColumn(
  column: number, histogram: Float64Array, start: number, end: number,
  gradient: number, hessian: number, weight: number, rules: Float64Array, found: Float64Array,
): void {
  const missing = end - cellSize;
  const missingWeight = histogram[missing + 2]!;
  const improved = scanCuts(column, histogram, start, missing, 0, 0, 0, gradient, hessian, weight, rules, found);
  if (missingWeight > 0) scanCuts(column, histogram, start, missing, histogram[missing]!, histogram[missing + 1]!, missingWeight, gradient, hessian, weight, rules, found);
  // Where a node has no missing value to learn from, later ones follow the heavier side.
  else if (improved) found[best.missingLeft] = +(found[best.weight]! > weight - found[best.weight]!);
}

/** Moves bin after bin to the left side, which starts with the missing rows or empty; true when a better split turned up. */
function scanCuts(
  column: number, histogram: Float64Array, start: number, missing: number, gradient: number, hessian: number, weight: number,
  gradientAll: number, hessianAll: number, weightAll: number, rules: Float64Array, found: Float64Array,
): boolean {
  const l1 = rules[rule.l1]!, l2 = rules[rule.l2]!, minRows = rules[rule.minRows]!, minHessian = rules[rule.minHessian]!;
  const parentScore = nodeScore(gradientAll, hessianAll, rules);
  const missingLeft = weight > 0;
  let improved = false;
  // The last present bin may be on the left too, where the right side is then the missing rows alone.
  const last = missingLeft || histogram[missing + 2] === 0 ? missing - cellSize : missing;
  for (let cell = start; cell < last; cell += cellSize) {
    if (histogram[cell + 2] === 0) continue;
    gradient += histogram[cell]!;
    hessian += histogram[cell + 1]!;
    weight += histogram[cell + 2]!;
    if (weight < minRows || hessian < minHessian) continue;
    const hessianRight = hessianAll - hessian;
    const weightRight = weightAll - weight;
    if (weightRight < minRows || weightRight <= 0 || hessianRight < minHessian) break;
    const curvatureLeft = hessian + l2;
    const curvatureRight = hessianRight + l2;
    if (curvatureLeft <= 0 || curvatureRight <= 0) continue;
    const pullLeft = Math.max(Math.abs(gradient) - l1, 0);
    const pullRight = Math.max(Math.abs(gradientAll - gradient) - l1, 0);
    const gain = (pullLeft * pullLeft) / curvatureLeft + (pullRight * pullRight) / curvatureRight - parentScore;
    if (gain <= found[best.gain]!) continue;
    improved = true;
    found[best.gain] = gain;
    found[best.column] = column;
    found[best.bin] = (cell - start) / cellSize;
    found[best.missingLeft] = +missingLeft;
    found[best.gradient] = gradient;
    found[best.hessian] = hessian;
    found[best.weight] = weight;
  }
  return improved;
}
