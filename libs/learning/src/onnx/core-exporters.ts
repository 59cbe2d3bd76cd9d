import type { ModelFile } from '../model-file.ts';
import { float64Section, int32Section } from '../model-file.ts';
import type { OnnxGraph } from './onnx-graph.ts';
import { exportTreeSum } from './export-trees.ts';

/** Adds what was learned: `rows` is the prepared float32 [rows, columns], the value returned the margin, float64 [rows, 1]. */
export type CoreExporter = (graph: OnnxGraph, rows: string, file: ModelFile) => string;

/** Methods by kind, as the catalog names them; each reads the sections that its family's `load` reads. */
export const coreExporters: Readonly<Record<string, CoreExporter>> = {
  constant: (graph, _rows, file) => graph.repeat(graph.float64(float64Section(file, 'constant.margin', 1), [1, 1])),
  'one-feature': exportOneFeature,
  'logistic-regression': exportLinear,
  'gradient-boosting': exportTreeSum,
};

/** Intercept + coefficients . row, in float64. */
function exportLinear(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const coefficients = float64Section(file, 'linear.coefficients');
  const products = graph.add('MatMul', [graph.cast(rows, 'float64'), graph.float64(coefficients, [coefficients.length, 1])]);
  return graph.add('Add', [products, graph.float64(float64Section(file, 'linear.intercept', 1), [1, 1])]);
}

/** A line over one column, or over its rank share. */
function exportOneFeature(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const [slope, intercept] = float64Section(file, 'feature.line', 3);
  const knots = float64Section(file, 'feature.knots');
  const value = graph.cast(graph.columns(rows, int32Section(file, 'feature.column', 1)), 'float64');
  const input = knots.length === 0 ? value : exportRankShare(graph, value, knots, float64Section(file, 'feature.shares', knots.length));
  return graph.add('Add', [graph.add('Mul', [input, graph.float64([slope!], [1, 1])]), graph.float64([intercept!], [1, 1])]);
}

/** `RankScale.at`: linear between neighbouring knots, and beyond the extremes spread / (spread + distance). */
function exportRankShare(graph: OnnxGraph, value: string, knots: Float64Array, shares: Float64Array): string {
  const last = knots.length - 1;
  const number = (x: number): string => graph.float64([x], [1, 1]);
  const [first, highest] = [number(knots[0]!), number(knots[last]!)];
  const range = knots[last]! - knots[0]!;
  const spread = number(range > 0 && range < Infinity ? range : Math.max(1, Math.abs(knots[0]!)));
  const tail = (distance: string): string => graph.add('Div', [spread, graph.add('Add', [spread, distance])]);
  const below = graph.add('Mul', [number(shares[0]!), tail(graph.add('Sub', [first, value]))]);
  const above = graph.add('Sub', [number(1), graph.add('Mul', [number(1 - shares[last]!), tail(graph.add('Sub', [value, highest]))])]);
  // What the tails give on the wrong side may be infinite: it is not chosen.
  const inside = last === 0 ? above : between(graph, value, knots, shares);
  const notAbove = graph.add('Where', [graph.add('GreaterOrEqual', [value, highest]), above, inside]);
  return graph.add('Where', [graph.add('LessOrEqual', [value, first]), below, notAbove]);
}

function between(graph: OnnxGraph, value: string, knots: Float64Array, shares: Float64Array): string {
  const last = knots.length - 1;
  const knotsBelow = graph.sumColumns(graph.cast(graph.add('Less', [graph.float64(knots), value]), 'int64'));
  const high = graph.add('Min', [graph.add('Max', [knotsBelow, graph.int64([1], [1, 1])]), graph.int64([last], [1, 1])]);
  const low = graph.add('Sub', [high, graph.int64([1], [1, 1])]);
  const at = (values: Float64Array, index: string): string => graph.add('Gather', [graph.float64(values, [values.length]), index], { axis: { int: 0 } });
  const [lowKnot, lowShare] = [at(knots, low), at(shares, low)];
  const along = graph.add('Div', [graph.add('Sub', [value, lowKnot]), graph.add('Sub', [at(knots, high), lowKnot])]);
  return graph.add('Add', [lowShare, graph.add('Mul', [along, graph.add('Sub', [at(shares, high), lowShare])])]);
}
