// Twin of src/trees/grow-cart.ts, function by function. Globals belong to the thread's own instance of the module.
import { randomInt, seedRandom } from './random';
import { bestBin, bestLeftTarget, bestLeftWeight, bestMissingLeft, bestNext, bestPlace, bestScore, forgetBest, parentScore, scanColumn, setSplitRules } from './scan-column';
import { cancelled } from './threads';

const binStride: i32 = 512;
const chunkRows: i32 = 1024;
const bestSize: i32 = 8;
/** Bytes of a node in `nodes` and in `sums`, and where its numbers lie in them. */
const nodeBytes: usize = 40;
const sumBytes: usize = 48;

let bins: usize = 0;
let binCounts: usize = 0;
let rowCount: i32 = 0;
let columnCount: i32 = 0;
let targets: usize = 0;
let order: usize = 0;
let counts: usize = 0;
let places: usize = 0;
let scratch: usize = 0;
let pairs: usize = 0;
let nodes: usize = 0;
let sums: usize = 0;
let isBootstrap: bool = false;
let isWeighted: bool = false;
let featuresPerSplit: i32 = 0;
let maxDepth: f64 = 0;
let leavesMost: f64 = 0;
let minRowsInLeaf: f64 = 0;
let minRowsToSplit: f64 = 0;
let criterion: i32 = 0;
let weightOf0: f64 = 0;
let weightOf1: f64 = 0;
let nodeCount: i32 = 0;
let rowsUsed: i32 = 0;
let openHead: i32 = -1;
let isPure: bool = false;

export function growCart(
  thread: i32, threads: i32, treeCount: i32, slots: i32, allBins: usize, allBinCounts: usize, rows: i32, columns: i32, allTargets: usize, rules: usize, seeds: usize,
  orders: usize, allCounts: usize, allPlaces: usize, scratches: usize, capacity: i32, allNodes: usize, allSums: usize, nodeCounts: usize,
): void {
  bins = allBins;
  binCounts = allBinCounts;
  rowCount = rows;
  columnCount = columns;
  targets = allTargets;
  isBootstrap = load<f64>(rules) == 1;
  featuresPerSplit = <i32>Math.min(load<f64>(rules, 8), columns);
  maxDepth = load<f64>(rules, 16);
  leavesMost = load<f64>(rules, 24);
  minRowsInLeaf = load<f64>(rules, 32);
  minRowsToSplit = load<f64>(rules, 40);
  criterion = <i32>load<f64>(rules, 48);
  weightOf0 = load<f64>(rules, 56);
  weightOf1 = load<f64>(rules, 64);
  isWeighted = load<f64>(rules, 72) == 1;
  setSplitRules(criterion, weightOf0, weightOf1, minRowsInLeaf);
  const scratchSize = <usize>(featuresPerSplit * binStride + 2 * chunkRows + bestSize) << 3;
  for (let slot = thread; slot < treeCount; slot += threads) {
    if (cancelled()) return;
    seedRandom(seeds + (<usize>slot << 4));
    order = orders + (<usize>slot * rows << 3);
    counts = allCounts + <usize>slot * rows;
    places = allPlaces + (<usize>slot * columns << 2);
    scratch = scratches + <usize>slot * scratchSize;
    pairs = scratch + (<usize>featuresPerSplit * binStride << 3);
    nodes = allNodes + <usize>slot * capacity * nodeBytes;
    sums = allSums + <usize>slot * capacity * sumBytes;
    nodeCount = 0;
    openHead = -1;
    grow();
    store<i32>(nodeCounts + (<usize>slot << 2), nodeCount);
  }
}

function grow(): void {
  drawRows();
  for (let place = 0; place < columnCount; place++) store<i32>(places + (<usize>place << 2), place);
  addNode(0, rowsUsed, 0);
  study(0, true);
  for (let leaves = 1; openHead >= 0 && <f64>leaves < leavesMost; leaves++) {
    if (cancelled()) return;
    const node = takeOpen(leavesMost != Infinity);
    const left = split(node);
    store<i32>(nodes + <usize>node * nodeBytes, left, 16);
    store<i32>(nodes + <usize>node * nodeBytes, left + 1, 20);
    study(left + 1, false);
    study(left, false);
  }
  setValues();
}

function drawRows(): void {
  if (isBootstrap) {
    memory.fill(counts, 0, rowCount);
    for (let i = 0; i < rowCount; i++) {
      const at = counts + randomInt(rowCount);
      store<u8>(at, load<u8>(at) + 1);
    }
  } else memory.fill(counts, 1, rowCount);
  const weights = targets + (<usize>rowCount << 4);
  let used = order;
  for (let row = 0; row < rowCount; row++) {
    store<i32>(used, row);
    const counted = load<u8>(counts + row) > 0 && (!isWeighted || load<f64>(weights + (<usize>row << 3)) > 0);
    used += <usize>counted << 2;
  }
  rowsUsed = <i32>((used - order) >> 2);
}

function addNode(start: i32, end: i32, depth: i32): i32 {
  const node = nodeCount++;
  const at = nodes + <usize>node * nodeBytes;
  memory.fill(at, 0, nodeBytes);
  store<i32>(at, start, 24);
  store<i32>(at, end, 28);
  store<i32>(at, depth, 32);
  memory.fill(sums + <usize>node * sumBytes, 0, sumBytes);
  return node;
}

function study(node: i32, isRoot: bool): void {
  const sum = sums + <usize>node * sumBytes;
  if (!isRoot && mustBeLeaf(node)) return;
  forgetBest();
  isPure = true;
  let varied = false;
  let batch = featuresPerSplit;
  for (let drawn = 0; drawn < columnCount && !varied;) {
    if (featuresPerSplit < columnCount) for (let i = drawn; i < drawn + batch; i++) swap(i, i + <i32>randomInt(columnCount - i));
    countBins(node, drawn, batch, drawn == 0, isRoot && drawn == 0);
    if (isRoot && mustBeLeaf(node)) return;
    if (isPure || cancelled()) return;
    for (let i = 0; i < batch; i++) {
      const place = load<i32>(places + (<usize>(drawn + i) << 2));
      if (scanColumn(scratch + (<usize>i * binStride << 3), load<i32>(binCounts + (<usize>place << 2)), place, load<f64>(sum), load<f64>(sum, 8))) varied = true;
    }
    drawn += batch;
    batch = 1;
  }
  if (bestScore == -Infinity) return;
  const to = nodes + <usize>node * nodeBytes;
  store<i32>(to, bestPlace);
  store<i32>(to, bestBin, 4);
  store<i32>(to, bestNext, 8);
  store<i32>(to, bestMissingLeft, 12);
  store<f64>(sum, bestScore - parentScore, 24);
  store<f64>(sum, bestLeftTarget, 32);
  store<f64>(sum, bestLeftWeight, 40);
  store<i32>(to, openHead, 36);
  openHead = node;
}

function mustBeLeaf(node: i32): bool {
  const target = load<f64>(sums + <usize>node * sumBytes);
  const weight = load<f64>(sums + <usize>node * sumBytes, 8);
  return <f64>load<i32>(nodes + <usize>node * nodeBytes, 32) >= maxDepth || weight < minRowsToSplit || weight < 2 * minRowsInLeaf
    || (criterion != 2 && (target == 0 || target == weight));
}

function countBins(node: i32, first: i32, batch: i32, judgesPurity: bool, sumsUp: bool): void {
  const begin = load<i32>(nodes + <usize>node * nodeBytes, 24);
  const end = load<i32>(nodes + <usize>node * nodeBytes, 28);
  for (let i = 0; i < batch; i++) {
    const place = load<i32>(places + (<usize>(first + i) << 2));
    memory.fill(scratch + (<usize>i * binStride << 3), 0, <usize>(load<i32>(binCounts + (<usize>place << 2)) + 1) << 4);
  }
  const like = judgesPurity ? load<i32>(order + (<usize>begin << 2)) : -1;
  for (let start = begin; start < end; start += chunkRows) {
    if (cancelled()) return;
    const stop = min(start + chunkRows, end);
    gather(start, stop, like);
    if (sumsUp) {
      const to = sums + <usize>node * sumBytes;
      let both = v128.load(to);
      for (let at = pairs, past = pairs + (<usize>(stop - start) << 4); at < past; at += 16) both = f64x2.add(both, v128.load(at));
      v128.store(to, both);
    }
    let i = 0;
    for (; i + 2 <= batch; i += 2) addPairsTwice(scratch + (<usize>i * binStride << 3), columnAt(first + i), columnAt(first + i + 1), order + (<usize>start << 2), order + (<usize>stop << 2));
    if (i < batch) addPairs(scratch + (<usize>i * binStride << 3), columnAt(first + i), order + (<usize>start << 2), order + (<usize>stop << 2));
  }
}

function gather(start: i32, end: i32, like: i32): void {
  let to = pairs;
  let same = 0;
  const target: f64 = like < 0 ? 0 : load<f64>(targets + (<usize>like << 3));
  const products = isWeighted ? targets + (<usize>rowCount << 3) : targets;
  const weights = targets + (<usize>rowCount << 4);
  for (let i = start; i < end; i++) {
    const row = <usize>load<i32>(order + (<usize>i << 2));
    const count = <f64>load<u8>(counts + row);
    same += <i32>(load<f64>(targets + (row << 3)) == target);
    store<f64>(to, count * load<f64>(products + (row << 3)));
    store<f64>(to, isWeighted ? count * load<f64>(weights + (row << 3)) : count, 8);
    to += 16;
  }
  if (like >= 0 && same < end - start) isPure = false;
}

function split(node: i32): i32 {
  const at = nodes + <usize>node * nodeBytes;
  const place = load<i32>(at);
  const start = load<i32>(at, 24), end = load<i32>(at, 28), depth = load<i32>(at, 32) + 1;
  const missing = load<i32>(at, 12) == 1 ? load<i32>(binCounts + (<usize>place << 2)) : -1;
  const middle = partRows(start, end, bins + <usize>place * rowCount, load<i32>(at, 4), missing);
  const left = addNode(start, middle, depth);
  const right = addNode(middle, end, depth);
  const from = sums + <usize>node * sumBytes, toLeft = sums + <usize>left * sumBytes, toRight = sums + <usize>right * sumBytes;
  store<f64>(toLeft, load<f64>(from, 32));
  store<f64>(toLeft, load<f64>(from, 40), 8);
  store<f64>(toRight, load<f64>(from) - load<f64>(toLeft));
  store<f64>(toRight, load<f64>(from, 8) - load<f64>(toLeft, 8), 8);
  return left;
}

function takeOpen(byGain: bool): i32 {
  let before = -1;
  let found = openHead;
  if (byGain) {
    for (let last = openHead, node = load<i32>(nodes + <usize>last * nodeBytes, 36); node >= 0; last = node, node = load<i32>(nodes + <usize>node * nodeBytes, 36)) {
      if (load<f64>(sums + <usize>node * sumBytes, 24) <= load<f64>(sums + <usize>found * sumBytes, 24)) continue;
      before = last;
      found = node;
    }
  }
  const after = load<i32>(nodes + <usize>found * nodeBytes, 36);
  if (before < 0) openHead = after;
  else store<i32>(nodes + <usize>before * nodeBytes, after, 36);
  return found;
}

function setValues(): void {
  for (let at = sums, past = sums + <usize>nodeCount * sumBytes; at < past; at += sumBytes) {
    const target = load<f64>(at), weight = load<f64>(at, 8);
    const ones = weightOf1 * target, zeros = weightOf0 * (weight - target);
    store<f64>(at, criterion == 2 ? target / weight : ones / (ones + zeros), 16);
  }
}

function swap(i: i32, j: i32): void {
  const held = load<i32>(places + (<usize>i << 2));
  store<i32>(places + (<usize>i << 2), load<i32>(places + (<usize>j << 2)));
  store<i32>(places + (<usize>j << 2), held);
}

function columnAt(i: i32): usize {
  return bins + <usize>load<i32>(places + (<usize>i << 2)) * rowCount;
}

/** Two columns at once: rows and pairs are read once, and neither sum waits for the other's. */
function addPairsTwice(histogram: usize, first: usize, second: usize, from: usize, to: usize): void {
  const other = histogram + (<usize>binStride << 3);
  let pair = pairs;
  for (let at = from; at < to; at += 4) {
    const row = load<i32>(at);
    const both = v128.load(pair);
    const cell = histogram + (<usize>load<u8>(first + row) << 4);
    const beside = other + (<usize>load<u8>(second + row) << 4);
    v128.store(cell, f64x2.add(v128.load(cell), both));
    v128.store(beside, f64x2.add(v128.load(beside), both));
    pair += 16;
  }
}

function addPairs(histogram: usize, column: usize, from: usize, to: usize): void {
  let pair = pairs;
  for (let at = from; at < to; at += 4) {
    const cell = histogram + (<usize>load<u8>(column + load<i32>(at)) << 4);
    v128.store(cell, f64x2.add(v128.load(cell), v128.load(pair)));
    pair += 16;
  }
}

function partRows(start: i32, end: i32, column: usize, last: i32, missing: i32): i32 {
  let left = order + (<usize>start << 2);
  const spare = order + (<usize>rowCount << 2);
  let right = spare;
  for (let at = order + (<usize>start << 2), past = order + (<usize>end << 2); at < past; at += 4) {
    const row = load<i32>(at);
    const bin = <i32>load<u8>(column + row);
    const goesLeft = <usize>(bin <= last) | <usize>(bin == missing);
    store<i32>(left, row);
    store<i32>(right, row);
    left += goesLeft << 2;
    right += (1 - goesLeft) << 2;
  }
  memory.copy(left, spare, right - spare);
  return <i32>((left - order) >> 2);
}
