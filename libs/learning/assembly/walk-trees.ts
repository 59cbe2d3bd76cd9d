import { cancelled, shareStart } from './threads';

/** Rows that pass through all trees before the next: their cells stay in the second cache, and each tree's nodes in the first. */
const blockRows: i32 = 256;

/** Address of the node after `at` for the row at `x`; see packed-trees.ts. */
// @ts-ignore: decorator
@inline
function next(at: usize, x: usize, offsetBits: i32, offsetMask: i32): usize {
  const word = load<i32>(at, 4);
  const cell = load<i32>(x + (<usize>((word & 0x7fffffff) >> offsetBits) << 2)) ^ (word & 0x80000000);
  return at + (<usize>((word & offsetMask) + <i32>(reinterpret<f32>(cell) > load<f32>(at))) << 3);
}

// @ts-ignore: decorator
@inline
function addLeaf(out: usize, values: usize, words: usize, at: usize): void {
  store<f64>(out, load<f64>(out) + load<f64>(values + (at - words)));
}

/** Margins of rows: the leaves reached, added in the order of trees from zero, over `divisor`, plus `bias`; eight rows step in turn. */
export function walkTrees(
  thread: i32, threads: i32, X: usize, rowCount: i32, columnCount: i32, words: usize, offsetBits: i32, values: usize,
  roots: usize, depths: usize, treeCount: i32, bias: f64, divisor: f64, out: usize,
): void {
  const last = shareStart(thread + 1, threads, rowCount, 8);
  const stride = <usize>columnCount << 2;
  const mask = (1 << offsetBits) - 1;
  for (let start = shareStart(thread, threads, rowCount, 8); start < last; start += blockRows) {
    if (cancelled()) return;
    const end = min(start + blockRows, last);
    memory.fill(out + (<usize>start << 3), 0, <usize>(end - start) << 3);
    for (let tree = 0; tree < treeCount; tree++) {
      const root = words + (<usize>load<i32>(roots + (<usize>tree << 2)) << 3);
      const depth = load<i32>(depths + (<usize>tree << 2));
      let row = start;
      for (; row + 8 <= end; row += 8) {
        const x0 = X + <usize>row * stride;
        const x1 = x0 + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride, x6 = x5 + stride, x7 = x6 + stride;
        let a = root, b = root, c = root, d = root, e = root, f = root, g = root, h = root;
        for (let step = 0; step < depth; step++) {
          a = next(a, x0, offsetBits, mask);
          b = next(b, x1, offsetBits, mask);
          c = next(c, x2, offsetBits, mask);
          d = next(d, x3, offsetBits, mask);
          e = next(e, x4, offsetBits, mask);
          f = next(f, x5, offsetBits, mask);
          g = next(g, x6, offsetBits, mask);
          h = next(h, x7, offsetBits, mask);
        }
        const to = out + (<usize>row << 3);
        addLeaf(to, values, words, a);
        addLeaf(to + 8, values, words, b);
        addLeaf(to + 16, values, words, c);
        addLeaf(to + 24, values, words, d);
        addLeaf(to + 32, values, words, e);
        addLeaf(to + 40, values, words, f);
        addLeaf(to + 48, values, words, g);
        addLeaf(to + 56, values, words, h);
      }
      for (; row < end; row++) {
        let a = root;
        for (let step = 0; step < depth; step++) a = next(a, X + <usize>row * stride, offsetBits, mask);
        addLeaf(out + (<usize>row << 3), values, words, a);
      }
    }
    for (let row = start; row < end; row++) {
      const to = out + (<usize>row << 3);
      store<f64>(to, bias + load<f64>(to) / divisor);
    }
  }
}
