import { addFour } from './sums';
import { cancelled, shareStart } from './threads';

const blockRows: i32 = 256;

/**
 * Adds to each shard, width x width, the upper triangle of the sum of w z z^T over its rows, z = (x - shift, target, 1, zeros): see src/kernels/gram.ts.
 * A block of 256 rows is staged as panels, Z in panels of 8 columns and w Z in panels of 4, so that the tiles read both in sequence.
 */
export function gramInShards(thread: i32, threads: i32, rows: i32, columns: i32, width: i32, shardCount: i32, X: usize, shift: usize, isWeighted: i32, weights: usize, targets: usize, scratch: usize, shards: usize): void {
  const Z = scratch + <usize>thread * <usize>(2 * blockRows * width) * 4;
  const V = isWeighted ? Z + <usize>(blockRows * width) * 4 : Z;
  for (let shard = thread; shard < shardCount; shard += threads) {
    const end = shareStart(shard + 1, shardCount, rows, blockRows);
    const G = shards + <usize>shard * <usize>width * (<usize>width << 3);
    for (let from = shareStart(shard, shardCount, rows, blockRows); from < end; from += blockRows) {
      if (cancelled()) return;
      const count = min(blockRows, end - from);
      stage(from, count, columns, width, X, shift, isWeighted != 0, weights, targets, Z, V);
      for (let i = 0; i < width; i += 4) {
        for (let j = i & ~7; j < width; j += 8) tile(count, i, j, width, Z, V, isWeighted != 0, G);
      }
    }
  }
}

/** Cell (row p, column j) of Z lies in panel j / 8, at 8 p + j % 8; of V in panel j / 4, at 4 p + j % 4. Panels have room for 256 rows. */
function stage(from: i32, count: i32, columns: i32, width: i32, X: usize, shift: usize, isWeighted: bool, weights: usize, targets: usize, Z: usize, V: usize): void {
  const grouped = columns & ~3;
  for (let p = 0; p < count; p++) {
    const x = X + <usize>(from + p) * (<usize>columns << 2);
    const weight: f32 = isWeighted ? load<f32>(weights + (<usize>(from + p) << 2)) : 1;
    const w = f32x4.splat(weight);
    let z = Z + (<usize>p << 5);
    let v = V + (<usize>p << 4);
    for (let j = 0; j < width; j += 4) {
      let value: v128;
      if (j < grouped) value = f32x4.sub(v128.load(x + (<usize>j << 2)), v128.load(shift + (<usize>j << 2)));
      else {
        value = f32x4.splat(0);
        value = f32x4.replace_lane(value, 0, cellOf(j, from + p, columns, x, shift, targets));
        value = f32x4.replace_lane(value, 1, cellOf(j + 1, from + p, columns, x, shift, targets));
        value = f32x4.replace_lane(value, 2, cellOf(j + 2, from + p, columns, x, shift, targets));
        value = f32x4.replace_lane(value, 3, cellOf(j + 3, from + p, columns, x, shift, targets));
      }
      v128.store(z, value);
      if (isWeighted) {
        v128.store(v, f32x4.mul(value, w));
        v += <usize>(blockRows * 4) << 2;
      }
      z += j & 4 ? (<usize>(blockRows * 8) << 2) - 16 : 16;
    }
  }
}

// @ts-ignore: decorator
@inline
function cellOf(j: i32, row: i32, columns: i32, x: usize, shift: usize, targets: usize): f32 {
  if (j < columns) return load<f32>(x + (<usize>j << 2)) - load<f32>(shift + (<usize>j << 2));
  if (j == columns) return load<f32>(targets + (<usize>row << 2));
  return j == columns + 1 ? 1 : 0;
}

/** Rows i to i + 3 and columns j to j + 7 of the block's sum, added to G in float64. */
function tile(count: i32, i: i32, j: i32, width: i32, Z: usize, V: usize, isWeighted: bool, G: usize): void {
  let b = Z + (<usize>(j * blockRows) << 2);
  let a: usize, step: usize;
  if (isWeighted) {
    a = V + (<usize>(i * blockRows) << 2);
    step = 16;
  } else {
    a = Z + (<usize>((i & ~7) * blockRows) << 2) + (<usize>(i & 4) << 2);
    step = 32;
  }
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  for (let p = 0; p < count; p++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    c00 = f32x4.add(c00, f32x4.mul(x, b0));
    c01 = f32x4.add(c01, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(x, b0));
    c11 = f32x4.add(c11, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(x, b0));
    c21 = f32x4.add(c21, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(x, b0));
    c31 = f32x4.add(c31, f32x4.mul(x, b1));
    a += step;
    b += 32;
  }
  const stride = <usize>width << 3;
  let g = G + <usize>i * stride + (<usize>j << 3);
  addFour(g, c00);
  addFour(g + 32, c01);
  g += stride;
  addFour(g, c10);
  addFour(g + 32, c11);
  g += stride;
  addFour(g, c20);
  addFour(g + 32, c21);
  g += stride;
  addFour(g, c30);
  addFour(g + 32, c31);
}
