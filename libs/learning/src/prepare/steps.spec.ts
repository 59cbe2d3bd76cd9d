// Goal: every step prepares rows as scikit-learn does, names its columns, is saved whole, and serves the bits that fitting saw. Method:
// committed reference values, values by hand, and serving row by row against the fitted matrix.
import { describe, expect, it } from 'vitest';
import { readReference } from '../../../../tools/reference/read-reference.ts';
import type { Dataset } from '../dataset.ts';
import { ModelFileError } from '../model-file.ts';
import { Random } from '../random.ts';
import { context, prepareTable, reloaded, served, tableOfRows } from './prepared-table.fixtures.ts';
import { Preparation } from './preparation.ts';
import type { PrepareStep } from './step.ts';
import { stepProblems } from './step-catalog.ts';

type Matrix = readonly (readonly (number | null)[])[];
interface StepCase { readonly step: PrepareStep; readonly rows: Matrix; readonly names: string[] }
interface StepsReference {
  readonly names: string[]; readonly X: Matrix; readonly holes: Matrix; readonly columnSteps: StepCase[]; readonly polynomials: StepCase[];
  readonly oneHot: { readonly labels: string[]; readonly codes: number[]; readonly rows: Matrix; readonly names: string[] };
}
const reference = readReference<StepsReference>('prepare-steps');
const label = ({ step, ...options }: PrepareStep): string => `${step} ${JSON.stringify(options)}`;

function expectRows(found: Float32Array, expected: Matrix): void {
  const values = expected.flat().map((value) => value ?? NaN);
  expect(found.length).toBe(values.length);
  found.forEach((value, at) => {
    if (Number.isNaN(values[at])) expect(value).toBeNaN();
    else expect(Math.abs(value - values[at])).toBeLessThanOrEqual(2e-7 * Math.max(1, Math.abs(values[at])));
  });
}

describe('steps, differential against scikit-learn', () => {
  const holes = tableOfRows(reference.holes, reference.names);
  for (const { step, rows, names } of reference.columnSteps) {
    it(label(step), async () => {
      const { matrix, names: found } = await prepareTable([step], holes);
      expectRows(matrix, rows);
      expect(found).toEqual(names);
    });
  }

  const full = tableOfRows(reference.X.slice(0, 4), reference.names);
  for (const { step, rows, names } of reference.polynomials) {
    it(label(step), async () => {
      const { matrix, names: found } = await prepareTable([step], full);
      expectRows(matrix, rows);
      expect(found).toEqual(names);
    });
  }

  it('one_hot', async () => {
    const { labels, codes, rows, names } = reference.oneHot;
    const { matrix, names: found } = await prepareTable([{ step: 'one_hot' }], tableOfRows(codes.map((code) => [code]), ['colour'], { categories: { colour: labels } }));
    expectRows(matrix, rows);
    expect(found).toEqual(names);
  });
});

/** Numbers with gaps, a constant, a column of categories. */
function mixedTable(rowCount = 90): Dataset {
  const random = new Random(6);
  const rows = Array.from({ length: rowCount }, () => [
    random.uniform() < 0.2 ? null : random.normal() * 5, random.int(4), 3, random.uniform() < 0.2 ? null : random.int(3), 1000 + random.normal(),
  ]);
  return tableOfRows(rows, ['a', 'b', 'c', 'plan', 'd'], { categories: { plan: ['gold', 'basic', 'none'] } });
}

const pipelines: readonly (readonly PrepareStep[])[] = [
  [{ step: 'min_max', columns: ['a', 'd'] }, { step: 'robust', except: ['a'] }],
  [{ step: 'impute', strategy: 'median', indicator: true }, { step: 'one_hot', missing: 'own_column' }, { step: 'standardize' }],
  [{ step: 'impute', strategy: 'most_frequent', columns: ['plan', 'a'] }, { step: 'one_hot', order: 'given' }],
  [{ step: 'signed_log1p' }, { step: 'polynomial', degree: 3, except: ['b'] }, { step: 'impute' }],
  [{ step: 'standardize' }, { step: 'pca', components: 2, whiten: true }, { step: 'one_hot' }],
  [{ step: 'one_hot' }, { step: 'polynomial', interaction_only: true }, { step: 'pca', components: 0.9 }],
];

describe('Preparation of steps', () => {
  for (const steps of pipelines) {
    it(`differential: serves, also after saving, the bits that fitting saw: ${steps.map(label).join(', ')}`, async () => {
      // More rows than one block holds.
      const data = mixedTable(600);
      const { preparation, matrix } = await prepareTable(steps, data, true);
      expect(served(preparation, data)).toEqual(matrix);
      const loaded = reloaded(preparation, data);
      expect(served(loaded, data)).toEqual(matrix);
      expect(loaded.sections()).toEqual(preparation.sections());
      expect(loaded.names).toEqual(preparation.names);
      expect(loaded.sourceOf).toEqual(preparation.sourceOf);
      expect(new Set(loaded.names).size).toBe(loaded.columnCount);
    });
  }

  it('weights count as repeats in all that is learned', async () => {
    const data = mixedTable(60);
    const random = new Random(9);
    const weights = Float64Array.from({ length: 60 }, () => random.int(4));
    const places = [...weights].flatMap((weight, i) => new Array<number>(weight).fill(i));
    const repeats = tableOfRows(places.map((i) => [...data.X.subarray(5 * i, 5 * i + 5)]), data.featureNames, { categories: data.categories });
    for (const steps of pipelines) {
      const weighted = await prepareTable(steps, { ...data, weights }, true);
      const repeated = await prepareTable(steps, repeats, true);
      expect(weighted.names).toEqual(repeated.names);
      const [found, expected] = [served(weighted.preparation, data), served(repeated.preparation, data)];
      found.forEach((value, at) => { if (!Number.isNaN(value)) expect(Math.abs(value - expected[at])).toBeLessThan(1e-5 * Math.max(1, Math.abs(value))); });
    }
  });

  it('one_hot gives zeros to unknown labels, a missing one a column where told, and credits their feature', async () => {
    const data = tableOfRows([[0, 0], [1, 1], [2, null]], ['x', 'plan'], { categories: { plan: ['b', 'a'] } });
    const { preparation, matrix, names } = await prepareTable([{ step: 'one_hot', missing: 'own_column' }], data);
    expect(names).toEqual(['x', 'plan=a', 'plan=b', 'plan missing']);
    expect([...matrix]).toEqual([0, 0, 1, 0, 1, 1, 0, 0, 2, 0, 0, 1]);
    expect(preparation.sourceOf).toEqual(Int32Array.of(0, 1, 1, 1));
    expect(preparation.categories).toEqual({});
    const out = new Float32Array(4);
    for (const unknown of [-1, 2, 0.5]) {
      preparation.applyRow(Float64Array.of(7, unknown), 0, out);
      expect([...out]).toEqual([7, 0, 0, 0]);
    }
  });

  it('constant and never present columns become one value', async () => {
    const data = tableOfRows([[0.1, null, 1], [0.1, null, 1], [0.1, null, 2]], ['same', 'gone', 'mostly']);
    for (const step of ['standardize', 'min_max', 'robust']) {
      const { preparation } = await prepareTable([{ step }], data);
      const out = new Float32Array(3);
      preparation.applyRow(Float64Array.of(99, NaN, 1), 0, out);
      expect(out[0]).toBe(0);
      expect(out[1]).toBeNaN();
    }
    // No spread between the quartiles, but not constant: divided by 1.
    const rows = [1, 1, 1, 1, 1, 1, 1, 1, 4].map((value) => [value]);
    expect([...(await prepareTable([{ step: 'robust' }], tableOfRows(rows, ['a']))).matrix]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 3]);
    expect([...(await prepareTable([{ step: 'impute', strategy: 'median' }], tableOfRows([[null], [null]], ['a']))).matrix]).toEqual([0, 0]);
  });

  it('without anything missing leaves the data where it is', async () => {
    const data = tableOfRows([[1, 2], [3, 4]], ['a', 'b']);
    expect((await prepareTable([], data, true)).matrix).toBe(data.X);
  });
});

describe('what steps refuse', () => {
  const data = mixedTable();
  it.each<[PrepareStep, RegExp]>([
    [{ step: 'standardize', except: ['z'] }, /expected z among the features, found a, b, c, plan, d/],
    [{ step: 'one_hot', columns: ['a'] }, /expected categories in a for one_hot, found numbers/],
    [{ step: 'standardize', columns: ['plan'] }, /expected numbers in plan for standardize, found categories/],
    [{ step: 'impute', columns: ['plan'] }, /expected numbers in plan for impute, found categories/],
    [{ step: 'pca', components: 5 }, /expected at least 5 columns for pca, found 4/],
  ])('%o against the data', async (step, message) => {
    await expect(Preparation.fit([step], false, data, context)).rejects.toMatchObject({ name: 'InvalidDatasetError', message: expect.stringMatching(message) as string });
  });

  it('columns of equal names', async () => {
    const table = tableOfRows([[1, 2]], ['a', 'a^2']);
    await expect(Preparation.fit([{ step: 'polynomial' }], false, table, context)).rejects.toThrow(/expected distinct names of the columns that polynomial makes, found a\^2 twice/);
  });

  it.each<[PrepareStep, string]>([
    [{ step: 'pcb' }, 'expected a preparation step among signed_log1p, standardize, min_max, robust, impute, one_hot, polynomial, pca, found pcb'],
    [{ step: 'pca', component: 3 }, 'expected an option of pca (except, columns, components, whiten), found component'],
    [{ step: 'pca', components: 2.5 }, 'expected components to be a share below 1 or a whole number, found 2.5 for pca'],
    [{ step: 'pca', whiten: 1 }, 'expected whiten of pca to be true or false, found 1'],
    [{ step: 'polynomial', degree: 4 }, 'expected degree of polynomial to be an integer in [2, 3], found 4'],
    [{ step: 'impute', strategy: 'mode' }, 'expected strategy of impute to be one of mean, median, most_frequent, constant, found mode'],
    [{ step: 'robust', lower: 80 }, 'expected lower below upper, found 80 and 75 for robust'],
    [{ step: 'min_max', low: 1 }, 'expected low below high, found 1 and 1 for min_max'],
    [{ step: 'standardize', columns: ['a'], except: ['b'] }, 'expected either columns or except of standardize, found both'],
  ])('%o in a definition', (step, message) => {
    expect(stepProblems(step)).toEqual([message]);
  });

  it('sections of a model file that do not fit', async () => {
    const { preparation } = await prepareTable([{ step: 'one_hot' }], data);
    const sections = { ...preparation.sections() };
    const file = { kind: 'any', task: 'regression', featureNames: data.featureNames, categories: data.categories ?? {}, arithmetic: { kernelVersion: 1, exact: true }, parameters: {} } as const;
    expect(Preparation.load({ ...file, sections }).names).toEqual(preparation.names);
    for (const places of [Int32Array.of(-1, -1, -1, 3, 0, 1, 1, -1), Int32Array.of(-1, -1, -1, 2, 0, 1, -1), Int32Array.of(-1, -1)]) {
      expect(() => Preparation.load({ ...file, sections: { ...sections, 'prepare.0.places': places } })).toThrow(ModelFileError);
    }
  });
});
