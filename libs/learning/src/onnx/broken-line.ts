import type { OnnxGraph } from './onnx-graph.ts';

/** `levels` at ascending `knots`, linear between two of them; beyond the ends the first and last piece go on. At least two knots. */
export function brokenLine(graph: OnnxGraph, value: string, knots: Float64Array, levels: Float64Array): string {
  const one = graph.int64([1], [1, 1]);
  const knotsBelow = graph.sumColumns(graph.cast(graph.add('Less', [graph.float64(knots), value]), 'int64'));
  const high = graph.add('Min', [graph.add('Max', [knotsBelow, one]), graph.int64([knots.length - 1], [1, 1])]);
  const low = graph.add('Sub', [high, one]);
  const at = (values: Float64Array, index: string): string => graph.add('Gather', [graph.float64(values, [values.length]), index], { axis: { int: 0 } });
  const [lowKnot, lowLevel] = [at(knots, low), at(levels, low)];
  const along = graph.add('Div', [graph.add('Sub', [value, lowKnot]), graph.add('Sub', [at(knots, high), lowKnot])]);
  return graph.add('Add', [lowLevel, graph.add('Mul', [along, graph.add('Sub', [at(levels, high), lowLevel])])]);
}

/** The same, level beyond the ends. */
export function clippedBrokenLine(graph: OnnxGraph, value: string, knots: Float64Array, levels: Float64Array): string {
  if (knots.length === 1) return graph.repeat(graph.number(levels[0]!));
  const last = graph.number(knots.at(-1)!);
  return brokenLine(graph, graph.add('Min', [graph.add('Max', [value, graph.number(knots[0]!)]), last]), knots, levels);
}
