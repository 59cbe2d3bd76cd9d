import { barrier } from './threads';

/** Below this many cells in use one thread goes on alone: meeting would cost more than it saves. */
const fewCells: i32 = 30_000;

// @ts-ignore: decorator
@inline
function slotAddress(points: usize, slot: i32, columnCount: i32): usize {
  return points + ((<usize>(slot & ~7) * columnCount + (slot & 7)) << 3);
}

// @ts-ignore: decorator
@inline
function sizeOf(sizes: usize, slot: i32): f64 {
  return load<f64>(sizes + (<usize>slot << 3));
}

function wardSquare(points: usize, sizes: usize, columnCount: i32, x: i32, y: i32): f64 {
  let a = slotAddress(points, x, columnCount), b = slotAddress(points, y, columnCount);
  let sum: f64 = 0;
  for (let j = 0; j < columnCount; j++) {
    const difference = load<f64>(a) - load<f64>(b);
    sum += difference * difference;
    a += 64;
    b += 64;
  }
  const s = sizeOf(sizes, x), t = sizeOf(sizes, y);
  return ((2.0 * s * t) / (s + t)) * sum;
}

// What `nearestSlot` found.
let nearSlot: i32 = 0;
let nearSquare: f64 = 0;

// @ts-ignore: decorator
@inline
function consider(square: f64, slot: i32, x: i32): void {
  if (square < nearSquare && slot != x) {
    nearSquare = square;
    nearSlot = slot;
  }
}

/** Blocks [start, end) of eight slots: the lowest slot nearer than `limit`, or `before`. */
function nearestSlot(points: usize, sizes: usize, columnCount: i32, start: i32, end: i32, x: i32, before: i32, limit: f64): void {
  nearSlot = before;
  nearSquare = limit;
  const row = slotAddress(points, x, columnCount);
  const size = f64x2.splat(sizeOf(sizes, x));
  const twice = f64x2.splat(2.0 * sizeOf(sizes, x));
  let other = points + ((<usize>start * columnCount) << 6);
  for (let block = start; block < end; block++) {
    let s0 = f64x2.splat(0), s1 = f64x2.splat(0), s2 = f64x2.splat(0), s3 = f64x2.splat(0);
    let at = row;
    for (let j = 0; j < columnCount; j++) {
      const value = v128.load64_splat(at);
      let t = f64x2.sub(value, v128.load(other));
      s0 = f64x2.add(s0, f64x2.mul(t, t));
      t = f64x2.sub(value, v128.load(other, 16));
      s1 = f64x2.add(s1, f64x2.mul(t, t));
      t = f64x2.sub(value, v128.load(other, 32));
      s2 = f64x2.add(s2, f64x2.mul(t, t));
      t = f64x2.sub(value, v128.load(other, 48));
      s3 = f64x2.add(s3, f64x2.mul(t, t));
      at += 64;
      other += 64;
    }
    const first = block << 3;
    const place = sizes + (<usize>first << 3);
    let size0 = v128.load(place), size1 = v128.load(place, 16), size2 = v128.load(place, 32), size3 = v128.load(place, 48);
    s0 = f64x2.mul(f64x2.div(f64x2.mul(twice, size0), f64x2.add(size, size0)), s0);
    s1 = f64x2.mul(f64x2.div(f64x2.mul(twice, size1), f64x2.add(size, size1)), s1);
    s2 = f64x2.mul(f64x2.div(f64x2.mul(twice, size2), f64x2.add(size, size2)), s2);
    s3 = f64x2.mul(f64x2.div(f64x2.mul(twice, size3), f64x2.add(size, size3)), s3);
    const best = f64x2.splat(nearSquare);
    if (!v128.any_true(v128.or(v128.or(f64x2.lt(s0, best), f64x2.lt(s1, best)), v128.or(f64x2.lt(s2, best), f64x2.lt(s3, best))))) continue;
    consider(f64x2.extract_lane(s0, 0), first, x);
    consider(f64x2.extract_lane(s0, 1), first + 1, x);
    consider(f64x2.extract_lane(s1, 0), first + 2, x);
    consider(f64x2.extract_lane(s1, 1), first + 3, x);
    consider(f64x2.extract_lane(s2, 0), first + 4, x);
    consider(f64x2.extract_lane(s2, 1), first + 5, x);
    consider(f64x2.extract_lane(s3, 0), first + 6, x);
    consider(f64x2.extract_lane(s3, 1), first + 7, x);
  }
}

function mergeInto(points: usize, sizes: usize, columnCount: i32, gone: i32, kept: i32): void {
  const a = sizeOf(sizes, gone), b = sizeOf(sizes, kept);
  let from = slotAddress(points, gone, columnCount), to = slotAddress(points, kept, columnCount);
  for (let j = 0; j < columnCount; j++) {
    store<f64>(to, (a * load<f64>(from) + b * load<f64>(to)) / (a + b));
    store<f64>(from, Infinity);
    from += 64;
    to += 64;
  }
  store<f64>(sizes + (<usize>kept << 3), a + b);
}

/** Moves live slots together in order; the chain, whose members rise nowhere past their old slots, follows by counting. */
function squeeze(points: usize, sizes: usize, leaves: usize, columnCount: i32, used: i32, chain: usize, chainLength: i32): void {
  // Chain members are renumbered first, each by the dead slots before it.
  for (let i = 0; i < chainLength; i++) {
    const at = chain + (<usize>i << 2);
    const slot = load<i32>(at);
    let dead = 0;
    for (let before = 0; before < slot; before++) if (load<f64>(slotAddress(points, before, columnCount)) == Infinity) dead++;
    store<i32>(at, slot - dead);
  }
  let next = 0;
  for (let slot = 0; slot < used; slot++) {
    let from = slotAddress(points, slot, columnCount);
    if (load<f64>(from) == Infinity) continue;
    if (next != slot) {
      let to = slotAddress(points, next, columnCount);
      for (let j = 0; j < columnCount; j++) {
        store<f64>(to, load<f64>(from));
        from += 64;
        to += 64;
      }
      store<f64>(sizes + (<usize>next << 3), sizeOf(sizes, slot));
      store<i32>(leaves + (<usize>next << 2), load<i32>(leaves + (<usize>slot << 2)));
    }
    next++;
  }
  for (let slot = next; slot < used; slot++) {
    let at = slotAddress(points, slot, columnCount);
    for (let j = 0; j < columnCount; j++) {
      store<f64>(at, Infinity);
      at += 64;
    }
  }
}

/** All threads follow the same steps, each looking through its blocks; thread 0 writes. */
export function wardChain(
  thread: i32, threads: i32, points: usize, sizes: usize, leaves: usize, columnCount: i32, chain: usize, state: usize, first: usize, second: usize, heights: usize,
  mergesWanted: i32, scratch: usize,
): void {
  let used = load<i32>(state), live = load<i32>(state, 4), length = load<i32>(state, 8), merges = load<i32>(state, 12);
  let parity = 0;
  const end = chain + (<usize>length << 2);
  let x = length > 0 ? load<i32>(end - 4) : 0;
  let before = length > 1 ? load<i32>(end - 8) : -1;
  // Nobody may write the state before all have read it.
  if (!barrier(thread, threads)) return;
  let alone = threads == 1;
  while (merges < mergesWanted && live > 1) {
    if (!alone && used * columnCount < fewCells) {
      if (thread != 0) return;
      alone = true;
    }
    if (length == 0) {
      x = 0;
      while (load<f64>(slotAddress(points, x, columnCount)) == Infinity) x++;
      if (thread == 0) store<i32>(chain, x);
      before = -1;
      length = 1;
    }
    const limit = before < 0 ? Infinity : wardSquare(points, sizes, columnCount, x, before);
    const blocks = (used + 7) >> 3;
    if (alone) {
      if (!barrier(0, 1)) return;
      nearestSlot(points, sizes, columnCount, 0, blocks, x, before, limit);
    } else {
      nearestSlot(points, sizes, columnCount, <i32>((<i64>blocks * thread) / threads), <i32>((<i64>blocks * (thread + 1)) / threads), x, before, limit);
      const found = scratch + (<usize>(parity * threads + thread) << 6);
      store<f64>(found, nearSquare);
      store<i32>(found, nearSlot, 8);
      if (!barrier(thread, threads)) return;
      nearSquare = limit;
      nearSlot = before;
      for (let other = 0; other < threads; other++) {
        const theirs = scratch + (<usize>(parity * threads + other) << 6);
        if (load<f64>(theirs) < nearSquare) {
          nearSquare = load<f64>(theirs);
          nearSlot = load<i32>(theirs, 8);
        }
      }
      parity ^= 1;
    }
    const y = nearSlot;
    if (y != before) {
      // Others read the chain only after the barrier of a merge.
      if (thread == 0) store<i32>(chain + (<usize>length << 2), y);
      length++;
      before = x;
      x = y;
      continue;
    }
    length -= 2;
    live--;
    const squeezes = (used - live) * 8 >= used && used > 64;
    if (thread == 0) {
      const gone = min(x, y), kept = max(x, y);
      store<i32>(first + (<usize>merges << 2), load<i32>(leaves + (<usize>gone << 2)));
      store<i32>(second + (<usize>merges << 2), load<i32>(leaves + (<usize>kept << 2)));
      store<f64>(heights + (<usize>merges << 3), nearSquare);
      mergeInto(points, sizes, columnCount, gone, kept);
      if (squeezes) squeeze(points, sizes, leaves, columnCount, used, chain, length);
    }
    merges++;
    if (squeezes) used = live;
    if (!alone && !barrier(thread, threads)) return;
    const top = chain + (<usize>length << 2);
    if (length > 0) x = load<i32>(top - 4);
    before = length > 1 ? load<i32>(top - 8) : -1;
  }
  if (thread != 0) return;
  store<i32>(state, used);
  store<i32>(state, live, 4);
  store<i32>(state, length, 8);
  store<i32>(state, merges, 12);
}
