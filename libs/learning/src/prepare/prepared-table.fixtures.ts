import type { Dataset } from '../dataset.ts';
import { plainKernels } from '../kernels/plain-kernels.ts';
import { decodeModelFile, encodeModelFile } from '../model-file.ts';
import { Pace } from '../pace.ts';
import { Preparation } from './preparation.ts';
import type { PrepareStep } from './step.ts';

/** What fitting a step needs from the world, for specs. */
export const context = { compute: await plainKernels.open({}), pace: new Pace(undefined, undefined) };

export function tableOfRows(rows: readonly (readonly (number | null)[])[], featureNames: readonly string[], rest: Partial<Dataset> = {}): Dataset {
  const X = Float32Array.from(rows.flatMap((row) => row.map((value) => value ?? NaN)));
  return { rowCount: rows.length, columnCount: featureNames.length, X, y: new Float64Array(rows.length), featureNames, ...rest };
}

/** The matrix that fitting sees, and the preparation that serving uses. */
export async function prepareTable(steps: readonly PrepareStep[], data: Dataset, imputesMissing = false): Promise<{ matrix: Float32Array; preparation: Preparation; names: readonly string[] }> {
  const { preparation, prepared } = await Preparation.fit(steps, imputesMissing, data, context);
  return { preparation, matrix: await prepared.matrix(context.compute, context.pace), names: prepared.names };
}

/** The preparation as a model file gives it back. */
export function reloaded(preparation: Preparation, { featureNames, categories = {} }: Dataset): Preparation {
  const file = { kind: 'any', task: 'regression', featureNames, categories, arithmetic: { kernelVersion: 1, exact: true }, parameters: {}, sections: preparation.sections() } as const;
  return Preparation.load(decodeModelFile(encodeModelFile(file)));
}

/** Row by row, as serving prepares. */
export function served(preparation: Preparation, { X, rowCount, columnCount }: Dataset): Float32Array {
  const out = new Float32Array(rowCount * preparation.columnCount);
  const row = new Float32Array(preparation.columnCount);
  for (let i = 0; i < rowCount; i++) {
    preparation.applyRow(X, i * columnCount, row);
    out.set(row, i * preparation.columnCount);
  }
  return out;
}
