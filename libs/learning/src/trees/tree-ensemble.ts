import type { Core } from '../family.ts';
import type { Compute } from '../kernels/compute.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, int32Section, ModelFileError, uint8Section } from '../model-file.ts';
import type { PackedTrees } from './packed-trees.ts';
import { packTrees } from './packed-trees.ts';
import { TreeShap } from './tree-shap.ts';
import { blockRows, sumOfLeaves, walkTrees } from './walk-trees.ts';

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
  /** Weight of the training rows that came here: what a split expects of a feature it is not told. */
  readonly cover: Float64Array;
}

/** The margin is `bias` plus the sum of the leaves reached, over `divisor`: 1 for a sum of trees, their number for a mean. */
export class TreeEnsemble implements Core {
  readonly nodes: TreeNodes;
  readonly bias: number;
  readonly divisor: number;
  readonly #packed: PackedTrees;
  #shap: TreeShap | undefined;

  constructor(nodes: TreeNodes, bias: number, divisor = 1) {
    this.nodes = nodes;
    this.bias = bias;
    this.divisor = divisor;
    this.#packed = packTrees(nodes);
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
      cover: float64Section(file, 'trees.cover', feature.length),
    };
    checkNodes(nodes, file.featureNames.length);
    return new TreeEnsemble(nodes, float64Section(file, 'trees.bias', 1)[0]!, float64Section(file, 'trees.divisor', 1)[0]!);
  }

  margin(X: Float32Array, offset: number): number {
    return this.bias + sumOfLeaves(this.#packed, X, offset) / this.divisor;
  }

  async margins(X: Float32Array, rowCount: number, compute: Compute, out: Float64Array): Promise<void> {
    if (rowCount === 0) return;
    const { words, values, roots, depths, offsetBits } = this.#packed;
    const columnCount = X.length / rowCount;
    await compute.run(
      walkTrees, X, rowCount, columnCount, compute.adopt(words), offsetBits, compute.adopt(values), compute.adopt(roots), compute.adopt(depths), depths.length, this.bias, this.divisor, out,
      compute.float32(compute.facts.threadCount * blockRows * (columnCount + 1)),
    );
  }

  /** Exact Shapley values (`tree-shap.ts`); the base value is what the trees expect over their training rows. */
  explain(x: Float32Array, contributions: Float64Array): number {
    this.#shap ??= new TreeShap(this.nodes);
    contributions.fill(0);
    this.#shap.add(x, contributions);
    if (this.divisor !== 1) for (let j = 0; j < contributions.length; j++) contributions[j]! /= this.divisor;
    return this.bias + this.#shap.base / this.divisor;
  }

  sections(): Record<string, Section> {
    const { roots, feature, threshold, left, right, missingLeft, value, cover } = this.nodes;
    return {
      'trees.bias': Float64Array.of(this.bias), 'trees.divisor': Float64Array.of(this.divisor), 'trees.roots': roots, 'trees.feature': feature,
      'trees.threshold': threshold, 'trees.left': left, 'trees.right': right, 'trees.missingLeft': missingLeft, 'trees.value': value, 'trees.cover': cover,
    };
  }
}

/** Indices in range, children after parents and nobody's child twice, so that every walk ends and no list of nodes grows without bound. */
function checkNodes(nodes: TreeNodes, columnCount: number): void {
  const { roots, feature, left, right } = nodes;
  const count = feature.length;
  const seen = new Uint8Array(count);
  const isNew = (node: number): boolean => node >= 0 && node < count && seen[node]!++ === 0;
  for (const root of roots) if (!isNew(root)) throw new ModelFileError('corrupt', `expected distinct roots among ${count} nodes, found ${root}`);
  for (let node = 0; node < count; node++) {
    if (feature[node]! < 0) continue;
    if (feature[node]! >= columnCount || !(left[node]! > node && right[node]! > node && isNew(left[node]!) && isNew(right[node]!))) {
      throw new ModelFileError('corrupt', `expected feature and children in range and of one parent, found node ${node} with ${feature[node]}, ${left[node]}, ${right[node]}`);
    }
  }
  if (seen.some((times) => times !== 1)) throw new ModelFileError('corrupt', 'expected every node to belong to a tree');
}
