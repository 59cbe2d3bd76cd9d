import { cancelled, shareStart } from './threads';

const shards: i32 = 16;
/** Rows whose cells stay in the first cache while one group of columns after the other goes over them. */
const blockRows: i32 = 256;

/** See src/prepare/column-summaries.ts; four columns a turn, each in lanes of its own, rows in order. */
export function columnSummaries(thread: i32, threads: i32, rows: i32, columns: i32, X: usize, isWeighted: i32, weights: usize, shift: usize, cells: usize): void {
  const stride = <usize>columns << 3;
  for (let shard = thread; shard < shards; shard += threads) {
    const end = shareStart(shard + 1, shards, rows, blockRows);
    const own = cells + <usize>shard * 6 * stride;
    for (let from = shareStart(shard, shards, rows, blockRows); from < end; from += blockRows) {
      if (cancelled()) return;
      const to = min(from + blockRows, end);
      let j = 0;
      for (; j + 4 <= columns; j += 4) {
        if (isWeighted) weightedGroup(from, to, columns, X + (<usize>j << 2), weights, shift + (<usize>j << 3), own + (<usize>j << 3));
        else plainGroup(from, to, columns, X + (<usize>j << 2), shift + (<usize>j << 3), own + (<usize>j << 3));
      }
      for (; j < columns; j++) oneColumn(from, to, columns, X + (<usize>j << 2), isWeighted != 0, weights, shift + (<usize>j << 3), own + (<usize>j << 3));
    }
  }
}

function plainGroup(from: i32, to: i32, columns: i32, X: usize, shift: usize, own: usize): void {
  const stride = <usize>columns << 3;
  const step = <usize>columns << 2;
  const shift0 = v128.load(shift);
  const shift1 = v128.load(shift, 16);
  let s0 = v128.load(own), s1 = v128.load(own, 16);
  let q0 = v128.load(own + stride), q1 = v128.load(own + stride, 16);
  let low = narrow(own + 2 * stride);
  let high = narrow(own + 3 * stride);
  let gaps = i32x4.splat(0);
  let x = X + <usize>from * step;
  for (let i = from; i < to; i++, x += step) {
    const value = v128.load(x);
    gaps = i32x4.sub(gaps, f32x4.ne(value, value));
    low = f32x4.pmin(low, value);
    high = f32x4.pmax(high, value);
    let d = f64x2.sub(f64x2.promote_low_f32x4(value), shift0);
    d = v128.and(d, f64x2.eq(d, d));
    s0 = f64x2.add(s0, d);
    q0 = f64x2.add(q0, f64x2.mul(d, d));
    d = f64x2.sub(f64x2.promote_low_f32x4(v128.shuffle<i64>(value, value, 1, 1)), shift1);
    d = v128.and(d, f64x2.eq(d, d));
    s1 = f64x2.add(s1, d);
    q1 = f64x2.add(q1, f64x2.mul(d, d));
  }
  v128.store(own, s0);
  v128.store(own, s1, 16);
  v128.store(own + stride, q0);
  v128.store(own + stride, q1, 16);
  widen(own + 2 * stride, low);
  widen(own + 3 * stride, high);
  const missing = own + 4 * stride;
  addCounts(missing, gaps);
  // Each missing row weighs 1.
  addCounts(missing + stride, gaps);
}

function weightedGroup(from: i32, to: i32, columns: i32, X: usize, weights: usize, shift: usize, own: usize): void {
  for (let j = 0; j < 4; j++) oneColumn(from, to, columns, X + (<usize>j << 2), true, weights, shift + (<usize>j << 3), own + (<usize>j << 3));
}

function oneColumn(from: i32, to: i32, columns: i32, X: usize, isWeighted: bool, weights: usize, shift: usize, own: usize): void {
  const stride = <usize>columns << 3;
  const step = <usize>columns << 2;
  const around = load<f64>(shift);
  let s = load<f64>(own);
  let q = load<f64>(own + stride);
  let low = <f32>load<f64>(own + 2 * stride);
  let high = <f32>load<f64>(own + 3 * stride);
  let gaps = load<f64>(own + 4 * stride);
  let weightOfGaps = load<f64>(own + 5 * stride);
  let x = X + <usize>from * step;
  for (let i = from; i < to; i++, x += step) {
    const weight = isWeighted ? load<f64>(weights + (<usize>i << 3)) : 1.0;
    const value = load<f32>(x);
    if (value != value) {
      gaps += 1;
      weightOfGaps += weight;
    } else if (weight != 0) {
      const d = <f64>value - around;
      const wd = weight * d;
      s += wd;
      q += wd * d;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  store<f64>(own, s);
  store<f64>(own + stride, q);
  store<f64>(own + 2 * stride, low);
  store<f64>(own + 3 * stride, high);
  store<f64>(own + 4 * stride, gaps);
  store<f64>(own + 5 * stride, weightOfGaps);
}

/** Four float64 cells as float32 lanes; they hold float32 values. */
// @ts-ignore: decorator
@inline
function narrow(at: usize): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(v128.load(at)), f32x4.demote_f64x2_zero(v128.load(at, 16)), 0, 2);
}

// @ts-ignore: decorator
@inline
function widen(at: usize, values: v128): void {
  v128.store(at, f64x2.promote_low_f32x4(values));
  v128.store(at, f64x2.promote_low_f32x4(v128.shuffle<i64>(values, values, 1, 1)), 16);
}

// @ts-ignore: decorator
@inline
function addCounts(at: usize, counts: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.convert_low_i32x4_s(counts)));
  v128.store(at, f64x2.add(v128.load(at, 16), f64x2.convert_low_i32x4_s(v128.shuffle<i64>(counts, counts, 1, 1))), 16);
}
