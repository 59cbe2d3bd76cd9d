import type { ModelFile } from '../model-file.ts';
import { float32Section, float64Section } from '../model-file.ts';
import { transposed } from './transposed.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** Share of class 1 in the cluster whose centroid c is nearest: the least |c|^2 - 2 c . x, ties to the lowest cluster. */
export function exportClusters(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const shares = float64Section(file, 'clusters.shares');
  const centroids = float32Section(file, 'clusters.centroids');
  const [count, width] = [shares.length, centroids.length / shares.length];
  const squares = Float64Array.from(shares, (_, k) => centroids.subarray(k * width, (k + 1) * width).reduce((sum, value) => sum + value * value, 0));
  const products = graph.add('MatMul', [graph.cast(rows, 'float64'), graph.float64(transposed(centroids, count, width), [width, count])]);
  const distances = graph.add('Sub', [graph.float64(squares), graph.add('Mul', [graph.number(2), products])]);
  const nearest = graph.add('ArgMin', [distances], { axis: { int: 1 }, keepdims: { int: 1 } });
  return graph.add('Gather', [graph.float64(shares, [count]), nearest], { axis: { int: 0 } });
}
