// Goal: a run holds what MLflow needs to load its model in Python. Method: the files read back, the model run by onnxruntime; that MLflow
// itself takes them is shown in `test/services`.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createEstimator, OnnxExportError, Random, type Dataset, type FittedModel, type Task } from '#tideline/learning';
import { mlflowModel } from './mlflow-flavours.ts';

const random = new Random(5);
const data: Dataset = {
  rowCount: 60, columnCount: 2, featureNames: ['say "hi": #1', 'b'],
  X: Float32Array.from({ length: 120 }, (_, at) => (at === 3 ? NaN : random.normal())), y: Float64Array.from({ length: 60 }, (_, i) => i % 2),
};
const fit = (task: Task): Promise<FittedModel> => createEstimator({ kind: 'gradient-boosting', task, parameters: { trees: 3 }, prepare: [] }).fit(data, { random });
const run = { id: '0123456789abcdef0123456789abcdef', nowMs: Date.UTC(2026, 1, 3) };
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

interface Signature { readonly inputs: string; readonly outputs: string }

describe('mlflowModel', () => {
  it('states flavours, signature and example of a classifier', async () => {
    const model = await fit('classification');
    const { files, problem } = mlflowModel(model, data, run);
    expect(problem).toBeUndefined();
    expect(Object.keys(files).sort()).toEqual(['model/MLmodel', 'model/input_example.json', 'model/model.onnx', 'model/python_env.yaml', 'model/requirements.txt']);
    const described = parse(textOf(files['model/MLmodel'])) as { flavors: unknown; run_id: string; signature: Signature; model_size_bytes: number };
    expect(described).toMatchObject({ flavors: { onnx: { data: 'model.onnx' }, python_function: { loader_module: 'mlflow.onnx', data: 'model.onnx' } }, run_id: run.id });
    expect(described.model_size_bytes).toBe(files['model/model.onnx']!.byteLength);
    expect(JSON.parse(described.signature.inputs)).toEqual(data.featureNames.map((name) => ({ type: 'double', name, required: true })));
    expect((JSON.parse(described.signature.outputs) as { name: string }[]).map(({ name }) => name)).toEqual(['score', 'label', 'probability']);
    const example = JSON.parse(textOf(files['model/input_example.json'])) as { columns: string[]; data: (number | null)[][] };
    expect(example).toEqual({ columns: data.featureNames, data: [[data.X[0], data.X[1]], [data.X[2], null], [data.X[4], data.X[5]]] });

    const session = await InferenceSession.create(files['model/model.onnx']!);
    const { score } = await session.run({ features: new Tensor('float32', data.X, [60, 2]) });
    model.score(data.X, 60).forEach((expected, row) => expect((score!.data as Float32Array)[row]).toBeCloseTo(expected, 5));
  });

  it('states only a score for regression', async () => {
    const { files } = mlflowModel(await fit('regression'), data, run);
    const { signature } = parse(textOf(files['model/MLmodel'])) as { signature: Signature };
    expect(JSON.parse(signature.outputs)).toEqual([{ type: 'float', name: 'score', required: true }]);
  });

  it('says why when the model has no counterpart in ONNX', async () => {
    const model = { ...(await fit('regression')), save: () => { throw new OnnxExportError('expected another kind'); } } as unknown as FittedModel;
    expect(mlflowModel(model, data, run)).toEqual({ files: {}, problem: 'expected another kind' });
  });
});
