// Twins of `src/neural/network-passes.ts`: the same sums in the same order, lanes over columns.
import { exp } from './exponential';
import { activationField, at, columnCountField, field, inputAt, inputs, layerCountField, ofLayer, outputAt, outputs, paddedInputs, paddedOutputs, weightsAt } from './network-plan';

/** Strides in bytes; rows and columns are multiples of 4. Blocks of 4 x 8, then 4 x 4. */
function multiply(A: usize, rowStride: usize, stepStride: usize, B: usize, leadB: usize, C: usize, leadC: usize, rows: i32, steps: i32, columns: i32): void {
  const wide = columns & ~7;
  for (let i = 0; i < rows; i += 4) {
    const a = A + <usize>i * rowStride;
    const c = C + <usize>i * leadC;
    let j = 0;
    for (; j < wide; j += 8) block4x8(a, rowStride, stepStride, B + (<usize>j << 2), leadB, c + (<usize>j << 2), leadC, steps);
    if (j < columns) block4x4(a, rowStride, stepStride, B + (<usize>j << 2), leadB, c + (<usize>j << 2), leadC, steps);
  }
}

// @ts-ignore: decorator
@inline
function block4x8(a: usize, rowStride: usize, stepStride: usize, b: usize, leadB: usize, c: usize, leadC: usize, steps: i32): void {
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s10 = f32x4.splat(0), s11 = f32x4.splat(0);
  let s20 = f32x4.splat(0), s21 = f32x4.splat(0), s30 = f32x4.splat(0), s31 = f32x4.splat(0);
  let a1 = a + rowStride;
  let a2 = a1 + rowStride;
  let a3 = a2 + rowStride;
  for (let p = 0; p < steps; p++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    s00 = f32x4.add(s00, f32x4.mul(x0, b0));
    s01 = f32x4.add(s01, f32x4.mul(x0, b1));
    const x1 = v128.load32_splat(a1);
    s10 = f32x4.add(s10, f32x4.mul(x1, b0));
    s11 = f32x4.add(s11, f32x4.mul(x1, b1));
    const x2 = v128.load32_splat(a2);
    s20 = f32x4.add(s20, f32x4.mul(x2, b0));
    s21 = f32x4.add(s21, f32x4.mul(x2, b1));
    const x3 = v128.load32_splat(a3);
    s30 = f32x4.add(s30, f32x4.mul(x3, b0));
    s31 = f32x4.add(s31, f32x4.mul(x3, b1));
    a += stepStride;
    a1 += stepStride;
    a2 += stepStride;
    a3 += stepStride;
    b += leadB;
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c + leadC, s10);
  v128.store(c + leadC, s11, 16);
  v128.store(c + 2 * leadC, s20);
  v128.store(c + 2 * leadC, s21, 16);
  v128.store(c + 3 * leadC, s30);
  v128.store(c + 3 * leadC, s31, 16);
}

// @ts-ignore: decorator
@inline
function block4x4(a: usize, rowStride: usize, stepStride: usize, b: usize, leadB: usize, c: usize, leadC: usize, steps: i32): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  for (let p = 0; p < steps; p++) {
    const b0 = v128.load(b);
    s0 = f32x4.add(s0, f32x4.mul(v128.load32_splat(a), b0));
    s1 = f32x4.add(s1, f32x4.mul(v128.load32_splat(a + rowStride), b0));
    s2 = f32x4.add(s2, f32x4.mul(v128.load32_splat(a + 2 * rowStride), b0));
    s3 = f32x4.add(s3, f32x4.mul(v128.load32_splat(a + 3 * rowStride), b0));
    a += stepStride;
    b += leadB;
  }
  v128.store(c, s0);
  v128.store(c + leadC, s1);
  v128.store(c + 2 * leadC, s2);
  v128.store(c + 3 * leadC, s3);
}

export function gatherRows(plan: usize, X: usize, order: usize, start: i32, rows: i32, paddedRows: i32, scratch: usize): void {
  const columnCount = field(plan, columnCountField);
  const width = ofLayer(plan, 0, paddedInputs);
  const vectors = columnCount & ~3;
  let to = at(scratch, ofLayer(plan, 0, inputAt));
  for (let i = 0; i < paddedRows; i++) {
    if (i < rows) {
      const from = X + ((<usize>load<i32>(at(order, start + i)) * <usize>columnCount) << 2);
      let j = 0;
      for (; j < vectors; j += 4) v128.store(at(to, j), v128.load(at(from, j)));
      for (; j < columnCount; j++) store<f32>(at(to, j), load<f32>(at(from, j)));
      store<f32>(at(to, j), 1);
      for (j++; j < width; j++) store<f32>(at(to, j), 0);
    } else {
      for (let j = 0; j < width; j += 4) v128.store(at(to, j), f32x4.splat(0));
    }
    to = at(to, width);
  }
}

export function passForward(plan: usize, weights: usize, paddedRows: i32, scratch: usize): void {
  const layerCount = field(plan, layerCountField);
  for (let l = 0; l < layerCount; l++) {
    const isLast = l === layerCount - 1;
    const width = ofLayer(plan, l, paddedOutputs);
    const lead = isLast ? width : ofLayer(plan, l + 1, paddedInputs);
    const to = at(scratch, isLast ? ofLayer(plan, l, outputAt) : ofLayer(plan, l + 1, inputAt));
    multiply(
      at(scratch, ofLayer(plan, l, inputAt)), <usize>ofLayer(plan, l, paddedInputs) << 2, 4, at(weights, ofLayer(plan, l, weightsAt)), <usize>width << 2,
      to, <usize>lead << 2, paddedRows, ofLayer(plan, l, inputs) + 1, width,
    );
    if (isLast) continue;
    if (field(plan, activationField) === 1) activateTanh(to, lead, paddedRows, ofLayer(plan, l, outputs));
    else activateRelu(to, lead, paddedRows, ofLayer(plan, l, outputs));
  }
}

function activateRelu(row: usize, lead: i32, rows: i32, width: i32): void {
  const zero = f32x4.splat(0);
  const vectors = width & ~3;
  for (let i = 0; i < rows; i++) {
    let j = 0;
    for (; j < vectors; j += 4) {
      const z = v128.load(at(row, j));
      v128.store(at(row, j), v128.and(z, f32x4.gt(z, zero)));
    }
    for (; j < width; j++) {
      const z = load<f32>(at(row, j));
      store<f32>(at(row, j), z > 0 ? z : 0);
    }
    store<f32>(at(row, j), 1);
    for (j++; j < lead; j++) store<f32>(at(row, j), 0);
    row = at(row, lead);
  }
}

function activateTanh(row: usize, lead: i32, rows: i32, width: i32): void {
  for (let i = 0; i < rows; i++) {
    let j = 0;
    for (; j < width; j++) store<f32>(at(row, j), hyperbolicTangent(load<f32>(at(row, j))));
    store<f32>(at(row, j), 1);
    for (j++; j < lead; j++) store<f32>(at(row, j), 0);
    row = at(row, lead);
  }
}

function hyperbolicTangent(z: f32): f32 {
  const t = exp(-2 * Math.abs(<f64>z));
  const value = (1 - t) / (1 + t);
  return <f32>(z < 0 ? -value : value);
}

export function passBackward(plan: usize, transposed: usize, rows: i32, paddedRows: i32, scratch: usize, gradients: usize): void {
  const isTanh = field(plan, activationField) === 1;
  for (let l = field(plan, layerCountField) - 1; l >= 0; l--) {
    const leadIn = ofLayer(plan, l, paddedInputs);
    const leadOut = ofLayer(plan, l, paddedOutputs);
    const answers = at(scratch, ofLayer(plan, l, inputAt));
    const slopes = at(scratch, ofLayer(plan, l, outputAt));
    const place = ofLayer(plan, l, weightsAt);
    multiply(answers, 4, <usize>leadIn << 2, slopes, <usize>leadOut << 2, at(gradients, place), <usize>leadOut << 2, leadIn, rows, leadOut);
    if (l === 0) return;
    const lead = ofLayer(plan, l - 1, paddedOutputs);
    const width = ofLayer(plan, l - 1, outputs);
    const to = at(scratch, ofLayer(plan, l - 1, outputAt));
    multiply(slopes, <usize>leadOut << 2, 4, at(transposed, place), <usize>leadIn << 2, to, <usize>lead << 2, paddedRows, ofLayer(plan, l, outputs), lead);
    for (let i = 0; i < paddedRows; i++) {
      const slope = at(to, i * lead);
      const answer = at(answers, i * leadIn);
      if (isTanh) {
        for (let j = 0; j < width; j++) {
          const a = load<f32>(at(answer, j));
          store<f32>(at(slope, j), load<f32>(at(slope, j)) * (<f32>1 - a * a));
        }
      } else maskRelu(slope, answer, width);
      for (let j = width; j < lead; j++) store<f32>(at(slope, j), 0);
    }
  }
}

// @ts-ignore: decorator
@inline
function maskRelu(slope: usize, answer: usize, width: i32): void {
  const vectors = width & ~3;
  let j = 0;
  for (; j < vectors; j += 4) v128.store(at(slope, j), v128.and(v128.load(at(slope, j)), f32x4.gt(v128.load(at(answer, j)), f32x4.splat(0))));
  for (; j < width; j++) if (!(load<f32>(at(answer, j)) > 0)) store<f32>(at(slope, j), 0);
}
