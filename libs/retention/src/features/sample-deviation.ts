/**
 * Standard deviation of a sample from exact partials: how many values, their sum and the sum of their squares, all integers. Null (NaN)
 * of fewer than two values. The numerator `n q - s s` is computed in integers, so that nothing cancels; squares past 2^53 - 1 are a `RangeError`.
 */
export function sampleDeviation(count: number, sum: number, squares: number): number {
  if (!(squares <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`expected a sum of squares up to 2^53 - 1, found ${squares} of ${count} values; use a shorter window`);
  if (!(count >= 2)) return NaN;
  const most = count * squares;
  // The sum's square is never above count times squares: when that fits, both are exact as they are.
  const numerator = most <= Number.MAX_SAFE_INTEGER ? most - sum * sum : Number(BigInt(count) * BigInt(squares) - BigInt(sum) * BigInt(sum));
  return Math.sqrt(numerator / (count * (count - 1)));
}
