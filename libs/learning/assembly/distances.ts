import { exp32, exp32x4 } from './exponential';
import { cancelled, shareStart } from './threads';

/** Squared distance of two rows: four partial sums over whole groups of four columns, (0 + 1) + (2 + 3), then the columns that are left. */
// @ts-ignore: decorator
@inline
function squaredDistance(columns: i32, grouped: i32, a: usize, b: usize): f32 {
  let sums = f32x4.splat(0);
  const groupedEnd = a + (<usize>grouped << 2);
  for (; a < groupedEnd; a += 16, b += 16) {
    const d = f32x4.sub(v128.load(a), v128.load(b));
    sums = f32x4.add(sums, f32x4.mul(d, d));
  }
  let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3));
  for (let j = grouped; j < columns; j++, a += 4, b += 4) {
    const d = load<f32>(a) - load<f32>(b);
    sum += d * d;
  }
  return sum;
}

/** Squared distances of one row to four rows `width` bytes apart, as the function above, side by side. */
// @ts-ignore: decorator
@inline
function squaredDistances4(columns: i32, grouped: i32, a: usize, b0: usize, width: usize): v128 {
  const b1 = b0 + width;
  const b2 = b1 + width;
  const b3 = b2 + width;
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  const groupedBytes = <usize>grouped << 2;
  for (let at: usize = 0; at < groupedBytes; at += 16) {
    const x = v128.load(a + at);
    const d0 = f32x4.sub(x, v128.load(b0 + at));
    const d1 = f32x4.sub(x, v128.load(b1 + at));
    const d2 = f32x4.sub(x, v128.load(b2 + at));
    const d3 = f32x4.sub(x, v128.load(b3 + at));
    s0 = f32x4.add(s0, f32x4.mul(d0, d0));
    s1 = f32x4.add(s1, f32x4.mul(d1, d1));
    s2 = f32x4.add(s2, f32x4.mul(d2, d2));
    s3 = f32x4.add(s3, f32x4.mul(d3, d3));
  }
  // Transposed, so that lane r holds partial sum l of row r.
  const low01 = v128.shuffle<f32>(s0, s1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(s0, s1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(s2, s3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(s2, s3, 2, 6, 3, 7);
  const p0 = v128.shuffle<f32>(low01, low23, 0, 1, 4, 5);
  const p1 = v128.shuffle<f32>(low01, low23, 2, 3, 6, 7);
  const p2 = v128.shuffle<f32>(high01, high23, 0, 1, 4, 5);
  const p3 = v128.shuffle<f32>(high01, high23, 2, 3, 6, 7);
  let sum = f32x4.add(f32x4.add(p0, p1), f32x4.add(p2, p3));
  for (let j = grouped; j < columns; j++) {
    const at = <usize>j << 2;
    let row = v128.load_splat<f32>(b0 + at);
    row = v128.load_lane<f32>(b1 + at, row, 1);
    row = v128.load_lane<f32>(b2 + at, row, 2);
    row = v128.load_lane<f32>(b3 + at, row, 3);
    const d = f32x4.sub(v128.load_splat<f32>(a + at), row);
    sum = f32x4.add(sum, f32x4.mul(d, d));
  }
  return sum;
}

/** D = squared distances of A's rows to B's rows; threads share the longer side. */
export function squaredDistances(thread: i32, threads: i32, rowsOfA: i32, rowsOfB: i32, columns: i32, A: usize, B: usize, D: usize): void {
  rows(thread, threads, rowsOfA, rowsOfB, columns, A, B, 0, false, D);
}

/** K = exp(-gamma squared distance). */
export function rbfKernelRows(thread: i32, threads: i32, rowsOfA: i32, rowsOfB: i32, columns: i32, A: usize, B: usize, gamma: f32, K: usize): void {
  rows(thread, threads, rowsOfA, rowsOfB, columns, A, B, gamma, true, K);
}

function rows(thread: i32, threads: i32, rowsOfA: i32, rowsOfB: i32, columns: i32, A: usize, B: usize, gamma: f32, isKernel: bool, out: usize): void {
  const sharesA = rowsOfA >= rowsOfB;
  const startA = sharesA ? shareStart(thread, threads, rowsOfA, 4) : 0;
  const endA = sharesA ? shareStart(thread + 1, threads, rowsOfA, 4) : rowsOfA;
  const startB = sharesA ? 0 : shareStart(thread, threads, rowsOfB, 16);
  const endB = sharesA ? rowsOfB : shareStart(thread + 1, threads, rowsOfB, 16);
  const width = <usize>columns << 2;
  const grouped = columns & ~3;
  const factor = f32x4.splat(-gamma);
  for (let i = startA; i < endA; i++) {
    if (cancelled()) return;
    const a = A + <usize>i * width;
    const o = out + ((<usize>i * <usize>rowsOfB) << 2);
    let j = startB;
    for (; j + 4 <= endB; j += 4) {
      const d = squaredDistances4(columns, grouped, a, B + <usize>j * width, width);
      v128.store(o + (<usize>j << 2), isKernel ? exp32x4(f32x4.mul(factor, d)) : d);
    }
    for (; j < endB; j++) {
      const d = squaredDistance(columns, grouped, a, B + <usize>j * width);
      store<f32>(o + (<usize>j << 2), isKernel ? exp32(-gamma * d) : d);
    }
  }
}
