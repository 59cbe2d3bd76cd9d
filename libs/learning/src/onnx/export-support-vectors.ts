import type { ModelFile } from '../model-file.ts';
import { float32Section, float64Section } from '../model-file.ts';
import { transposed } from './transposed.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** Bias plus the coefficients' sum of kernels e^(-gamma |x - v|^2), the distance as |x|^2 + |v|^2 - 2 x . v in float64. */
export function exportSupportVectors(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const coefficients = float64Section(file, 'support.coefficients');
  const vectors = float32Section(file, 'support.vectors');
  const [bias, gamma] = float64Section(file, 'support.biasAndGamma', 2);
  const count = coefficients.length;
  if (count === 0) return graph.repeat(graph.number(bias!));
  const width = vectors.length / count;
  const x = graph.cast(rows, 'float64');
  const squares = Float64Array.from(coefficients, (_, v) => vectors.subarray(v * width, (v + 1) * width).reduce((sum, value) => sum + value * value, 0));
  const both = graph.add('Add', [graph.sumColumns(graph.add('Mul', [x, x])), graph.float64(squares)]);
  const products = graph.add('MatMul', [x, graph.float64(transposed(vectors, count, width), [width, count])]);
  // Rounding may take the distance of a vector to itself below 0.
  const distances = graph.add('Max', [graph.add('Sub', [both, graph.add('Mul', [graph.number(2), products])]), graph.number(0)]);
  const kernels = graph.add('Exp', [graph.add('Mul', [graph.number(-gamma!), distances])]);
  return graph.add('Add', [graph.add('MatMul', [kernels, graph.float64(coefficients, [count, 1])]), graph.number(bias!)]);
}
