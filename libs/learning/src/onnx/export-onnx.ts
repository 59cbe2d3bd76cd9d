import { catalog } from '../catalog.ts';
import type { FittedModel } from '../estimator.ts';
import type { MarginScale } from '../family.ts';
import type { ModelFile } from '../model-file.ts';
import { decodeModelFile, float64Section, uint8Section } from '../model-file.ts';
import { clippedBrokenLine } from './broken-line.ts';
import { coreExporters } from './core-exporters.ts';
import { OnnxExportError } from './onnx-export-error.ts';
import { OnnxGraph } from './onnx-graph.ts';
import { encodeOnnxModel } from './onnx-messages.ts';
import { stepExporters } from './step-exporters.ts';

/** Operators of ONNX 1.12 (2022), which every runtime in use has. */
const opsets = [{ domain: '', version: 17 }, { domain: 'ai.onnx.ml', version: 3 }];

/**
 * The whole model, preparation in front, as the bytes of an ONNX file. Input `features`: float32 [rows, features] in the order of
 * `featureNames`, NaN for a missing value, categories as the place of their label. Outputs, each [rows]: `score` (float32, what `score`
 * gives), for classifiers `label` (int64, 0 or 1), and `probability` (float32, of class 1) where the model has one. Preparation and sums
 * run in float64 as they do here. Throws `OnnxExportError` naming the part that has no counterpart in ONNX.
 */
export function exportOnnx(model: FittedModel): Uint8Array {
  // A model file holds all that was learned, so export needs nothing but what it says.
  const file = decodeModelFile(model.save());
  const graph = new OnnxGraph({ name: 'features', type: 'float32', shape: ['rows', file.featureNames.length] });
  const prepared = exportPreparation(graph, file);
  const core = coreExporters[file.kind];
  if (core === undefined) throw new OnnxExportError(`expected a kind of model that can be exported (${Object.keys(coreExporters).join(', ')}), found ${file.kind}`);
  exportOutputs(graph, core(graph, prepared, file), file);
  return encodeOnnxModel({
    graph: graph.content(file.kind),
    opsets,
    producer: 'tideline',
    documentation: `${file.kind} (${file.task})`,
    metadata: { kind: file.kind, task: file.task, features: JSON.stringify(file.featureNames), categories: JSON.stringify(file.categories), parameters: JSON.stringify(file.parameters) },
  });
}

/** Name of the prepared rows, float32. */
function exportPreparation(graph: OnnxGraph, file: ModelFile): string {
  const kinds = new TextDecoder().decode(uint8Section(file, 'prepare.steps')).split('\n').filter((kind) => kind !== '');
  if (kinds.length === 0) return graph.input;
  let rows = graph.cast(graph.input, 'float64');
  for (const [i, kind] of kinds.entries()) {
    const step = stepExporters[kind];
    if (step === undefined) throw new OnnxExportError(`expected preparation steps that can be exported (${Object.keys(stepExporters).join(', ')}), found ${kind}`);
    const prefix = `prepare.${i}.`;
    const sections = Object.fromEntries(Object.entries(file.sections).filter(([name]) => name.startsWith(prefix)).map(([name, data]) => [name.slice(prefix.length), data]));
    rows = step(graph, rows, { ...file, sections });
  }
  return graph.cast(rows, 'float32');
}

/** `margin` is [rows, 1] in float64, on the scale that the family states. */
function exportOutputs(graph: OnnxGraph, margin: string, file: ModelFile): void {
  if (file.task === 'regression') return graph.output('score', margin, 'float32');
  const { value, scale } = exportCalibration(graph, margin, file);
  const score = scale === 'log-odds' ? graph.add('Sigmoid', [value]) : value;
  graph.output('score', score, 'float32');
  graph.output('label', graph.add('Greater', [score, graph.number(scale === 'distance' ? 0 : 0.5)]), 'int64');
  if (scale !== 'distance') graph.output('probability', score, 'float32');
}

/** The margin behind its calibration, where the file holds one, and what scale it is on then. */
function exportCalibration(graph: OnnxGraph, margin: string, file: ModelFile): { value: string; scale: MarginScale } {
  if (Object.hasOwn(file.sections, 'calibration.platt')) {
    const [slope, intercept] = float64Section(file, 'calibration.platt', 2);
    return { value: graph.add('Add', [graph.add('Mul', [margin, graph.number(slope!)]), graph.number(intercept!)]), scale: 'log-odds' };
  }
  if (Object.hasOwn(file.sections, 'calibration.values')) {
    const values = float64Section(file, 'calibration.values');
    return { value: clippedBrokenLine(graph, margin, values, float64Section(file, 'calibration.probabilities', values.length)), scale: 'probability' };
  }
  return { value: margin, scale: catalog.find(({ kind }) => kind === file.kind)!.scale ?? 'log-odds' };
}
