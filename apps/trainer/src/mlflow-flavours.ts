import { exportOnnx, OnnxExportError, type Dataset, type FittedModel } from '#tideline/learning';
import { MODEL_ARTIFACT_FOLDER } from './model-artifact.ts';

/** Files of a run's model folder by artifact path. */
type ModelFiles = Readonly<Record<string, Uint8Array>>;

export interface MlflowModel {
  readonly files: ModelFiles;
  /** Why there is no ONNX file and nothing for Python to load; undefined when there is. */
  readonly problem: string | undefined;
}

/** The MLflow whose model format this is; a test in `test/services` loads it with that version. */
const MLFLOW_VERSION = '3.17.2';
const PYTHON_VERSION = '3.11.0';
const EXAMPLE_ROWS = 3;
const requirements = ['mlflow>=2.10', 'onnx>=1.12', 'onnxruntime>=1.12', 'numpy', 'pandas'];

/**
 * What MLflow needs beside our own file to load a model in Python: `MLmodel` with the flavours `onnx` and `python_function`, the model as
 * ONNX, its requirements and an example input. A model without a counterpart in ONNX has none of it.
 */
export function mlflowModel(model: FittedModel, example: Dataset, run: { readonly id: string; readonly nowMs: number }): MlflowModel {
  let onnx: Uint8Array;
  try {
    onnx = exportOnnx(model);
  } catch (error) {
    if (error instanceof OnnxExportError) return { files: {}, problem: error.message };
    throw error;
  }
  const texts = {
    MLmodel: describeModel(model, onnx.byteLength, run),
    'requirements.txt': `${requirements.join('\n')}\n`,
    'python_env.yaml': `python: "${PYTHON_VERSION}"\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n`,
    'input_example.json': JSON.stringify(exampleRows(model, example)),
  };
  const files = { 'model.onnx': onnx, ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)])) };
  return { files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${MODEL_ARTIFACT_FOLDER}/${name}`, bytes])), problem: undefined };
}

/** YAML; texts are quoted as JSON, which YAML reads. */
function describeModel(model: FittedModel, onnxBytes: number, { id, nowMs }: { readonly id: string; readonly nowMs: number }): string {
  const inputs = model.featureNames.map((name) => ({ type: 'double', name, required: true }));
  const outputs = [
    { type: 'float', name: 'score', required: true },
    ...(model.task === 'classification' ? [{ type: 'long', name: 'label', required: true }] : []),
    ...(model.hasProbability ? [{ type: 'float', name: 'probability', required: true }] : []),
  ];
  return `artifact_path: ${MODEL_ARTIFACT_FOLDER}
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: "1.12.0"
    providers:
    - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: "${PYTHON_VERSION}"
mlflow_version: "${MLFLOW_VERSION}"
model_size_bytes: ${onnxBytes}
model_uuid: "${id}"
run_id: "${id}"
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
signature:
  inputs: ${JSON.stringify(JSON.stringify(inputs))}
  outputs: ${JSON.stringify(JSON.stringify(outputs))}
  params: null
utc_time_created: "${new Date(nowMs).toISOString().replace('T', ' ').replace('Z', '')}"
`;
}

/** The first rows as pandas' orientation `split`; JSON has no NaN, so a missing value is null. */
function exampleRows({ featureNames }: FittedModel, { X, columnCount, rowCount }: Dataset): { columns: readonly string[]; data: (number | null)[][] } {
  const row = (i: number): (number | null)[] => [...X.subarray(i * columnCount, (i + 1) * columnCount)].map((value) => (Number.isNaN(value) ? null : value));
  return { columns: featureNames, data: Array.from({ length: Math.min(EXAMPLE_ROWS, rowCount) }, (_, i) => row(i)) };
}
