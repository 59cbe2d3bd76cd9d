import type { Pace } from '../pace.ts';
import type { BinnedFeatures } from './binning.ts';

/** Numbers per bin of a histogram: sums of gradient, hessian and weight. */
export const cellSize = 3;

/**
 * First and second derivatives of the loss by the margin, and the weight, of each row. All are multiples that add up exactly, and
 * without weights a hessian lies in [0, 1/4].
 */
export interface Derivatives {
  readonly gradients: Float64Array;
  /** Undefined when each row's hessian is its weight, as for squared error. */
  readonly hessians: Float64Array | undefined;
  /** Undefined when every row weighs 1. */
  readonly weights: Float64Array | undefined;
}

/** Rows whose hessians and count fit into one float64 without rounding: 2^14 rows of at most 2^-2 stay below `countUnit`. */
const packedRows = 2 ** 14;
const countUnit = 2 ** 13;

/**
 * Builds histograms of a node's rows. One pass adds two numbers per row and feature to a pair of sums, which is what the
 * time goes into; without weights the second number carries hessian and count at once: hessian + 2^13, told apart afterwards.
 */
export class HistogramBuilder {
  readonly #binned: BinnedFeatures;
  readonly #pairs: Float64Array;
  readonly #ones: Float64Array;
  readonly #pace: Pace;

  constructor(binned: BinnedFeatures, pace: Pace) {
    this.#binned = binned;
    this.#pairs = new Float64Array(2 * binned.cellCount);
    this.#ones = new Float64Array(binned.rowCount).fill(1);
    this.#pace = pace;
  }

  /** Overwrites `histogram` (cellCount x cellSize) with the sums over `rows`. */
  async build(rows: Int32Array, derivatives: Derivatives, histogram: Float64Array): Promise<void> {
    const { gradients, hessians, weights } = derivatives;
    histogram.fill(0);
    if (hessians === undefined) {
      await this.#addPass(rows, 0, rows.length, gradients, weights ?? this.#ones, 0);
      drainPairs(this.#pairs, histogram, addGradientsAndWeights);
    } else if (weights === undefined) {
      for (let start = 0; start < rows.length; start += packedRows) {
        await this.#addPass(rows, start, Math.min(start + packedRows, rows.length), gradients, hessians, countUnit);
        drainPairs(this.#pairs, histogram, addGradientsAndPacked);
      }
    } else {
      await this.#addPass(rows, 0, rows.length, gradients, hessians, 0);
      drainPairs(this.#pairs, histogram, addGradientsAndHessians);
      await this.#addPass(rows, 0, rows.length, weights, weights, 0);
      drainPairs(this.#pairs, histogram, addWeights);
    }
  }

  async #addPass(rows: Int32Array, start: number, end: number, first: Float64Array, second: Float64Array, extra: number): Promise<void> {
    const { codes, columnCount } = this.#binned;
    const step = Math.max(16, Math.floor(400_000 / columnCount));
    for (let from = start; from < end; from += step) {
      const to = Math.min(from + step, end);
      addPairs(codes, columnCount, rows, from, to, first, second, extra, this.#pairs);
      if (this.#pace.spend((to - from) * columnCount)) await this.#pace.pause();
    }
  }
}

/** The sibling's histogram from its parent's, in place: exact because all sums are. */
export function subtractHistogram(parent: Float64Array, child: Float64Array): void {
  for (let i = 0; i < parent.length; i++) parent[i]! -= child[i]!;
}

/** Row by row, since neighbouring features never wait for each other's sums as neighbouring rows of one bin would. */
function addPairs(
  codes: BinnedFeatures['codes'], columnCount: number, rows: Int32Array, start: number, end: number,
  first: Float64Array, second: Float64Array, extra: number, pairs: Float64Array,
): void {
  for (let i = start; i < end; i++) {
    const row = rows[i]!;
    const a = first[row]!;
    const b = second[row]! + extra;
    const offset = row * columnCount;
    const stop = offset + columnCount;
    for (let at = offset; at < stop; at++) {
      const pair = codes[at]! << 1;
      pairs[pair]! += a;
      pairs[pair + 1]! += b;
    }
  }
}

/** Moves the pairs into the histogram and clears them. */
function drainPairs(pairs: Float64Array, histogram: Float64Array, move: (histogram: Float64Array, cell: number, first: number, second: number) => void): void {
  for (let pair = 0, cell = 0; pair < pairs.length; pair += 2, cell += cellSize) {
    const second = pairs[pair + 1]!;
    // An empty bin has a second sum of 0 and, where rows of weight or hessian 0 fell into it, maybe a gradient.
    if (second === 0 && pairs[pair] === 0) continue;
    move(histogram, cell, pairs[pair]!, second);
    pairs[pair] = 0;
    pairs[pair + 1] = 0;
  }
}

function addGradientsAndWeights(histogram: Float64Array, cell: number, gradient: number, weight: number): void {
  histogram[cell]! += gradient;
  histogram[cell + 1]! += weight;
  histogram[cell + 2]! += weight;
}

function addGradientsAndPacked(histogram: Float64Array, cell: number, gradient: number, packed: number): void {
  const count = Math.floor(packed / countUnit);
  histogram[cell]! += gradient;
  histogram[cell + 1]! += packed - count * countUnit;
  histogram[cell + 2]! += count;
}

function addGradientsAndHessians(histogram: Float64Array, cell: number, gradient: number, hessian: number): void {
  histogram[cell]! += gradient;
  histogram[cell + 1]! += hessian;
}

function addWeights(histogram: Float64Array, cell: number, _weight: number, weight: number): void {
  histogram[cell + 2]! += weight;
}
