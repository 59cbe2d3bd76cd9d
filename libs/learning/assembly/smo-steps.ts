import { exp32x4 } from './exponential';
import { laneAddress32 } from './row-lanes';
import { barrier } from './threads';

const leastCurvature: f64 = 1e-12;

// What `claimSlot` found.
let claimed: i32 = 0;
let isFresh: bool = false;

function claimSlot(notes: usize, rowCount: i32, capacity: i32, i: i32, kept: i32): void {
  const slotOfRow = notes + 4, rowOfSlot = slotOfRow + (<usize>rowCount << 2), used = rowOfSlot + (<usize>capacity << 2);
  const held = load<i32>(slotOfRow + (<usize>i << 2));
  isFresh = held < 0;
  if (!isFresh) {
    store<i32>(used + (<usize>held << 2), 1);
    claimed = held;
    return;
  }
  let hand = load<i32>(notes);
  while (load<i32>(used + (<usize>hand << 2)) == 1 || (kept >= 0 && load<i32>(rowOfSlot + (<usize>hand << 2)) == kept)) {
    store<i32>(used + (<usize>hand << 2), 0);
    if (++hand == capacity) hand = 0;
  }
  const evicted = load<i32>(rowOfSlot + (<usize>hand << 2));
  if (evicted >= 0) store<i32>(slotOfRow + (<usize>evicted << 2), -1);
  store<i32>(rowOfSlot + (<usize>hand << 2), i);
  store<i32>(slotOfRow + (<usize>i << 2), hand);
  store<i32>(used + (<usize>hand << 2), 1);
  store<i32>(notes, hand + 1 == capacity ? 0 : hand + 1);
  claimed = hand;
}

/** Blocks [start, end) of the kernel row of row `i`. */
function writeKernelRow(lanes: usize, columnCount: i32, minusGamma: f32, i: i32, start: i32, end: i32, out: usize): void {
  const row = laneAddress32(lanes, i, columnCount);
  const blockBytes = <usize>columnCount << 5;
  const factor = f32x4.splat(minusGamma);
  let other = lanes + <usize>start * blockBytes;
  out += <usize>start << 5;
  let block = start;
  for (; block + 2 <= end; block += 2) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let at: usize = 0; at < blockBytes; at += 32) {
      const x = v128.load32_splat(row + at);
      let t = f32x4.sub(x, v128.load(other + at));
      a = f32x4.add(a, f32x4.mul(t, t));
      t = f32x4.sub(x, v128.load(other + at, 16));
      b = f32x4.add(b, f32x4.mul(t, t));
      t = f32x4.sub(x, v128.load(other + at + blockBytes));
      c = f32x4.add(c, f32x4.mul(t, t));
      t = f32x4.sub(x, v128.load(other + at + blockBytes, 16));
      d = f32x4.add(d, f32x4.mul(t, t));
    }
    v128.store(out, exp32x4(f32x4.mul(factor, a)));
    v128.store(out, exp32x4(f32x4.mul(factor, b)), 16);
    v128.store(out, exp32x4(f32x4.mul(factor, c)), 32);
    v128.store(out, exp32x4(f32x4.mul(factor, d)), 48);
    other += 2 * blockBytes;
    out += 64;
  }
  if (block == end) return;
  let a = f32x4.splat(0), b = f32x4.splat(0);
  for (let at: usize = 0; at < blockBytes; at += 32) {
    const x = v128.load32_splat(row + at);
    let t = f32x4.sub(x, v128.load(other + at));
    a = f32x4.add(a, f32x4.mul(t, t));
    t = f32x4.sub(x, v128.load(other + at, 16));
    b = f32x4.add(b, f32x4.mul(t, t));
  }
  v128.store(out, exp32x4(f32x4.mul(factor, a)));
  v128.store(out, exp32x4(f32x4.mul(factor, b)), 16);
}

// @ts-ignore: decorator
@inline
function curvature(kernel: f32): f64 {
  const value = 2.0 - 2.0 * <f64>kernel;
  return value > 0 ? value : leastCurvature;
}

/** Among rows [start, end): the least error of those that may rise, and its row, written to `found`. */
function mostViolating(signs: usize, bounds: usize, alpha: usize, errors: usize, start: i32, end: i32, found: usize): void {
  let best = -1;
  let least: f64 = Infinity;
  for (let t = start; t < end; t++) {
    const at = <usize>t << 3;
    const error = load<f64>(errors + at);
    if (error >= least) continue;
    const a = load<f64>(alpha + at);
    if (load<f64>(signs + at) > 0 ? a < load<f64>(bounds + at) : a > 0) {
      least = error;
      best = t;
    }
  }
  store<f64>(found, least);
  store<i32>(found, best, 8);
}

/** Among rows [start, end) that may fall: gain, row, error and kernel of the best partner, and the largest gap, written to `found`. */
function bestPartner(signs: usize, bounds: usize, alpha: usize, errors: usize, kernel: usize, error: f64, start: i32, end: i32, found: usize): void {
  let j = -1;
  let gap: f64 = -Infinity;
  let best: f64 = 0;
  for (let t = start; t < end; t++) {
    const at = <usize>t << 3;
    const difference = load<f64>(errors + at) - error;
    if (difference <= 0 && difference <= gap) continue;
    const a = load<f64>(alpha + at);
    if (!(load<f64>(signs + at) > 0 ? a > 0 : a < load<f64>(bounds + at))) continue;
    if (difference > gap) gap = difference;
    if (difference <= 0) continue;
    const gain = (difference * difference) / curvature(load<f32>(kernel + (<usize>t << 2)));
    if (gain > best) {
      best = gain;
      j = t;
    }
  }
  store<f64>(found, best);
  store<f64>(found, gap, 8);
  store<i32>(found, j, 16);
  if (j < 0) return;
  store<f64>(found, load<f64>(errors + (<usize>j << 3)), 24);
  store<f64>(found, <f64>load<f32>(kernel + (<usize>j << 2)), 32);
}

// @ts-ignore: decorator
@inline
function takeStep(signs: usize, bounds: usize, alpha: usize, i: i32, j: i32, difference: f64, kernel: f32): f64 {
  const atI = <usize>i << 3, atJ = <usize>j << 3;
  const signI = load<f64>(signs + atI), signJ = load<f64>(signs + atJ);
  const alphaI = load<f64>(alpha + atI), alphaJ = load<f64>(alpha + atJ);
  const boundI = load<f64>(bounds + atI), boundJ = load<f64>(bounds + atJ);
  const roomI: f64 = signI > 0 ? boundI - alphaI : alphaI;
  const roomJ: f64 = signJ > 0 ? alphaJ : boundJ - alphaJ;
  const step = min(min(difference / curvature(kernel), roomI), roomJ);
  store<f64>(alpha + atI, step == roomI ? (signI > 0 ? boundI : 0.0) : alphaI + signI * step);
  store<f64>(alpha + atJ, step == roomJ ? (signJ > 0 ? 0.0 : boundJ) : alphaJ - signJ * step);
  return step;
}

/** errors[t] += step x (first[t] - second[t]) for rows [start, end). */
function updateErrors(errors: usize, first: usize, second: usize, step: f64, start: i32, end: i32): void {
  const steps = f64x2.splat(step);
  let t = start;
  for (; t + 4 <= end; t += 4) {
    const at = errors + (<usize>t << 3);
    const a = v128.load(first + (<usize>t << 2)), b = v128.load(second + (<usize>t << 2));
    const low = f64x2.sub(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
    const high = f64x2.sub(f64x2.promote_low_f32x4(v128.shuffle<i32>(a, a, 2, 3, 0, 1)), f64x2.promote_low_f32x4(v128.shuffle<i32>(b, b, 2, 3, 0, 1)));
    v128.store(at, f64x2.add(v128.load(at), f64x2.mul(steps, low)));
    v128.store(at, f64x2.add(v128.load(at, 16), f64x2.mul(steps, high)), 16);
  }
  for (; t < end; t++) {
    const at = errors + (<usize>t << 3);
    store<f64>(at, load<f64>(at) + step * (<f64>load<f32>(first + (<usize>t << 2)) - <f64>load<f32>(second + (<usize>t << 2))));
  }
}

/**
 * All threads take the same steps, each on blocks of rows of its own, and tell each other what they found in two areas of `scratch`: one is
 * read between the barriers in which the other is written. What all must know of the past, multipliers and cache, each keeps for itself.
 */
export function smoSteps(
  thread: i32, threads: i32, lanes: usize, columnCount: i32, rowCount: i32, minusGamma: f32, signs: usize, bounds: usize, alpha: usize, errors: usize,
  cache: usize, capacity: i32, notes: usize, tolerance: f64, stepsWanted: f64, state: usize, scratch: usize,
): void {
  const blocks = (rowCount + 7) >> 3;
  const firstBlock = <i32>((<i64>blocks * thread) / threads), endBlock = <i32>((<i64>blocks * (thread + 1)) / threads);
  const start = firstBlock << 3, end = min(endBlock << 3, rowCount);
  const cacheStride = <usize>blocks << 5;
  const ownAlpha = alpha + ((<usize>rowCount * thread) << 3);
  const ownNotes = notes + (<usize>(1 + rowCount + 2 * capacity) * <usize>thread << 2);
  const own = scratch + (<usize>thread << 7);
  let steps = load<f64>(state), done: f64 = 0, gap = load<f64>(state, 16);
  // Nobody may write the state before all have read it.
  if (!barrier(thread, threads)) return;
  while (steps < stepsWanted) {
    mostViolating(signs, bounds, ownAlpha, errors, start, end, own);
    if (!barrier(thread, threads)) return;
    let i = -1;
    let error: f64 = Infinity;
    for (let other = 0; other < threads; other++) {
      const found = scratch + (<usize>other << 7);
      if (load<f64>(found) < error) {
        error = load<f64>(found);
        i = load<i32>(found, 8);
      }
    }
    if (i < 0) {
      done = 1;
      gap = 0;
      break;
    }
    claimSlot(ownNotes, rowCount, capacity, i, -1);
    const first = cache + <usize>claimed * cacheStride;
    if (isFresh) writeKernelRow(lanes, columnCount, minusGamma, i, firstBlock, endBlock, first);
    bestPartner(signs, bounds, ownAlpha, errors, first, error, start, end, own + 32);
    if (!barrier(thread, threads)) return;
    let j = -1;
    let best: f64 = 0, errorJ: f64 = 0, kernel: f32 = 0;
    gap = -Infinity;
    for (let other = 0; other < threads; other++) {
      const found = scratch + (<usize>other << 7) + 32;
      gap = max(gap, load<f64>(found, 8));
      if (load<f64>(found) <= best) continue;
      best = load<f64>(found);
      j = load<i32>(found, 16);
      errorJ = load<f64>(found, 24);
      kernel = <f32>load<f64>(found, 32);
    }
    if (gap < tolerance || j < 0) {
      done = 1;
      break;
    }
    claimSlot(ownNotes, rowCount, capacity, j, i);
    const second = cache + <usize>claimed * cacheStride;
    if (isFresh) writeKernelRow(lanes, columnCount, minusGamma, j, firstBlock, endBlock, second);
    const step = takeStep(signs, bounds, ownAlpha, i, j, errorJ - error, kernel);
    updateErrors(errors, first, second, step, start, end);
    steps++;
  }
  if (thread != 0) return;
  store<f64>(state, steps);
  store<f64>(state, done, 8);
  store<f64>(state, gap, 16);
}
