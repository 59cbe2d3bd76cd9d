/** A rising broken line: `probabilities[k]` at `values[k]`, values strictly ascending, level beyond both ends. */
export interface IsotonicLine {
  readonly values: Float64Array;
  readonly probabilities: Float64Array;
}

/**
 * The rising sequence nearest to the labels in weighted squares, by pooling adjacent violators (Ayer et al. 1955); rows of equal value are
 * one point. Only the ends of each level stretch are kept.
 */
export function fitIsotonic(values: Float64Array, y: Float64Array, weights: Float64Array | undefined): IsotonicLine {
  const order = Int32Array.from({ length: y.length }, (_, i) => i).filter((i) => weights === undefined || weights[i]! > 0).sort((a, b) => values[a]! - values[b]!);
  // Blocks of points, each with its weighted mean, on a stack that only rises.
  const firsts = new Float64Array(order.length);
  const lasts = new Float64Array(order.length);
  const sums = new Float64Array(order.length);
  const totals = new Float64Array(order.length);
  let top = -1;
  for (let start = 0; start < order.length;) {
    const value = values[order[start]!]!;
    let [sum, total] = [0, 0];
    while (start < order.length && values[order[start]!] === value) {
      const weight = weights?.[order[start]!] ?? 1;
      sum += weight * y[order[start]!]!;
      total += weight;
      start++;
    }
    top++;
    firsts[top] = value;
    lasts[top] = value;
    sums[top] = sum;
    totals[top] = total;
    while (top > 0 && sums[top - 1]! * totals[top]! >= sums[top]! * totals[top - 1]!) {
      sums[top - 1]! += sums[top]!;
      totals[top - 1]! += totals[top]!;
      lasts[top - 1] = lasts[top]!;
      top--;
    }
  }
  const [corners, levels]: [number[], number[]] = [[], []];
  for (let block = 0; block <= top; block++) {
    for (const value of new Set([firsts[block]!, lasts[block]!])) {
      corners.push(value);
      levels.push(sums[block]! / totals[block]!);
    }
  }
  return { values: Float64Array.from(corners), probabilities: Float64Array.from(levels) };
}

/** Linear between corners. */
export function isotonicAt({ values, probabilities }: IsotonicLine, value: number): number {
  const last = values.length - 1;
  if (!(value > values[0]!)) return probabilities[0]!;
  if (value >= values[last]!) return probabilities[last]!;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= value) low = middle;
    else high = middle;
  }
  const share = (value - values[low]!) / (values[high]! - values[low]!);
  return probabilities[low]! + share * (probabilities[high]! - probabilities[low]!);
}
