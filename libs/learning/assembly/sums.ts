import { cancelled, shareStart } from './threads';

/** Rows that are summed in float32 before the sum goes to float64. */
const blockRows: i32 = 256;

/**
 * Each shard's float64 sum of x (of x y where there is a y): blocks of 256 cells in four float32 partial sums, (0 + 1) + (2 + 3), then what is left.
 * Thread t adds shards t, t + threads and so on.
 */
function shardSums(thread: i32, threads: i32, length: i32, shardCount: i32, x: usize, y: usize, isProduct: bool, shards: usize): void {
  for (let shard = thread; shard < shardCount; shard += threads) {
    if (cancelled()) return;
    const end = shareStart(shard + 1, shardCount, length, blockRows);
    let total: f64 = 0;
    for (let from = shareStart(shard, shardCount, length, blockRows); from < end; from += blockRows) {
      const to = min(from + blockRows, end);
      const grouped = from + ((to - from) & ~3);
      let sums = f32x4.splat(0);
      for (let i = from; i < grouped; i += 4) {
        let value = v128.load(x + (<usize>i << 2));
        if (isProduct) value = f32x4.mul(value, v128.load(y + (<usize>i << 2)));
        sums = f32x4.add(sums, value);
      }
      let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3));
      for (let i = grouped; i < to; i++) {
        let value = load<f32>(x + (<usize>i << 2));
        if (isProduct) value *= load<f32>(y + (<usize>i << 2));
        sum += value;
      }
      total += <f64>sum;
    }
    store<f64>(shards + (<usize>shard << 3), total);
  }
}

export function sumInShards(thread: i32, threads: i32, length: i32, shardCount: i32, x: usize, shards: usize): void {
  shardSums(thread, threads, length, shardCount, x, 0, false, shards);
}

export function dotInShards(thread: i32, threads: i32, length: i32, shardCount: i32, x: usize, y: usize, shards: usize): void {
  shardSums(thread, threads, length, shardCount, x, y, true, shards);
}

/**
 * Adds to each shard, columns wide and two rows deep, the sums of w (x - shift) and of w (x - shift)^2 of its rows; w is 1 where isWeighted is 0.
 * A column's sum goes over rows in order, in float32 within a block.
 */
export function columnMoments(thread: i32, threads: i32, rows: i32, columns: i32, shardCount: i32, X: usize, shift: usize, isWeighted: i32, weights: usize, shards: usize): void {
  const width = <usize>columns << 2;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shareStart(shard + 1, shardCount, rows, blockRows);
    const sums = shards + <usize>shard * (<usize>columns << 4);
    const squares = sums + (<usize>columns << 3);
    for (let from = shareStart(shard, shardCount, rows, blockRows); from < end; from += blockRows) {
      if (cancelled()) return;
      const to = min(from + blockRows, end);
      let j = 0;
      for (; j + 4 <= columns; j += 4) {
        const at = <usize>j << 2;
        const shifts = v128.load(shift + at);
        let s = f32x4.splat(0);
        let q = f32x4.splat(0);
        let x = X + <usize>from * width + at;
        for (let i = from; i < to; i++, x += width) {
          const d = f32x4.sub(v128.load(x), shifts);
          const wd = isWeighted ? f32x4.mul(d, v128.load_splat<f32>(weights + (<usize>i << 2))) : d;
          s = f32x4.add(s, wd);
          q = f32x4.add(q, f32x4.mul(wd, d));
        }
        addFour(sums + (<usize>j << 3), s);
        addFour(squares + (<usize>j << 3), q);
      }
      for (; j < columns; j++) {
        const at = <usize>j << 2;
        let s: f32 = 0;
        let q: f32 = 0;
        for (let i = from; i < to; i++) {
          const d = load<f32>(X + <usize>i * width + at) - load<f32>(shift + at);
          const wd = isWeighted ? d * load<f32>(weights + (<usize>i << 2)) : d;
          s += wd;
          q += wd * d;
        }
        const cell = <usize>j << 3;
        store<f64>(sums + cell, load<f64>(sums + cell) + <f64>s);
        store<f64>(squares + cell, load<f64>(squares + cell) + <f64>q);
      }
    }
  }
}

/** Adds four float32 sums to four float64 cells. */
// @ts-ignore: decorator
@inline
export function addFour(at: usize, sums: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(sums)));
  v128.store(at, f64x2.add(v128.load(at, 16), f64x2.promote_low_f32x4(v128.shuffle<i64>(sums, sums, 1, 1))), 16);
}
