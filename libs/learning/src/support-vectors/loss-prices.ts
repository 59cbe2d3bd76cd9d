import type { PreparedRows } from '../prepared-rows.ts';

/** What each row's loss counts: c x weight, balanced: x all rows / (2 x rows of its class), counted by weight. */
export function lossPrices({ y, weights }: Pick<PreparedRows, 'y' | 'weights'>, c: number, balanced: boolean): Float64Array {
  const weightOf = (row: number): number => (weights === undefined ? 1 : weights[row]!);
  const totals: [number, number] = [0, 0];
  for (let row = 0; row < y.length; row++) totals[y[row]! > 0 ? 1 : 0] += weightOf(row);
  return y.map((label, row) => c * weightOf(row) * (balanced ? (totals[0] + totals[1]) / (2 * totals[label > 0 ? 1 : 0]) : 1));
}
