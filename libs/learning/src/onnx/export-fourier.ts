import type { ModelFile } from '../model-file.ts';
import { float32Section, float64Section } from '../model-file.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** Components stand in blocks of eight, each block column after column. */
const LANES = 8;

/**
 * A linear decision over cosines of random angles. Angles are summed in float32, column after column from the offset, as the model sums
 * them: another order would move large angles by more than the promised precision.
 */
export function exportFourier(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const offsets = float32Section(file, 'fourier.offsets');
  const frequencies = float32Section(file, 'fourier.frequencies');
  const coefficients = float64Section(file, 'fourier.coefficients', offsets.length);
  const width = frequencies.length / offsets.length;
  let turns = graph.float32(offsets);
  for (let j = 0; j < width; j++) {
    const ofColumn = Float32Array.from(offsets, (_, k) => frequencies[(Math.floor(k / LANES) * width + j) * LANES + (k % LANES)]!);
    turns = graph.add('Add', [turns, graph.add('Mul', [graph.columns(rows, [j]), graph.float32(ofColumn)])]);
  }
  // Whole turns are taken off before the cosine, where they are exact.
  const fraction = graph.cast(graph.add('Sub', [turns, graph.add('Floor', [turns])]), 'float64');
  const cosines = graph.add('Cos', [graph.add('Mul', [fraction, graph.number(2 * Math.PI)])]);
  const decision = graph.add('MatMul', [cosines, graph.float64(coefficients, [coefficients.length, 1])]);
  return graph.add('Add', [decision, graph.float64(float64Section(file, 'fourier.bias', 1), [1, 1])]);
}
