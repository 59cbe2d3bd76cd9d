import type { ModelFile } from '../model-file.ts';
import { float64Section, int32Section, uint8Section } from '../model-file.ts';
import { transposed } from './transposed.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/**
 * Adds one step of a preparation: `input` is float64 [rows, columns], so is the value returned. `file` shows the step's own sections,
 * the very numbers that it applies when serving.
 */
export type StepExporter = (graph: OnnxGraph, input: string, file: ModelFile) => string;

/** Preparation steps by kind, as `prepare/` names them. */
export const stepExporters: Readonly<Record<string, StepExporter>> = {
  signed_log1p: exportLogarithms, standardize: exportAffine, min_max: exportAffine, robust: exportAffine,
  impute: exportImpute, one_hot: exportOneHot, polynomial: exportPolynomial, pca: exportPca,
};

/** sign(x) ln(1 + |x|), where the step applies. */
function exportLogarithms(graph: OnnxGraph, input: string, file: ModelFile): string {
  const applies = uint8Section(file, 'applies');
  const output = graph.add('Mul', [graph.add('Sign', [input]), log1p(graph, graph.add('Abs', [input]))]);
  return applies.every((flag) => flag === 1) ? output : graph.add('Where', [graph.bool(applies), output, input]);
}

/**
 * ln(1 + x) for x of at least 0, which ONNX lacks: x ln(u) / (u - 1) with u = 1 + x as rounded makes up for the rounding (Kahan, cited by
 * Goldberg 1991, theorem 4).
 */
function log1p(graph: OnnxGraph, x: string): string {
  const one = graph.number(1);
  const u = graph.add('Add', [x, one]);
  const ratio = graph.add('Div', [graph.add('Mul', [x, graph.add('Log', [u])]), graph.add('Sub', [u, one])]);
  return graph.add('Where', [graph.add('Equal', [u, one]), x, ratio]);
}

/** (x - center) scale + shift. */
function exportAffine(graph: OnnxGraph, input: string, file: ModelFile): string {
  const [center, scale, shift] = ['center', 'scale', 'shift'].map((name) => float64Section(file, name)) as [Float64Array, Float64Array, Float64Array];
  const scaled = graph.add('Mul', [graph.add('Sub', [input, graph.float64(center)]), graph.float64(scale)]);
  return shift.every((value) => value === 0) ? scaled : graph.add('Add', [scaled, graph.float64(shift)]);
}

/** A missing value becomes the column's filling, NaN where the step leaves the column alone; indicators stand behind. */
function exportImpute(graph: OnnxGraph, input: string, file: ModelFile): string {
  const isMissing = graph.add('IsNaN', [input]);
  const filled = graph.add('Where', [isMissing, graph.float64(float64Section(file, 'fill')), input]);
  const indicated = int32Section(file, 'indicated');
  return indicated.length === 0 ? filled : graph.beside([filled, graph.columns(graph.cast(isMissing, 'float64'), indicated)]);
}

/** Section `places`: per input column -1 when it passes, else its number of labels and then their places in output order. */
function exportOneHot(graph: OnnxGraph, input: string, file: ModelFile): string {
  const places = int32Section(file, 'places');
  const ownColumn = int32Section(file, 'missing', 1)[0] === 1;
  const made: string[] = [];
  for (let at = 0, j = 0; at < places.length; j++) {
    const count = places[at++]!;
    const column = graph.columns(input, [j]);
    if (count === -1) {
      made.push(column);
      continue;
    }
    if (count > 0) made.push(graph.cast(graph.add('Equal', [column, graph.float64(places.subarray(at, at + count))]), 'float64'));
    if (ownColumn) made.push(graph.cast(graph.add('IsNaN', [column]), 'float64'));
    at += count;
  }
  return graph.beside(made);
}

/** Columns that a step works on, and those that pass it. */
function chosenAndPassed(file: ModelFile): { chosen: number[]; passed: number[] } {
  const applies = uint8Section(file, 'applies');
  const columns = [...applies.keys()];
  return { chosen: columns.filter((j) => applies[j] === 1), passed: columns.filter((j) => applies[j] !== 1) };
}

/** The chosen columns, all products of two and, to degree 3, of three of them, then the columns that pass. */
function exportPolynomial(graph: OnnxGraph, input: string, file: ModelFile): string {
  const { chosen, passed } = chosenAndPassed(file);
  const [degree, interactionOnly] = int32Section(file, 'terms', 2);
  const later = (from: number): number[] => chosen.slice(from + (interactionOnly === 1 ? 1 : 0)).map((_, k) => from + (interactionOnly === 1 ? 1 : 0) + k);
  const pairs = chosen.flatMap((_, a) => later(a).map((b) => [a, b] as const));
  const triples = degree === 3 ? pairs.flatMap(([a, b]) => later(b).map((c) => [a, b, c] as const)) : [];
  const factor = (products: readonly (readonly number[])[], place: number): string => graph.columns(input, products.map((product) => chosen[product[place]!]!));
  const product = (products: readonly (readonly number[])[]): string => graph.add('Mul', [factor(products, 0), factor(products, 1)]);
  return graph.beside([
    ...(chosen.length > 0 ? [graph.columns(input, chosen)] : []),
    ...(pairs.length > 0 ? [product(pairs)] : []),
    ...(triples.length > 0 ? [graph.add('Mul', [product(triples), factor(triples, 2)])] : []),
    ...(passed.length > 0 ? [graph.columns(input, passed)] : []),
  ]);
}

/** Projections of the centred columns, a missing value counting as the mean, then the columns that pass. */
function exportPca(graph: OnnxGraph, input: string, file: ModelFile): string {
  const { chosen, passed } = chosenAndPassed(file);
  const [center, scale] = [float64Section(file, 'center'), float64Section(file, 'scale')];
  const loadings = float64Section(file, 'loadings', scale.length * chosen.length);
  const centered = graph.add('Sub', [graph.columns(input, chosen), graph.float64(chosen.map((j) => center[j]!))]);
  const present = graph.add('Where', [graph.add('IsNaN', [centered]), graph.number(0), centered]);
  const projected = graph.add('MatMul', [present, graph.float64(transposed(loadings, scale.length, chosen.length), [chosen.length, scale.length])]);
  return graph.beside([graph.add('Mul', [projected, graph.float64(scale)]), ...(passed.length > 0 ? [graph.columns(input, passed)] : [])]);
}
