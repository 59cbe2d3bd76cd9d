import { cancelled, scratchOf, scratchThreads, shareStart } from './threads';

/** Inner cells that a block sums before it adds to the product. */
const innerBlock: i32 = 256;

/** C = A B; A is rows x inner, B inner x columns, C rows x columns, all row-major. */
export function matrixProduct(thread: i32, threads: i32, rows: i32, inner: i32, columns: i32, A: usize, B: usize, C: usize): void {
  product(thread, threads, rows, inner, columns, A, <usize>inner << 2, 4, B, C);
}

/** C = A^T B; A is inner x rows. */
export function transposedProduct(thread: i32, threads: i32, rows: i32, inner: i32, columns: i32, A: usize, B: usize, C: usize): void {
  product(thread, threads, rows, inner, columns, A, 4, <usize>rows << 2, B, C);
}

/** Fewer rows of C than this do not repay the packing of B's panels, 256 rows of 8 columns side by side: strided reads fight for the same places of the cache. */
const packingRows: i32 = 16;

/** A's cell (i, p) lies at A + i rowStep + p innerStep. Threads share C's rows; each cell's sum has one order, whoever adds it. */
function product(thread: i32, threads: i32, rows: i32, inner: i32, columns: i32, A: usize, rowStep: usize, innerStep: usize, B: usize, C: usize): void {
  const start = shareStart(thread, threads, rows, 4);
  const end = shareStart(thread + 1, threads, rows, 4);
  const width = <usize>columns << 2;
  if (inner == 0) memory.fill(C + <usize>start * width, 0, <usize>(end - start) * width);
  const packs = end - start >= packingRows && thread < scratchThreads;
  const panel = scratchOf(thread);
  for (let from = 0; from < inner; from += innerBlock) {
    const count = min(innerBlock, inner - from);
    const isFirst = from == 0;
    const a = A + <usize>from * innerStep;
    let j = 0;
    for (; j + 8 <= columns; j += 8) {
      if (cancelled()) return;
      const b = B + <usize>from * width + (<usize>j << 2);
      if (packs) pack(count, b, width, panel);
      const read = packs ? panel : b;
      const step = packs ? <usize>32 : width;
      let i = start;
      let ai = a + <usize>i * rowStep;
      let c = C + <usize>i * width + (<usize>j << 2);
      for (; i + 4 <= end; i += 4, ai += rowStep << 2, c += width << 2) block4x8(count, ai, rowStep, innerStep, read, step, c, width, isFirst);
      for (; i < end; i++, ai += rowStep, c += width) {
        block1x4(count, ai, innerStep, read, step, c, isFirst);
        block1x4(count, ai, innerStep, read + 16, step, c + 16, isFirst);
      }
    }
    const b = B + <usize>from * width;
    for (let i = start; i < end; i++) {
      if (cancelled()) return;
      const ai = a + <usize>i * rowStep;
      const ci = C + <usize>i * width;
      let rest = j;
      for (; rest + 4 <= columns; rest += 4) block1x4(count, ai, innerStep, b + (<usize>rest << 2), width, ci + (<usize>rest << 2), isFirst);
      for (; rest < columns; rest++) cell(count, ai, innerStep, b + (<usize>rest << 2), width, ci + (<usize>rest << 2), isFirst);
    }
  }
}

function pack(count: i32, b: usize, width: usize, panel: usize): void {
  for (let p = 0; p < count; p++, b += width, panel += 32) {
    v128.store(panel, v128.load(b));
    v128.store(panel, v128.load(b, 16), 16);
  }
}

// @ts-ignore: decorator
@inline
function put(at: usize, value: v128, isFirst: bool): void {
  v128.store(at, isFirst ? value : f32x4.add(v128.load(at), value));
}

function block4x8(count: i32, a: usize, rowStep: usize, innerStep: usize, b: usize, bStep: usize, c: usize, width: usize, isFirst: bool): void {
  let a1 = a + rowStep;
  let a2 = a1 + rowStep;
  let a3 = a2 + rowStep;
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  for (let p = 0; p < count; p++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    c00 = f32x4.add(c00, f32x4.mul(x, b0));
    c01 = f32x4.add(c01, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a1);
    c10 = f32x4.add(c10, f32x4.mul(x, b0));
    c11 = f32x4.add(c11, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a2);
    c20 = f32x4.add(c20, f32x4.mul(x, b0));
    c21 = f32x4.add(c21, f32x4.mul(x, b1));
    x = v128.load_splat<f32>(a3);
    c30 = f32x4.add(c30, f32x4.mul(x, b0));
    c31 = f32x4.add(c31, f32x4.mul(x, b1));
    a += innerStep;
    a1 += innerStep;
    a2 += innerStep;
    a3 += innerStep;
    b += bStep;
  }
  put(c, c00, isFirst);
  put(c + 16, c01, isFirst);
  c += width;
  put(c, c10, isFirst);
  put(c + 16, c11, isFirst);
  c += width;
  put(c, c20, isFirst);
  put(c + 16, c21, isFirst);
  c += width;
  put(c, c30, isFirst);
  put(c + 16, c31, isFirst);
}

function block1x4(count: i32, a: usize, innerStep: usize, b: usize, bStep: usize, c: usize, isFirst: bool): void {
  let sum = f32x4.splat(0);
  for (let p = 0; p < count; p++) {
    sum = f32x4.add(sum, f32x4.mul(v128.load_splat<f32>(a), v128.load(b)));
    a += innerStep;
    b += bStep;
  }
  put(c, sum, isFirst);
}

function cell(count: i32, a: usize, innerStep: usize, b: usize, width: usize, c: usize, isFirst: bool): void {
  let sum: f32 = 0;
  for (let p = 0; p < count; p++) {
    sum += load<f32>(a) * load<f32>(b);
    a += innerStep;
    b += width;
  }
  store<f32>(c, isFirst ? sum : load<f32>(c) + sum);
}

/** y = A x: of each row four partial sums over whole groups of four columns, added as (0 + 1) + (2 + 3), then the columns that are left. */
export function matrixVector(thread: i32, threads: i32, rows: i32, columns: i32, A: usize, x: usize, y: usize): void {
  const start = shareStart(thread, threads, rows, 16);
  const end = shareStart(thread + 1, threads, rows, 16);
  const width = <usize>columns << 2;
  const grouped = columns & ~3;
  const xEnd = x + (<usize>grouped << 2);
  for (let i = start; i < end; i++) {
    if ((i & 4095) == 0 && cancelled()) return;
    let a = A + <usize>i * width;
    let sums = f32x4.splat(0);
    let at = x;
    for (; at < xEnd; at += 16, a += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(a), v128.load(at)));
    let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + (f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3));
    for (let j = grouped; j < columns; j++, at += 4, a += 4) sum += load<f32>(a) * load<f32>(at);
    store<f32>(y + (<usize>i << 2), sum);
  }
}
