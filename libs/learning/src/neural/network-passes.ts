import { exp } from '../kernels/exponential.ts';
import { layerOf, planField } from './network-plan.ts';

const { fround } = Math;

/**
 * C (rows x columns) = sum over steps of A(row, step) B(step, column): each element starts at 0 and adds rounded products one step
 * after the other, so any blocking gives the same bits. Rows and columns are multiples of 4; A is read by strides, so its transpose too.
 */
function multiply(
  A: Float32Array, a: number, rowStride: number, stepStride: number,
  B: Float32Array, b: number, leadB: number, C: Float32Array, c: number, leadC: number, rows: number, steps: number, columns: number,
): void {
  for (let i = 0; i < rows; i += 4) {
    for (let j = 0; j < columns; j += 2) {
      let s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
      let atA = a + i * rowStride;
      let atB = b + j;
      for (let p = 0; p < steps; p++) {
        const b0 = B[atB]!, b1 = B[atB + 1]!;
        const a0 = A[atA]!, a1 = A[atA + rowStride]!, a2 = A[atA + 2 * rowStride]!, a3 = A[atA + 3 * rowStride]!;
        s00 = fround(s00 + fround(a0 * b0)); s01 = fround(s01 + fround(a0 * b1));
        s10 = fround(s10 + fround(a1 * b0)); s11 = fround(s11 + fround(a1 * b1));
        s20 = fround(s20 + fround(a2 * b0)); s21 = fround(s21 + fround(a2 * b1));
        s30 = fround(s30 + fround(a3 * b0)); s31 = fround(s31 + fround(a3 * b1));
        atA += stepStride;
        atB += leadB;
      }
      const at = c + i * leadC + j;
      C[at] = s00; C[at + 1] = s01;
      C[at + leadC] = s10; C[at + leadC + 1] = s11;
      C[at + 2 * leadC] = s20; C[at + 2 * leadC + 1] = s21;
      C[at + 3 * leadC] = s30; C[at + 3 * leadC + 1] = s31;
    }
  }
}

/** Writes rows `order[start]` … `order[start + rows - 1]`, each with its 1 for the bias, to the first layer's input; zeros up to `paddedRows`. */
export function gatherRows(plan: Int32Array, X: Float32Array, order: Int32Array, start: number, rows: number, paddedRows: number, scratch: Float32Array, base: number): void {
  const columnCount = plan[planField.columnCount]!;
  const { paddedInputs, input } = layerOf(plan, 0);
  for (let i = 0; i < paddedRows; i++) {
    const at = base + input + i * paddedInputs;
    for (let j = 0; j < paddedInputs; j++) scratch[at + j] = 0;
    if (i >= rows) continue;
    const from = order[start + i]! * columnCount;
    for (let j = 0; j < columnCount; j++) scratch[at + j] = X[from + j]!;
    scratch[at + columnCount] = 1;
  }
}

/** All layers' outputs from the gathered input; the last layer's are the margins, in the first of its padded columns. */
export function passForward(plan: Int32Array, weights: Float32Array, paddedRows: number, scratch: Float32Array, base: number): void {
  const layerCount = plan[planField.layerCount]!;
  const isTanh = plan[planField.activation] === 1;
  for (let l = 0; l < layerCount; l++) {
    const layer = layerOf(plan, l);
    const isLast = l === layerCount - 1;
    const next = isLast ? undefined : layerOf(plan, l + 1);
    const to = base + (next?.input ?? layer.output);
    const lead = next?.paddedInputs ?? layer.paddedOutputs;
    multiply(scratch, base + layer.input, layer.paddedInputs, 1, weights, layer.weights, layer.paddedOutputs, scratch, to, lead, paddedRows, layer.inputs + 1, layer.paddedOutputs);
    if (next !== undefined) activate(scratch, to, lead, paddedRows, layer.outputs, isTanh);
  }
}

/** The hidden units' answers in place; then the 1 that the next layer's bias multiplies, and zeros. */
function activate(scratch: Float32Array, at: number, lead: number, rows: number, width: number, isTanh: boolean): void {
  for (let i = 0; i < rows; i++) {
    const row = at + i * lead;
    for (let j = 0; j < width; j++) {
      const z = scratch[row + j]!;
      scratch[row + j] = isTanh ? hyperbolicTangent(z) : z > 0 ? z : 0;
    }
    scratch[row + width] = 1;
    for (let j = width + 1; j < lead; j++) scratch[row + j] = 0;
  }
}

/** tanh in float32 by the shared exponential; absolute error below 1e-7, for |z| below 1e-8 relative too. */
export function hyperbolicTangent(z: number): number {
  const t = exp(-2 * Math.abs(z));
  const value = (1 - t) / (1 + t);
  return fround(z < 0 ? -value : value);
}

/**
 * From the last layer's output, which holds the loss's derivatives by the margins, to the gradients of all weights (Rumelhart, Hinton &
 * Williams 1986): sums over the rows given, written to `gradients` at `gradientBase`. `transposed` holds each later layer's weights turned over.
 */
export function passBackward(plan: Int32Array, transposed: Float32Array, rows: number, paddedRows: number, scratch: Float32Array, base: number, gradients: Float32Array, gradientBase: number): void {
  const isTanh = plan[planField.activation] === 1;
  for (let l = plan[planField.layerCount]! - 1; l >= 0; l--) {
    const layer = layerOf(plan, l);
    const { paddedInputs, paddedOutputs } = layer;
    multiply(scratch, base + layer.input, 1, paddedInputs, scratch, base + layer.output, paddedOutputs, gradients, gradientBase + layer.weights, paddedOutputs, paddedInputs, rows, paddedOutputs);
    if (l === 0) return;
    const before = layerOf(plan, l - 1);
    const to = base + before.output;
    multiply(scratch, base + layer.output, paddedOutputs, 1, transposed, layer.weights, paddedInputs, scratch, to, before.paddedOutputs, paddedRows, layer.outputs, before.paddedOutputs);
    for (let i = 0; i < paddedRows; i++) {
      const delta = to + i * before.paddedOutputs;
      const answer = base + layer.input + i * paddedInputs;
      for (let j = 0; j < before.outputs; j++) {
        const a = scratch[answer + j]!;
        if (isTanh) scratch[delta + j] = fround(scratch[delta + j]! * fround(1 - fround(a * a)));
        else if (!(a > 0)) scratch[delta + j] = 0;
      }
      for (let j = before.outputs; j < before.paddedOutputs; j++) scratch[delta + j] = 0;
    }
  }
}
