// Twins of `src/linear/margins.ts` and `src/linear/evaluate-rows.ts`: the orders of sums are stated there.
import { exp64x2, log64x2 } from './exponential';
import { cancelled } from './threads';

const shardCount: i32 = 16;
const blockRows: i32 = 256;

/** Two float32 at `at` as float64. */
// @ts-ignore: decorator
@inline
function pairAt(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

// @ts-ignore: decorator
@inline
function addProduct(sum: v128, a: v128, b: v128): v128 {
  return f64x2.add(sum, f64x2.mul(a, b));
}

/** Columns beyond the last multiple of four, in the first two partial sums. */
// @ts-ignore: decorator
@inline
function tailLow(sum: v128, x: usize, left: i32, w: usize): v128 {
  if (left >= 2) return addProduct(sum, v128.load(w), pairAt(x));
  if (left == 1) return addProduct(sum, v128.load64_zero(w), f64x2.promote_low_f32x4(v128.load32_zero(x)));
  return sum;
}

/** The same in the last two. */
// @ts-ignore: decorator
@inline
function tailHigh(sum: v128, x: usize, left: i32, w: usize): v128 {
  return left == 3 ? addProduct(sum, v128.load64_zero(w, 16), f64x2.promote_low_f32x4(v128.load32_zero(x, 8))) : sum;
}

// @ts-ignore: decorator
@inline
function finish(low: v128, high: v128, intercept: f64): f64 {
  const sums = f64x2.add(low, high);
  return f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1) + intercept;
}

export function marginOfRow(x: usize, columnCount: i32, point: usize): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  const whole = columnCount & ~3;
  const end = x + (<usize>whole << 2);
  let w = point;
  for (; x < end; x += 16, w += 32) {
    low = addProduct(low, v128.load(w), pairAt(x));
    high = addProduct(high, v128.load(w, 16), pairAt(x + 8));
  }
  const left = columnCount - whole;
  return finish(tailLow(low, x, left, w), tailHigh(high, x, left, w), load<f64>(point + (<usize>columnCount << 3)));
}

/** Margins of `count` rows from address `x`; four rows at a time share the coefficients read. */
function marginsOfRows(x: usize, count: i32, columnCount: i32, point: usize, out: usize): void {
  const rowBytes = <usize>columnCount << 2;
  const whole = columnCount & ~3;
  const left = columnCount - whole;
  const intercept = load<f64>(point + (<usize>columnCount << 3));
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    let a = x, b = a + rowBytes, c = b + rowBytes, d = c + rowBytes;
    x = d + rowBytes;
    let lowA = f64x2.splat(0), lowB = f64x2.splat(0), lowC = f64x2.splat(0), lowD = f64x2.splat(0);
    let highA = f64x2.splat(0), highB = f64x2.splat(0), highC = f64x2.splat(0), highD = f64x2.splat(0);
    let w = point;
    for (const end = point + (<usize>whole << 3); w < end; w += 32, a += 16, b += 16, c += 16, d += 16) {
      const first = v128.load(w), second = v128.load(w, 16);
      lowA = addProduct(lowA, first, pairAt(a));
      highA = addProduct(highA, second, pairAt(a + 8));
      lowB = addProduct(lowB, first, pairAt(b));
      highB = addProduct(highB, second, pairAt(b + 8));
      lowC = addProduct(lowC, first, pairAt(c));
      highC = addProduct(highC, second, pairAt(c + 8));
      lowD = addProduct(lowD, first, pairAt(d));
      highD = addProduct(highD, second, pairAt(d + 8));
    }
    store<f64>(out, finish(tailLow(lowA, a, left, w), tailHigh(highA, a, left, w), intercept));
    store<f64>(out + 8, finish(tailLow(lowB, b, left, w), tailHigh(highB, b, left, w), intercept));
    store<f64>(out + 16, finish(tailLow(lowC, c, left, w), tailHigh(highC, c, left, w), intercept));
    store<f64>(out + 24, finish(tailLow(lowD, d, left, w), tailHigh(highD, d, left, w), intercept));
    out += 32;
  }
  for (; i < count; i++) {
    store<f64>(out, marginOfRow(x, columnCount, point));
    x += rowBytes;
    out += 8;
  }
}

export function linearMargins(thread: i32, threads: i32, X: usize, rowCount: i32, columnCount: i32, point: usize, out: usize): void {
  for (let start = thread * blockRows; start < rowCount; start += threads * blockRows) {
    if (cancelled()) return;
    marginsOfRows(X + (<usize>start * <usize>columnCount << 2), min(blockRows, rowCount - start), columnCount, point, out + (<usize>start << 3));
  }
}

/** One or two numbers at `at`: never beyond the end of an array. */
// @ts-ignore: decorator
@inline
function loadPair(at: usize, both: bool): v128 {
  return both ? v128.load(at) : v128.load64_zero(at);
}

// @ts-ignore: decorator
@inline
function storePair(at: usize, values: v128, both: bool): void {
  if (both) v128.store(at, values);
  else v128.store64_lane(at, values, 0);
}

// @ts-ignore: decorator
@inline
function storeCurvature(at: usize, values: v128, both: bool): void {
  const rounded = f32x4.demote_f64x2_zero(values);
  if (both) v128.store64_lane(at, rounded, 0);
  else v128.store32_lane(at, rounded, 0);
}

/** Margins become first derivatives for one or two rows; returns their losses. */
// @ts-ignore: decorator
@inline
function differentiate(loss: i32, block: usize, label: v128, factor: v128, curvature: usize, both: bool): v128 {
  const margin = loadPair(block, both);
  const zero = f64x2.splat(0), one = f64x2.splat(1);
  if (loss == 0) {
    const u = exp64x2(f64x2.neg(f64x2.abs(margin)));
    const sum = f64x2.add(one, u);
    const inverse = f64x2.div(one, sum);
    const other = f64x2.mul(u, inverse);
    const up = f64x2.ge(margin, zero);
    const p = v128.bitselect(inverse, other, up);
    storePair(block, f64x2.mul(factor, f64x2.sub(p, label)), both);
    storeCurvature(curvature, f64x2.mul(factor, f64x2.mul(other, inverse)), both);
    const log1p = f64x2.add(log64x2(sum), f64x2.mul(f64x2.sub(u, f64x2.sub(sum, one)), inverse));
    return f64x2.mul(factor, f64x2.add(f64x2.sub(v128.and(margin, up), f64x2.mul(label, margin)), log1p));
  }
  if (loss == 1) {
    const side = f64x2.sub(f64x2.add(label, label), one);
    const short = f64x2.sub(one, f64x2.mul(side, margin));
    const lacks = f64x2.gt(short, zero);
    const lacking = v128.and(short, lacks);
    storePair(block, f64x2.mul(f64x2.mul(f64x2.splat(-2), side), f64x2.mul(factor, lacking)), both);
    storeCurvature(curvature, v128.and(f64x2.mul(f64x2.splat(2), factor), lacks), both);
    return f64x2.mul(factor, f64x2.mul(lacking, lacking));
  }
  const error = f64x2.sub(margin, label);
  const slope = f64x2.mul(factor, error);
  storePair(block, slope, both);
  storeCurvature(curvature, factor, both);
  return f64x2.mul(f64x2.splat(0.5), f64x2.mul(slope, error));
}

/** Derivatives of a block's rows, in place of their margins; returns the sum of losses. */
// @ts-ignore: decorator
@inline
function differentiateRows(loss: i32, block: usize, count: i32, y: usize, weights: usize, weighted: i32, positive: f64, negative: f64, curvature: usize): f64 {
  let losses = f64x2.splat(0);
  const one = f64x2.splat(1), ofPositive = f64x2.splat(positive), ofNegative = f64x2.splat(negative);
  for (let i = 0; i < count; i += 2) {
    const both = i + 1 < count;
    const at = <usize>i << 3;
    const label = loadPair(y + at, both);
    let factor = v128.bitselect(ofPositive, ofNegative, f64x2.eq(label, one));
    if (weighted) factor = f64x2.mul(factor, loadPair(weights + at, both));
    const loss2 = differentiate(loss, block + at, label, factor, curvature + (at >> 1), both);
    losses = f64x2.add(losses, both ? loss2 : f64x2.replace_lane(loss2, 1, 0));
  }
  return f64x2.extract_lane(losses, 0) + f64x2.extract_lane(losses, 1);
}

/** Adds slope x row to the sums, in groups of four rows. */
function addGradient(x: usize, count: i32, columnCount: i32, slopes: usize, sums: usize): void {
  const rowBytes = <usize>columnCount << 2;
  const pairsEnd = sums + (<usize>(columnCount & ~1) << 3);
  const intercept = sums + (<usize>columnCount << 3);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    let a = x, b = a + rowBytes, c = b + rowBytes, d = c + rowBytes;
    x = d + rowBytes;
    const sa = load<f64>(slopes), sb = load<f64>(slopes, 8), sc = load<f64>(slopes, 16), sd = load<f64>(slopes, 24);
    slopes += 32;
    const va = f64x2.splat(sa), vb = f64x2.splat(sb), vc = f64x2.splat(sc), vd = f64x2.splat(sd);
    let at = sums;
    for (; at < pairsEnd; at += 16, a += 8, b += 8, c += 8, d += 8) {
      const first = f64x2.add(f64x2.mul(va, pairAt(a)), f64x2.mul(vb, pairAt(b)));
      const second = f64x2.add(f64x2.mul(vc, pairAt(c)), f64x2.mul(vd, pairAt(d)));
      v128.store(at, f64x2.add(v128.load(at), f64x2.add(first, second)));
    }
    if (at < intercept) {
      const first = sa * <f64>load<f32>(a) + sb * <f64>load<f32>(b);
      const second = sc * <f64>load<f32>(c) + sd * <f64>load<f32>(d);
      store<f64>(at, load<f64>(at) + (first + second));
    }
    store<f64>(intercept, load<f64>(intercept) + (sa + sb + (sc + sd)));
  }
  for (; i < count; i++) {
    const slope = load<f64>(slopes);
    slopes += 8;
    for (let at = sums; at < intercept; at += 8, x += 4) store<f64>(at, load<f64>(at) + slope * <f64>load<f32>(x));
    store<f64>(intercept, load<f64>(intercept) + slope);
  }
}

export function linearEvaluateRows(
  thread: i32, threads: i32, X: usize, rowCount: i32, columnCount: i32, y: usize, weights: usize, weighted: i32, loss: i32,
  positive: f64, negative: f64, point: usize, scratch: usize, curvature: usize, sums: usize,
): void {
  const perShard = 4 * ((rowCount + 4 * shardCount - 1) / (4 * shardCount));
  const width = <usize>(columnCount + 2) << 3;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = min((shard + 1) * perShard, rowCount);
    const own = sums + <usize>shard * width;
    const block = scratch + (<usize>(shard * blockRows) << 3);
    memory.fill(own, 0, width);
    for (let start = shard * perShard; start < end; start += blockRows) {
      if (cancelled()) return;
      const count = min(blockRows, end - start);
      const x = X + (<usize>start * <usize>columnCount << 2);
      const at = <usize>start << 3;
      marginsOfRows(x, count, columnCount, point, block);
      let value: f64;
      if (loss == 0) value = differentiateRows(0, block, count, y + at, weights + at, weighted, positive, negative, curvature + (at >> 1));
      else if (loss == 1) value = differentiateRows(1, block, count, y + at, weights + at, weighted, positive, negative, curvature + (at >> 1));
      else value = differentiateRows(2, block, count, y + at, weights + at, weighted, positive, negative, curvature + (at >> 1));
      const lossAt = own + (<usize>(columnCount + 1) << 3);
      store<f64>(lossAt, load<f64>(lossAt) + value);
      addGradient(x, count, columnCount, block, own);
    }
  }
}
