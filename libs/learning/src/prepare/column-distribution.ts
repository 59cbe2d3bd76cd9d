import type { Pace } from '../pace.ts';
import { distributionOf, firstAtLeast, type WeightedDistribution } from '../weighted-distribution.ts';
import type { StepInput } from './step.ts';

/** Sorted at once: a few milliseconds. */
const chunkRows = 65_536;
/** Columns gathered in one pass over rows, so that rows are not made once for every column. */
const columnsPerPass = 8;

/** Calls back with the distribution of the present values of each chosen column, over rows of positive weight; exact, nothing sampled. */
export async function eachDistribution(input: StepInput, chosen: Int32Array, pace: Pace, visit: (distribution: WeightedDistribution, column: number) => void): Promise<void> {
  const width = input.names.length;
  for (let first = 0; first < chosen.length; first += columnsPerPass) {
    const columns = chosen.subarray(first, first + columnsPerPass);
    const values = Array.from(columns, () => new Float64Array(input.rowCount));
    await input.eachBlock((rows, start, rowCount) => {
      for (let c = 0; c < columns.length; c++) {
        const into = values[c];
        for (let i = 0, at = columns[c]; i < rowCount; i++, at += width) into[start + i] = rows[at];
      }
    }, pace);
    for (let c = 0; c < columns.length; c++) {
      visit(await distributionOfPresent(values[c], input.weights, pace), columns[c]);
      values[c] = new Float64Array(0);
    }
  }
}

async function distributionOfPresent(values: Float64Array, weights: Float64Array | undefined, pace: Pace): Promise<WeightedDistribution> {
  let sorted: WeightedDistribution[] = [];
  for (let start = 0; start < values.length; start += chunkRows) {
    const rows = Array.from({ length: Math.min(chunkRows, values.length - start) }, (_, i) => start + i).filter((i) => values[i] === values[i] && weights?.[i] !== 0);
    sorted.push(distributionOf(Float64Array.from(rows, (i) => values[i]), weights === undefined ? undefined : Float64Array.from(rows, (i) => weights[i])));
    if (pace.spend(80 * rows.length)) await pace.pause();
  }
  while (sorted.length > 1) {
    const merged: WeightedDistribution[] = [];
    for (let i = 0; i < sorted.length; i += 2) merged.push(i + 1 < sorted.length ? await merge(sorted[i], sorted[i + 1], pace) : sorted[i]);
    sorted = merged;
  }
  return sorted[0];
}

async function merge(a: WeightedDistribution, b: WeightedDistribution, pace: Pace): Promise<WeightedDistribution> {
  const values = new Float64Array(a.values.length + b.values.length);
  const weightUpTo = new Float64Array(values.length);
  let count = 0;
  for (let i = 0, j = 0; i < a.values.length || j < b.values.length; count++) {
    const value = j === b.values.length || a.values[i] <= b.values[j] ? a.values[i] : b.values[j];
    if (a.values[i] === value) i++;
    if (b.values[j] === value) j++;
    values[count] = value;
    weightUpTo[count] = (i > 0 ? a.weightUpTo[i - 1] : 0) + (j > 0 ? b.weightUpTo[j - 1] : 0);
    if (pace.spend(4)) await pace.pause();
  }
  return { values: values.slice(0, count), weightUpTo: weightUpTo.slice(0, count) };
}

/**
 * The value below which `share` of the weight lies, between neighbours by linear interpolation, as numpy's percentile; a weight of w
 * counts as w equal rows. 0 where nothing was present.
 */
export function quantile({ values, weightUpTo }: WeightedDistribution, share: number): number {
  if (values.length === 0) return 0;
  const position = share * Math.max(weightUpTo[weightUpTo.length - 1] - 1, 0);
  const whole = Math.floor(position);
  const low = values[placeOf(weightUpTo, whole)];
  const high = values[placeOf(weightUpTo, whole + 1)];
  return low + (position - whole) * (high - low);
}

/** Where the row of that number stands when rows are counted from 0 in order of value. */
function placeOf(weightUpTo: Float64Array, row: number): number {
  let place = firstAtLeast(weightUpTo, row);
  if (weightUpTo[place] === row) place++;
  return Math.min(place, weightUpTo.length - 1);
}

/** The value of most weight, the smallest of several; 0 where nothing was present. */
export function mostFrequent({ values, weightUpTo }: WeightedDistribution): number {
  let most = 0;
  let found = 0;
  for (let k = 0; k < values.length; k++) {
    const weight = weightUpTo[k] - (k > 0 ? weightUpTo[k - 1] : 0);
    if (weight > most) {
      most = weight;
      found = values[k];
    }
  }
  return found;
}
