import type { Pace } from '../pace.ts';
import type { PreparedRows } from '../prepared-rows.ts';

const blockRows = 1024;

/** 1 / (columns x variance of all cells), scikit-learn's `gamma='scale'`, rows counted by weight; 1 where all cells are equal. */
export async function scaleGamma(prepared: PreparedRows, pace: Pace): Promise<number> {
  const { rowCount, columnCount, weights } = prepared;
  const block = new Float32Array(Math.min(blockRows, rowCount) * columnCount);
  prepared.read(0, 1, block);
  const shift = block[0]!;
  let [total, sum, squares] = [0, 0, 0];
  for (let start = 0; start < rowCount; start += blockRows) {
    const end = Math.min(start + blockRows, rowCount);
    prepared.read(start, end, block);
    for (let row = start; row < end; row++) {
      const weight = weights === undefined ? 1 : weights[row]!;
      total += weight * columnCount;
      for (let at = (row - start) * columnCount; at < (row - start + 1) * columnCount; at++) {
        const difference = block[at]! - shift;
        sum += weight * difference;
        squares += weight * difference * difference;
      }
    }
    if (pace.spend(2 * (end - start) * columnCount)) await pace.pause();
  }
  const variance = squares / total - (sum / total) ** 2;
  return variance > 0 ? 1 / (columnCount * variance) : 1;
}
