import type { FitContext } from '../family.ts';
import type { PreparedRows } from '../prepared-rows.ts';

const blockRows = 256;

/** Visits prepared rows in order on the caller's thread, for work that is too small or too sequential for operations. */
export async function eachRow(prepared: PreparedRows, { pace }: Pick<FitContext, 'pace'>, visit: (X: Float32Array, offset: number, row: number) => void): Promise<void> {
  const { rowCount, columnCount } = prepared;
  const block = new Float32Array(Math.min(blockRows, rowCount) * columnCount);
  for (let start = 0; start < rowCount; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    prepared.read(start, end, block.subarray(0, (end - start) * columnCount));
    for (let row = start; row < end; row++) visit(block, (row - start) * columnCount, row);
    if (pace.spend(4 * (end - start) * columnCount)) await pace.pause();
  }
}
