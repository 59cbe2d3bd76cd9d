import type { ModelFile } from '../model-file.ts';
import { float64Section } from '../model-file.ts';
import { exportClusters } from './export-clusters.ts';
import { exportFourier } from './export-fourier.ts';
import { exportNaiveBayes } from './export-naive-bayes.ts';
import { exportNetwork } from './export-network.ts';
import { exportOneFeature } from './export-one-feature.ts';
import { exportSupportVectors } from './export-support-vectors.ts';
import { exportTrees } from './export-trees.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** Adds what was learned: `rows` is the prepared float32 [rows, columns], the value returned the margin, float64 [rows, 1]. */
export type CoreExporter = (graph: OnnxGraph, rows: string, file: ModelFile) => string;

/** Methods by kind, as the catalog names them; each reads the sections that its family's `load` reads. */
export const coreExporters: Readonly<Record<string, CoreExporter>> = {
  constant: (graph, _rows, file) => graph.repeat(graph.float64(float64Section(file, 'constant.margin', 1), [1, 1])),
  'one-feature': exportOneFeature,
  'logistic-regression': exportLinear,
  'linear-regression': exportLinear,
  'linear-svm': exportLinear,
  perceptron: exportLinear,
  'gradient-boosting': exportTrees,
  'decision-tree': exportTrees,
  'random-forest': exportTrees,
  'k-means': exportClusters,
  agglomerative: exportClusters,
  'rbf-svm': exportSupportVectors,
  'fourier-svm': exportFourier,
  'multi-layer-perceptron': exportNetwork,
  'naive-bayes': exportNaiveBayes,
};

/** Intercept + coefficients . row, in float64. */
function exportLinear(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const coefficients = float64Section(file, 'linear.coefficients');
  const products = graph.add('MatMul', [graph.cast(rows, 'float64'), graph.float64(coefficients, [coefficients.length, 1])]);
  return graph.add('Add', [products, graph.float64(float64Section(file, 'linear.intercept', 1), [1, 1])]);
}
