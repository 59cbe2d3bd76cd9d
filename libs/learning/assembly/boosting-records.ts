// Twins of `src/trees/record-rows.ts` and `src/trees/update-records.ts`.
import {
  BIAS, COLUMN_COUNT, LABEL, MARGIN, NODE_BIN, NODE_BYTES, NODE_COLUMN, NODE_COUNT, NODE_LEFT, NODE_MISSING_LEFT, NODE_RIGHT, NODE_SIDE, NODE_VALUE, ROW, SHARE_BYTES,
  SQUARED_ERROR, WEIGHT, WIDE, WIDTH, intAt, numberAt,
} from './boosting-layout';
import { countRecords, scratchOf, startCounting } from './boosting-histogram';
import { deriveRecords } from './boosting-loss';
import { cancelled, shareStart } from './threads';

const BLOCK: i32 = 512;
const STRIPE_ROWS: i32 = 256;

export function binIntoRecords(
  thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, cuts: usize, starts: usize, rowStart: i32, rowCount: i32,
  X: usize, y: usize, weights: usize, hasWeights: i32, records: usize,
): void {
  const columns = intAt(plan, COLUMN_COUNT);
  const width = <usize>intAt(plan, WIDTH);
  const wide = intAt(plan, WIDE) != 0, squaredError = intAt(plan, SQUARED_ERROR) != 0;
  const bias = numberAt(rules, BIAS);
  for (let row = shareStart(thread, threads, rowCount, 1), end = shareStart(thread + 1, threads, rowCount, 1); row < end; row++) {
    if ((row & 1023) == 0 && cancelled()) return;
    const place = rowStart + row;
    const stripe = place / STRIPE_ROWS;
    const record = records + <usize>(intAt(starts, stripe % threads) + stripe / threads * STRIPE_ROWS + place % STRIPE_ROWS) * width;
    const values = X + (<usize>row * <usize>columns << 2);
    for (let j = 0; j < columns; j++) {
      const value = load<f32>(values + (<usize>j << 2));
      const below = cutsBelow(value, cuts + (<usize>j << 10));
      store<u8>(record + <usize>j, value != value ? intAt(cellStarts, j + 1) - intAt(cellStarts, j) - 1 : below);
    }
    const target = load<f64>(y + (<usize>row << 3));
    store<f64>(record + <usize>intAt(plan, MARGIN), squaredError ? bias - target : bias);
    if (!squaredError) store<u8>(record + <usize>intAt(plan, LABEL), <u8>target);
    if (!wide) continue;
    store<f64>(record + <usize>intAt(plan, WEIGHT), hasWeights != 0 ? load<f64>(weights + (<usize>row << 3)) : 1);
    store<u32>(record + <usize>intAt(plan, ROW), place);
  }
}

/** Eight steps without branches through 256 cuts of 4 bytes. */
// @ts-ignore: decorator
@inline
function cutsBelow(value: f32, cuts: usize): i32 {
  let at = cuts;
  at += <usize>(load<f32>(at, 127 << 2) < value) << 9;
  at += <usize>(load<f32>(at, 63 << 2) < value) << 8;
  at += <usize>(load<f32>(at, 31 << 2) < value) << 7;
  at += <usize>(load<f32>(at, 15 << 2) < value) << 6;
  at += <usize>(load<f32>(at, 7 << 2) < value) << 5;
  at += <usize>(load<f32>(at, 3 << 2) < value) << 4;
  at += <usize>(load<f32>(at, 1 << 2) < value) << 3;
  at += <usize>(load<f32>(at) < value) << 2;
  return <i32>((at - cuts) >> 2);
}

export function updateRecords(
  thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, nodes: usize, segments: usize, histograms: usize, scratch: usize, sums: usize,
  front: usize, back: usize,
): void {
  const own = scratchOf(scratch, thread, plan);
  const ownSums = sums + <usize>thread * SHARE_BYTES;
  const width = <usize>intAt(plan, WIDTH);
  const marginAt = <usize>intAt(plan, MARGIN);
  store<f64>(ownSums, 0);
  store<f64>(ownSums, 0, 8);
  startCounting(own, plan);
  for (let at = 0, count = intAt(plan, NODE_COUNT); at < count; at++) {
    const node = nodes + <usize>at * NODE_BYTES;
    if (numberAt(node, NODE_LEFT) >= 0) continue;
    const value = numberAt(node, NODE_VALUE);
    const isBehind = numberAt(node, NODE_SIDE) == 1;
    const segment = segments + (<usize>(at * threads + thread) << 3);
    for (let start = load<i32>(segment), end = load<i32>(segment, 4); start < end; start += BLOCK) {
      if (cancelled()) return;
      const stop = min(start + BLOCK, end);
      const first = front + <usize>start * width, last = front + <usize>stop * width;
      if (isBehind) memory.copy(first, back + <usize>start * width, last - first);
      for (let record = first; record < last; record += width) store<f64>(record + marginAt, load<f64>(record + marginAt) + value);
      deriveRecords(plan, rules, front, width, start, stop, ownSums);
      countRecords(own, plan, front, start, stop);
    }
  }
}

export function followTree(thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, nodes: usize, sums: usize, starts: usize, records: usize): void {
  const ownSums = sums + <usize>thread * SHARE_BYTES;
  const width = <usize>intAt(plan, WIDTH);
  const marginAt = <usize>intAt(plan, MARGIN);
  store<f64>(ownSums, 0);
  store<f64>(ownSums, 0, 8);
  for (let start = intAt(starts, thread), end = intAt(starts, thread + 1); start < end; start += BLOCK) {
    if (cancelled()) return;
    const stop = min(start + BLOCK, end);
    for (let record = records + <usize>start * width, last = records + <usize>stop * width; record < last; record += width) {
      store<f64>(record + marginAt, load<f64>(record + marginAt) + numberAt(leafOf(record, cellStarts, nodes), NODE_VALUE));
    }
    deriveRecords(plan, rules, records, width, start, stop, ownSums);
  }
}

function leafOf(record: usize, cellStarts: usize, nodes: usize): usize {
  let node = nodes;
  while (numberAt(node, NODE_LEFT) >= 0) {
    const column = <i32>numberAt(node, NODE_COLUMN);
    const bin = <i32>load<u8>(record + <usize>column);
    const isMissing = bin == intAt(cellStarts, column + 1) - intAt(cellStarts, column) - 1;
    const goesLeft = bin <= <i32>numberAt(node, NODE_BIN) || (isMissing && numberAt(node, NODE_MISSING_LEFT) == 1);
    node = nodes + <usize>(goesLeft ? numberAt(node, NODE_LEFT) : numberAt(node, NODE_RIGHT)) * NODE_BYTES;
  }
  return node;
}
