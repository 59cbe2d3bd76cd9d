import type { Dataset } from './dataset.ts';
import type { Compute } from './kernels/compute.ts';
import type { Pace } from './pace.ts';

/** Writes rows [start, end), row-major, to the beginning of `out`, an array of `compute`; nothing else may run there meanwhile. */
export type ReadOnThreads = (start: number, end: number, out: Float32Array, compute: Compute) => Promise<void>;

/** Rows as a family learns from them: prepared, in float32, made when read so that no second copy of the data need exist. */
export interface PreparedRows {
  readonly rowCount: number;
  readonly columnCount: number;
  /** One name per prepared column, distinct; a family breaks ties by name so that the order of columns does not matter. */
  readonly names: readonly string[];
  /** Labels of the columns that still hold categories; a cell is the place of its label, NaN where missing. */
  readonly categories?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly y: Float64Array;
  readonly weights: Float64Array | undefined;
  /** Writes rows [start, end), row-major, to the beginning of `out`. */
  read(start: number, end: number, out: Float32Array): void;
  /** The same on all threads, where the preparation's steps can. */
  readonly readOnThreads?: ReadOnThreads | undefined;
  /** All rows, row-major, where `compute`'s operations can read them. Not to be written to: it may be the caller's own array. */
  matrix(compute: Compute, pace: Pace): Promise<Float32Array>;
}

/** Rows of a data set as they are. */
export function rawRows(data: Dataset): PreparedRows {
  const { rowCount, columnCount, X, y, weights, featureNames, categories } = data;
  return {
    rowCount, columnCount, names: featureNames, categories, y, weights,
    read: (start, end, out) => out.set(X.subarray(start * columnCount, end * columnCount)),
    matrix: (compute) => Promise.resolve(compute.adopt(X)),
  };
}

/** `matrix` for rows that are made when read, `work` visits of a cell each. */
export async function readAll(rows: Pick<PreparedRows, 'rowCount' | 'columnCount' | 'read' | 'readOnThreads'>, compute: Compute, pace: Pace, work = 4 * rows.columnCount): Promise<Float32Array> {
  const { rowCount, columnCount } = rows;
  const X = compute.float32(rowCount * columnCount);
  const blockRows = Math.max(1, Math.min(4096, Math.floor(4e6 / work)));
  for (let start = 0; start < rowCount; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    const out = X.subarray(start * columnCount, end * columnCount);
    if (rows.readOnThreads !== undefined) await rows.readOnThreads(start, end, out, compute);
    else rows.read(start, end, out);
    if (pace.spend(rows.readOnThreads === undefined ? (end - start) * work : 1)) await pace.pause();
  }
  return X;
}

/** All rows as a data set of prepared columns, for families that work on the whole matrix. */
export async function asDataset(rows: PreparedRows, context: { readonly compute: Compute; readonly pace: Pace }): Promise<Dataset> {
  const { rowCount, columnCount, names, categories, y, weights } = rows;
  return { rowCount, columnCount, X: await rows.matrix(context.compute, context.pace), y, weights, featureNames: names, categories };
}
