import type { ModelFile } from '../model-file.ts';
import { float64Section, int32Section, uint8Section } from '../model-file.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** Prior log-odds plus a log-likelihood ratio for each column that is present: of two normals, or of a label. */
export function exportNaiveBayes(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const speaks = uint8Section(file, 'bayes.speaks');
  const labelStart = int32Section(file, 'bayes.labelStart', speaks.length + 1);
  const labelLogOdds = float64Section(file, 'bayes.labelLogOdds', labelStart[speaks.length]);
  const speaking = [...speaks.keys()].filter((j) => speaks[j] === 1);
  const hasLabels = (j: number): boolean => labelStart[j + 1]! > labelStart[j]!;
  const x = graph.cast(rows, 'float64');
  let margin = graph.repeat(graph.float64(float64Section(file, 'bayes.prior', 1), [1, 1]));
  const numbers = speaking.filter((j) => !hasLabels(j));
  if (numbers.length > 0) margin = graph.add('Add', [margin, normalRatios(graph, graph.columns(x, numbers), numbers, file)]);
  for (const j of speaking.filter(hasLabels)) {
    const odds = labelLogOdds.slice(labelStart[j], labelStart[j + 1]);
    // A missing or unknown label equals none.
    const isLabel = graph.add('Equal', [graph.columns(x, [j]), graph.float64(odds.map((_, label) => label))]);
    margin = graph.add('Add', [margin, graph.add('MatMul', [graph.cast(isLabel, 'float64'), graph.float64(odds, [odds.length, 1])])]);
  }
  return margin;
}

/** Sum over the columns of ln(deviation 0 / deviation 1) + (x - mean 0)^2 / (2 variance 0) - (x - mean 1)^2 / (2 variance 1). */
function normalRatios(graph: OnnxGraph, x: string, columns: readonly number[], file: ModelFile): string {
  const count = uint8Section(file, 'bayes.speaks').length;
  const [mean, variance] = [float64Section(file, 'bayes.mean', 2 * count), float64Section(file, 'bayes.variance', 2 * count)];
  const distance = (label: number): string => {
    const difference = graph.add('Sub', [x, graph.float64(columns.map((j) => mean[label * count + j]!))]);
    return graph.add('Mul', [graph.add('Mul', [difference, difference]), graph.float64(columns.map((j) => 0.5 / variance[label * count + j]!))]);
  };
  const scale = graph.float64(columns.map((j) => 0.5 * (Math.log(variance[j]!) - Math.log(variance[count + j]!))));
  const ratios = graph.add('Add', [scale, graph.add('Sub', [distance(0), distance(1)])]);
  return graph.sumColumns(graph.add('Where', [graph.add('IsNaN', [x]), graph.number(0), ratios]));
}
