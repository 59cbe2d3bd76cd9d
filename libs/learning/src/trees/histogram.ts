import type { Pace } from '../pace.ts';
import type { BinnedFeatures } from './binning.ts';

/** Sums per bin: gradient, hessian, weight, one after the other. */
export const cellSize = 3;

/** Where each feature's bins start in a histogram, in cells; the last bin of a feature holds its missing values. */
export function histogramOffsets(binned: BinnedFeatures): Int32Array {
  const offsets = new Int32Array(binned.columnCount + 1);
  binned.thresholds.forEach((cuts, j) => { offsets[j + 1] = offsets[j]! + (cuts.length + 2) * cellSize; });
  return offsets;
}

/** First and second derivatives of the loss by the margin, and the weight, of each row; all multiples that add up exactly. */
export interface Derivatives {
  readonly gradients: Float64Array;
  /** Undefined when each row's hessian is its weight, as for squared error. */
  readonly hessians: Float64Array | undefined;
  /** Undefined when every row weighs 1. */
  readonly weights: Float64Array | undefined;
}

/** Builds histograms of a node's rows; holds the scratch columns that rows' derivatives are gathered into. */
export class HistogramBuilder {
  readonly #binned: BinnedFeatures;
  readonly #offsets: Int32Array;
  readonly #gradients: Float64Array;
  readonly #hessians: Float64Array;
  readonly #weights: Float64Array;
  readonly #pace: Pace;

  constructor(binned: BinnedFeatures, offsets: Int32Array, pace: Pace) {
    this.#binned = binned;
    this.#offsets = offsets;
    this.#gradients = new Float64Array(binned.rowCount);
    this.#hessians = new Float64Array(binned.rowCount);
    this.#weights = new Float64Array(binned.rowCount);
    this.#pace = pace;
  }

  /** Overwrites `histogram` with the sums over `rows`. */
  async build(rows: Int32Array, derivatives: Derivatives, histogram: Float64Array): Promise<void> {
    histogram.fill(0);
    const count = rows.length;
    const gradients = gather(derivatives.gradients, rows, this.#gradients);
    const hessians = derivatives.hessians === undefined ? undefined : gather(derivatives.hessians, rows, this.#hessians);
    const weights = derivatives.weights === undefined ? undefined : gather(derivatives.weights, rows, this.#weights);
    if (this.#pace.spend(2 * count)) await this.#pace.pause();
    for (let j = 0; j < this.#binned.columnCount; j++) {
      const column = this.#binned.codes.subarray(j * this.#binned.rowCount, (j + 1) * this.#binned.rowCount);
      const bins = histogram.subarray(this.#offsets[j]!, this.#offsets[j + 1]!);
      if (weights !== undefined) addWeighted(column, rows, gradients, hessians ?? weights, weights, bins);
      else if (hessians !== undefined) addUnweighted(column, rows, gradients, hessians, bins);
      else addSquaredError(column, rows, gradients, bins);
      if (this.#pace.spend(count)) await this.#pace.pause();
    }
  }
}

/** The sibling's histogram from its parent's, in place: exact because all sums are. */
export function subtractHistogram(parent: Float64Array, child: Float64Array): void {
  for (let i = 0; i < parent.length; i++) parent[i]! -= child[i]!;
}

function gather(values: Float64Array, rows: Int32Array, out: Float64Array): Float64Array {
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}

function addWeighted(column: Uint8Array, rows: Int32Array, gradients: Float64Array, hessians: Float64Array, weights: Float64Array, bins: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const cell = column[rows[i]!]! * cellSize;
    bins[cell]! += gradients[i]!;
    bins[cell + 1]! += hessians[i]!;
    bins[cell + 2]! += weights[i]!;
  }
}

function addUnweighted(column: Uint8Array, rows: Int32Array, gradients: Float64Array, hessians: Float64Array, bins: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const cell = column[rows[i]!]! * cellSize;
    bins[cell]! += gradients[i]!;
    bins[cell + 1]! += hessians[i]!;
    bins[cell + 2]! += 1;
  }
}

/** With squared error and no weights the hessian is the count. */
function addSquaredError(column: Uint8Array, rows: Int32Array, gradients: Float64Array, bins: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const cell = column[rows[i]!]! * cellSize;
    bins[cell]! += gradients[i]!;
    bins[cell + 2]! += 1;
  }
  for (let cell = 0; cell < bins.length; cell += cellSize) bins[cell + 1] = bins[cell + 2]!;
}
