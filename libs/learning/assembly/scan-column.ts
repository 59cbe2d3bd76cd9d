import { log } from './exponential';

// The best split so far and the rules of splitting: globals belong to the thread's own instance of the module.
let criterion: i32 = 0;
let weightOf0: f64 = 1;
let weightOf1: f64 = 1;
let minRowsInLeaf: f64 = 1;

export let bestScore: f64 = 0;
export let bestPlace: i32 = 0;
export let bestBin: i32 = 0;
export let bestNext: i32 = 0;
export let bestMissingLeft: i32 = 0;
export let bestLeftTarget: f64 = 0;
export let bestLeftWeight: f64 = 0;
export let parentScore: f64 = 0;

export function setSplitRules(kind: i32, zero: f64, one: f64, minRows: f64): void {
  criterion = kind;
  weightOf0 = zero;
  weightOf1 = one;
  minRowsInLeaf = minRows;
}

export function forgetBest(): void {
  bestScore = -Infinity;
}

/** Tries every cut of a column; true when the rows differ in it at all. See src/trees/scan-column.ts. */
export function scanColumn(histogram: usize, binCount: i32, place: i32, target: f64, weight: f64): bool {
  const missing = histogram + (<usize>binCount << 4);
  const missingWeight = load<f64>(missing, 8);
  parentScore = nodeScore(target, weight);
  let left: f64 = 0, leftWeight: f64 = 0;
  let before = -1;
  let filled = missingWeight > 0 ? 1 : 0;
  for (let bin = 0; bin < binCount; bin++) {
    const cell = histogram + (<usize>bin << 4);
    const here = load<f64>(cell, 8);
    if (here == 0) continue;
    filled++;
    if (before >= 0) tryCut(place, before, bin, missingWeight > 0 ? 0 : -1, left, leftWeight, target, weight);
    left += load<f64>(cell);
    leftWeight += here;
    before = bin;
  }
  if (missingWeight == 0) return filled > 1;
  if (before >= 0) tryCut(place, before, -1, 0, left, leftWeight, target, weight);
  left = load<f64>(missing);
  leftWeight = missingWeight;
  before = -1;
  for (let bin = 0; bin < binCount; bin++) {
    const cell = histogram + (<usize>bin << 4);
    const here = load<f64>(cell, 8);
    if (here == 0) continue;
    if (before >= 0) tryCut(place, before, bin, 1, left, leftWeight, target, weight);
    left += load<f64>(cell);
    leftWeight += here;
    before = bin;
  }
  return filled > 1;
}

// @ts-ignore: decorator
@inline
function tryCut(place: i32, bin: i32, next: i32, missingLeft: i32, left: f64, leftWeight: f64, target: f64, weight: f64): void {
  const rightWeight = weight - leftWeight;
  if (leftWeight < minRowsInLeaf || rightWeight < minRowsInLeaf) return;
  const score = nodeScore(left, leftWeight) + nodeScore(target - left, rightWeight);
  if (!(score > bestScore)) return;
  bestScore = score;
  bestPlace = place;
  bestBin = bin;
  bestNext = next;
  bestMissingLeft = missingLeft < 0 ? <i32>(leftWeight > rightWeight) : missingLeft;
  bestLeftTarget = left;
  bestLeftWeight = leftWeight;
}

// @ts-ignore: decorator
@inline
function nodeScore(target: f64, weight: f64): f64 {
  if (criterion == 2) return (target * target) / weight;
  const ones = weightOf1 * target;
  const zeros = weightOf0 * (weight - target);
  const all = ones + zeros;
  if (criterion == 0) return (ones * ones + zeros * zeros) / all;
  return (ones > 0 ? ones * log(ones / all) : 0) + (zeros > 0 ? zeros * log(zeros / all) : 0);
}
