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

/** A sum of trees over a bias, itself the constant before the first tree. */
export class TreeEnsemble implements Core {
  readonly #nodes: TreeNodes;
  readonly #bias: number;
  /** Bias plus the values of all roots: what the trees say before any feature is looked at. */
  readonly #base: number;

  constructor(nodes: TreeNodes, bias: number) {
    this.#nodes = nodes;
    this.#bias = bias;
    this.#base = nodes.roots.reduce((sum, root) => sum + nodes.value[root]!, bias);
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

  margin(X: Float64Array, offset: number): number {
    const { roots, feature, threshold, left, right, missingLeft, value } = this.#nodes;
    let margin = this.#bias;
    for (let tree = 0; tree < roots.length; tree++) {
      let node = roots[tree]!;
      let column = feature[node]!;
      while (column >= 0) {
        const x = X[offset + column]!;
        node = x <= threshold[node]! || (x !== x && missingLeft[node] === 1) ? left[node]! : right[node]!;
        column = feature[node]!;
      }
      margin += value[node]!;
    }
    return margin;
  }

  /**
   * Path attribution (Saabas 2014, "Interpreting random forests"): each step down a tree credits its feature with the change in node
   * value. Fast and exact in sum; unlike Shapley values it favours features split on lower in a tree.
   */
  explain(x: Float64Array, contributions: Float64Array): number {
    const { roots, feature, threshold, left, right, missingLeft, value } = this.#nodes;
    contributions.fill(0);
    for (let tree = 0; tree < roots.length; tree++) {
      let node = roots[tree]!;
      let column = feature[node]!;
      let reached = value[node]!;
      while (column >= 0) {
        const v = x[column]!;
        node = v <= threshold[node]! || (v !== v && missingLeft[node] === 1) ? left[node]! : right[node]!;
        const next = value[node]!;
        contributions[column]! += next - reached;
        reached = next;
        column = feature[node]!;
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
