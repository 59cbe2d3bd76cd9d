import type { BinnedFeatures } from './binning.ts';
import { cellSize } from './histogram.ts';

/** Sums over a node's rows. */
export interface NodeSums {
  readonly gradient: number;
  readonly hessian: number;
  readonly weight: number;
}

export interface SplitRules {
  /** Added to every sum of hessians. */
  readonly l2: number;
  /** Rows, by weight, that each side needs. */
  readonly minRowsInLeaf: number;
  readonly minHessianInLeaf: number;
}

export interface Split {
  readonly gain: number;
  readonly feature: number;
  /** Rows whose bin is at most this go left. */
  readonly bin: number;
  readonly missingLeft: boolean;
  readonly left: NodeSums;
  readonly right: NodeSums;
}

/** Loss that the best constant takes off a node, doubled: G^2 / (H + l2) (Chen & Guestrin 2016, eq. 6). */
export function nodeScore(sums: NodeSums, l2: number): number {
  const curvature = sums.hessian + l2;
  return curvature > 0 ? (sums.gradient * sums.gradient) / curvature : 0;
}

/** The constant that lowers the node's loss most: -G / (H + l2) (eq. 5). */
export function nodeValue(sums: NodeSums, l2: number): number {
  const curvature = sums.hessian + l2;
  return curvature > 0 ? -sums.gradient / curvature : 0;
}

/** The split of greatest gain, or undefined when none gains; ties go to the feature first by name, then the lowest cut. */
export function findBestSplit(histogram: Float64Array, binned: Pick<BinnedFeatures, 'cellStarts' | 'columnsByName'>, sums: NodeSums, rules: SplitRules): Split | undefined {
  const finder = new SplitFinder(sums, rules);
  for (const j of binned.columnsByName) finder.tryFeature(j, histogram, binned.cellStarts[j]! * cellSize, binned.cellStarts[j + 1]! * cellSize);
  return finder.best();
}

/** Best split so far, as plain fields: this loop runs for every bin of every node. */
class SplitFinder {
  readonly #sums: NodeSums;
  readonly #rules: SplitRules;
  readonly #parentScore: number;
  #gain: number;
  #feature = -1;
  #bin = 0;
  #missingLeft = false;
  #gradient = 0;
  #hessian = 0;
  #weight = 0;

  constructor(sums: NodeSums, rules: SplitRules) {
    this.#sums = sums;
    this.#rules = rules;
    this.#parentScore = nodeScore(sums, rules.l2);
    // Splitting a node of equal gradients gains nothing but rounding, which stays below this.
    this.#gain = 1e-13 * this.#parentScore;
  }

  tryFeature(feature: number, histogram: Float64Array, start: number, end: number): void {
    const missing = end - cellSize;
    const missingWeight = histogram[missing + 2]!;
    const found = this.#scan(feature, histogram, start, missing, 0, 0, 0, false);
    if (missingWeight > 0) this.#scan(feature, histogram, start, missing, histogram[missing]!, histogram[missing + 1]!, missingWeight, true);
    // Where a node has no missing value to learn from, later ones follow the heavier side.
    else if (found) this.#missingLeft = this.#weight > this.#sums.weight - this.#weight;
  }

  best(): Split | undefined {
    if (this.#feature < 0) return undefined;
    const left: NodeSums = { gradient: this.#gradient, hessian: this.#hessian, weight: this.#weight };
    const { gradient, hessian, weight } = this.#sums;
    const right: NodeSums = { gradient: gradient - left.gradient, hessian: hessian - left.hessian, weight: weight - left.weight };
    return { gain: this.#gain, feature: this.#feature, bin: this.#bin, missingLeft: this.#missingLeft, left, right };
  }

  /** Moves bin after bin to the left side, which starts with the missing rows or empty; true when a better split turned up. */
  #scan(feature: number, histogram: Float64Array, start: number, missing: number, gradient: number, hessian: number, weight: number, missingLeft: boolean): boolean {
    const { l2, minRowsInLeaf, minHessianInLeaf } = this.#rules;
    const sums = this.#sums;
    let found = false;
    // The last present bin may be on the left too, where the right side is then the missing rows alone.
    const last = missingLeft || histogram[missing + 2] === 0 ? missing - cellSize : missing;
    for (let cell = start; cell < last; cell += cellSize) {
      if (histogram[cell + 2] === 0) continue;
      gradient += histogram[cell]!;
      hessian += histogram[cell + 1]!;
      weight += histogram[cell + 2]!;
      if (weight < minRowsInLeaf || hessian < minHessianInLeaf) continue;
      const hessianRight = sums.hessian - hessian;
      const weightRight = sums.weight - weight;
      if (weightRight < minRowsInLeaf || weightRight <= 0 || hessianRight < minHessianInLeaf) break;
      const curvatureLeft = hessian + l2;
      const curvatureRight = hessianRight + l2;
      if (curvatureLeft <= 0 || curvatureRight <= 0) continue;
      const gradientRight = sums.gradient - gradient;
      const gain = (gradient * gradient) / curvatureLeft + (gradientRight * gradientRight) / curvatureRight - this.#parentScore;
      if (gain <= this.#gain) continue;
      found = true;
      this.#gain = gain;
      this.#feature = feature;
      this.#bin = (cell - start) / cellSize;
      this.#missingLeft = missingLeft;
      this.#gradient = gradient;
      this.#hessian = hessian;
      this.#weight = weight;
    }
    return found;
  }
}
