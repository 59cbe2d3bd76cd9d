// Goal: what boosting can be told does what it says, on every backend. Method: XGBoost's margins on small data, laws (weights, copies of
// columns, a shorter fit), plain arrays against WebAssembly to the bit for each option.
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import { takeRows } from '../dataset.ts';
import type { FittedModel, Parameters, Task } from '../estimator.ts';
import { wasmBackends } from '../kernels/built-kernels.fixtures.ts';
import type { Kernels } from '../kernels/compute.ts';
import { decodeModelFile, float64Section, int32Section } from '../model-file.ts';
import { Random } from '../random.ts';

interface Reference {
  readonly X: (number | null)[][]; readonly labels: number[]; readonly targets: number[]; readonly weights: number[];
  readonly fits: readonly { readonly task: Task; readonly weighted: boolean; readonly parameters: Parameters; readonly margins: number[] }[];
}

const backends = await wasmBackends();

function boost(data: Dataset, task: Task, parameters: Parameters, kernels?: Kernels, seed = 1): Promise<FittedModel> {
  return createEstimator({ kind: 'gradient-boosting', task, parameters, prepare: [] }).fit(data, { random: new Random(seed), kernels });
}

/** Normal columns with holes, named in order; labels and targets lean on the first two. */
function sample(task: Task, rowCount: number, columnCount = 5, seed = 3): Dataset {
  const random = new Random(seed);
  const X = Float32Array.from({ length: rowCount * columnCount }, () => (random.uniform() < 0.1 ? NaN : random.normal()));
  const y = Float64Array.from({ length: rowCount }, (_, i) => {
    const [a, b] = [X[i * columnCount]!, X[i * columnCount + 1]!];
    const signal = 2 * (Number.isNaN(a) ? 0.7 : a) + (a > 0 && b > 0 ? 1 : 0) + random.normal();
    return task === 'regression' ? signal : signal > 0.5 ? 1 : 0;
  });
  return { rowCount, columnCount, X, y, featureNames: Array.from({ length: columnCount }, (_, j) => `x${String(j).padStart(3, '0')}`) };
}

const margins = (model: FittedModel, data: Dataset): Float64Array => (model.task === 'regression' ? model.score(data.X, data.rowCount) : model.score(data.X, data.rowCount).map((p) => Math.log(p / (1 - p))));

describe('gradient boosting, against XGBoost', () => {
  const reference = readReference<Reference>('boosting');
  for (const { task, weighted, parameters, margins: expected } of reference.fits) {
    it(`differential: ${task}${weighted ? ', weighted' : ''} ${JSON.stringify(parameters)} has its margins within 1e-5`, async () => {
      const data: Dataset = {
        rowCount: reference.X.length, columnCount: 4, X: Float32Array.from(flatten(reference.X)), y: Float64Array.from(task === 'regression' ? reference.targets : reference.labels),
        weights: weighted ? Float64Array.from(reference.weights) : undefined, featureNames: ['a', 'b', 'c', 'd'],
      };
      const found = margins(await boost(data, task, { ...parameters, min_rows_in_leaf: 1 }), data);
      expected.forEach((margin, i) => expect(Math.abs(found[i]! - margin)).toBeLessThan(1e-5));
    });
  }
});

describe('options of gradient boosting', () => {
  const small = { trees: 8, leaves: 8, min_rows_in_leaf: 3 };
  const cases: readonly [Task, Parameters, boolean][] = [
    ['classification', { row_share: 0.5 }, false], ['classification', { column_share: 0.4, l1: 1 }, true],
    ['classification', { class_weight: 'balanced', max_depth: 3 }, false], ['classification', { positive_weight: 2.5, patience: 3, held_out_share: 0.3, trees: 30, learning_rate: 0.5 }, true],
    ['regression', { row_share: 0.7, max_depth: 2 }, true], ['regression', { patience: 2, trees: 40, learning_rate: 0.6 }, false], ['regression', { l1: 3, l2: 2, column_share: 0.5 }, false],
  ];
  for (const [task, parameters, weighted] of cases) {
    it.skipIf(backends.length === 0)(`differential: ${task} ${JSON.stringify(parameters)}${weighted ? ', weighted' : ''} gives the same bytes on plain arrays and WebAssembly`, async () => {
      const random = new Random(9);
      const data = { ...sample(task, 700), ...(weighted && { weights: Float64Array.from({ length: 700 }, () => random.int(3) / 2) }) };
      const expected = (await boost(data, task, { ...small, ...parameters })).save();
      for (const kernels of backends) expect(await boost(data, task, { ...small, ...parameters }, kernels).then((model) => Buffer.compare(model.save(), expected))).toBe(0);
    });
  }

  it('oracle: histograms given up and counted again give the trees of those kept', async () => {
    // Sixteen copies of each column, later by name, never win a tie; with them a kept histogram takes a quarter of the memory for all.
    const data = sample('classification', 600, 4);
    const copies = 16;
    const wide: Dataset = {
      ...data, columnCount: 4 * copies, X: Float32Array.from({ length: data.X.length * copies }, (_, at) => data.X[Math.floor(at / (4 * copies)) * 4 + (at % 4)]!),
      featureNames: Array.from({ length: 4 * copies }, (_, j) => `x${String(j).padStart(3, '0')}`),
    };
    const parameters = { trees: 3, leaves: 31, min_rows_in_leaf: 2 };
    const trees = (model: FittedModel): unknown => int32Section(decodeModelFile(model.save()), 'trees.feature');
    const expected = await boost(data, 'classification', parameters);
    for (const kernels of [undefined, ...backends.slice(1, 2)]) {
      const found = await boost(wide, 'classification', parameters, kernels);
      expect(trees(found)).toEqual(trees(expected));
      expect(found.score(wide.X, 600)).toEqual(expected.score(data.X, 600));
    }
  });

  it.skipIf(backends.length === 0)('differential: more rows than counts are packed for give the same bytes', async () => {
    const data = sample('classification', 150_000, 2);
    const parameters = { trees: 2, leaves: 4 };
    expect(Buffer.compare((await boost(data, 'classification', parameters, backends[0])).save(), (await boost(data, 'classification', parameters)).save())).toBe(0);
  });

  it('oracle: stopping early keeps the trees of a fit on the other rows that ends there', async () => {
    for (const task of ['classification', 'regression'] as const) {
      const data = sample(task, 600);
      const parameters = { trees: 200, learning_rate: 0.5, leaves: 8, min_rows_in_leaf: 3 };
      const model = await boost(data, task, { ...parameters, patience: 4, held_out_share: 0.25 });
      const kept = int32Section(decodeModelFile(model.save()), 'trees.roots').length;
      expect(kept).toBeLessThan(100);
      expect(model.heldOutHistory).toHaveLength(kept + 5);
      expect(model.heldOutHistory.indexOf(Math.min(...model.heldOutHistory))).toBe(kept);
      const shorter = await boost(takeRows(data, Int32Array.from({ length: 450 }, (_, i) => i)), task, { ...parameters, trees: kept });
      expect(shorter.score(data.X, 600)).toEqual(model.score(data.X, 600));
      expect(model.history.slice(0, kept + 1)).toEqual(shorter.history);
      const scores = shorter.score(data.X.subarray(450 * 5), 150);
      const loss = scores.reduce((sum, score, i) => {
        const y = data.y[450 + i]!;
        return sum + (task === 'regression' ? (score - y) ** 2 : -Math.log(y === 1 ? score : 1 - score));
      }, 0) / 150;
      expect(model.heldOutHistory[kept]).toBeCloseTo(loss, 5);
    }
  });

  it('oracle: a factor of the positive class equals weights of its rows, and balanced classes weigh the same', async () => {
    // So few rows that every border is a cut, whatever rows weigh.
    const data = sample('classification', 240);
    const parameters = { ...small, min_rows_in_leaf: 1 };
    const weighted = await boost({ ...data, weights: data.y.map((y) => 1 + 2 * y) }, 'classification', parameters);
    expect((await boost(data, 'classification', { ...parameters, positive_weight: 3 })).score(data.X, 240)).toEqual(weighted.score(data.X, 240));
    const balanced = decodeModelFile((await boost(data, 'classification', { ...small, class_weight: 'balanced' })).save());
    expect(float64Section(balanced, 'trees.bias')[0]).toBeCloseTo(0, 6);
  });

  it('draws other rows and columns by other seeds, and no more columns than asked for in a tree', async () => {
    const data = sample('regression', 400, 10);
    for (const parameters of [{ ...small, row_share: 0.5 }, { ...small, column_share: 0.3 }] as const) {
      const [first, again, other] = [await boost(data, 'regression', parameters), await boost(data, 'regression', parameters), await boost(data, 'regression', parameters, undefined, 2)];
      expect(again.save()).toEqual(first.save());
      expect(other.save()).not.toEqual(first.save());
    }
    const file = decodeModelFile((await boost(data, 'regression', { ...small, column_share: 0.3 })).save());
    const [roots, feature] = [int32Section(file, 'trees.roots'), int32Section(file, 'trees.feature')];
    roots.forEach((root, t) => expect(new Set(feature.slice(root, roots[t + 1] ?? feature.length).filter((column) => column >= 0)).size).toBeLessThanOrEqual(3));
  });

  it('splits no deeper than asked', async () => {
    const file = decodeModelFile((await boost(sample('regression', 600), 'regression', { trees: 3, max_depth: 2, min_rows_in_leaf: 3 })).save());
    expect([...int32Section(file, 'trees.feature')]).toHaveLength(3 * 7);
  });
});
