import { fourRows, high0, high1, high2, high3, low0, low1, low2, low3 } from './row-lanes';
import { shardCount, shardStart } from './shards';
import { cancelled } from './threads';

// Sums of the eight lanes of the shard at work.
let sum0: v128 = f64x2.splat(0);
let sum1: v128 = f64x2.splat(0);
let sum2: v128 = f64x2.splat(0);
let sum3: v128 = f64x2.splat(0);

// @ts-ignore: decorator
@inline
function addLeft(low: v128, high: v128, closest: f32, weight: f64): void {
  const nearest = f32x4.splat(closest);
  const weights = f64x2.splat(weight);
  const a = f32x4.pmin(nearest, low);
  const b = f32x4.pmin(nearest, high);
  sum0 = f64x2.add(sum0, f64x2.mul(weights, f64x2.promote_low_f32x4(a)));
  sum1 = f64x2.add(sum1, f64x2.mul(weights, f64x2.promote_low_f32x4(v128.shuffle<i32>(a, a, 2, 3, 0, 1))));
  sum2 = f64x2.add(sum2, f64x2.mul(weights, f64x2.promote_low_f32x4(b)));
  sum3 = f64x2.add(sum3, f64x2.mul(weights, f64x2.promote_low_f32x4(v128.shuffle<i32>(b, b, 2, 3, 0, 1))));
}

// @ts-ignore: decorator
@inline
function weightOf(weights: usize, hasWeights: i32, row: i32): f64 {
  return hasWeights != 0 ? load<f64>(weights + (<usize>row << 3)) : 1.0;
}

export function seedingPotentials(thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, lanes: usize, weights: usize, hasWeights: i32, closest: usize, potentials: usize): void {
  const stride = <usize>columnCount << 2;
  for (let shard = thread; shard < shardCount; shard += threads) {
    sum0 = f64x2.splat(0); sum1 = f64x2.splat(0); sum2 = f64x2.splat(0); sum3 = f64x2.splat(0);
    const end = shardStart(shard + 1, rowCount);
    const last = end - 1;
    for (let row = shardStart(shard, rowCount); row < end; row += 4) {
      if ((row & 1023) < 4 && cancelled()) return;
      fourRows(X + <usize>row * stride, X + <usize>min(row + 1, last) * stride, X + <usize>min(row + 2, last) * stride, X + <usize>min(row + 3, last) * stride, columnCount, lanes);
      const at = closest + (<usize>row << 2);
      addLeft(low0, high0, load<f32>(at), weightOf(weights, hasWeights, row));
      if (row + 1 < end) addLeft(low1, high1, load<f32>(at, 4), weightOf(weights, hasWeights, row + 1));
      if (row + 2 < end) addLeft(low2, high2, load<f32>(at, 8), weightOf(weights, hasWeights, row + 2));
      if (row + 3 < end) addLeft(low3, high3, load<f32>(at, 12), weightOf(weights, hasWeights, row + 3));
    }
    const out = potentials + (<usize>shard << 6);
    v128.store(out, sum0);
    v128.store(out, sum1, 16);
    v128.store(out, sum2, 32);
    v128.store(out, sum3, 48);
  }
}

// @ts-ignore: decorator
@inline
function takeIn(distance: f32, closest: usize, weight: f64): f64 {
  if (distance < load<f32>(closest)) store<f32>(closest, distance);
  return weight * <f64>load<f32>(closest);
}

export function seedingUpdate(thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, lanes: usize, weights: usize, hasWeights: i32, closest: usize, potentials: usize): void {
  const stride = <usize>columnCount << 2;
  for (let shard = thread; shard < shardCount; shard += threads) {
    let sum: f64 = 0;
    const end = shardStart(shard + 1, rowCount);
    const last = end - 1;
    for (let row = shardStart(shard, rowCount); row < end; row += 4) {
      if ((row & 1023) < 4 && cancelled()) return;
      fourRows(X + <usize>row * stride, X + <usize>min(row + 1, last) * stride, X + <usize>min(row + 2, last) * stride, X + <usize>min(row + 3, last) * stride, columnCount, lanes);
      const at = closest + (<usize>row << 2);
      sum += takeIn(f32x4.extract_lane(low0, 0), at, weightOf(weights, hasWeights, row));
      if (row + 1 < end) sum += takeIn(f32x4.extract_lane(low1, 0), at + 4, weightOf(weights, hasWeights, row + 1));
      if (row + 2 < end) sum += takeIn(f32x4.extract_lane(low2, 0), at + 8, weightOf(weights, hasWeights, row + 2));
      if (row + 3 < end) sum += takeIn(f32x4.extract_lane(low3, 0), at + 12, weightOf(weights, hasWeights, row + 3));
    }
    store<f64>(potentials + (<usize>shard << 6), sum);
  }
}
