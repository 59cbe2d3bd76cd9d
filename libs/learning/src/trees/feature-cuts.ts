import type { Pace } from '../pace.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { Random } from '../random.ts';
import type { WeightedDistribution } from '../weighted-distribution.ts';
import { distributionOf, rowsToRead } from '../weighted-distribution.ts';
import { findCuts } from './binning.ts';

const blockRows = 16_384;

/**
 * Cut points of every column among the first `rowCount` rows, at weighted quantiles and at most `binsMax` - 1, from the rows as they are
 * made: what is kept of them is at most 200,000 sampled ones.
 */
export async function findFeatureCuts(prepared: PreparedRows, rowCount: number, binsMax: number, random: Random, pace: Pace): Promise<Float64Array[]> {
  const { columnCount, weights } = prepared;
  const sample = await readSample(prepared, rowCount, rowsToRead(rowCount, random), pace);
  const sampleCount = sample.rows.length;
  const spare = new Float32Array(sampleCount);
  const cuts: Float64Array[] = [];
  for (let j = 0; j < columnCount; j++) {
    const column = sample.columns.subarray(j * sampleCount, (j + 1) * sampleCount);
    cuts.push(findCuts(weights === undefined ? unweightedDistribution(column, spare) : weightedDistribution(column, sample.rows, weights), binsMax));
    if (pace.spend((weights === undefined ? 12 : 60) * sampleCount)) await pace.pause();
  }
  return cuts;
}

/** Column-major values of the rows asked for, or of all, in ascending order of rows. */
async function readSample(prepared: PreparedRows, rowCount: number, wanted: Int32Array | undefined, pace: Pace): Promise<{ rows: Int32Array; columns: Float32Array }> {
  const { columnCount } = prepared;
  const rows = wanted === undefined ? Int32Array.from({ length: rowCount }, (_, i) => i) : wanted.sort();
  const columns = new Float32Array(rows.length * columnCount);
  const block = new Float32Array(Math.min(blockRows, rowCount) * columnCount);
  let at = 0;
  for (let start = 0; start < rowCount && at < rows.length; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    prepared.read(start, end, block);
    for (; at < rows.length && rows[at]! < end; at++) {
      const from = (rows[at]! - start) * columnCount;
      for (let j = 0; j < columnCount; j++) columns[j * rows.length + at] = block[from + j]!;
    }
    if (pace.spend(3 * (end - start) * columnCount)) await pace.pause();
  }
  return { rows, columns };
}

function weightedDistribution(column: Float32Array, rows: Int32Array, weights: Float64Array): WeightedDistribution {
  const values: number[] = [];
  const weightOf: number[] = [];
  column.forEach((value, i) => {
    const weight = weights[rows[i]!]!;
    if (value !== value || weight === 0) return;
    values.push(value);
    weightOf.push(weight);
  });
  return distributionOf(Float64Array.from(values), Float64Array.from(weightOf));
}

/** Distinct present values and the rows up to each; sorts the column in place. */
function unweightedDistribution(column: Float32Array, spare: Float32Array): WeightedDistribution {
  let present = 0;
  for (let i = 0; i < column.length; i++) if (column[i] === column[i]) column[present++] = column[i]!;
  const sorted = sortFloats(column.subarray(0, present), spare.subarray(0, present));
  const values = new Float64Array(present);
  const weightUpTo = new Float64Array(present);
  let count = 0;
  for (let i = 0; i < present; i++) {
    if (count === 0 || sorted[i] !== values[count - 1]) values[count++] = sorted[i]!;
    weightUpTo[count - 1] = i + 1;
  }
  return { values: values.subarray(0, count), weightUpTo: weightUpTo.subarray(0, count) };
}

/** Ascending, by three passes of a radix sort over 11 bits; NaN is not among them. The result is `values` or `spare`. */
export function sortFloats(values: Float32Array, spare: Float32Array): Float32Array {
  const count = values.length;
  let from = new Int32Array(values.buffer, values.byteOffset, count);
  let to = new Int32Array(spare.buffer, spare.byteOffset, count);
  // Negative floats sort the other way round, and after the others, as integers.
  for (let i = 0; i < count; i++) from[i] = from[i]! ^ ((from[i]! >> 31) | (1 << 31));
  const starts = new Int32Array(2048);
  for (let shift = 0; shift < 32; shift += 11) {
    starts.fill(0);
    for (let i = 0; i < count; i++) starts[(from[i]! >>> shift) & 2047]!++;
    let sum = 0;
    for (let digit = 0; digit < 2048; digit++) {
      const here = starts[digit]!;
      starts[digit] = sum;
      sum += here;
    }
    for (let i = 0; i < count; i++) {
      const key = from[i]!;
      const digit = (key >>> shift) & 2047;
      to[starts[digit]!] = key;
      starts[digit]!++;
    }
    [from, to] = [to, from];
  }
  for (let i = 0; i < count; i++) from[i] = from[i]! ^ ((~from[i]! >> 31) | (1 << 31));
  return new Float32Array(from.buffer, from.byteOffset, count);
}
