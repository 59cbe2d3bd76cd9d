import { fourRows, high0, high1, high2, high3, lanesEqual, leastOf, low0, low1, low2, low3 } from './row-lanes';
import { shardCount, shardStart } from './shards';
import { cancelled } from './threads';

// The nearest cluster of four rows, its squared distance and the next one's.
let near0: i32 = 0;
let near1: i32 = 0;
let near2: i32 = 0;
let near3: i32 = 0;
let least0: f32 = 0;
let least1: f32 = 0;
let least2: f32 = 0;
let least3: f32 = 0;
let next0: f32 = 0;
let next1: f32 = 0;
let next2: f32 = 0;
let next3: f32 = 0;

// What `lookAt` found in a block of eight.
let blockNear: i32 = 0;
let blockLeast: f32 = 0;
let blockNext: f32 = 0;

// @ts-ignore: decorator
@inline
function lookAt(low: v128, high: v128): void {
  const least = leastOf(low, high);
  const equal = lanesEqual(low, high, least);
  blockNear = ctz(equal);
  blockLeast = f32x4.extract_lane(least, 0);
  if (popcnt(equal) > 1) {
    blockNext = blockLeast;
  } else {
    const far = f32x4.splat(Infinity);
    const rest = leastOf(v128.bitselect(far, low, f32x4.eq(low, least)), v128.bitselect(far, high, f32x4.eq(high, least)));
    blockNext = f32x4.extract_lane(rest, 0);
  }
}

/** Fills the globals above for the rows at four addresses. */
function nearestOfFour(a: usize, b: usize, c: usize, d: usize, columnCount: i32, lanes: usize, clusterCount: i32): void {
  least0 = Infinity; least1 = Infinity; least2 = Infinity; least3 = Infinity;
  next0 = Infinity; next1 = Infinity; next2 = Infinity; next3 = Infinity;
  near0 = 0; near1 = 0; near2 = 0; near3 = 0;
  for (let first = 0; first < clusterCount; first += 8) {
    fourRows(a, b, c, d, columnCount, lanes + ((<usize>first * columnCount) << 2));
    lookAt(low0, high0);
    if (blockLeast < least0) {
      next0 = min(least0, blockNext);
      least0 = blockLeast;
      near0 = first + blockNear;
    } else next0 = min(next0, blockLeast);
    lookAt(low1, high1);
    if (blockLeast < least1) {
      next1 = min(least1, blockNext);
      least1 = blockLeast;
      near1 = first + blockNear;
    } else next1 = min(next1, blockLeast);
    lookAt(low2, high2);
    if (blockLeast < least2) {
      next2 = min(least2, blockNext);
      least2 = blockLeast;
      near2 = first + blockNear;
    } else next2 = min(next2, blockLeast);
    lookAt(low3, high3);
    if (blockLeast < least3) {
      next3 = min(least3, blockNext);
      least3 = blockLeast;
      near3 = first + blockNear;
    } else next3 = min(next3, blockLeast);
  }
}

/** sums += weight x row. */
// @ts-ignore: decorator
@inline
function move(row: usize, columnCount: i32, weight: f64, sums: usize): void {
  const weights = f64x2.splat(weight);
  let j = 0;
  for (; j + 2 <= columnCount; j += 2) {
    const x = f64x2.promote_low_f32x4(v128.load64_zero(row));
    v128.store(sums, f64x2.add(v128.load(sums), f64x2.mul(weights, x)));
    row += 8;
    sums += 16;
  }
  if (j < columnCount) store<f64>(sums, load<f64>(sums) + weight * <f64>load<f32>(row));
}

// @ts-ignore: decorator
@inline
function addTo(address: usize, value: f64): void {
  store<f64>(address, load<f64>(address) + value);
}

function settle(
  row: i32, near: i32, least: f32, next: f32, X: usize, columnCount: i32, clusterCount: i32, weights: usize, hasWeights: i32, slack: f64, assigned: usize,
  upper: usize, lower: usize, sums: usize, totals: usize, members: usize, changes: usize,
): void {
  const at = <usize>row << 2;
  store<f32>(upper + at, <f32>(sqrt<f64>(least) * (1.0 + slack)));
  store<f32>(lower + at, <f32>(sqrt<f64>(next) * (1.0 - slack)));
  const old = load<i32>(assigned + at);
  if (near == old) return;
  const weight: f64 = hasWeights != 0 ? load<f64>(weights + (<usize>row << 3)) : 1;
  const cells = X + ((<usize>row * columnCount) << 2);
  store<i32>(assigned + at, near);
  addTo(changes, 1);
  move(cells, columnCount, weight, sums + ((<usize>near * columnCount) << 3));
  addTo(totals + (<usize>near << 3), weight);
  addTo(members + (<usize>near << 3), 1);
  if (old < 0) return;
  move(cells, columnCount, -weight, sums + ((<usize>old * columnCount) << 3));
  addTo(totals + (<usize>old << 3), -weight);
  addTo(members + (<usize>old << 3), -1);
}

export function assignRows(
  thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, lanes: usize, clusterCount: i32, weights: usize, hasWeights: i32, moved: usize,
  othersMoved: usize, halfGap: usize, slack: f64, assigned: usize, upper: usize, lower: usize, sums: usize, totals: usize, members: usize, changes: usize,
): void {
  const stride = <usize>columnCount << 2;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shardStart(shard + 1, rowCount);
    const shardSums = sums + ((<usize>shard * clusterCount * columnCount) << 3);
    const shardTotals = totals + ((<usize>shard * clusterCount) << 3);
    const shardMembers = members + ((<usize>shard * clusterCount) << 3);
    const shardChanges = changes + (<usize>shard << 3);
    store<f64>(shardChanges, 0);
    // Rows whose distances are to be taken wait until they are four.
    let count = 0, r0 = 0, r1 = 0, r2 = 0;
    for (let row = shardStart(shard, rowCount); row < end; row++) {
      if ((row & 1023) == 0 && cancelled()) return;
      if (hasWeights != 0 && load<f64>(weights + (<usize>row << 3)) == 0) continue;
      const at = <usize>row << 2;
      const old = load<i32>(assigned + at);
      if (old >= 0) {
        const cell = <usize>old << 3;
        const u = (<f64>load<f32>(upper + at) + load<f64>(moved + cell)) * (1.0 + slack);
        const l = (<f64>load<f32>(lower + at) - load<f64>(othersMoved + cell)) * (1.0 - slack);
        if (u < max(load<f64>(halfGap + cell), l)) {
          store<f32>(upper + at, <f32>u);
          store<f32>(lower + at, <f32>l);
          continue;
        }
      }
      if (count == 0) r0 = row;
      else if (count == 1) r1 = row;
      else if (count == 2) r2 = row;
      if (++count < 4) continue;
      count = 0;
      nearestOfFour(X + <usize>r0 * stride, X + <usize>r1 * stride, X + <usize>r2 * stride, X + <usize>row * stride, columnCount, lanes, clusterCount);
      settle(r0, near0, least0, next0, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
      settle(r1, near1, least1, next1, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
      settle(r2, near2, least2, next2, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
      settle(row, near3, least3, next3, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
    }
    if (count == 0) continue;
    if (count < 2) r1 = r0;
    if (count < 3) r2 = r0;
    nearestOfFour(X + <usize>r0 * stride, X + <usize>r1 * stride, X + <usize>r2 * stride, X + <usize>r0 * stride, columnCount, lanes, clusterCount);
    settle(r0, near0, least0, next0, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
    if (count > 1) settle(r1, near1, least1, next1, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
    if (count > 2) settle(r2, near2, least2, next2, X, columnCount, clusterCount, weights, hasWeights, slack, assigned, upper, lower, shardSums, shardTotals, shardMembers, shardChanges);
  }
}

export function nearestCentroids(thread: i32, threads: i32, X: usize, columnCount: i32, rowCount: i32, lanes: usize, clusterCount: i32, nearest: usize): void {
  const stride = <usize>columnCount << 2;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shardStart(shard + 1, rowCount);
    for (let row = shardStart(shard, rowCount); row < end; row += 4) {
      if ((row & 1023) < 4 && cancelled()) return;
      const last = end - 1;
      const a = X + <usize>row * stride;
      nearestOfFour(a, X + <usize>min(row + 1, last) * stride, X + <usize>min(row + 2, last) * stride, X + <usize>min(row + 3, last) * stride, columnCount, lanes, clusterCount);
      const at = nearest + (<usize>row << 2);
      store<i32>(at, near0);
      if (row + 1 < end) store<i32>(at, near1, 4);
      if (row + 2 < end) store<i32>(at, near2, 8);
      if (row + 3 < end) store<i32>(at, near3, 12);
    }
  }
}
