// Goal: models behind preparation reach what the peers reach on a real table, from its raw records on: labels one-hot, numbers standardised,
// principal components. Method: the peers' folds; naive Bayes to 1e-5 (smoothing is theirs up to weights), the forest behind PCA as the mean over
// folds and the support vector machine behind PCA on the first fold within 0.005 AUC.
import { describe, expect, it } from 'vitest';
import { readReference, readShared } from '../../../../tools/reference/read-reference.ts';
import { createEstimator, loadModel } from '../catalog.ts';
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

describe.skipIf(text === undefined || foldsText === undefined)('Telco from raw records, the peers\' five folds', () => {
  const data = telcoTable();
  const foldOf = Int32Array.from((foldsText ?? '').trim().split('\n'), Number);
  const { rocAuc: expected } = readReference<{ readonly rocAuc: Readonly<Record<'naiveBayes' | 'pcaForest' | 'pcaSvm', number[]>> }>('telco-pipelines');
  const scaled: EstimatorDefinition['prepare'] = [{ step: 'one_hot' }, { step: 'standardize', columns: ['tenure', 'MonthlyCharges', 'TotalCharges'] }];

  async function aucOf(definition: Pick<EstimatorDefinition, 'kind' | 'parameters' | 'prepare'>, { train, test }: Split): Promise<number> {
    const model = await createEstimator({ ...definition, task: 'classification' }).fit(takeRows(data, train), { random: new Random(1) });
    const tested = takeRows(data, test);
    const scores = loadModel(model.save()).score(tested.X, tested.rowCount);
    expect(scores).toEqual(model.score(tested.X, tested.rowCount));
    return rocAuc(tested.y, scores);
  }

  it('differential: naive Bayes ranks as the peer\'s on every fold', async () => {
    for (const [fold, auc] of expected.naiveBayes.entries()) expect(Math.abs(await aucOf({ kind: 'naive-bayes', parameters: {}, prepare: scaled }, splitByFold(foldOf, fold)) - auc)).toBeLessThan(1e-5);
  });

  it('differential: a random forest behind ten principal components', async () => {
    let off = 0;
    for (const [fold, auc] of expected.pcaForest.entries()) {
      off += (await aucOf({ kind: 'random-forest', parameters: { trees: 100 }, prepare: [...scaled, { step: 'pca', components: 10 }] }, splitByFold(foldOf, fold)) - auc) / 5;
    }
    expect(Math.abs(off)).toBeLessThan(0.005);
  });

  it('differential: a support vector machine behind ten principal components', async () => {
    const found = await aucOf({ kind: 'rbf-svm', parameters: {}, prepare: [...scaled, { step: 'pca', components: 10 }] }, splitByFold(foldOf, 0));
    expect(Math.abs(found - expected.pcaSvm[0])).toBeLessThan(0.005);
  });
});
