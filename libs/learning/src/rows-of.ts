import { InvalidDatasetError } from './dataset.ts';

export interface RowsOfOptions {
  /** Labels that are not in the list: `refuse` them (training), or `mark` them with -1, which models read as a label never seen (serving). */
  readonly unknownLabels?: 'refuse' | 'mark';
}

/**
 * Raw records as row-major feature cells: numbers, numbers written as text, true and false (1 and 0); in the columns of `categories` the place of
 * the value's text among its labels. null, NaN and blank text are missing. Throws `InvalidDatasetError` for a field that is not there at all, other
 * text in a column of numbers, numbers that float32 can't hold, and labels that are not in the list.
 */
export function rowsOf(
  records: readonly Readonly<Record<string, unknown>>[], featureNames: readonly string[],
  categories: Readonly<Record<string, readonly string[]>> = {}, { unknownLabels = 'refuse' }: RowsOfOptions = {},
): Float32Array {
  const X = new Float32Array(records.length * featureNames.length);
  featureNames.forEach((name, column) => {
    const places = Object.hasOwn(categories, name) ? new Map(categories[name].map((label, place) => [label, place])) : undefined;
    records.forEach((record, row) => {
      const value = Object.hasOwn(record, name) ? record[name] : undefined;
      if (value === undefined) throw new InvalidDatasetError(`expected ${name} in record ${row} (null where missing), found ${Object.keys(record).join(', ') || 'nothing'}`);
      X[row * featureNames.length + column] = places === undefined ? numberOf(value, name, row) : placeOf(value, places, unknownLabels, name, row);
    });
  });
  return X;
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function numberOf(value: unknown, name: string, row: number): number {
  if (isMissing(value)) return NaN;
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'string' && decimal.test(value.trim()) ? Number(value) : value;
  if (typeof number !== 'number') {
    const hint = typeof value === 'string' ? ': a column of text needs its labels as categories, and the step one_hot' : '';
    throw new InvalidDatasetError(`expected a number in ${name}, record ${row}, found ${describe(value)}${hint}`);
  }
  if (!Number.isFinite(Math.fround(number))) throw new InvalidDatasetError(`expected a number that float32 holds in ${name}, record ${row}, found ${number}`);
  return number;
}

function placeOf(value: unknown, places: ReadonlyMap<string, number>, unknownLabels: 'refuse' | 'mark', name: string, row: number): number {
  const place = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? places.get(String(value)) : undefined;
  if (place !== undefined) return place;
  if (isMissing(value)) return NaN;
  if (unknownLabels === 'mark') return -1;
  throw new InvalidDatasetError(`expected one of ${[...places.keys()].join(', ')} in ${name}, record ${row}, found ${describe(value)}`);
}

function isMissing(value: unknown): boolean {
  return value === null || (typeof value === 'number' && Number.isNaN(value)) || (typeof value === 'string' && value.trim() === '');
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value) ?? typeof value;
}
