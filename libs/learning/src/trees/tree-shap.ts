import type { PackedTrees } from './packed-trees.ts';
import type { TreeNodes } from './tree-ensemble.ts';

/** Points of integration that are carried together. */
const lanes = 4;

/**
 * Exact Shapley values of a row's features, where the value of a set of features is what the trees expect from them alone: at a split on
 * a feature outside the set both sides count, by the share of training weight that went there (path-dependent TreeSHAP, Lundberg et al.
 * 2018).
 *
 * A leaf whose path looks at features j, with `kept` 1 where the row takes the leaf's side at every split on j and else 0, and `share` the
 * product of the weight shares of those splits, gives feature i value x (kept_i - share_i) x the mean over t in [0, 1] of the product over j other than i of
 * (t kept_j + (1 - t) share_j): Shapley's weights are those integrals (Owen 1972). The integrand is a polynomial, so Gauss-Legendre
 * points give it exactly: four for up to eight features on a path. Products are carried down the tree and sums back up, as in Linear TreeSHAP (Yu et al.
 * 2022), so time grows with edges x features of the longest path, no table grows with 2^features, and long paths lose no digits. Keeps
 * scratch: a call must end before the next.
 */
export class TreeShap {
  /** What the trees expect before any feature is known. */
  readonly base: number;
  readonly #packed: PackedTrees;
  readonly #features: Int32Array;
  /** Per place, for the edge to it from its parent: product of weight shares over the splits on that edge's feature so far. */
  readonly #share: Float64Array;
  /** Per place: that of the nearest edge above which splits on the same feature, -1 for none. */
  readonly #above: Int32Array;
  /** Fours of points that each tree needs. */
  readonly #rules: Int32Array;
  readonly #kept: Uint8Array;
  readonly #down: Float64Array;
  readonly #up: Float64Array;
  readonly #taken: Float64Array;
  /** 1 / (t + (1 - t) share) per place and point, for each number of fours in use. */
  readonly #inverses = new Map<number, Float64Array>();

  constructor(nodes: TreeNodes, packed: PackedTrees) {
    this.#packed = packed;
    const { roots, sources, parents, words, values } = packed;
    const count = sources.length;
    this.#features = Int32Array.from(parents, (parent) => nodes.feature[sources[parent]!]!);
    this.#share = new Float64Array(count).fill(1);
    this.#above = new Int32Array(count).fill(-1);
    this.#rules = new Int32Array(roots.length - 1);
    this.#kept = new Uint8Array(count);
    const weight = new Float64Array(count).fill(1);
    const distinct = new Int32Array(count);
    let base = 0;
    let largest = 0;
    for (let tree = 0; tree + 1 < roots.length; tree++) {
      let longest = 0;
      for (let at = roots[tree]!; at < roots[tree + 1]!; at++) {
        const parent = parents[at]!;
        if (parent !== at) {
          const whole = nodes.cover[sources[parent]!]!;
          const ratio = whole > 0 ? nodes.cover[sources[at]!]! / whole : 0;
          const above = this.#edgeAbove(parent, this.#features[at]!);
          weight[at] = weight[parent]! * ratio;
          this.#above[at] = above;
          this.#share[at] = (above < 0 ? 1 : this.#share[above]!) * ratio;
          distinct[at] = distinct[parent]! + (above < 0 ? 1 : 0);
          longest = Math.max(longest, distinct[at]!);
        }
        if (words[2 * at + 1] === 0) base += weight[at]! * values[at]!;
      }
      this.#rules[tree] = Math.max(1, Math.ceil(longest / (2 * lanes)));
      largest = Math.max(largest, roots[tree + 1]! - roots[tree]!);
    }
    this.base = base;
    this.#down = new Float64Array(lanes * largest);
    this.#up = new Float64Array(lanes * largest);
    this.#taken = new Float64Array(lanes * largest);
    for (const fours of new Set(this.#rules)) this.#inverses.set(fours, this.#inversesAt(quadrature(lanes * fours).points));
  }

  /** Adds each feature's contribution to `contributions`. */
  add(x: Float32Array, contributions: Float64Array): void {
    for (let tree = 0; tree < this.#rules.length; tree++) {
      const fours = this.#rules[tree]!;
      const { points, weights } = quadrature(lanes * fours);
      const inverses = this.#inverses.get(fours)!;
      for (let four = 0; four < fours; four++) {
        this.#descend(tree, x, points, lanes * four, inverses, this.#features.length * lanes * four);
        this.#ascend(tree, points, weights, lanes * four, inverses, this.#features.length * lanes * four, contributions);
      }
    }
  }

  #edgeAbove(parent: number, feature: number): number {
    const { parents } = this.#packed;
    for (let at = parent; parents[at]! !== at; at = parents[at]!) if (this.#features[at] === feature) return at;
    return -1;
  }

  /** Four by four, as they are read. */
  #inversesAt(points: Float64Array): Float64Array {
    const count = this.#share.length;
    const inverses = new Float64Array(points.length * count);
    points.forEach((t, q) => {
      for (let at = 0; at < count; at++) inverses[((q >> 2) * count + at) * lanes + (q & 3)] = 1 / (t + (1 - t) * this.#share[at]!);
    });
    return inverses;
  }

  /** Products at four points along the way to every node, two children at a time; `inv` is where the inverses for these points begin. */
  #descend(tree: number, x: Float32Array, points: Float64Array, q: number, inverses: Float64Array, inv: number): void {
    const { roots, parents, words, thresholds, offsetBits } = this.#packed;
    const share = this.#share, above = this.#above, kept = this.#kept, down = this.#down;
    const first = roots[tree]!, end = roots[tree + 1]!;
    const t0 = points[q]!, t1 = points[q + 1]!, t2 = points[q + 2]!, t3 = points[q + 3]!;
    const r0 = 1 - t0, r1 = 1 - t1, r2 = 1 - t2, r3 = 1 - t3;
    down.fill(1, 0, lanes);
    for (let pair = first + 1; pair < end; pair += 2) {
      const parent = parents[pair]!;
      const word = words[2 * parent + 1]!;
      const goes = +(x[(word & 0x7fffffff) >> offsetBits]! * ((word >> 31) | 1) > thresholds[2 * parent]!);
      const edge = above[pair]!;
      const open = edge < 0 ? 1 : kept[edge]!;
      const from = lanes * (parent - first);
      let d0 = down[from]!, d1 = down[from + 1]!, d2 = down[from + 2]!, d3 = down[from + 3]!;
      if (edge >= 0) {
        // The earlier factor of this feature goes; where it was not kept, it and the new one differ by their shares alone.
        if (open === 1) {
          const i = inv + lanes * edge;
          d0 *= inverses[i]!;
          d1 *= inverses[i + 1]!;
          d2 *= inverses[i + 2]!;
          d3 *= inverses[i + 3]!;
        } else {
          const before = share[edge]!;
          const scale = before > 0 ? 1 / before : 0;
          d0 *= scale / r0;
          d1 *= scale / r1;
          d2 *= scale / r2;
          d3 *= scale / r3;
        }
      }
      for (let side = 0; side < 2; side++) {
        const at = pair + side;
        const isKept = open & +(side === goes);
        kept[at] = isKept;
        const z = share[at]!;
        const to = lanes * (at - first);
        down[to] = d0 * (isKept * t0 + r0 * z);
        down[to + 1] = d1 * (isKept * t1 + r1 * z);
        down[to + 2] = d2 * (isKept * t2 + r2 * z);
        down[to + 3] = d3 * (isKept * t3 + r3 * z);
      }
    }
  }

  /** Sums over the leaves below every edge, its own feature's factor taken out; leaves below a later split on that feature are that split's. */
  #ascend(tree: number, points: Float64Array, weights: Float64Array, q: number, inverses: Float64Array, inv: number, contributions: Float64Array): void {
    const { roots, parents, words, values } = this.#packed;
    const share = this.#share, above = this.#above, kept = this.#kept, down = this.#down, up = this.#up, taken = this.#taken, features = this.#features;
    const first = roots[tree]!, end = roots[tree + 1]!;
    const w0 = weights[q]!, w1 = weights[q + 1]!, w2 = weights[q + 2]!, w3 = weights[q + 3]!;
    const v0 = w0 / (1 - points[q]!), v1 = w1 / (1 - points[q + 1]!), v2 = w2 / (1 - points[q + 2]!), v3 = w3 / (1 - points[q + 3]!);
    taken.fill(0, 0, lanes * (end - first));
    for (let pair = end - 2; pair > first; pair -= 2) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0, sum = 0;
      for (let at = pair; at < pair + 2; at++) {
        const here = lanes * (at - first);
        const from = words[2 * at + 1] === 0 ? down : up;
        const value = words[2 * at + 1] === 0 ? values[at]! : 1;
        const u0 = value * from[here]!, u1 = value * from[here + 1]!, u2 = value * from[here + 2]!, u3 = value * from[here + 3]!;
        s0 += u0;
        s1 += u1;
        s2 += u2;
        s3 += u3;
        const e0 = u0 - taken[here]!, e1 = u1 - taken[here + 1]!, e2 = u2 - taken[here + 2]!, e3 = u3 - taken[here + 3]!;
        // (kept - share) / (t kept + (1 - t) share), which for a feature not kept is -1 / (1 - t) whatever its share.
        if (kept[at] === 1) {
          const i = inv + lanes * at;
          sum += (1 - share[at]!) * (e0 * w0 * inverses[i]! + e1 * w1 * inverses[i + 1]! + e2 * w2 * inverses[i + 2]! + e3 * w3 * inverses[i + 3]!);
        } else sum -= e0 * v0 + e1 * v1 + e2 * v2 + e3 * v3;
      }
      const parent = lanes * (parents[pair]! - first);
      up[parent] = s0;
      up[parent + 1] = s1;
      up[parent + 2] = s2;
      up[parent + 3] = s3;
      contributions[features[pair]!]! += sum;
      const edge = above[pair]!;
      if (edge >= 0) {
        const to = lanes * (edge - first);
        taken[to]! += s0;
        taken[to + 1]! += s1;
        taken[to + 2]! += s2;
        taken[to + 3]! += s3;
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
