import type { ModelFile } from '../model-file.ts';
import { float64Section, int32Section } from '../model-file.ts';
import { brokenLine } from './broken-line.ts';
import type { OnnxGraph } from './onnx-graph.ts';

/** A line over one column, or over its rank share. */
export function exportOneFeature(graph: OnnxGraph, rows: string, file: ModelFile): string {
  const [slope, intercept] = float64Section(file, 'feature.line', 3);
  const knots = float64Section(file, 'feature.knots');
  const value = graph.cast(graph.columns(rows, int32Section(file, 'feature.column', 1)), 'float64');
  const input = knots.length === 0 ? value : exportRankShare(graph, value, knots, float64Section(file, 'feature.shares', knots.length));
  return graph.add('Add', [graph.add('Mul', [input, graph.number(slope!)]), graph.number(intercept!)]);
}

/** `RankScale.at`: linear between neighbouring knots, and beyond the extremes spread / (spread + distance). */
function exportRankShare(graph: OnnxGraph, value: string, knots: Float64Array, shares: Float64Array): string {
  const last = knots.length - 1;
  const [first, highest] = [graph.number(knots[0]!), graph.number(knots[last]!)];
  const range = knots[last]! - knots[0]!;
  const spread = graph.number(range > 0 && range < Infinity ? range : Math.max(1, Math.abs(knots[0]!)));
  const tail = (distance: string): string => graph.add('Div', [spread, graph.add('Add', [spread, distance])]);
  const below = graph.add('Mul', [graph.number(shares[0]!), tail(graph.add('Sub', [first, value]))]);
  const above = graph.add('Sub', [graph.number(1), graph.add('Mul', [graph.number(1 - shares[last]!), tail(graph.add('Sub', [value, highest]))])]);
  // What a tail gives on the wrong side may be infinite: it is not chosen.
  const notBelow = graph.add('Where', [graph.add('GreaterOrEqual', [value, highest]), above, last === 0 ? above : brokenLine(graph, value, knots, shares)]);
  return graph.add('Where', [graph.add('LessOrEqual', [value, first]), below, notBelow]);
}
