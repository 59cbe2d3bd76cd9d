import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, int32Section, ModelFileError, uint8Section } from '../model-file.ts';
import type { Core } from '../family.ts';

/** Nodes of all trees in flat arrays; a child's index is greater than its parent's. A leaf has feature -1. */
export interface TreeNodes {
  /** First node of each tree. */
  readonly roots: Int32Array;
  readonly feature: Int32Array;
  /** Values at most this go left. */
  readonly threshold: Float64Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingLeft: Uint8Array;
  /** What the tree would add if it ended here, shrinkage included; for a leaf, what it adds. */
  readonly value: Float64Array;
}

/**
 * A sum of trees over a bias, itself the constant before the first tree. Four trees are walked in step: each step of one waits for
 * memory and a comparison, and the others' fill that time. A leaf leads to itself, so all four take the steps of the deepest.
 */
export class TreeEnsemble implements Core {
  readonly #nodes: TreeNodes;
  readonly #bias: number;
  /** Bias plus the values of all roots: what the trees say before any feature is looked at. */
  readonly #base: number;
  readonly #walk: WalkableNodes;

  constructor(nodes: TreeNodes, bias: number) {
    this.#nodes = nodes;
    this.#bias = bias;
    this.#base = nodes.roots.reduce((sum, root) => sum + nodes.value[root]!, bias);
    this.#walk = walkableNodes(nodes);
  }

  static load(file: ModelFile): TreeEnsemble {
    const feature = int32Section(file, 'trees.feature');
    const nodes: TreeNodes = {
      roots: int32Section(file, 'trees.roots'),
      feature,
      threshold: float64Section(file, 'trees.threshold', feature.length),
      left: int32Section(file, 'trees.left', feature.length),
      right: int32Section(file, 'trees.right', feature.length),
      missingLeft: uint8Section(file, 'trees.missingLeft', feature.length),
      value: float64Section(file, 'trees.value', feature.length),
    };
    checkNodes(nodes, file.featureNames.length);
    return new TreeEnsemble(nodes, float64Section(file, 'trees.bias', 1)[0]!);
  }

  margin(X: Float32Array, offset: number): number {
    const { starts, depths, steps, thresholds, values } = this.#walk;
    let margin = this.#bias;
    for (let group = 0; group < depths.length; group++) {
      let a = starts[4 * group]!, b = starts[4 * group + 1]!, c = starts[4 * group + 2]!, d = starts[4 * group + 3]!;
      for (let depth = depths[group]!; depth > 0; depth--) {
        a = childOf(a, X, offset, steps, thresholds);
        b = childOf(b, X, offset, steps, thresholds);
        c = childOf(c, X, offset, steps, thresholds);
        d = childOf(d, X, offset, steps, thresholds);
      }
      margin = margin + values[a >> 2]! + values[b >> 2]! + values[c >> 2]! + values[d >> 2]!;
    }
    return margin;
  }

  /**
   * Path attribution (Saabas 2014, "Interpreting random forests"): each step down a tree credits its feature with the change in node
   * value. Fast and exact in sum; unlike Shapley values it favours features split on lower in a tree.
   */
  explain(x: Float32Array, contributions: Float64Array): number {
    const { starts, depths, steps, thresholds, values } = this.#walk;
    contributions.fill(0);
    for (let group = 0; group < depths.length; group++) {
      let a = starts[4 * group]!, b = starts[4 * group + 1]!, c = starts[4 * group + 2]!, d = starts[4 * group + 3]!;
      for (let depth = depths[group]!; depth > 0; depth--) {
        const toA = childOf(a, x, 0, steps, thresholds);
        const toB = childOf(b, x, 0, steps, thresholds);
        const toC = childOf(c, x, 0, steps, thresholds);
        const toD = childOf(d, x, 0, steps, thresholds);
        contributions[steps[a]!]! += values[toA >> 2]! - values[a >> 2]!;
        contributions[steps[b]!]! += values[toB >> 2]! - values[b >> 2]!;
        contributions[steps[c]!]! += values[toC >> 2]! - values[c >> 2]!;
        contributions[steps[d]!]! += values[toD >> 2]! - values[d >> 2]!;
        a = toA;
        b = toB;
        c = toC;
        d = toD;
      }
    }
    return this.#base;
  }

  sections(): Record<string, Section> {
    const { roots, feature, threshold, left, right, missingLeft, value } = this.#nodes;
    return {
      'trees.bias': Float64Array.of(this.#bias), 'trees.roots': roots, 'trees.feature': feature, 'trees.threshold': threshold,
      'trees.left': left, 'trees.right': right, 'trees.missingLeft': missingLeft, 'trees.value': value,
    };
  }
}

/** The nodes as a walk reads them; positions are four times the index of a node. */
interface WalkableNodes {
  /** Root positions, filled up to a multiple of four with a leaf of value 0. */
  readonly starts: Int32Array;
  /** Steps from root to deepest leaf, the most among each four trees. */
  readonly depths: Int32Array;
  /** Per node: feature (0 for a leaf), right child, left child, 1 if missing values go left. */
  readonly steps: Int32Array;
  readonly thresholds: Float64Array;
  readonly values: Float64Array;
}

function walkableNodes({ roots, feature, threshold, left, right, missingLeft, value }: TreeNodes): WalkableNodes {
  const count = feature.length;
  const steps = new Int32Array(4 * (count + 1));
  const depthBelow = new Int32Array(count + 1);
  steps.set([0, 4 * count, 4 * count, 0], 4 * count);
  for (let node = count - 1; node >= 0; node--) {
    if (feature[node]! < 0) steps.set([0, 4 * node, 4 * node, 0], 4 * node);
    else {
      steps.set([feature[node]!, 4 * right[node]!, 4 * left[node]!, missingLeft[node]!], 4 * node);
      depthBelow[node] = 1 + Math.max(depthBelow[left[node]!]!, depthBelow[right[node]!]!);
    }
  }
  const starts = new Int32Array(4 * Math.ceil(roots.length / 4)).fill(4 * count);
  const depths = new Int32Array(starts.length / 4);
  roots.forEach((root, tree) => {
    starts[tree] = 4 * root;
    depths[tree >> 2] = Math.max(depths[tree >> 2]!, depthBelow[root]!);
  });
  const thresholds = new Float64Array(count + 1);
  const values = new Float64Array(count + 1);
  thresholds.set(threshold);
  values.set(value);
  return { starts, depths, steps, thresholds, values };
}

/** The side is computed, not branched on: to the processor's branch prediction it is a coin toss. */
function childOf(at: number, X: Float32Array, offset: number, steps: Int32Array, thresholds: Float64Array): number {
  const x = X[offset + steps[at]!]!;
  const goesLeft = +(x <= thresholds[at >> 2]!) | (+(x !== x) & steps[at + 3]!);
  return steps[at + 1 + goesLeft]!;
}

/** Indices in range and children after parents, so that a walk always ends. */
function checkNodes(nodes: TreeNodes, columnCount: number): void {
  const count = nodes.feature.length;
  const childIsSound = (child: number, parent: number): boolean => child > parent && child < count;
  if (nodes.roots.some((root) => root < 0 || root >= count)) throw new ModelFileError('corrupt', `expected roots among ${count} nodes`);
  for (let node = 0; node < count; node++) {
    if (nodes.feature[node]! < 0) continue;
    if (nodes.feature[node]! >= columnCount || !childIsSound(nodes.left[node]!, node) || !childIsSound(nodes.right[node]!, node)) {
      throw new ModelFileError('corrupt', `expected feature and children in range, found node ${node} with ${nodes.feature[node]}, ${nodes.left[node]}, ${nodes.right[node]}`);
    }
  }
}
