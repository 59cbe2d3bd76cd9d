// Each thread's own histogram of records, and its way into a node's. In narrow records a cell is a pair of int64: the sum of gradients, and
// that of hessians with the count of rows above bit 43; the pair is added at once. After 2^17 rows the second is unpacked into a pair of
// its own behind the others. In wide records a cell is gradient, hessian and weight in float64. All sums are exact.
import { COLUMN_COUNT, COUNTED, GRADIENT, PRIVATE_CELLS, SCALE, SLOTS, SQUARED_ERROR, WIDE, WIDTH, CELL_BYTES, intAt, numberAt } from './boosting-layout';

const COUNT_SHIFT: u64 = 43;
const COUNT_MASK: u64 = (<u64>1 << COUNT_SHIFT) - 1;
const UNIT: f64 = 1.0 / 16777216.0;
const ROWS_PER_DRAIN: i32 = 1 << 17;
const NARROW_COLUMN: usize = PRIVATE_CELLS * 16;
const WIDE_COLUMN: usize = PRIVATE_CELLS * 32;
/** Behind a thread's cells: two best splits, rows counted since the last drain, whether there was one; then the owners of slots. */
const TAIL_BYTES: usize = 512;

// @ts-ignore: decorator
@inline
export function scratchOf(scratch: usize, thread: i32, plan: usize): usize {
  const columns = <usize>intAt(plan, COLUMN_COUNT);
  return scratch + <usize>thread * (columns * WIDE_COLUMN + TAIL_BYTES + (<usize>intAt(plan, SLOTS) << 3));
}

// @ts-ignore: decorator
@inline
export function tailOf(own: usize, plan: usize): usize {
  return own + <usize>intAt(plan, COLUMN_COUNT) * WIDE_COLUMN;
}

// @ts-ignore: decorator
@inline
export function ownersOf(own: usize, plan: usize): usize {
  return tailOf(own, plan) + TAIL_BYTES;
}

const PENDING: usize = 256;
const DRAINED: usize = 260;

/** To be called before the first records of a node are counted: the cells themselves are empty already. */
export function startCounting(own: usize, plan: usize): void {
  const tail = tailOf(own, plan);
  store<i32>(tail + PENDING, 0);
  store<i32>(tail + DRAINED, 0);
}

/** Adds records [start, end), at most 2^17, to the thread's own histogram. */
export function countRecords(own: usize, plan: usize, records: usize, start: i32, end: i32): void {
  if (start >= end) return;
  const columns = intAt(plan, COLUMN_COUNT);
  const width = <usize>intAt(plan, WIDTH);
  if (intAt(plan, WIDE) != 0) {
    countWide(own, columns, width, <usize>intAt(plan, GRADIENT), <usize>intAt(plan, COUNTED), records + <usize>start * width, records + <usize>end * width);
    return;
  }
  const tail = tailOf(own, plan);
  const pending = load<i32>(tail + PENDING) + end - start;
  if (pending > ROWS_PER_DRAIN) {
    drain(own, columns);
    store<i32>(tail + DRAINED, 1);
    store<i32>(tail + PENDING, end - start);
  } else store<i32>(tail + PENDING, pending);
  countNarrow(own, columns, width, <usize>intAt(plan, GRADIENT), records + <usize>start * width, records + <usize>end * width);
}

function countNarrow(own: usize, columns: i32, width: usize, gradientAt: usize, from: usize, to: usize): void {
  const eights = <usize>(columns & ~7);
  for (let record = from; record < to; record += width) {
    const derivatives = record + gradientAt;
    const pair = i64x2.replace_lane(i64x2.splat(<i64>load<i32>(derivatives)), 1, <i64>load<i32>(derivatives, 4) + (<i64>1 << <i64>COUNT_SHIFT));
    let cells = own;
    let bins = record;
    for (const stop = record + eights; bins < stop; bins += 8, cells += 8 * NARROW_COLUMN) {
      let cell = cells + (<usize>load<u8>(bins) << 4);
      v128.store(cell, i64x2.add(v128.load(cell), pair));
      cell = cells + (<usize>load<u8>(bins, 1) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, NARROW_COLUMN), pair), NARROW_COLUMN);
      cell = cells + (<usize>load<u8>(bins, 2) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, 2 * NARROW_COLUMN), pair), 2 * NARROW_COLUMN);
      cell = cells + (<usize>load<u8>(bins, 3) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, 3 * NARROW_COLUMN), pair), 3 * NARROW_COLUMN);
      cell = cells + (<usize>load<u8>(bins, 4) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, 4 * NARROW_COLUMN), pair), 4 * NARROW_COLUMN);
      cell = cells + (<usize>load<u8>(bins, 5) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, 5 * NARROW_COLUMN), pair), 5 * NARROW_COLUMN);
      cell = cells + (<usize>load<u8>(bins, 6) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, 6 * NARROW_COLUMN), pair), 6 * NARROW_COLUMN);
      cell = cells + (<usize>load<u8>(bins, 7) << 4);
      v128.store(cell, i64x2.add(v128.load(cell, 7 * NARROW_COLUMN), pair), 7 * NARROW_COLUMN);
    }
    for (const stop = record + <usize>columns; bins < stop; bins++, cells += NARROW_COLUMN) {
      const cell = cells + (<usize>load<u8>(bins) << 4);
      v128.store(cell, i64x2.add(v128.load(cell), pair));
    }
  }
}

/** Moves hessians and counts to where they can't overflow. */
function drain(own: usize, columns: i32): void {
  const cells = <usize>columns * PRIVATE_CELLS;
  const drained = own + (cells << 4);
  for (let cell: usize = 0; cell < cells << 4; cell += 16) {
    const packed = load<u64>(own + cell, 8);
    store<u64>(drained + cell, load<u64>(drained + cell) + (packed & COUNT_MASK));
    store<u64>(drained + cell, load<u64>(drained + cell, 8) + (packed >> COUNT_SHIFT), 8);
    store<u64>(own + cell, 0, 8);
  }
}

function countWide(own: usize, columns: i32, width: usize, gradientAt: usize, countedAt: usize, from: usize, to: usize): void {
  for (let record = from; record < to; record += width) {
    // Gradient and hessian lie next to each other, here and there.
    const pair = v128.load(record + gradientAt);
    const weight = load<f64>(record + countedAt);
    let cells = own;
    for (let bins = record, stop = record + <usize>columns; bins < stop; bins++, cells += WIDE_COLUMN) {
      const cell = cells + (<usize>load<u8>(bins) << 5);
      v128.store(cell, f64x2.add(v128.load(cell), pair));
      store<f64>(cell, load<f64>(cell, 16) + weight, 16);
    }
  }
}

/**
 * Sums one column of all threads' histograms into `cells` cells of a node's at `node`, in real units, and empties them; where `larger` is
 * not 0, takes the sums from the cells there.
 */
export function gatherColumn(scratch: usize, threads: i32, plan: usize, rules: usize, column: i32, cells: i32, node: usize, larger: usize): void {
  const bytes = <usize>cells * CELL_BYTES;
  memory.fill(node, 0, bytes);
  const scale = numberAt(rules, SCALE);
  const wide = intAt(plan, WIDE) != 0;
  const hessianUnit = intAt(plan, SQUARED_ERROR) != 0 ? 1.0 : UNIT;
  const behind = <usize>intAt(plan, COLUMN_COUNT) * NARROW_COLUMN;
  for (let thread = 0; thread < threads; thread++) {
    const own = scratchOf(scratch, thread, plan);
    if (wide) {
      gatherWide(own + <usize>column * WIDE_COLUMN, cells, node, scale);
      continue;
    }
    const first = own + <usize>column * NARROW_COLUMN;
    gatherNarrow(first, cells, node, scale * UNIT, hessianUnit);
    if (load<i32>(tailOf(own, plan) + DRAINED) != 0) gatherDrained(first + behind, cells, node, hessianUnit);
  }
  if (larger == 0) return;
  for (let at: usize = 0; at < bytes; at += 8) store<f64>(larger + at, load<f64>(larger + at) - load<f64>(node + at));
}

function gatherNarrow(from: usize, cells: i32, to: usize, gradientUnit: f64, hessianUnit: f64): void {
  for (const end = from + (<usize>cells << 4); from < end; from += 16, to += CELL_BYTES) {
    const packed = load<u64>(from, 8);
    store<f64>(to, load<f64>(to) + <f64>load<i64>(from) * gradientUnit);
    store<f64>(to, load<f64>(to, 8) + <f64><i64>(packed & COUNT_MASK) * hessianUnit, 8);
    store<f64>(to, load<f64>(to, 16) + <f64><i64>(packed >> COUNT_SHIFT), 16);
    v128.store(from, i64x2.splat(0));
  }
}

function gatherDrained(from: usize, cells: i32, to: usize, hessianUnit: f64): void {
  for (const end = from + (<usize>cells << 4); from < end; from += 16, to += CELL_BYTES) {
    store<f64>(to, load<f64>(to, 8) + <f64>load<i64>(from) * hessianUnit, 8);
    store<f64>(to, load<f64>(to, 16) + <f64>load<i64>(from, 8), 16);
    v128.store(from, i64x2.splat(0));
  }
}

function gatherWide(from: usize, cells: i32, to: usize, gradientUnit: f64): void {
  for (const end = from + (<usize>cells << 5); from < end; from += 32, to += CELL_BYTES) {
    store<f64>(to, load<f64>(to) + load<f64>(from) * gradientUnit);
    store<f64>(to, load<f64>(to, 8) + load<f64>(from, 8), 8);
    store<f64>(to, load<f64>(to, 16) + load<f64>(from, 16), 16);
    v128.store(from, f64x2.splat(0));
    store<f64>(from, 0, 16);
  }
}
