import type { ModelFile } from '../model-file.ts';
import { float64Section, uint8Section } from '../model-file.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/**
 * Adds one step of a preparation: `input` is float64 [rows, columns], so is the value returned. `file` shows the step's own sections,
 * the very numbers that it applies when serving.
 */
export type StepExporter = (graph: OnnxGraph, input: string, file: ModelFile) => string;

/** Preparation steps by kind, as `prepare/` names them. */
export const stepExporters: Readonly<Record<string, StepExporter>> = {
  signed_log1p: whereItApplies((graph, x) => graph.add('Mul', [graph.add('Sign', [x]), log1p(graph, graph.add('Abs', [x]))])),
  standardize: whereItApplies((graph, x, first, second) => graph.add('Mul', [graph.add('Sub', [x, graph.float64(first)]), graph.float64(second)])),
  impute_mean: whereItApplies((graph, x, first) => graph.add('Where', [graph.add('IsNaN', [x]), graph.float64(first), x])),
};

type ColumnTransform = (graph: OnnxGraph, x: string, first: Float64Array, second: Float64Array) => string;

/** Columns that a step leaves alone pass it. */
function whereItApplies(transform: ColumnTransform): StepExporter {
  return (graph, input, file) => {
    const applies = uint8Section(file, 'applies');
    const output = transform(graph, input, float64Section(file, 'first', applies.length), float64Section(file, 'second', applies.length));
    return applies.every((flag) => flag === 1) ? output : graph.add('Where', [graph.bool(applies), output, input]);
  };
}

/**
 * ln(1 + x) for x of at least 0, which ONNX lacks: x ln(u) / (u - 1) with u = 1 + x as rounded makes up for the rounding (Kahan, cited by
 * Goldberg 1991, theorem 4).
 */
function log1p(graph: OnnxGraph, x: string): string {
  const one = graph.float64([1], [1, 1]);
  const u = graph.add('Add', [x, one]);
  const difference = graph.add('Sub', [u, one]);
  const ratio = graph.add('Div', [graph.add('Mul', [x, graph.add('Log', [u])]), difference]);
  return graph.add('Where', [graph.add('Equal', [u, one]), x, ratio]);
}
