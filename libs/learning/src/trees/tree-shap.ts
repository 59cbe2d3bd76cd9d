import type { PackedTrees } from './packed-trees.ts';
import type { TreeNodes } from './tree-ensemble.ts';

/**
 * Exact Shapley values of a row's features, where the value of a set of features is what the trees expect from them alone: at a split on
 * a feature outside the set both sides count, by the share of training weight that went there (path-dependent TreeSHAP, Lundberg et al.
 * 2018).
 *
 * A leaf whose path looks at features j, with `kept` 1 where the row takes the leaf's side at every split on j and else 0, and `share` the
 * product of the weight shares of those splits, gives feature i value x (kept_i - share_i) x the mean over t in [0, 1] of the product over j other than i of
 * (t kept_j + (1 - t) share_j): Shapley's weights are those integrals (Owen 1972). The integrand is a polynomial, so Gauss-Legendre
 * points give it exactly. Products are carried down the tree and sums back up, as in Linear TreeSHAP (Yu et al. 2022): time is edges x half
 * the features of the longest path. Unlike a table per leaf it needs no memory to speak of, and loses no digits on long paths.
 */
export class TreeShap {
  /** What the trees expect before any feature is known. */
  readonly base: number;
  readonly #nodes: TreeNodes;
  readonly #packed: PackedTrees;
  /** Per place, for the edge to it from its parent: product of weight shares over the splits on that edge's feature so far. */
  readonly #share: Float64Array;
  /** Per place: that of the edge above which splits on the same feature, -1 for none. */
  readonly #above: Int32Array;
  /** Points and their weights for each tree. */
  readonly #rules: readonly Quadrature[];
  readonly #kept: Uint8Array;
  readonly #down: Float64Array;
  readonly #up: Float64Array;
  readonly #taken: Float64Array;

  constructor(nodes: TreeNodes, packed: PackedTrees) {
    this.#nodes = nodes;
    this.#packed = packed;
    const { roots, sources, parents, words } = packed;
    const count = sources.length;
    this.#share = new Float64Array(count).fill(1);
    this.#above = new Int32Array(count).fill(-1);
    const weight = new Float64Array(count).fill(1);
    const distinct = new Int32Array(count);
    const rules: Quadrature[] = [];
    let base = 0;
    let largest = 0;
    for (let tree = 0; tree + 1 < roots.length; tree++) {
      let longest = 0;
      for (let at = roots[tree]!; at < roots[tree + 1]!; at++) {
        const parent = parents[at]!;
        if (parent !== at) {
          const whole = nodes.cover[sources[parent]!]!;
          const ratio = whole > 0 ? nodes.cover[sources[at]!]! / whole : 0;
          weight[at] = weight[parent]! * ratio;
          const above = this.#edgeAbove(at);
          this.#above[at] = above;
          this.#share[at] = (above < 0 ? 1 : this.#share[above]!) * ratio;
          distinct[at] = distinct[parent]! + (above < 0 ? 1 : 0);
          longest = Math.max(longest, distinct[at]!);
        }
        if (words[2 * at + 1] === 0) base += weight[at]! * packed.values[at]!;
      }
      const rule = quadrature(Math.max(1, Math.ceil(longest / 2)));
      rules.push(rule);
      largest = Math.max(largest, rule.points.length * (roots[tree + 1]! - roots[tree]!));
    }
    this.base = base;
    this.#rules = rules;
    this.#kept = new Uint8Array(count);
    this.#down = new Float64Array(largest);
    this.#up = new Float64Array(largest);
    this.#taken = new Float64Array(largest);
  }

  /** Adds each feature's contribution to `contributions`. */
  add(x: Float32Array, contributions: Float64Array): void {
    for (let tree = 0; tree < this.#rules.length; tree++) {
      this.#descend(tree, x);
      this.#ascend(tree, contributions);
    }
  }

  #edgeAbove(at: number): number {
    const { parents, sources } = this.#packed;
    const feature = this.#nodes.feature[sources[parents[at]!]!]!;
    for (let above = parents[at]!; parents[above]! !== above; above = parents[above]!) {
      if (this.#nodes.feature[sources[parents[above]!]!] === feature) return above;
    }
    return -1;
  }

  /** Products at each point along the way to every node. */
  #descend(tree: number, x: Float32Array): void {
    const { roots, parents, sources } = this.#packed;
    const { feature, threshold, missingLeft, left } = this.#nodes;
    const { points } = this.#rules[tree]!;
    const [first, end, size] = [roots[tree]!, roots[tree + 1]!, points.length];
    const [share, above, kept, down] = [this.#share, this.#above, this.#kept, this.#down];
    down.fill(1, 0, size);
    for (let at = first + 1; at < end; at++) {
      const parent = parents[at]!;
      const node = sources[parent]!;
      const value = x[feature[node]!]!;
      const goesLeft = value <= threshold[node]! || (value !== value && missingLeft[node] === 1);
      const edge = above[at]!;
      const isKept = goesLeft === (left[node] === sources[at]) && (edge < 0 || kept[edge] === 1) ? 1 : 0;
      kept[at] = isKept;
      const z = share[at]!;
      const to = size * (at - first);
      const from = size * (parent - first);
      if (edge < 0) for (let q = 0; q < size; q++) down[to + q] = down[from + q]! * (isKept * points[q]! + (1 - points[q]!) * z);
      else {
        const [wasKept, before] = [kept[edge]!, share[edge]!];
        for (let q = 0; q < size; q++) {
          const rest = 1 - points[q]!;
          const replaced = wasKept * points[q]! + rest * before;
          down[to + q] = replaced > 0 ? down[from + q]! * ((isKept * points[q]! + rest * z) / replaced) : 0;
        }
      }
    }
  }

  /** Sums over the leaves below every edge, its own feature's factor taken out; leaves below a later split on that feature are that split's. */
  #ascend(tree: number, contributions: Float64Array): void {
    const { roots, parents, sources, words, values } = this.#packed;
    const { feature } = this.#nodes;
    const { points, weights } = this.#rules[tree]!;
    const [first, end, size] = [roots[tree]!, roots[tree + 1]!, points.length];
    const [share, above, kept, down, up, taken] = [this.#share, this.#above, this.#kept, this.#down, this.#up, this.#taken];
    up.fill(0, 0, size * (end - first));
    taken.fill(0, 0, size * (end - first));
    for (let at = end - 1; at > first; at--) {
      const here = size * (at - first);
      const to = size * (parents[at]! - first);
      if (words[2 * at + 1] === 0) for (let q = 0; q < size; q++) up[here + q] = values[at]! * down[here + q]!;
      const z = share[at]!;
      let sum = 0;
      // (kept - share) / (t kept + (1 - t) share), which for a feature not kept is -1 / (1 - t) whatever its share.
      if (kept[at] === 1) for (let q = 0; q < size; q++) sum += (up[here + q]! - taken[here + q]!) * (weights[q]! / (points[q]! + (1 - points[q]!) * z));
      else for (let q = 0; q < size; q++) sum -= (up[here + q]! - taken[here + q]!) * (weights[q]! / (1 - points[q]!));
      contributions[feature[sources[parents[at]!]!]!]! += kept[at] === 1 ? (1 - z) * sum : sum;
      for (let q = 0; q < size; q++) up[to + q]! += up[here + q]!;
      if (above[at]! >= 0) {
        const edge = size * (above[at]! - first);
        for (let q = 0; q < size; q++) taken[edge + q]! += up[here + q]!;
      }
    }
  }
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
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      const { value, derivative } = legendre(size, x);
      slope = derivative;
      const step = value / derivative;
      x -= step;
      if (Math.abs(step) < 1e-16) break;
    }
    slope = legendre(size, x).derivative;
    points[i] = (1 + x) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  const rule = { points, weights };
  known.set(size, rule);
  return rule;
}

/** P_n and its derivative, by Bonnet's recursion. */
function legendre(n: number, x: number): { value: number; derivative: number } {
  let before = 1;
  let value = x;
  for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
  return { value, derivative: (n * (x * value - before)) / (x * x - 1) };
}
