/** As in `src/clusters/row-lanes.ts`. */
export const laneCount: i32 = 8;

/** Address of a row's first column among lanes of float32; its next columns follow 32 bytes apart. */
// @ts-ignore: decorator
@inline
export function laneAddress32(lanes: usize, row: i32, columnCount: i32): usize {
  return lanes + ((<usize>(row & ~7) * columnCount + (row & 7)) << 2);
}

// What `fourRows` found: squared distances of four rows to lanes 0 to 3 and 4 to 7. Globals belong to a thread.
export let low0: v128 = f32x4.splat(0);
export let low1: v128 = f32x4.splat(0);
export let low2: v128 = f32x4.splat(0);
export let low3: v128 = f32x4.splat(0);
export let high0: v128 = f32x4.splat(0);
export let high1: v128 = f32x4.splat(0);
export let high2: v128 = f32x4.splat(0);
export let high3: v128 = f32x4.splat(0);

/** Squared distances of the rows at four addresses to the eight lanes of a block. */
// @ts-ignore: decorator
@inline
export function fourRows(a: usize, b: usize, c: usize, d: usize, columnCount: i32, block: usize): void {
  let l0 = f32x4.splat(0), l1 = f32x4.splat(0), l2 = f32x4.splat(0), l3 = f32x4.splat(0);
  let h0 = f32x4.splat(0), h1 = f32x4.splat(0), h2 = f32x4.splat(0), h3 = f32x4.splat(0);
  const end = <usize>columnCount << 2;
  for (let at: usize = 0; at < end; at += 4) {
    const low = v128.load(block);
    const high = v128.load(block, 16);
    block += 32;
    const xa = v128.load32_splat(a + at);
    let t = f32x4.sub(xa, low);
    l0 = f32x4.add(l0, f32x4.mul(t, t));
    t = f32x4.sub(xa, high);
    h0 = f32x4.add(h0, f32x4.mul(t, t));
    const xb = v128.load32_splat(b + at);
    t = f32x4.sub(xb, low);
    l1 = f32x4.add(l1, f32x4.mul(t, t));
    t = f32x4.sub(xb, high);
    h1 = f32x4.add(h1, f32x4.mul(t, t));
    const xc = v128.load32_splat(c + at);
    t = f32x4.sub(xc, low);
    l2 = f32x4.add(l2, f32x4.mul(t, t));
    t = f32x4.sub(xc, high);
    h2 = f32x4.add(h2, f32x4.mul(t, t));
    const xd = v128.load32_splat(d + at);
    t = f32x4.sub(xd, low);
    l3 = f32x4.add(l3, f32x4.mul(t, t));
    t = f32x4.sub(xd, high);
    h3 = f32x4.add(h3, f32x4.mul(t, t));
  }
  low0 = l0; low1 = l1; low2 = l2; low3 = l3;
  high0 = h0; high1 = h1; high2 = h2; high3 = h3;
}

/** The least of eight lanes, in every lane. */
// @ts-ignore: decorator
@inline
export function leastOf(low: v128, high: v128): v128 {
  let least = f32x4.pmin(low, high);
  least = f32x4.pmin(least, v128.shuffle<i32>(least, least, 2, 3, 0, 1));
  return f32x4.pmin(least, v128.shuffle<i32>(least, least, 1, 0, 3, 2));
}

/** Bit k is set where lane k equals `value`. */
// @ts-ignore: decorator
@inline
export function lanesEqual(low: v128, high: v128, value: v128): i32 {
  return i32x4.bitmask(f32x4.eq(low, value)) | (i32x4.bitmask(f32x4.eq(high, value)) << 4);
}
