// Twins of `src/linear/hinge-descent.ts` and `src/linear/perceptron-epoch.ts`: row after row, so the first thread does it all.
import { marginOfRow } from './linear-rows';
import { cancelled } from './threads';

/** point += factor x (row, 1). */
function addRow(x: usize, columnCount: i32, factor: f64, point: usize): void {
  const factors = f64x2.splat(factor);
  let j = 0;
  for (; j + 4 <= columnCount; j += 4, x += 16, point += 32) {
    v128.store(point, f64x2.add(v128.load(point), f64x2.mul(factors, f64x2.promote_low_f32x4(v128.load64_zero(x)))));
    v128.store(point, f64x2.add(v128.load(point, 16), f64x2.mul(factors, f64x2.promote_low_f32x4(v128.load64_zero(x, 8)))), 16);
  }
  for (; j < columnCount; j++, x += 4, point += 8) store<f64>(point, load<f64>(point) + factor * <f64>load<f32>(x));
  store<f64>(point, load<f64>(point) + factor);
}

function squaredLength(x: usize, columnCount: i32): f64 {
  let s0: f64 = 0, s1: f64 = 0, s2: f64 = 0, s3: f64 = 0;
  for (let j = 0; j < columnCount; j++, x += 4) {
    const value = <f64>load<f32>(x);
    const square = value * value;
    const part = j & 3;
    if (part == 0) s0 += square;
    else if (part == 1) s1 += square;
    else if (part == 2) s2 += square;
    else s3 += square;
  }
  return s0 + s2 + (s1 + s3);
}

export function linearHingeDescent(
  thread: i32, threads: i32, X: usize, columnCount: i32, y: usize, weights: usize, weighted: i32, positive: f64, negative: f64,
  order: usize, alpha: usize, squares: usize, point: usize, state: usize,
): void {
  if (thread > 0) return;
  let active = <i32>load<f64>(state, 32);
  const boundHigh = load<f64>(state), boundLow = load<f64>(state, 8);
  let high: f64 = -Infinity, low: f64 = Infinity;
  for (let s = 0, steps = 1; s < active; s++, steps++) {
    if ((steps & 255) == 0 && cancelled()) return;
    const at = order + (<usize>s << 2);
    const row = load<i32>(at);
    const cell = <usize>row << 3;
    const x = X + (<usize>row * <usize>columnCount << 2);
    const label = load<f64>(y + cell);
    const side = label + label - 1;
    const most = (side > 0 ? positive : negative) * (weighted ? load<f64>(weights + cell) : 1);
    const slope = side * marginOfRow(x, columnCount, point) - 1;
    const before = load<f64>(alpha + cell);
    let projected = slope;
    const leaves = before == 0 ? slope > boundHigh : before == most ? slope < boundLow : false;
    if (leaves) {
      active--;
      const last = order + (<usize>active << 2);
      store<i32>(at, load<i32>(last));
      store<i32>(last, row);
      s--;
      continue;
    }
    if (before == 0) {
      if (slope > 0) projected = 0;
    } else if (before == most) {
      if (slope < 0) projected = 0;
    }
    if (projected > high) high = projected;
    if (projected < low) low = projected;
    if (Math.abs(projected) <= 1e-12) continue;
    let square = load<f64>(squares + cell);
    if (square == 0) {
      square = squaredLength(x, columnCount) + 1;
      store<f64>(squares + cell, square);
    }
    let after = before - slope / square;
    if (after < 0) after = 0;
    if (after > most) after = most;
    store<f64>(alpha + cell, after);
    addRow(x, columnCount, (after - before) * side, point);
  }
  store<f64>(state, high, 16);
  store<f64>(state, low, 24);
  store<f64>(state, <f64>active, 32);
}

const ahead: i32 = 16;

/** Reads a word of each cache line of the next rows: they lie anywhere, so their misses had better overlap than come one after the other. */
function touchRows(X: usize, columnCount: i32, order: usize, count: i32): i32 {
  const rowBytes = <usize>columnCount << 2;
  let touched = 0;
  for (let i = 0; i < count; i++) {
    const x = X + <usize>load<i32>(order + (<usize>i << 2)) * rowBytes;
    for (let at: usize = 0; at < rowBytes; at += 64) touched |= load<i32>(x + at);
    touched |= load<i32>(x + rowBytes - 4);
  }
  return touched;
}

export function linearPerceptronEpoch(
  thread: i32, threads: i32, X: usize, rowCount: i32, columnCount: i32, y: usize, weights: usize, weighted: i32, positive: f64, negative: f64,
  order: usize, averaged: i32, point: usize, late: usize, state: usize,
): void {
  if (thread > 0) return;
  let loss: f64 = 0;
  let step = load<f64>(state, 8);
  let touched = 0;
  for (let i = 0; i < rowCount; i++, step += 1) {
    if ((i & 255) == 255 && cancelled()) return;
    if ((i & (ahead - 1)) == 0) touched |= touchRows(X, columnCount, order + (<usize>i << 2), min(ahead, rowCount - i));
    const row = load<i32>(order + (<usize>i << 2));
    const cell = <usize>row << 3;
    const x = X + (<usize>row * <usize>columnCount << 2);
    const label = load<f64>(y + cell);
    const side = label + label - 1;
    const distance = side * marginOfRow(x, columnCount, point);
    if (distance > 0) continue;
    const factor = (side > 0 ? positive : negative) * (weighted ? load<f64>(weights + cell) : 1);
    loss -= factor * distance;
    addRow(x, columnCount, factor * side, point);
    if (averaged) addRow(x, columnCount, factor * side * step, late);
  }
  store<f64>(state, loss);
  // Never so: it keeps the compiler from leaving the touching out.
  if (thread < 0) store<i32>(state, touched);
  store<f64>(state, step, 8);
}
