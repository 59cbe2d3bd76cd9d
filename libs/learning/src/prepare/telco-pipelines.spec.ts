// Goal: a model behind preparation reaches what the peer reaches on a real table, from its raw records on: labels one-hot, numbers standardised.
// Method: the peers' folds, the AUC of each to 1e-5, or the mean of them within 0.005 where methods draw lots or stop early; what is loaded scores the same to the bit.
import { describe, expect, it } from 'vitest';
import { readReference, readShared } from '../../../../tools/reference/read-reference.ts';
import { createEstimator, loadModel } from '../catalog.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import { takeRows, type Dataset } from '../dataset.ts';
import { rocAuc } from '../metrics/classification.ts';
import { splitByFold, type Split } from '../model-selection/splits.ts';
import type { EstimatorDefinition } from '../pipeline.ts';
import { Random } from '../random.ts';
import { rowsOf } from '../rows-of.ts';

const text = readShared('data/telco/telco-customer-churn.csv');
const foldsText = readShared('peers/telco_folds.csv');
if (text === undefined || foldsText === undefined) console.warn('skipped: Telco pipelines, the table or its folds are not in the shared folder');

/** Numbers first, then labels, in file order; a blank total is 0, as the peers have it. */
function telcoTable(): Dataset {
  const [header, ...lines] = (text ?? '').trim().split(/\r?\n/).map((line) => line.split(','));
  const numbers = ['tenure', 'MonthlyCharges', 'TotalCharges', 'SeniorCitizen'];
  const labelled = header.filter((name) => !numbers.includes(name) && name !== 'customerID' && name !== 'Churn');
  const records = lines.map((cells) => Object.fromEntries(header.map((name, j) => [name, name === 'TotalCharges' && cells[j].trim() === '' ? '0' : cells[j]])));
  const categories = Object.fromEntries(labelled.map((name) => [name, [...new Set(records.map((record) => record[name]))]]));
  const featureNames = [...numbers, ...labelled];
  return {
    rowCount: records.length, columnCount: featureNames.length, X: rowsOf(records, featureNames, categories), featureNames, categories,
    y: Float64Array.from(records, (record) => (record['Churn'] === 'Yes' ? 1 : 0)),
  };
}

/** Two threads where WebAssembly was compiled: the same models to the bit, sooner. */
const kernels = (await wasmBackends())[1];

describe.skipIf(text === undefined || foldsText === undefined)('Telco from raw records, the peers\' five folds', () => {
  const data = telcoTable();
  const foldOf = Int32Array.from((foldsText ?? '').trim().split('\n'), Number);
  const { rocAuc: expected } = readReference<{ readonly rocAuc: { readonly naiveBayes: number[] } }>('telco-pipelines');
  const scaled: EstimatorDefinition['prepare'] = [{ step: 'one_hot' }, { step: 'standardize', columns: ['tenure', 'MonthlyCharges', 'TotalCharges'] }];

  async function aucOf(definition: Pick<EstimatorDefinition, 'kind' | 'parameters' | 'prepare'>, { train, test }: Split): Promise<number> {
    const model = await createEstimator({ ...definition, task: 'classification' }).fit(takeRows(data, train), { random: new Random(1), kernels });
    const tested = takeRows(data, test);
    const scores = loadModel(model.save()).score(tested.X, tested.rowCount);
    expect(scores).toEqual(model.score(tested.X, tested.rowCount));
    return rocAuc(tested.y, scores);
  }

  it('differential: naive Bayes ranks as the peer\'s on every fold', async () => {
    for (const [fold, auc] of expected.naiveBayes.entries()) expect(Math.abs(await aucOf({ kind: 'naive-bayes', parameters: {}, prepare: scaled }, splitByFold(foldOf, fold)) - auc)).toBeLessThan(1e-5);
  });

  const components: EstimatorDefinition['prepare'] = [...scaled, { step: 'pca', components: 10 }];
  const methods: readonly { readonly name: string; readonly reached: number; readonly definition: Parameters<typeof aucOf>[0] }[] = [
    { name: 'a support vector machine with RBF kernel', reached: 0.7933, definition: { kind: 'rbf-svm', parameters: {}, prepare: scaled } },
    { name: 'ten components and a forest', reached: 0.8171, definition: { kind: 'random-forest', parameters: { trees: 100 }, prepare: components } },
    { name: 'ten components and a support vector machine', reached: 0.7915, definition: { kind: 'rbf-svm', parameters: {}, prepare: components } },
  ];
  it.skipIf(kernels === undefined).each(methods)('$name: mean AUC within 0.005 of the peer\'s $reached', async ({ reached, definition }) => {
    let sum = 0;
    for (let fold = 0; fold < 5; fold++) sum += await aucOf(definition, splitByFold(foldOf, fold));
    expect(Math.abs(sum / 5 - reached)).toBeLessThan(0.005);
  }, 240_000);
});
