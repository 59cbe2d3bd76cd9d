// Twin of `src/linear/gram-block.ts`.
import { barrier, cancelled, shareStart } from './threads';

const innerRows: i32 = 256;
const panelColumns: i32 = 8;
/** Bytes of one panel of 256 rows by eight columns. */
const panelBytes: usize = 256 * 8 * 4;

export function linearGramBlock(
  thread: i32, threads: i32, X: usize, rowCount: i32, rowStep: i32, columnCount: i32, shift: usize, factor: usize,
  curvature: usize, curved: i32, packed: usize, gram: usize,
): void {
  const panelCount = (columnCount + 1 + panelColumns - 1) / panelColumns;
  const order = panelCount * panelColumns;
  const blockBytes = panelBytes * <usize>panelCount;
  const blockCount = (rowCount + innerRows - 1) / innerRows;
  for (let block = thread; block < blockCount; block += threads) {
    if (cancelled()) return;
    const count = min(innerRows, rowCount - block * innerRows);
    for (let i = 0; i < count; i++) {
      const row = <usize>((block * innerRows + i) * rowStep);
      const root: f32 = curved ? <f32>sqrt<f64>(<f64>load<f32>(curvature + (row << 2))) : 1;
      packRow(X + (row * <usize>columnCount << 2), columnCount, shift, factor, root, packed + blockBytes * <usize>block + (<usize>i << 5), panelCount);
    }
  }
  if (!barrier(thread, threads)) return;
  const pairCount = (panelCount * (panelCount + 1)) / 2;
  const first = shareStart(thread, threads, pairCount, 1);
  const last = shareStart(thread + 1, threads, pairCount, 1);
  for (let block = 0; block < blockCount; block++) {
    const count = min(innerRows, rowCount - block * innerRows);
    const from = packed + blockBytes * <usize>block;
    let pair = 0;
    for (let a = 0; a < panelCount; a++) {
      if (cancelled()) return;
      for (let b = a; b < panelCount; b++, pair++) {
        if (pair < first || pair >= last) continue;
        const at = gram + (<usize>(a * panelColumns * order + b * panelColumns) << 3);
        const left = from + <usize>a * panelBytes, right = from + <usize>b * panelBytes;
        addHalfPanel(left, right, count, at, <usize>order << 3);
        addHalfPanel(left + 16, right, count, at + (<usize>order << 5), <usize>order << 3);
      }
    }
  }
}

function packRow(x: usize, columnCount: i32, shift: usize, factor: usize, root: f32, to: usize, panelCount: i32): void {
  const roots = f32x4.splat(root);
  let j = 0;
  for (; j + 4 <= columnCount; j += 4) {
    const at = <usize>j << 2;
    const z = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(shift + at)), v128.load(factor + at));
    v128.store(to + <usize>(j >> 3) * panelBytes + (<usize>(j & 7) << 2), f32x4.mul(z, roots));
  }
  for (; j < panelCount * panelColumns; j++) {
    const at = <usize>j << 2;
    let z: f32 = j == columnCount ? 1 : 0;
    if (j < columnCount) z = (load<f32>(x + at) - load<f32>(shift + at)) * load<f32>(factor + at);
    store<f32>(to + <usize>(j >> 3) * panelBytes + (<usize>(j & 7) << 2), z * root);
  }
}

/** Four columns by eight: eight vectors of sums, one addition each per row. */
function addHalfPanel(left: usize, right: usize, count: i32, gram: usize, rowBytes: usize): void {
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), b0 = f32x4.splat(0), b1 = f32x4.splat(0);
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), d0 = f32x4.splat(0), d1 = f32x4.splat(0);
  const end = left + (<usize>count << 5);
  for (; left < end; left += 32, right += 32) {
    const r0 = v128.load(right), r1 = v128.load(right, 16);
    const a = v128.load32_splat(left);
    a0 = f32x4.add(a0, f32x4.mul(a, r0));
    a1 = f32x4.add(a1, f32x4.mul(a, r1));
    const b = v128.load32_splat(left, 4);
    b0 = f32x4.add(b0, f32x4.mul(b, r0));
    b1 = f32x4.add(b1, f32x4.mul(b, r1));
    const c = v128.load32_splat(left, 8);
    c0 = f32x4.add(c0, f32x4.mul(c, r0));
    c1 = f32x4.add(c1, f32x4.mul(c, r1));
    const d = v128.load32_splat(left, 12);
    d0 = f32x4.add(d0, f32x4.mul(d, r0));
    d1 = f32x4.add(d1, f32x4.mul(d, r1));
  }
  addEight(gram, a0, a1);
  addEight(gram + rowBytes, b0, b1);
  addEight(gram + 2 * rowBytes, c0, c1);
  addEight(gram + 3 * rowBytes, d0, d1);
}

/** Adds eight float32 sums to eight float64 cells. */
// @ts-ignore: decorator
@inline
function addEight(at: usize, first: v128, second: v128): void {
  v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(first)));
  v128.store(at, f64x2.add(v128.load(at, 16), f64x2.promote_low_f32x4(i8x16.shuffle(first, first, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15))), 16);
  v128.store(at, f64x2.add(v128.load(at, 32), f64x2.promote_low_f32x4(second)), 32);
  v128.store(at, f64x2.add(v128.load(at, 48), f64x2.promote_low_f32x4(i8x16.shuffle(second, second, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15))), 48);
}
