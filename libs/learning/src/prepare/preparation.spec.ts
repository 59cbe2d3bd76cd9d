// Goal: rows are prepared as defined, the same when fitting and serving. Method: values by hand, and serving against the fitted matrix.
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../dataset.ts';
import { decodeModelFile, encodeModelFile } from '../model-file.ts';
import { Pace } from '../pace.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { Random } from '../random.ts';
import { Preparation } from './preparation.ts';

const pace = new Pace(undefined, undefined);
const context = { compute: await plainKernels.open({}), pace };

async function matrixOf(rows: PreparedRows): Promise<Float32Array> {
  return rows.matrix(context.compute, pace);
}

function tableOf(columns: readonly number[][], weights?: number[]): Dataset {
  const [rowCount, columnCount] = [columns[0]!.length, columns.length];
  const X = Float32Array.from({ length: rowCount * columnCount }, (_, at) => columns[at % columnCount]![Math.floor(at / columnCount)]!);
  return {
    rowCount, columnCount, X, y: new Float64Array(rowCount), featureNames: columns.map((_, j) => `x${j}`),
    weights: weights === undefined ? undefined : Float64Array.from(weights),
  };
}

describe('Preparation', () => {
  it('takes signed logarithms, except where told', async () => {
    const data = tableOf([[-Math.E + 1, 0, Math.E - 1, NaN], [5, 6, 7, 8]]);
    const { prepared } = await Preparation.fit([{ step: 'signed_log1p', except: ['x1'] }], false, data, context);
    expect([...(await matrixOf(prepared))]).toEqual([expect.closeTo(-1, 6), 5, 0, 6, expect.closeTo(1, 6), 7, NaN, 8]);
    expect(data.X[0]).toBe(Math.fround(-Math.E + 1));
  });

  it('standardises by the population deviation of what is present; a constant column becomes 0', async () => {
    const { prepared } = await Preparation.fit([{ step: 'standardize', except: [] }], false, tableOf([[1, 3, NaN, 5], [0.1, 0.1, 0.1, 0.1]]), context);
    const deviation = Math.sqrt(8 / 3);
    expect([...(await matrixOf(prepared))].filter((_, at) => at % 2 === 0)).toEqual([expect.closeTo(-2 / deviation, 6), 0, NaN, expect.closeTo(2 / deviation, 6)]);
    expect([...(await matrixOf(prepared))].filter((_, at) => at % 2 === 1)).toEqual([0, 0, 0, 0]);
  });

  it('is constant for many equal values whose mean rounding moves', async () => {
    const { preparation } = await Preparation.fit([{ step: 'standardize', except: [] }], false, tableOf([new Array<number>(10_001).fill(0.1)]), context);
    const out = new Float32Array(1);
    preparation.applyRow(Float64Array.of(99), 0, out);
    expect(out[0]).toBe(0);
  });

  it('imputes the weighted mean of what the steps before it left', async () => {
    const { prepared } = await Preparation.fit([], true, tableOf([[1, 4, NaN], [NaN, NaN, NaN]], [2, 1, 1]), context);
    expect([...(await matrixOf(prepared))]).toEqual([1, 0, 4, 0, 2, 0]);
  });

  it('without steps hands the data through', async () => {
    const data = tableOf([[1, 2]]);
    const { preparation, prepared } = await Preparation.fit([], false, data, context);
    expect(await matrixOf(prepared)).toBe(data.X);
    expect(preparation.names).toEqual(data.featureNames);
  });

  it('differential: serving a row, also after saving, gives the bits that fitting saw', async () => {
    const random = new Random(2);
    const columns = Array.from({ length: 4 }, (_, j) => Array.from({ length: 60 }, () => (random.uniform() < 0.2 ? NaN : random.normal() * 10 ** j)));
    const data = tableOf(columns);
    const { preparation, prepared } = await Preparation.fit([{ step: 'signed_log1p', except: ['x1'] }, { step: 'standardize', except: ['x2'] }], true, data, context);
    const file = decodeModelFile(encodeModelFile({ kind: 'any', task: 'regression', featureNames: data.featureNames, categories: {}, arithmetic: { kernelVersion: 1, exact: true }, parameters: {}, sections: preparation.sections() }));
    const out = new Float32Array(4);
    const fitted = await matrixOf(prepared);
    for (const served of [preparation, Preparation.load(file)]) {
      for (let row = 0; row < 60; row++) {
        served.applyRow(data.X, 4 * row, out);
        expect(out).toEqual(fitted.slice(4 * row, 4 * row + 4));
      }
    }
  });
});
