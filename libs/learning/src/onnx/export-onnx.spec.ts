// Goal: any program that reads ONNX scores rows as the model does. Method (differential): onnxruntime runs the exported file on random rows
// with missing values, for every method and preparation, and its outputs are held against the model's own.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { catalog, createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import type { FittedModel, Task } from '../estimator.ts';
import type { Family } from '../family.ts';
import type { EstimatorDefinition } from '../pipeline.ts';
import { Random } from '../random.ts';
import { coreExporters } from './core-exporters.ts';
import { exportOnnx } from './export-onnx.ts';
import { float32AtMost } from './export-trees.ts';

/** Normal, heavy-tailed and whole-numbered columns, a fifth of the second missing. */
function tableOf(task: Task, rowCount: number, seed = 3): Dataset {
  const random = new Random(seed);
  const columnCount = 5;
  const X = new Float32Array(rowCount * columnCount);
  const y = new Float64Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const [a, b, c, d, e] = [random.normal(), random.normal(), Math.exp(4 * random.normal()) * (random.int(2) - 0.5), random.int(4), 1e-7 * random.normal()];
    X.set([a, random.uniform() < 0.2 ? NaN : b, c, d, e], row * columnCount);
    const signal = 2 * a + (a > 0 ? b : 0) + Math.log1p(Math.abs(c)) + 0.3 * d + random.normal();
    y[row] = task === 'regression' ? 10 * signal : signal > 2 ? 1 : 0;
  }
  return { rowCount, columnCount, X, y, featureNames: ['a', 'b', 'c', 'd', 'e'] };
}

interface Outputs { readonly score: Float32Array; readonly label: BigInt64Array | undefined; readonly probability: Float32Array | undefined }

async function runOnnx(bytes: Uint8Array, X: Float32Array, columnCount: number): Promise<Outputs> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const results = await session.run({ features: new Tensor('float32', X, [X.length / columnCount, columnCount]) });
  await session.release();
  const dataOf = (name: string): unknown => results[name]?.data;
  return { score: dataOf('score') as Float32Array, label: dataOf('label') as BigInt64Array | undefined, probability: dataOf('probability') as Float32Array | undefined };
}

async function expectAgreement(model: FittedModel, data: Dataset): Promise<void> {
  const { rowCount, X, columnCount } = data;
  const { score, label, probability } = await runOnnx(exportOnnx(model), X, columnCount);
  const expected = model.score(X, rowCount);
  const predicted = model.predict(X, rowCount);
  const side = model.hasProbability ? 0.5 : 0;
  expect(score).toHaveLength(rowCount);
  expect([label?.length, probability?.length]).toEqual([model.task === 'classification' ? rowCount : undefined, model.hasProbability ? rowCount : undefined]);
  for (let row = 0; row < rowCount; row++) {
    const tolerance = 1e-5 * Math.max(1, Math.abs(expected[row]!));
    expect(Math.abs(score[row]! - expected[row]!), `score of row ${row}: expected ${expected[row]}, found ${score[row]}`).toBeLessThanOrEqual(tolerance);
    // A score on the border may fall to either side.
    if (label !== undefined && Math.abs(expected[row]! - side) > tolerance) expect(Number(label[row])).toBe(predicted[row]);
    if (probability !== undefined) expect(probability[row]).toBe(score[row]);
  }
}

function definitionOf(family: Family, task: Task, change: Partial<EstimatorDefinition> = {}): EstimatorDefinition {
  const quick = family.quickParameters ?? (Object.hasOwn(family.parameters, 'trees') ? { trees: 12, min_rows_in_leaf: 5 } : {});
  return { kind: family.kind, task, parameters: quick, prepare: [], ...(family.needsFeature ? { feature: 'c' } : {}), ...change };
}

const fitted = (definition: EstimatorDefinition, data: Dataset): Promise<FittedModel> => createEstimator(definition).fit(data, { random: new Random(7) });
/** Float32 sums of columns of such unlike sizes cancel to a few digits, here and in any runtime. */
const needsScaling = ['multi-layer-perceptron'];

/** Heavy tails drawn in. */
function scaled(data: Dataset): Dataset {
  return { ...data, X: data.X.map((x) => Math.asinh(x)) };
}

const exportable = catalog.filter(({ kind }) => coreExporters[kind] !== undefined);

describe.each(exportable.flatMap((family) => family.tasks.map((task) => ({ kind: family.kind, task, family }))))('$kind, $task, as ONNX', ({ family, task }) => {
  it('differential: onnxruntime gives the same scores, labels and probabilities, also for rows never seen', async () => {
    const [train, test] = [tableOf(task, 300), tableOf(task, 500, 4)].map((data) => (needsScaling.includes(family.kind) ? scaled(data) : data)) as [Dataset, Dataset];
    await expectAgreement(await fitted(definitionOf(family, task), train), test);
  });

  it('differential: so it does behind logarithms and scaling that leave columns out', async () => {
    const prepare = [{ step: 'signed_log1p', except: ['a', 'd'] }, { step: 'standardize', except: ['d'] }] as const;
    const model = await fitted(definitionOf(family, task, { prepare }), tableOf(task, 300));
    await expectAgreement(model, tableOf(task, 500, 5));
  });

  it('differential: so it does after one class, one row and one column', async () => {
    const data = scaled(tableOf(task, 40));
    await expectAgreement(await fitted(definitionOf(family, task), { ...data, y: new Float64Array(40).fill(1) }), data);
    await expectAgreement(await fitted(definitionOf(family, task), { ...data, rowCount: 1, X: data.X.slice(0, 5), y: data.y.slice(0, 1) }), data);
    const narrow = { ...data, columnCount: 1, featureNames: ['c'], X: data.X.filter((_, at) => at % 5 === 2) };
    await expectAgreement(await fitted(definitionOf(family, task), narrow), narrow);
  });
});

/** Colours and towns beside numbers; a tenth of each missing. */
function labelledTable(rowCount: number, seed = 8): Dataset {
  const random = new Random(seed);
  const categories = { colour: ['red', 'green', 'blue'], town: ['Rome', 'Aix', 'Oslo', 'Bonn'] };
  const cell = (value: number): number => (random.uniform() < 0.1 ? NaN : value);
  const rows = Array.from({ length: rowCount }, () => [cell(random.normal()), cell(random.int(3)), cell(random.normal() + 2), cell(random.int(4))]);
  const y = Float64Array.from(rows, ([a, colour, b]) => ((a || 0) + (colour === 1 ? 2 : 0) + 0.5 * (b || 0) + random.normal() > 1.5 ? 1 : 0));
  return { rowCount, columnCount: 4, X: Float32Array.from(rows.flat()), y, featureNames: ['a', 'colour', 'b', 'town'], categories };
}

const preparations: Readonly<Record<string, EstimatorDefinition['prepare']>> = {
  'ranges': [{ step: 'min_max', low: -1 }],
  'quantiles, one column left out': [{ step: 'robust', except: ['b'] }],
  'medians with indicators': [{ step: 'impute', strategy: 'median', indicator: true }],
  'sorted labels': [{ step: 'one_hot' }],
  'given labels with a column for missing ones': [{ step: 'one_hot', order: 'given', missing: 'own_column' }],
  'one of two columns of labels': [{ step: 'one_hot', columns: ['town'] }, { step: 'impute', strategy: 'most_frequent', columns: ['colour'] }, { step: 'one_hot' }],
  'squares and products': [{ step: 'one_hot' }, { step: 'polynomial', degree: 2, except: ['a'] }],
  'products of three': [{ step: 'one_hot' }, { step: 'polynomial', degree: 3, interaction_only: true, columns: ['a', 'b', 'colour=red'] }],
  'components': [{ step: 'one_hot' }, { step: 'standardize' }, { step: 'pca', components: 3 }],
  'whitened components beside two columns': [{ step: 'one_hot' }, { step: 'pca', components: 0.9, whiten: true, except: ['a', 'town=Oslo'] }],
};

describe.each(Object.entries(preparations))('%s, as ONNX', (_, prepare) => {
  const last = prepare.some(({ step }) => step === 'one_hot') ? [] : [{ step: 'one_hot' }];
  it.each(['logistic-regression', 'gradient-boosting'])('differential: onnxruntime prepares as we do, for %s', async (kind) => {
    const definition = definitionOf(catalog.find((family) => family.kind === kind)!, 'classification', { prepare: [...prepare, ...last] });
    await expectAgreement(await fitted(definition, labelledTable(300)), labelledTable(400, 9));
  });
});

describe.each(['platt', 'isotonic'] as const)('calibration by %s, as ONNX', (calibrate) => {
  it.each(['linear-svm', 'gradient-boosting'])('differential: onnxruntime gives the same probabilities, for %s', async (kind) => {
    const data = scaled(tableOf('classification', 300));
    const model = await fitted(definitionOf(catalog.find((family) => family.kind === kind)!, 'classification', { calibrate }), data);
    expect(model.hasProbability).toBe(true);
    await expectAgreement(model, scaled(tableOf('classification', 500, 6)));
  });
});

describe('ONNX export', () => {
  it('differential: naive Bayes reads labels, known, unknown and missing', async () => {
    const model = await fitted(definitionOf(catalog.find(({ kind }) => kind === 'naive-bayes')!, 'classification'), labelledTable(300));
    const data = labelledTable(400, 9);
    data.X[1] = 77;
    await expectAgreement(model, data);
  });

  it('gives the same bytes for the same model, an answer for no rows, and says whose they are', async () => {
    const model = await fitted(definitionOf(catalog.find(({ kind }) => kind === 'logistic-regression')!, 'classification'), tableOf('classification', 100));
    const bytes = exportOnnx(model);
    expect(exportOnnx(model)).toEqual(bytes);
    expect((await runOnnx(bytes, new Float32Array(0), 5)).score).toHaveLength(0);
    const session = await InferenceSession.create(bytes);
    expect([session.inputNames, session.outputNames]).toEqual([['features'], ['score', 'label', 'probability']]);
    expect(new TextDecoder('latin1').decode(bytes)).toContain('["a","b","c","d","e"]');
  });

  it('covers every method of the catalog that ONNX can express', () => {
    expect(catalog.filter(({ kind }) => coreExporters[kind] === undefined).map(({ kind }) => kind)).toEqual([]);
  });
});

describe('float32AtMost', () => {
  it('oracle: parts float32 values as the float64 threshold does', () => {
    const random = new Random(11);
    const probes = Float32Array.of(0, -0, 1.5, -1.5, 1e-45, -1e-45, 3.4e38, -3.4e38, 0.1, -0.1);
    for (let i = 0; i < 2_000; i++) {
      const near = probes[i % probes.length]!;
      const threshold = i < 10 ? near : near + near * 1e-7 * random.normal() + (i % 7 === 0 ? 1e-46 * random.normal() : 0);
      const exported = float32AtMost(threshold);
      expect(exported).toBe(Math.fround(exported));
      for (const probe of [...probes, Math.fround(threshold), exported]) expect(probe <= exported).toBe(probe <= threshold);
    }
  });
});
