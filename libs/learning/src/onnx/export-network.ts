import type { ModelFile } from '../model-file.ts';
import { float32Section, float64Section, int32Section, uint8Section } from '../model-file.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** Dense layers with tanh or ReLU between them; the margin is offset + scale x output. Weights stay float32, sums run in float64. */
export function exportNetwork(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const widths = int32Section(file, 'network.widths');
  const [offset, scale] = float64Section(file, 'network.output', 2);
  const weights = float32Section(file, 'network.weights');
  if (weights.length === 0) return graph.repeat(graph.number(offset!));
  const activation = uint8Section(file, 'network.activation', 1)[0] === 1 ? 'Tanh' : 'Relu';
  let values = graph.cast(rows, 'float64');
  let at = 0;
  /** The next `count` saved numbers. */
  const take = (count: number, shape: readonly number[]): string => graph.cast(graph.float32(weights.subarray(at, (at += count)), shape), 'float64');
  for (let layer = 1; layer < widths.length; layer++) {
    const [inputs, outputs] = [widths[layer - 1]!, widths[layer]!];
    const products = graph.add('MatMul', [values, take(inputs * outputs, [inputs, outputs])]);
    const sums = graph.add('Add', [products, take(outputs, [1, outputs])]);
    values = layer === widths.length - 1 ? sums : graph.add(activation, [sums]);
  }
  return graph.add('Add', [graph.add('Mul', [values, graph.number(scale!)]), graph.number(offset!)]);
}
