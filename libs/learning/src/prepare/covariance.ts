import type { StepContext, StepInput } from './step.ts';

/**
 * Weighted covariance of the chosen columns about `mean` with n - 1 degrees of freedom (n the sum of weights), row-major and symmetric;
 * a missing value counts as its mean. Four rows a turn, so that each cell is read and written once for four.
 */
export async function covarianceOf(input: StepInput, chosen: Int32Array, mean: Float64Array, { pace }: StepContext): Promise<Float64Array> {
  const size = chosen.length;
  const width = input.names.length;
  const { weights } = input;
  const sums = new Float64Array(size * size);
  const centered = new Float64Array(4 * size);
  let total = 0;
  const rowWeights = new Float64Array(4);
  let filled = 0;
  const flush = (): void => {
    centered.fill(0, filled * size);
    rowWeights.fill(0, filled);
    addProducts(sums, centered, rowWeights, size);
    filled = 0;
  };
  await input.eachBlock((rows, start, rowCount) => {
    for (let i = 0; i < rowCount; i++) {
      const weight = weights === undefined ? 1 : weights[start + i];
      if (weight === 0) continue;
      total += weight;
      for (let c = 0; c < size; c++) {
        const x = rows[i * width + chosen[c]];
        centered[filled * size + c] = x !== x ? 0 : x - mean[chosen[c]];
      }
      rowWeights[filled] = weight;
      if (++filled === 4) flush();
    }
    pace.spend(0.2 * rowCount * size * size);
  }, pace);
  if (filled > 0) flush();
  const degrees = Math.max(total - 1, 1e-300);
  for (let j = 0; j < size; j++) for (let k = j; k < size; k++) sums[k * size + j] = sums[j * size + k] = total > 1 ? sums[j * size + k] / degrees : 0;
  return sums;
}

/** Adds the weighted products of four rows to the upper triangle. */
function addProducts(sums: Float64Array, rows: Float64Array, weights: Float64Array, size: number): void {
  const [wa, wb, wc, wd] = weights;
  for (let j = 0; j < size; j++) {
    const a = wa * rows[j], b = wb * rows[size + j], c = wc * rows[2 * size + j], d = wd * rows[3 * size + j];
    for (let k = j; k < size; k++) sums[j * size + k] += a * rows[k] + b * rows[size + k] + c * rows[2 * size + k] + d * rows[3 * size + k];
  }
}
