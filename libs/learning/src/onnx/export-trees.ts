import type { ModelFile } from '../model-file.ts';
import { float64Section, int32Section, uint8Section } from '../model-file.ts';
import type { TreeNodes } from '../trees/tree-ensemble.ts';
import type { OnnxGraph } from './onnx-graph.ts';

type SavedTrees = Omit<TreeNodes, 'cover'>;

/** Bias plus the sum, or over `divisor` the mean, of the leaves that a row reaches. */
export function exportTrees(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const feature = int32Section(file, 'trees.feature');
  const bias = graph.float64(float64Section(file, 'trees.bias', 1), [1, 1]);
  const roots = int32Section(file, 'trees.roots');
  if (roots.length === 0) return graph.repeat(bias);
  const sum = exportLeafSum(graph, rows, {
    roots, feature, threshold: float64Section(file, 'trees.threshold', feature.length),
    left: int32Section(file, 'trees.left', feature.length), right: int32Section(file, 'trees.right', feature.length),
    missingLeft: uint8Section(file, 'trees.missingLeft', feature.length), value: float64Section(file, 'trees.value', feature.length),
  });
  const [divisor] = float64Section(file, 'trees.divisor', 1);
  const mean = graph.cast(sum, 'float64');
  return graph.add('Add', [divisor === 1 ? mean : graph.add('Div', [mean, graph.number(divisor!)]), bias]);
}

/** Sum of the leaves that a row reaches, float32 [rows, 1]. */
function exportLeafSum(graph: OnnxGraph, rows: string, trees: SavedTrees): string {
  const nodes = { treeIds: [] as number[], ids: [] as number[], features: [] as number[], thresholds: [] as number[], modes: [] as string[], ifTrue: [] as number[], ifFalse: [] as number[], missingTrue: [] as number[] };
  const leaves = { treeIds: [] as number[], ids: [] as number[], weights: [] as number[] };
  trees.roots.forEach((root, tree) => {
    const order = nodesBelow(root, trees);
    const idOf = new Map(order.map((node, id) => [node, id]));
    for (const [id, node] of order.entries()) {
      const isLeaf = trees.feature[node]! < 0;
      nodes.treeIds.push(tree);
      nodes.ids.push(id);
      nodes.features.push(isLeaf ? 0 : trees.feature[node]!);
      nodes.thresholds.push(isLeaf ? 0 : float32AtMost(trees.threshold[node]!));
      nodes.modes.push(isLeaf ? 'LEAF' : 'BRANCH_LEQ');
      nodes.ifTrue.push(isLeaf ? 0 : idOf.get(trees.left[node]!)!);
      nodes.ifFalse.push(isLeaf ? 0 : idOf.get(trees.right[node]!)!);
      nodes.missingTrue.push(isLeaf ? 0 : trees.missingLeft[node]!);
      if (!isLeaf) continue;
      leaves.treeIds.push(tree);
      leaves.ids.push(id);
      leaves.weights.push(trees.value[node]!);
    }
  });
  return graph.add('TreeEnsembleRegressor', [rows], {
    n_targets: { int: 1 }, aggregate_function: { string: 'SUM' }, post_transform: { string: 'NONE' },
    nodes_treeids: { ints: nodes.treeIds }, nodes_nodeids: { ints: nodes.ids }, nodes_featureids: { ints: nodes.features }, nodes_values: { floats: nodes.thresholds },
    nodes_modes: { strings: nodes.modes }, nodes_truenodeids: { ints: nodes.ifTrue }, nodes_falsenodeids: { ints: nodes.ifFalse },
    nodes_missing_value_tracks_true: { ints: nodes.missingTrue },
    target_treeids: { ints: leaves.treeIds }, target_nodeids: { ints: leaves.ids }, target_ids: { ints: leaves.ids.map(() => 0) }, target_weights: { floats: leaves.weights },
  }, 'ai.onnx.ml');
}

/** A tree's nodes, parents before children, the root first. */
function nodesBelow(root: number, { feature, left, right }: SavedTrees): number[] {
  const order = [root];
  // The list grows while it is walked.
  for (const node of order) if (feature[node]! >= 0) order.push(left[node]!, right[node]!);
  return order;
}

/** The greatest float32 that is not above `threshold`: a float32 value is at most the one exactly when it is at most the other. */
export function float32AtMost(threshold: number): number {
  const rounded = Math.fround(threshold);
  if (rounded <= threshold) return rounded;
  const bits = new Int32Array(Float32Array.of(rounded).buffer);
  // Neighbours of a float differ by one in their bits; below zero the greater magnitude is the lesser number.
  if (rounded === 0) return -1.401298464324817e-45;
  bits[0] = bits[0]! + (rounded > 0 ? -1 : 1);
  return new Float32Array(bits.buffer)[0]!;
}
