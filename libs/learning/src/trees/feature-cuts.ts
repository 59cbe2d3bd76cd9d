import type { Compute } from '../kernels/compute.ts';
import type { Pace } from '../pace.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { Random } from '../random.ts';
import type { WeightedDistribution } from '../weighted-distribution.ts';
import { distributionOf, rowsToRead } from '../weighted-distribution.ts';
import { sortColumns, sortSpare } from './bin-rows.ts';
import { findCuts } from './binning.ts';

const blockRows = 16_384;

interface ReadContext { readonly compute: Compute; readonly random: Random; readonly pace: Pace }

/** Cut points of every column among the first `rowCount` rows, at weighted quantiles and at most `binsMax` - 1. */
export async function findFeatureCuts(prepared: PreparedRows, rowCount: number, binsMax: number, context: ReadContext): Promise<Float64Array[]> {
  const cuts: Float64Array[] = [];
  await eachDistribution(prepared, rowCount, context, (distribution, column) => { cuts[column] = findCuts(distribution, binsMax); });
  return cuts;
}

/** Distributions of the columns, one after the other, from the rows as they are made: what is kept of them meanwhile is at most 200,000 sampled ones. */
export async function eachDistribution(prepared: PreparedRows, rowCount: number, { compute, random, pace }: ReadContext, visit: (distribution: WeightedDistribution, column: number) => void): Promise<void> {
  const { columnCount } = prepared;
  const mark = compute.mark();
  const { size, values, counts, weights } = await readSample(prepared, rowCount, rowsToRead(rowCount, random)?.sort(), compute, pace);
  if (weights === undefined) await compute.run(sortColumns, values, size, columnCount, counts, compute.uint32((size + sortSpare) * compute.facts.threadCount));
  for (let j = 0; j < columnCount; j++) {
    const column = values.subarray(j * size, j * size + counts[j]!);
    visit(weights === undefined ? distributionOfSorted(column) : distributionOf(Float64Array.from(column), weights.slice(j * size, j * size + counts[j]!)), j);
    if (pace.spend((weights === undefined ? 4 : 60) * size)) await pace.pause();
  }
  compute.release(mark);
}

/** Present values of rows that weigh anything, column after column, `size` places each; of the rows given, or of all. */
interface Sample {
  readonly size: number;
  readonly values: Float32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array | undefined;
}

async function readSample(prepared: PreparedRows, rowCount: number, rows: Int32Array | undefined, compute: Compute, pace: Pace): Promise<Sample> {
  const { columnCount } = prepared;
  const size = rows?.length ?? rowCount;
  const values = compute.float32(size * columnCount);
  const counts = compute.int32(columnCount);
  const weights = prepared.weights === undefined ? undefined : new Float64Array(size * columnCount);
  const block = new Float32Array(Math.min(blockRows, rowCount) * columnCount);
  let at = 0;
  for (let start = 0; start < rowCount && at < size; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    prepared.read(start, end, block);
    for (; at < size; at++) {
      const row = rows === undefined ? at : rows[at]!;
      if (row >= end) break;
      const weight = prepared.weights?.[row];
      if (weight === 0) continue;
      const from = (row - start) * columnCount;
      for (let j = 0; j < columnCount; j++) {
        const value = block[from + j]!;
        if (value !== value) continue;
        const to = j * size + counts[j]!++;
        // Zero has two signs that compare equal but sort apart.
        values[to] = value + 0;
        if (weights !== undefined) weights[to] = weight!;
      }
    }
    if (pace.spend(3 * (end - start) * columnCount)) await pace.pause();
  }
  return { size, values, counts, weights };
}

/** Distinct values and the number of rows up to each. */
function distributionOfSorted(sorted: Float32Array): WeightedDistribution {
  const values = new Float64Array(sorted.length);
  const weightUpTo = new Float64Array(sorted.length);
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (count === 0 || sorted[i] !== values[count - 1]) values[count++] = sorted[i]!;
    weightUpTo[count - 1] = i + 1;
  }
  return { values: values.subarray(0, count), weightUpTo: weightUpTo.subarray(0, count) };
}
