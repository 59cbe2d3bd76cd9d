import type { Dataset } from './dataset.ts';
import type { Compute } from './kernels/compute.ts';
import type { Pace } from './pace.ts';

/** Rows as a family learns from them: prepared, in float32, made when read so that no second copy of the data need exist. */
export interface PreparedRows {
  readonly rowCount: number;
  readonly columnCount: number;
  /** One name per prepared column, distinct; a family breaks ties by name so that the order of columns does not matter. */
  readonly names: readonly string[];
  readonly y: Float64Array;
  readonly weights: Float64Array | undefined;
  /** Writes rows [start, end), row-major, to the beginning of `out`. */
  read(start: number, end: number, out: Float32Array): void;
  /** All rows, row-major, where `compute`'s operations can read them. Not to be written to: it may be the caller's own array. */
  matrix(compute: Compute, pace: Pace): Promise<Float32Array>;
}

/** Rows of a data set as they are. */
export function rawRows(data: Dataset): PreparedRows {
  const { rowCount, columnCount, X, y, weights, featureNames } = data;
  return {
    rowCount, columnCount, names: featureNames, y, weights,
    read: (start, end, out) => out.set(X.subarray(start * columnCount, end * columnCount)),
    matrix: (compute) => Promise.resolve(compute.adopt(X)),
  };
}

const blockRows = 4096;

/** `matrix` for rows that are made when read. */
export async function readAll(rows: Pick<PreparedRows, 'rowCount' | 'columnCount' | 'read'>, compute: Compute, pace: Pace): Promise<Float32Array> {
  const { rowCount, columnCount } = rows;
  const X = compute.float32(rowCount * columnCount);
  for (let start = 0; start < rowCount; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    rows.read(start, end, X.subarray(start * columnCount, end * columnCount));
    if (pace.spend(4 * (end - start) * columnCount)) await pace.pause();
  }
  return X;
}

/** All rows as a data set of prepared columns, for families that work on the whole matrix. */
export async function asDataset(rows: PreparedRows, context: { readonly compute: Compute; readonly pace: Pace }): Promise<Dataset> {
  const { rowCount, columnCount, names, y, weights } = rows;
  return { rowCount, columnCount, X: await rows.matrix(context.compute, context.pace), y, weights, featureNames: names };
}
