import type { Compute } from '../kernels/compute.ts';
import type { Pace } from '../pace.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import type { Random } from '../random.ts';
import type { WeightedDistribution } from '../weighted-distribution.ts';
import { binRows } from './bin-rows.ts';
import { findCuts } from './binning.ts';
import { eachDistribution } from './feature-cuts.ts';
import { floatAtMost } from './nearby-floats.ts';

/** Columns as small integers, for methods that read one column after the other: the places of values among their column's cuts. */
export interface ColumnBins {
  readonly rowCount: number;
  readonly columnCount: number;
  /** The column of the prepared rows at each place: by name, so that equal gains are settled alike however the data is laid out. */
  readonly columns: Int32Array;
  /** Column after column, by place. Missing values have the bin after the last. */
  readonly bins: Uint8Array;
  /** Bins of present values, by place. */
  readonly binCounts: Int32Array;
  readonly borders: readonly BinBorders[];
}

/** Lowest and highest value of each bin: one and the same where the column has a bin for every value, else the cuts on either side. */
export interface BinBorders {
  readonly cuts: Float64Array;
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
}

const binsMost = 255;
/** Rows prepared and put into bins at a time. */
const blockRows = 16_384;

/** Bins of all columns: one for every value while a column has at most 255 of them, else between weighted quantiles of up to 200,000 rows. */
export async function binColumns(prepared: PreparedRows, compute: Compute, random: Random, pace: Pace): Promise<ColumnBins> {
  const { rowCount, columnCount, names } = prepared;
  const columns = compute.adopt(Int32Array.from(names, (_, j) => j).sort((a, b) => (names[a]! < names[b]! ? -1 : 1)));
  const bins = compute.uint8(rowCount * columnCount);
  const binCounts = compute.int32(columnCount);
  const mark = compute.mark();
  const borderOf: BinBorders[] = [];
  await eachDistribution(prepared, rowCount, { compute, random, pace }, (distribution, column) => { borderOf[column] = bordersOf(distribution); });
  const borders = Array.from(columns, (column) => borderOf[column]!);
  const cutStarts = compute.int32(columnCount + 1);
  borders.forEach(({ cuts }, place) => {
    binCounts[place] = cuts.length + 1;
    cutStarts[place + 1] = cutStarts[place]! + cuts.length;
  });
  const cuts = compute.float32(cutStarts[columnCount]!);
  borders.forEach((border, place) => cuts.set(border.cuts.map(floatAtMost), cutStarts[place]!));
  const block = compute.float32(Math.min(blockRows, rowCount) * columnCount);
  for (let start = 0; start < rowCount; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    prepared.read(start, end, block);
    await compute.run(binRows, block, end - start, columnCount, columns, cuts, cutStarts, bins, rowCount, start);
    if (pace.spend(2 * (end - start) * columnCount)) await pace.pause();
  }
  compute.release(mark);
  return { rowCount, columnCount, columns, bins, binCounts, borders };
}

function bordersOf(distribution: WeightedDistribution): BinBorders {
  const { values } = distribution;
  const cuts = findCuts(distribution, binsMost);
  if (cuts.length + 1 === values.length) return { cuts, lowest: values.slice(), highest: values.slice() };
  return { cuts, lowest: Float64Array.of(-Infinity, ...cuts), highest: Float64Array.of(...cuts, Infinity) };
}

/** Where to cut between two bins of a node that hold rows, bins between them being empty: half way; above everything when `next` is none. */
export function cutBetween({ lowest, highest }: BinBorders, bin: number, next: number): number {
  if (next < 0) return Number.MAX_VALUE;
  const [low, high] = [highest[bin]!, lowest[next]!];
  const middle = low / 2 + high / 2;
  // Half way may round to the higher value, which belongs to the right.
  return middle >= low && middle < high ? middle : low;
}
