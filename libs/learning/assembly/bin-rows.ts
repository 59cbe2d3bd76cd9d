import { cancelled, shareStart } from './threads';

const digits: i32 = 2048;

/** Sorts each column by three passes over 11 bits of its numbers' order-preserving bits; `spare` has `size` + 3 x 2048 words a thread. */
export function sortColumns(thread: i32, threads: i32, values: usize, size: i32, columnCount: i32, counts: usize, spare: usize): void {
  const mine = spare + (<usize>thread * (size + 3 * digits) << 2);
  for (let column = thread; column < columnCount; column += threads) {
    if (cancelled()) return;
    sortColumn(values + (<usize>column * size << 2), load<i32>(counts + (<usize>column << 2)), mine + 3 * digits * 4, mine);
  }
}

function sortColumn(values: usize, count: i32, other: usize, tallies: usize): void {
  memory.fill(tallies, 0, 3 * digits * 4);
  for (let i = 0; i < count; i++) {
    const at = values + (<usize>i << 2);
    const bits = load<u32>(at);
    const key = bits ^ (<u32>(<i32>bits >> 31) | 0x80000000);
    store<u32>(at, key);
    tally(tallies, key & 2047);
    tally(tallies, 2048 + ((key >> 11) & 2047));
    tally(tallies, 4096 + (key >> 22));
  }
  pass(values, other, count, tallies, 0);
  pass(other, values, count, tallies + 2048 * 4, 11);
  pass(values, other, count, tallies + 4096 * 4, 22);
  for (let i = 0; i < count; i++) {
    const key = load<u32>(other + (<usize>i << 2));
    store<u32>(values + (<usize>i << 2), key ^ (~<u32>(<i32>key >> 31) | 0x80000000));
  }
}

// @ts-ignore: decorator
@inline
function tally(tallies: usize, digit: u32): void {
  const at = tallies + (<usize>digit << 2);
  store<u32>(at, load<u32>(at) + 1);
}

function pass(from: usize, to: usize, count: i32, tallies: usize, shift: u32): void {
  let before: u32 = 0;
  for (let digit = 0; digit < digits; digit++) {
    const at = tallies + (<usize>digit << 2);
    const here = load<u32>(at);
    store<u32>(at, before);
    before += here;
  }
  for (let i = 0; i < count; i++) {
    const key = load<u32>(from + (<usize>i << 2));
    const at = tallies + (<usize>((key >> shift) & 2047) << 2);
    const place = load<u32>(at);
    store<u32>(at, place + 1);
    store<u32>(to + (<usize>place << 2), key);
  }
}

/** Rows that pass through all columns before the next: their cells stay in the first cache. */
const tileRows: i32 = 64;

export function binRows(
  thread: i32, threads: i32, block: usize, blockRows: i32, columnCount: i32, columns: usize, cuts: usize, cutStarts: usize, bins: usize, rowCount: i32, rowStart: i32,
): void {
  const last = shareStart(thread + 1, threads, blockRows, tileRows);
  const stride = <usize>columnCount << 2;
  for (let start = shareStart(thread, threads, blockRows, tileRows); start < last; start += tileRows) {
    const end = min(start + tileRows, last);
    for (let place = 0; place < columnCount; place++) {
      const slot = <usize>place << 2;
      const first = load<i32>(cutStarts + slot);
      const count = load<i32>(cutStarts + slot, 4) - first;
      const from = block + (<usize>load<i32>(columns + slot) << 2);
      const to = bins + <usize>place * rowCount + rowStart;
      const at = cuts + (<usize>first << 2);
      let i = start;
      for (; i + 4 <= end; i += 4) {
        const x = from + <usize>i * stride;
        binFour(load<f32>(x), load<f32>(x + stride), load<f32>(x + 2 * stride), load<f32>(x + 3 * stride), at, count, to + i);
      }
      for (; i < end; i++) {
        const x = load<f32>(from + <usize>i * stride);
        store<u8>(to + i, binOf(x, at, count));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function step(at: usize, half: i32, x: f32): usize {
  return at + ((<usize>half * <usize>(load<f32>(at + (<usize>half << 2) - 4) < x)) << 2);
}

// @ts-ignore: decorator
@inline
function place(at: usize, cuts: usize, x: f32, count: i32): i32 {
  const below = (<i32>(at - cuts) >> 2) + <i32>(load<f32>(at) < x);
  return x != x ? count + 1 : below;
}

/** Four rows look for their bins in turn: each halving waits for the one before. */
// @ts-ignore: decorator
@inline
function binFour(x0: f32, x1: f32, x2: f32, x3: f32, cuts: usize, count: i32, out: usize): void {
  if (count == 0) {
    store<u8>(out, <i32>(x0 != x0));
    store<u8>(out, <i32>(x1 != x1), 1);
    store<u8>(out, <i32>(x2 != x2), 2);
    store<u8>(out, <i32>(x3 != x3), 3);
    return;
  }
  let a = cuts, b = cuts, c = cuts, d = cuts;
  for (let rest = count; rest > 1;) {
    const half = rest >> 1;
    a = step(a, half, x0);
    b = step(b, half, x1);
    c = step(c, half, x2);
    d = step(d, half, x3);
    rest -= half;
  }
  store<u8>(out, place(a, cuts, x0, count));
  store<u8>(out, place(b, cuts, x1, count), 1);
  store<u8>(out, place(c, cuts, x2, count), 2);
  store<u8>(out, place(d, cuts, x3, count), 3);
}

function binOf(x: f32, cuts: usize, count: i32): i32 {
  if (count == 0) return <i32>(x != x);
  let at = cuts;
  for (let rest = count; rest > 1;) {
    const half = rest >> 1;
    at = step(at, half, x);
    rest -= half;
  }
  return place(at, cuts, x, count);
}
