import { GramSums } from '../kernels/gram.ts';
import { eachChunk } from './chunks.ts';
import { summarizeColumns } from './column-summaries.ts';
import type { StepContext, StepInput } from './step.ts';

export interface Covariance {
  /** Weighted means of the chosen columns. */
  readonly mean: Float64Array;
  /** Row-major and symmetric, with n - 1 degrees of freedom, n the sum of the weights. */
  readonly covariance: Float64Array;
}

/** Up to this many products the sums are float64 throughout. */
const exactProducts = 1 << 22;

/**
 * Means and weighted covariance of the chosen columns; a missing value counts as its column's mean. Small data, and data with gaps, are
 * summed in float64; else products are summed in float32 within 256 rows, about 1e-7 of the deviations' product.
 */
export async function covarianceOf(input: StepInput, chosen: Int32Array, context: StepContext): Promise<Covariance> {
  if (input.rowCount * chosen.length ** 2 <= exactProducts) return exactCovariance(input, chosen, context);
  const near = await covarianceByKernels(input, chosen, await nearMeans(input, chosen, context), context);
  if (near === undefined) return exactCovariance(input, chosen, context);
  // Sums about a shift that is many deviations from the mean have lost digits.
  const isFar = near.mean.some((mean, c) => (mean - near.shift[c]) ** 2 > 100 * near.covariance[c * chosen.length + c]);
  return isFar ? (await covarianceByKernels(input, chosen, Float32Array.from(near.mean), context))! : near;
}

/** Means of the first rows, 0 for what they do not show. */
async function nearMeans(input: StepInput, chosen: Int32Array, { pace }: StepContext): Promise<Float32Array> {
  const width = input.names.length;
  const rows = Math.min(input.rowCount, 256);
  const X = new Float32Array(rows * width);
  input.read(0, rows, X);
  if (pace.spend(rows * input.workPerRow)) await pace.pause();
  return Float32Array.from(chosen, (j) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += X[i * width + j];
    return sum === sum ? sum / rows : 0;
  });
}

/** Undefined where a value is missing. */
async function covarianceByKernels(input: StepInput, chosen: Int32Array, shift: Float32Array, context: StepContext): Promise<(Covariance & { readonly shift: Float32Array }) | undefined> {
  const { compute, pace } = context;
  const mark = compute.mark();
  const [size, width] = [chosen.length, input.names.length];
  const gram = new GramSums(compute, size, shift);
  let chunk: Float32Array = new Float32Array(0);
  await eachChunk(input, context, async (X, count, weights) => {
    const inner = compute.mark();
    let Z = X;
    if (size < width) {
      Z = compute.float32(count * size);
      for (let i = 0, to = 0; i < count; i++) for (let c = 0; c < size; c++) Z[to++] = X[i * width + chosen[c]];
      if (pace.spend(2 * count * size)) await pace.pause();
    }
    chunk = weights === undefined ? chunk : compute.float32(count);
    if (weights !== undefined) chunk.set(weights.subarray(0, count));
    await gram.add(Z, count, weights === undefined ? {} : { weights: chunk });
    compute.release(inner);
  });
  const sums = gram.total();
  compute.release(mark);
  if (sums.some(Number.isNaN)) return undefined;
  const order = size + 2;
  const one = size + 1;
  const total = sums[one * order + one];
  const mean = Float64Array.from(shift, (value, c) => value + sums[c * order + one] / total);
  const covariance = new Float64Array(size * size);
  for (let c = 0; c < size; c++) {
    for (let d = 0; d < size; d++) covariance[c * size + d] = (sums[c * order + d] - (sums[c * order + one] * sums[d * order + one]) / total) / (total - 1);
  }
  return { mean, covariance, shift };
}

/** Four rows a turn, so that each cell is read and written once for four. */
async function exactCovariance(input: StepInput, chosen: Int32Array, context: StepContext): Promise<Covariance> {
  const summaries = await summarizeColumns(input, context);
  const mean = Float64Array.from(chosen, (j) => summaries.mean[j]);
  const [size, width] = [chosen.length, input.names.length];
  const { weights } = input;
  const sums = new Float64Array(size * size);
  const centered = new Float64Array(4 * size);
  const rowWeights = new Float64Array(4);
  let total = 0;
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
        centered[filled * size + c] = x !== x ? 0 : x - mean[c];
      }
      rowWeights[filled] = weight;
      if (++filled === 4) flush();
    }
    context.pace.spend(0.2 * rowCount * size * size);
  }, context.pace);
  if (filled > 0) flush();
  for (let j = 0; j < size; j++) for (let k = j; k < size; k++) sums[k * size + j] = sums[j * size + k] = total > 1 ? sums[j * size + k] / (total - 1) : 0;
  return { mean, covariance: sums };
}

/** Adds the weighted products of four rows to the upper triangle. */
function addProducts(sums: Float64Array, rows: Float64Array, weights: Float64Array, size: number): void {
  const [wa, wb, wc, wd] = weights;
  for (let j = 0; j < size; j++) {
    const a = wa * rows[j], b = wb * rows[size + j], c = wc * rows[2 * size + j], d = wd * rows[3 * size + j];
    for (let k = j; k < size; k++) sums[j * size + k] += a * rows[k] + b * rows[size + k] + c * rows[2 * size + k] + d * rows[3 * size + k];
  }
}
