import type { Dataset } from '../dataset.ts';
import type { Pace } from '../pace.ts';
import type { Random } from '../random.ts';
import type { WeightedDistribution } from '../weighted-distribution.ts';
import { columnDistribution, firstAtLeast, rowsToRead } from '../weighted-distribution.ts';

/**
 * Features as small integers. Bin b of column j holds values above `thresholds[j][b - 1]` and at most `thresholds[j][b]`; the bin after
 * the last, `thresholds[j].length + 1`, holds the missing values. All bins of all columns are numbered through as cells.
 */
export interface BinnedFeatures {
  readonly rowCount: number;
  readonly columnCount: number;
  /** Row-major cells: `cellStarts[j]` + bin. */
  readonly codes: Uint16Array | Int32Array;
  /** Column-major bins, the same again: histograms read whole rows, but parting rows reads one column, which fits a cache. */
  readonly bins: Uint8Array;
  readonly thresholds: readonly Float64Array[];
  /** First cell of each column, and the number of cells last. */
  readonly cellStarts: Int32Array;
  readonly cellCount: number;
  /** Columns by feature name: the order in which equal gains are settled, so that it doesn't depend on the data's layout. */
  readonly columnsByName: Int32Array;
}

/** Cuts each column at weighted quantiles into at most `binsMax` (2 to 255) bins of present values. */
export async function binFeatures(data: Dataset, binsMax: number, random: Random, pace: Pace): Promise<BinnedFeatures> {
  const { rowCount, columnCount, X, featureNames } = data;
  const rows = rowsToRead(rowCount, random);
  const thresholds: Float64Array[] = [];
  const cellStarts = new Int32Array(columnCount + 1);
  for (let j = 0; j < columnCount; j++) {
    thresholds.push(findCuts(await columnDistribution(data, j, rows, pace), binsMax));
    cellStarts[j + 1] = cellStarts[j]! + thresholds[j]!.length + 2;
  }
  const cellCount = cellStarts[columnCount]!;
  const codes = cellCount <= 2 ** 16 ? new Uint16Array(rowCount * columnCount) : new Int32Array(rowCount * columnCount);
  const bins = new Uint8Array(rowCount * columnCount);
  for (let j = 0; j < columnCount; j++) {
    const cuts = thresholds[j]!;
    for (let start = 0; start < rowCount; start += 65_536) {
      const end = Math.min(start + 65_536, rowCount);
      for (let i = start; i < end; i++) {
        const bin = binOf(X[i * columnCount + j]!, cuts);
        bins[j * rowCount + i] = bin;
        codes[i * columnCount + j] = cellStarts[j]! + bin;
      }
      if (pace.spend(8 * (end - start))) await pace.pause();
    }
  }
  const columnsByName = Int32Array.from(featureNames, (_, j) => j).sort((a, b) => (featureNames[a]! < featureNames[b]! ? -1 : 1));
  return { rowCount, columnCount, codes, bins, thresholds, cellStarts, cellCount, columnsByName };
}

/** The bin of a value: the number of cuts below it, or `cuts.length + 1` for NaN. */
export function binOf(value: number, cuts: Float64Array): number {
  return value !== value ? cuts.length + 1 : firstAtLeast(cuts, value);
}

/** Cut points between neighbouring distinct values: every border if there are few, else those at weighted quantiles. */
export function findCuts(distribution: WeightedDistribution, binsMax: number): Float64Array {
  const { values, weightUpTo } = distribution;
  const total = weightUpTo.at(-1) ?? 0;
  const every = values.length <= binsMax;
  const cuts: number[] = [];
  let quantile = 1;
  for (let k = 0; k + 1 < values.length && cuts.length < binsMax - 1; k++) {
    if (!every && weightUpTo[k]! * binsMax < quantile * total) continue;
    cuts.push(between(values[k]!, values[k + 1]!));
    while (weightUpTo[k]! * binsMax >= quantile * total) quantile++;
  }
  return Float64Array.from(cuts);
}

/** The middle of two neighbours, or the lower where rounding would reach the upper: `low <= cut < high` always. */
function between(low: number, high: number): number {
  const middle = low / 2 + high / 2;
  return middle >= low && middle < high ? middle : low;
}
