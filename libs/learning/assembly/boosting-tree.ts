// Twin of `src/trees/grow-tree.ts`. Every thread takes each decision by itself, from what all wrote before the last barrier, and writes the
// same nodes as the others; it moves and counts its own share of the records, and gathers and searches every so many columns.
import {
  BEST_BIN, BEST_BYTES, BEST_COLUMN, BEST_GAIN, BEST_GRADIENT, BEST_HESSIAN, BEST_MISSING_LEFT, BEST_ORDER, BEST_WEIGHT, CANDIDATES, CELL_BYTES, CELL_COUNT,
  COLUMN_COUNT, DEPTH_MAX, LEAVES_MAX, NODE_BIN, NODE_BYTES, NODE_COLUMN, NODE_COUNT, NODE_DEPTH, NODE_GAIN, NODE_GRADIENT, NODE_HESSIAN, NODE_LEFT,
  NODE_LEFT_GRADIENT, NODE_LEFT_HESSIAN, NODE_LEFT_WEIGHT, NODE_MISSING_LEFT, NODE_RIGHT, NODE_SIDE, NODE_WEIGHT, SLOTS, WIDTH, intAt, numberAt, setNumber,
} from './boosting-layout';
import { countRecords, gatherColumn, ownersOf, scratchOf, startCounting, tailOf } from './boosting-histogram';
import { resetBest, searchColumn } from './boosting-split';
import { barrier, cancelled } from './threads';

/** Records that are moved, and then counted while they are still near. */
const BLOCK: i32 = 512;

export function growBoostedTree(
  thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, candidates: usize, nodes: usize, segments: usize,
  histograms: usize, scratch: usize, front: usize, back: usize,
): void {
  const own = scratchOf(scratch, thread, plan);
  const owners = ownersOf(own, plan);
  for (let slot = 0, slots = intAt(plan, SLOTS); slot < slots; slot++) setOwner(owners, slot, -1);
  if (!startRoot(thread, threads, plan, rules, cellStarts, candidates, nodes, histograms, scratch)) return;
  if (numberAt(nodes, NODE_COLUMN) >= 0) setOwner(owners, 0, 0);
  const leavesMax = intAt(plan, LEAVES_MAX);
  let count = 1;
  for (let leaves = 1; leaves < leavesMax; leaves++) {
    const parent = chooseLeaf(nodes, count);
    if (parent < 0) break;
    const left = count, right = count + 1;
    count += 2;
    addChild(nodes, parent, left, true);
    addChild(nodes, parent, right, false);
    const leftNode = nodes + <usize>left * NODE_BYTES, rightNode = nodes + <usize>right * NODE_BYTES;
    const goesOn = leaves + 1 < leavesMax && <i32>numberAt(leftNode, NODE_DEPTH) < intAt(plan, DEPTH_MAX);
    const small = numberAt(leftNode, NODE_WEIGHT) <= numberAt(rightNode, NODE_WEIGHT) ? left : right;
    const large = left + right - small;
    startCounting(own, plan);
    const parted = partRecords(thread, threads, plan, cellStarts, nodes, segments, own, front, back, parent, left, right, goesOn ? small : -1);
    if (!parted) return;
    const held = slotOf(owners, intAt(plan, SLOTS), parent);
    if (held >= 0) setOwner(owners, held, goesOn ? large : -1);
    if (!goesOn) {
      // What this thread writes to the nodes next must not be read by one that still chooses.
      if (!barrier(thread, threads)) return;
      linkChildren(nodes, parent, left, right);
      continue;
    }
    const smallSlot = takeSlot(owners, intAt(plan, SLOTS), nodes, count, small);
    const largeSlot = held >= 0 ? held : takeSlot(owners, intAt(plan, SLOTS), nodes, count, large);
    if (!barrier(thread, threads)) return;
    linkChildren(nodes, parent, left, right);
    const searched = held >= 0
      ? searchBoth(thread, threads, plan, rules, cellStarts, candidates, nodes, histograms, scratch, small, smallSlot, large, largeSlot)
      : searchApart(thread, threads, plan, rules, cellStarts, candidates, nodes, segments, histograms, scratch, front, back, small, smallSlot, large, largeSlot);
    if (!searched) return;
    if (numberAt(nodes + <usize>small * NODE_BYTES, NODE_COLUMN) < 0) setOwner(owners, smallSlot, -1);
    if (numberAt(nodes + <usize>large * NODE_BYTES, NODE_COLUMN) < 0) setOwner(owners, largeSlot, -1);
  }
  if (thread == 0) store<i32>(plan + (NODE_COUNT << 2), count);
}

// @ts-ignore: decorator
@inline
function setOwner(owners: usize, slot: i32, owner: i32): void {
  store<i32>(owners + (<usize>slot << 2), owner);
}

function slotOf(owners: usize, slots: i32, owner: i32): i32 {
  for (let slot = 0; slot < slots; slot++) if (load<i32>(owners + (<usize>slot << 2)) == owner) return slot;
  return -1;
}

/** An empty slot, or that of the leaf of least gain. */
function takeSlot(owners: usize, slots: i32, nodes: usize, count: i32, at: i32): i32 {
  let taken = 0;
  let least: f64 = Infinity;
  for (let slot = 0; slot < slots; slot++) {
    const owner = load<i32>(owners + (<usize>slot << 2));
    const gain = owner < 0 ? -1 : owner >= count - 2 ? Infinity : numberAt(nodes + <usize>owner * NODE_BYTES, NODE_GAIN);
    if (gain >= least) continue;
    least = gain;
    taken = slot;
  }
  setOwner(owners, taken, at);
  return taken;
}

function startRoot(thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, candidates: usize, nodes: usize, histograms: usize, scratch: usize): bool {
  const columns = intAt(plan, COLUMN_COUNT);
  for (let k = thread; k < columns; k += threads) {
    const column = intAt(candidates, k);
    const first = intAt(cellStarts, column);
    gatherColumn(scratch, threads, plan, rules, column, intAt(cellStarts, column + 1) - first, histograms + <usize>first * CELL_BYTES, 0);
  }
  if (!barrier(thread, threads)) return false;
  let gradient = 0.0, hessian = 0.0, weight = 0.0;
  for (let cell = histograms, end = histograms + <usize>intAt(cellStarts, 1) * CELL_BYTES; cell < end; cell += CELL_BYTES) {
    gradient += load<f64>(cell);
    hessian += load<f64>(cell, 8);
    weight += load<f64>(cell, 16);
  }
  const own = scratchOf(scratch, thread, plan);
  const found = tailOf(own, plan);
  resetBest(found, gradient, hessian, rules);
  for (let k = thread, end = intAt(plan, CANDIDATES); k < end; k += threads) {
    const column = intAt(candidates, k);
    const first = intAt(cellStarts, column);
    searchColumn(column, k, histograms + <usize>first * CELL_BYTES, intAt(cellStarts, column + 1) - first, gradient, hessian, weight, rules, found);
  }
  if (!barrier(thread, threads)) return false;
  // All threads write the same numbers.
  setNumber(nodes, NODE_LEFT, -1);
  setNumber(nodes, NODE_RIGHT, 0);
  setNumber(nodes, NODE_DEPTH, 0);
  setNumber(nodes, NODE_SIDE, 0);
  setNumber(nodes, NODE_GRADIENT, gradient);
  setNumber(nodes, NODE_HESSIAN, hessian);
  setNumber(nodes, NODE_WEIGHT, weight);
  settleSplit(nodes, scratch, threads, plan, 0);
  return barrier(thread, threads);
}

/** Gathers the smaller child, takes it from the parent's histogram for the larger, and searches both, column by column. */
function searchBoth(
  thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, candidates: usize, nodes: usize, histograms: usize, scratch: usize,
  small: i32, smallSlot: i32, large: i32, largeSlot: i32,
): bool {
  const found = tailOf(scratchOf(scratch, thread, plan), plan);
  const smallNode = nodes + <usize>small * NODE_BYTES, largeNode = nodes + <usize>large * NODE_BYTES;
  resetBest(found, numberAt(smallNode, NODE_GRADIENT), numberAt(smallNode, NODE_HESSIAN), rules);
  resetBest(found + BEST_BYTES, numberAt(largeNode, NODE_GRADIENT), numberAt(largeNode, NODE_HESSIAN), rules);
  const slotBytes = <usize>intAt(plan, CELL_COUNT) * CELL_BYTES;
  const searched = intAt(plan, CANDIDATES);
  for (let k = thread, columns = intAt(plan, COLUMN_COUNT); k < columns; k += threads) {
    const column = intAt(candidates, k);
    const first = intAt(cellStarts, column);
    const cells = intAt(cellStarts, column + 1) - first;
    const smallCells = histograms + <usize>smallSlot * slotBytes + <usize>first * CELL_BYTES;
    const largeCells = histograms + <usize>largeSlot * slotBytes + <usize>first * CELL_BYTES;
    gatherColumn(scratch, threads, plan, rules, column, cells, smallCells, largeCells);
    if (k >= searched) continue;
    searchColumn(column, k, smallCells, cells, numberAt(smallNode, NODE_GRADIENT), numberAt(smallNode, NODE_HESSIAN), numberAt(smallNode, NODE_WEIGHT), rules, found);
    searchColumn(column, k, largeCells, cells, numberAt(largeNode, NODE_GRADIENT), numberAt(largeNode, NODE_HESSIAN), numberAt(largeNode, NODE_WEIGHT), rules, found + BEST_BYTES);
  }
  if (!barrier(thread, threads)) return false;
  settleSplit(smallNode, scratch, threads, plan, 0);
  settleSplit(largeNode, scratch, threads, plan, BEST_BYTES);
  return barrier(thread, threads);
}

/** Where the parent's histogram was given up: counts the larger child too. */
function searchApart(
  thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, candidates: usize, nodes: usize, segments: usize, histograms: usize, scratch: usize,
  front: usize, back: usize, small: i32, smallSlot: i32, large: i32, largeSlot: i32,
): bool {
  if (!searchCounted(thread, threads, plan, rules, cellStarts, candidates, nodes, histograms, scratch, small, smallSlot)) return false;
  const own = scratchOf(scratch, thread, plan);
  startCounting(own, plan);
  const segment = segments + (<usize>(large * threads + thread) << 3);
  const records = numberAt(nodes + <usize>large * NODE_BYTES, NODE_SIDE) == 0 ? front : back;
  for (let start = load<i32>(segment), end = load<i32>(segment, 4); start < end; start += 4096) {
    if (cancelled()) return false;
    countRecords(own, plan, records, start, min(start + 4096, end));
  }
  if (!barrier(thread, threads)) return false;
  return searchCounted(thread, threads, plan, rules, cellStarts, candidates, nodes, histograms, scratch, large, largeSlot);
}

function searchCounted(
  thread: i32, threads: i32, plan: usize, rules: usize, cellStarts: usize, candidates: usize, nodes: usize, histograms: usize, scratch: usize, at: i32, slot: i32,
): bool {
  const found = tailOf(scratchOf(scratch, thread, plan), plan);
  const node = nodes + <usize>at * NODE_BYTES;
  resetBest(found, numberAt(node, NODE_GRADIENT), numberAt(node, NODE_HESSIAN), rules);
  const slotCells = histograms + <usize>slot * <usize>intAt(plan, CELL_COUNT) * CELL_BYTES;
  const searched = intAt(plan, CANDIDATES);
  for (let k = thread, columns = intAt(plan, COLUMN_COUNT); k < columns; k += threads) {
    const column = intAt(candidates, k);
    const first = intAt(cellStarts, column);
    const cells = intAt(cellStarts, column + 1) - first;
    const ofColumn = slotCells + <usize>first * CELL_BYTES;
    gatherColumn(scratch, threads, plan, rules, column, cells, ofColumn, 0);
    if (k < searched) searchColumn(column, k, ofColumn, cells, numberAt(node, NODE_GRADIENT), numberAt(node, NODE_HESSIAN), numberAt(node, NODE_WEIGHT), rules, found);
  }
  if (!barrier(thread, threads)) return false;
  settleSplit(node, scratch, threads, plan, 0);
  return barrier(thread, threads);
}

/** Writes the best of what the threads found into the node; of equal gains the column that comes first wins. */
function settleSplit(node: usize, scratch: usize, threads: i32, plan: usize, offset: usize): void {
  let best = tailOf(scratchOf(scratch, 0, plan), plan) + offset;
  for (let thread = 1; thread < threads; thread++) {
    const other = tailOf(scratchOf(scratch, thread, plan), plan) + offset;
    if (numberAt(other, BEST_COLUMN) < 0) continue;
    const gain = numberAt(other, BEST_GAIN), than = numberAt(best, BEST_GAIN);
    if (numberAt(best, BEST_COLUMN) < 0 || gain > than || (gain == than && numberAt(other, BEST_ORDER) < numberAt(best, BEST_ORDER))) best = other;
  }
  setNumber(node, NODE_COLUMN, numberAt(best, BEST_COLUMN));
  setNumber(node, NODE_BIN, numberAt(best, BEST_BIN));
  setNumber(node, NODE_MISSING_LEFT, numberAt(best, BEST_MISSING_LEFT));
  setNumber(node, NODE_GAIN, numberAt(best, BEST_GAIN));
  setNumber(node, NODE_LEFT_GRADIENT, numberAt(best, BEST_GRADIENT));
  setNumber(node, NODE_LEFT_HESSIAN, numberAt(best, BEST_HESSIAN));
  setNumber(node, NODE_LEFT_WEIGHT, numberAt(best, BEST_WEIGHT));
}

/** The leaf of greatest gain, the earliest made on a tie; -1 when none can be split. */
function chooseLeaf(nodes: usize, count: i32): i32 {
  let chosen = -1;
  let best = 0.0;
  for (let at = 0; at < count; at++) {
    const node = nodes + <usize>at * NODE_BYTES;
    if (numberAt(node, NODE_LEFT) >= 0 || numberAt(node, NODE_COLUMN) < 0 || numberAt(node, NODE_GAIN) <= best) continue;
    chosen = at;
    best = numberAt(node, NODE_GAIN);
  }
  return chosen;
}

function addChild(nodes: usize, parent: i32, child: i32, isLeft: bool): void {
  const from = nodes + <usize>parent * NODE_BYTES, to = nodes + <usize>child * NODE_BYTES;
  const gradient = numberAt(from, NODE_LEFT_GRADIENT), hessian = numberAt(from, NODE_LEFT_HESSIAN), weight = numberAt(from, NODE_LEFT_WEIGHT);
  setNumber(to, NODE_GRADIENT, isLeft ? gradient : numberAt(from, NODE_GRADIENT) - gradient);
  setNumber(to, NODE_HESSIAN, isLeft ? hessian : numberAt(from, NODE_HESSIAN) - hessian);
  setNumber(to, NODE_WEIGHT, isLeft ? weight : numberAt(from, NODE_WEIGHT) - weight);
  setNumber(to, NODE_COLUMN, -1);
  setNumber(to, NODE_BIN, 0);
  setNumber(to, NODE_MISSING_LEFT, 0);
  setNumber(to, NODE_LEFT, -1);
  setNumber(to, NODE_RIGHT, 0);
  setNumber(to, NODE_GAIN, 0);
  setNumber(to, NODE_LEFT_GRADIENT, 0);
  setNumber(to, NODE_LEFT_HESSIAN, 0);
  setNumber(to, NODE_LEFT_WEIGHT, 0);
  setNumber(to, NODE_DEPTH, numberAt(from, NODE_DEPTH) + 1);
  setNumber(to, NODE_SIDE, 1 - numberAt(from, NODE_SIDE));
}

function linkChildren(nodes: usize, parent: i32, left: i32, right: i32): void {
  const node = nodes + <usize>parent * NODE_BYTES;
  setNumber(node, NODE_LEFT, <f64>left);
  setNumber(node, NODE_RIGHT, <f64>right);
}

/** Moves this thread's records of the parent to the other side, and counts those of `counted` (-1 for none) block by block. */
function partRecords(
  thread: i32, threads: i32, plan: usize, cellStarts: usize, nodes: usize, segments: usize, own: usize, front: usize, back: usize,
  parent: i32, left: i32, right: i32, counted: i32,
): bool {
  const node = nodes + <usize>parent * NODE_BYTES;
  const column = <i32>numberAt(node, NODE_COLUMN);
  const last = <i32>numberAt(node, NODE_BIN);
  const missing = numberAt(node, NODE_MISSING_LEFT) == 1 ? intAt(cellStarts, column + 1) - intAt(cellStarts, column) - 1 : -1;
  const isFront = numberAt(node, NODE_SIDE) == 0;
  const from = isFront ? front : back, to = isFront ? back : front;
  const width = <usize>intAt(plan, WIDTH);
  const segment = segments + (<usize>(parent * threads + thread) << 3);
  const start = load<i32>(segment), end = load<i32>(segment, 4);
  let low = start, high = end;
  for (let block = start; block < end; block += BLOCK) {
    if ((block & 65535) < BLOCK && cancelled()) return false;
    const stop = min(block + BLOCK, end);
    const source = from + <usize>block * width;
    const lowBytes = <usize>low * width, highBytes = <usize>high * width;
    const moved = width == 48
      ? moveBlock48(source, from + <usize>stop * width, to + lowBytes, to + highBytes, <usize>column, last, missing)
      : moveBlock(source, from + <usize>stop * width, width, to + lowBytes, to + highBytes, <usize>column, last, missing);
    const lowBefore = low, highBefore = high;
    low += moved;
    high -= stop - block - moved;
    if (counted == left) countRecords(own, plan, to, lowBefore, low);
    else if (counted == right) countRecords(own, plan, to, high, highBefore);
  }
  const leftSegment = segments + (<usize>(left * threads + thread) << 3);
  store<i32>(leftSegment, start);
  store<i32>(leftSegment, low, 4);
  const rightSegment = segments + (<usize>(right * threads + thread) << 3);
  store<i32>(rightSegment, low);
  store<i32>(rightSegment, end, 4);
  return true;
}

/** Moves records up from `low` if they go left, else down from `high`; returns how many went left. The side is computed, not branched on. */
function moveBlock(from: usize, stop: usize, width: usize, low: usize, high: usize, column: usize, last: i32, missing: i32): i32 {
  let count = 0;
  for (; from < stop; from += width) {
    const bin = <i32>load<u8>(from + column);
    const goesLeft = <i32>(bin <= last) | <i32>(bin == missing);
    const target = select<usize>(low, high - width, goesLeft);
    for (let at: usize = 0; at < width; at += 16) v128.store(target + at, v128.load(from + at));
    count += goesLeft;
    low += width & -(<usize>goesLeft);
    high -= width & (<usize>goesLeft - 1);
  }
  return count;
}

function moveBlock48(from: usize, stop: usize, low: usize, high: usize, column: usize, last: i32, missing: i32): i32 {
  let count = 0;
  for (; from < stop; from += 48) {
    const bin = <i32>load<u8>(from + column);
    const goesLeft = <i32>(bin <= last) | <i32>(bin == missing);
    const target = select<usize>(low, high - 48, goesLeft);
    v128.store(target, v128.load(from));
    v128.store(target, v128.load(from, 16), 16);
    v128.store(target, v128.load(from, 32), 32);
    count += goesLeft;
    low += 48 & -(<usize>goesLeft);
    high -= 48 & (<usize>goesLeft - 1);
  }
  return count;
}
