import type { Operation } from '../kernels/compute.ts';

export const sortSpare = 3 * 2048;

/** Sorts the first `counts[j]` of `size` numbers of each column, column after column; none is NaN. Threads part the columns; WASM sorts by digits, with `size` + `sortSpare` words of `spare` each. */
export const sortColumns: Operation<[values: Float32Array, size: number, columnCount: number, counts: Int32Array, spare: Uint32Array]> = {
  name: 'sortColumns',
  *plain(thread, threadCount, values, size, columnCount, counts) {
    for (let j = thread; j < columnCount; j += threadCount) {
      values.subarray(j * size, j * size + counts[j]!).sort();
      yield 20 * counts[j]!;
    }
  },
};

/**
 * Puts a block of rows, row-major, into the bins of their columns: the number of cuts below the value, the number of bins for NaN. Row i
 * of the block is row `rowStart` + i of `bins`, which is column-major; place k there is column `columns[k]` of the block, with
 * cuts [cutStarts[k], cutStarts[k + 1]). Threads part the rows.
 */
export const binRows: Operation<[
  block: Float32Array, blockRows: number, columnCount: number, columns: Int32Array, cuts: Float32Array, cutStarts: Int32Array, bins: Uint8Array, rowCount: number, rowStart: number,
]> = {
  name: 'binRows',
  *plain(thread, threadCount, block, blockRows, columnCount, columns, cuts, cutStarts, bins, rowCount, rowStart) {
    const start = Math.floor((blockRows * thread) / threadCount);
    const end = Math.floor((blockRows * (thread + 1)) / threadCount);
    for (let place = 0; place < columnCount; place++) {
      const column = columns[place]!;
      const first = cutStarts[place]!;
      const count = cutStarts[place + 1]! - first;
      const to = place * rowCount + rowStart;
      for (let i = start; i < end; i++) bins[to + i] = binOf(block[i * columnCount + column]!, cuts, first, count);
      yield 6 * (end - start);
    }
  },
};

/** The number of cuts below a value, by halves of a length that does not depend on the value: nothing to mispredict. */
function binOf(x: number, cuts: Float32Array, first: number, count: number): number {
  if (x !== x) return count + 1;
  if (count === 0) return 0;
  let at = first;
  for (let rest = count; rest > 1;) {
    const half = rest >> 1;
    at += half * +(cuts[at + half - 1]! < x);
    rest -= half;
  }
  return at - first + +(cuts[at]! < x);
}
