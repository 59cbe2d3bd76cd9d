import { cancelled, shareStart } from './threads';

/** Rows that pass through all trees before the next: their cells stay in the second cache, and each tree's nodes in the first. */
const blockRows: i32 = 256;

/** Address of the node after `at`, for a row of which `x` is the address of cell 0 and cells lie 2^`stride` bytes apart; see packed-trees.ts. */
// @ts-ignore: decorator
@inline
function next(at: usize, x: usize, lane: usize, stride: u32, offsetBits: u32, offsetMask: u32): usize {
  const word = load<u32>(at, 4);
  const cell = load<f32>(x + (<usize>(word >>> (offsetBits + 1)) << stride) + lane);
  return at + (<usize>(word & offsetMask) << 3) + (<usize>(cell > load<f32>(at)) << 3);
}

/** The same where the value may be missing. */
// @ts-ignore: decorator
@inline
function nextOrMissing(at: usize, x: usize, lane: usize, stride: u32, offsetBits: u32, offsetMask: u32): usize {
  const word = load<u32>(at, 4);
  const cell = load<f32>(x + (<usize>(word >>> (offsetBits + 1)) << stride) + lane);
  const right = <u32>(cell > load<f32>(at)) | (<u32>(cell != cell) & (word >>> offsetBits));
  return at + (<usize>((word & offsetMask) + right) << 3);
}

// @ts-ignore: decorator
@inline
function addLeaf(out: usize, values: usize, words: usize, at: usize): void {
  store<f64>(out, load<f64>(out) + load<f64>(values + (at - words)));
}

/** Lays eight rows side by side, cell after cell; true when one misses a value. */
function layOut(X: usize, columnCount: i32, to: usize): bool {
  const row = <usize>columnCount << 2;
  let missing: u32 = 0;
  for (let lane: usize = 0; lane < 8; lane++) {
    const from = X + lane * row;
    const at = to + (lane << 2);
    for (let cell: usize = 0; cell < <usize>columnCount; cell++) {
      const x = load<f32>(from + (cell << 2));
      missing |= <u32>(x != x);
      store<f32>(at + (cell << 5), x);
    }
  }
  return missing != 0;
}

/** Margins of rows: the leaves reached, added in the order of trees from zero, over `divisor`, plus `bias`; eight rows step in turn. */
export function walkTrees(
  thread: i32, threads: i32, X: usize, rowCount: i32, columnCount: i32, words: usize, offsetBits: i32, values: usize,
  roots: usize, depths: usize, treeCount: i32, bias: f64, divisor: f64, out: usize, spare: usize,
): void {
  const last = shareStart(thread + 1, threads, rowCount, 8);
  const row = <usize>columnCount << 2;
  const mask: u32 = (1 << offsetBits) - 1;
  const cells = spare + <usize>(thread * blockRows * (columnCount + 1) << 2);
  const flags = cells + <usize>blockRows * row;
  for (let start = shareStart(thread, threads, rowCount, 8); start < last; start += blockRows) {
    if (cancelled()) return;
    const end = min(start + blockRows, last);
    const groups = (end - start) >> 3;
    memory.fill(out + (<usize>start << 3), 0, <usize>(end - start) << 3);
    for (let group = 0; group < groups; group++) {
      store<u8>(flags + group, <u8>layOut(X + <usize>(start + 8 * group) * row, columnCount, cells + <usize>group * (row << 3)));
    }
    for (let tree = 0; tree < treeCount; tree++) {
      const root = words + (<usize>load<i32>(roots + (<usize>tree << 2)) << 3);
      const depth = load<i32>(depths + (<usize>tree << 2));
      for (let group = 0; group < groups; group++) {
        const x = cells + <usize>group * (row << 3);
        let a = root, b = root, c = root, d = root, e = root, f = root, g = root, h = root;
        if (load<u8>(flags + group) == 0) {
          let before: usize = 0;
          for (let step = 0; step < depth; step++) {
            // Leaf-wise trees are deep in few places: every other step, a look whether anybody moved. Children lie behind their parents.
            if ((step & 1) == 0 && step > 4) {
              const now = a + b + c + d + (e + f + g + h);
              if (now == before) break;
              before = now;
            }
            a = next(a, x, 0, 5, offsetBits, mask);
            b = next(b, x, 4, 5, offsetBits, mask);
            c = next(c, x, 8, 5, offsetBits, mask);
            d = next(d, x, 12, 5, offsetBits, mask);
            e = next(e, x, 16, 5, offsetBits, mask);
            f = next(f, x, 20, 5, offsetBits, mask);
            g = next(g, x, 24, 5, offsetBits, mask);
            h = next(h, x, 28, 5, offsetBits, mask);
          }
        } else {
          for (let step = 0; step < depth; step++) {
            a = nextOrMissing(a, x, 0, 5, offsetBits, mask);
            b = nextOrMissing(b, x, 4, 5, offsetBits, mask);
            c = nextOrMissing(c, x, 8, 5, offsetBits, mask);
            d = nextOrMissing(d, x, 12, 5, offsetBits, mask);
            e = nextOrMissing(e, x, 16, 5, offsetBits, mask);
            f = nextOrMissing(f, x, 20, 5, offsetBits, mask);
            g = nextOrMissing(g, x, 24, 5, offsetBits, mask);
            h = nextOrMissing(h, x, 28, 5, offsetBits, mask);
          }
        }
        const to = out + (<usize>(start + 8 * group) << 3);
        addLeaf(to, values, words, a);
        addLeaf(to + 8, values, words, b);
        addLeaf(to + 16, values, words, c);
        addLeaf(to + 24, values, words, d);
        addLeaf(to + 32, values, words, e);
        addLeaf(to + 40, values, words, f);
        addLeaf(to + 48, values, words, g);
        addLeaf(to + 56, values, words, h);
      }
      for (let rest = start + 8 * groups; rest < end; rest++) {
        let a = root;
        for (let step = 0; step < depth; step++) a = nextOrMissing(a, X + <usize>rest * row, 0, 2, offsetBits, mask);
        addLeaf(out + (<usize>rest << 3), values, words, a);
      }
    }
    for (let at = start; at < end; at++) {
      const to = out + (<usize>at << 3);
      store<f64>(to, bias + load<f64>(to) / divisor);
    }
  }
}
