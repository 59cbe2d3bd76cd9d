import type { Rows, Task } from './estimator.ts';

/**
 * Rows to learn from. `X` is row-major (rowCount x columnCount) in float32, as models read it; NaN is a missing value; `y` is 0 or 1, or a
 * real target.
 */
export interface Dataset {
  readonly rowCount: number;
  readonly columnCount: number;
  readonly X: Float32Array;
  readonly y: Float64Array;
  /** One per row, at least 0; a row of weight 2 counts as that row twice. */
  readonly weights?: Float64Array | undefined;
  readonly featureNames: readonly string[];
  /** Labels of each column that holds categories; a cell is the place of its label in the list, NaN where missing. */
  readonly categories?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Data that no model can be learned from; the message says what was expected, what was found and where. */
export class InvalidDatasetError extends Error {
  override readonly name = 'InvalidDatasetError';
}

/** The first thing that makes the data unfit for the task, or undefined. */
export function datasetProblem(data: Dataset, task: Task): string | undefined {
  return shapeProblem(data) ?? featureProblem(data.X, data.rowCount, data.columnCount, data.featureNames) ?? categoryProblem(data) ?? targetProblem(data, task) ?? weightProblem(data);
}

function shapeProblem(data: Dataset): string | undefined {
  const { rowCount, columnCount, X, y, weights, featureNames } = data;
  if (!Number.isInteger(rowCount) || rowCount < 1) return `expected at least one row, found ${rowCount}`;
  if (!Number.isInteger(columnCount) || columnCount < 1) return `expected at least one feature column, found ${columnCount}`;
  if (X.length !== rowCount * columnCount) return `expected ${rowCount} x ${columnCount} feature values, found ${X.length}`;
  if (y.length !== rowCount) return `expected ${rowCount} targets, found ${y.length}`;
  if (weights !== undefined && weights.length !== rowCount) return `expected ${rowCount} weights, found ${weights.length}`;
  if (featureNames.length !== columnCount) return `expected ${columnCount} feature names, found ${featureNames.length}`;
  if (new Set(featureNames).size !== columnCount) return `expected distinct feature names, found ${featureNames.join(', ')}`;
  return undefined;
}

function featureProblem(X: Rows, rowCount: number, columnCount: number, names: readonly string[]): string | undefined {
  const at = firstInfinite(X, rowCount * columnCount);
  if (at < 0) return undefined;
  return `expected finite features (NaN where missing), found ${X[at]} in ${names[at % columnCount]}, row ${Math.floor(at / columnCount)}`;
}

function categoryProblem({ X, rowCount, columnCount, featureNames, categories = {} }: Dataset): string | undefined {
  for (const [name, labels] of Object.entries(categories)) {
    const column = featureNames.indexOf(name);
    if (column < 0) return `expected categories of a feature among ${featureNames.join(', ')}, found ${name}`;
    if (new Set(labels).size !== labels.length) return `expected distinct categories of ${name}, found ${labels.join(', ')}`;
    for (let i = 0; i < rowCount; i++) {
      const code = X[i * columnCount + column]!;
      if (code === code && !(Number.isInteger(code) && code >= 0 && code < labels.length)) return `expected the place of one of ${labels.length} categories in ${name}, row ${i}, found ${code}`;
    }
  }
  return undefined;
}

function targetProblem(data: Dataset, task: Task): string | undefined {
  const { y } = data;
  for (let i = 0; i < y.length; i++) {
    const value = y[i]!;
    if (task === 'classification' ? value !== 0 && value !== 1 : !Number.isFinite(value)) {
      return `expected ${task === 'classification' ? 'a label of 0 or 1' : 'a finite target'}, found ${value} in row ${i}`;
    }
  }
  return undefined;
}

function weightProblem(data: Dataset): string | undefined {
  if (data.weights === undefined) return undefined;
  let total = 0;
  for (let i = 0; i < data.weights.length; i++) {
    const weight = data.weights[i]!;
    if (!(weight >= 0) || weight === Infinity) return `expected finite weights of at least 0, found ${weight} in row ${i}`;
    total += weight;
  }
  return total > 0 ? undefined : 'expected a positive sum of weights, found 0';
}

/** Index of the first infinite value among the first `count`, or -1; NaN passes, it means missing. */
function firstInfinite(values: Rows, count: number): number {
  if (values instanceof Float32Array) return firstInfiniteFloat32(values, count);
  for (let i = 0; i < count; i++) {
    const value = Math.fround(values[i]!);
    if (value === Infinity || value === -Infinity) return i;
  }
  return -1;
}

/** By the values' bits, which is several times faster: an infinity has all bits of the exponent and none of the fraction. */
function firstInfiniteFloat32(values: Float32Array, count: number): number {
  const bits = new Int32Array(values.buffer, values.byteOffset, count);
  const infinite = 0xff << 24;
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    if (bits[i]! << 1 === infinite || bits[i + 1]! << 1 === infinite || bits[i + 2]! << 1 === infinite || bits[i + 3]! << 1 === infinite) break;
  }
  for (; i < count; i++) if (bits[i]! << 1 === infinite) return i;
  return -1;
}

/** Throws `InvalidDatasetError` unless `X` holds exactly `rowCount` rows of the features named, none infinite. */
export function checkRows(X: Rows, rowCount: number, featureNames: readonly string[]): void {
  const columnCount = featureNames.length;
  if (X.length !== rowCount * columnCount) {
    throw new InvalidDatasetError(`expected ${rowCount} x ${columnCount} feature values (${featureNames.join(', ')}), found ${X.length}`);
  }
  const problem = featureProblem(X, rowCount, columnCount, featureNames);
  if (problem !== undefined) throw new InvalidDatasetError(problem);
}

/** The rows named, in that order, repeats included, as a new data set. */
export function takeRows(data: Dataset, rows: Int32Array): Dataset {
  const { columnCount, featureNames, categories } = data;
  const X = new Float32Array(rows.length * columnCount);
  const y = new Float64Array(rows.length);
  const weights = data.weights === undefined ? undefined : new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    X.set(data.X.subarray(row * columnCount, (row + 1) * columnCount), i * columnCount);
    y[i] = data.y[row]!;
    if (weights !== undefined) weights[i] = data.weights![row]!;
  }
  return { rowCount: rows.length, columnCount, X, y, weights, featureNames, categories };
}
