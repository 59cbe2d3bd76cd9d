/** Weights of the labels of columns of categories, by class. */
export class LabelCounts {
  /** First label of each column among all columns' labels; a column of numbers has none. */
  readonly #start: Int32Array;
  /** By class, then label. */
  readonly #weights: Float64Array;

  /** `labelCounts`: labels of each column, 0 for numbers. */
  constructor(labelCounts: readonly number[]) {
    this.#start = new Int32Array(labelCounts.length + 1);
    labelCounts.forEach((count, j) => { this.#start[j + 1] = this.#start[j] + count; });
    this.#weights = new Float64Array(2 * this.#start[labelCounts.length]);
  }

  /** Counts the labels of `rowCount` row-major rows; missing ones do not count. */
  add(X: Float32Array, rowCount: number, classes: Uint8Array, weights: Float64Array | undefined): void {
    const start = this.#start;
    const columnCount = start.length - 1;
    const all = start[columnCount];
    for (let j = 0; j < columnCount; j++) {
      if (start[j] === start[j + 1]) continue;
      for (let i = 0; i < rowCount; i++) {
        const place = X[i * columnCount + j];
        if (place === place) this.#weights[classes[i] * all + start[j] + place] += weights === undefined ? 1 : weights[i];
      }
    }
  }

  /** log P(label | 1) - log P(label | 0) of every label with `smoothing` rows added to each label of each class. */
  logOdds(smoothing: number): { labelStart: Int32Array; labelLogOdds: Float64Array } {
    const start = this.#start;
    const all = start[start.length - 1];
    const labelLogOdds = new Float64Array(all);
    for (let j = 0; j + 1 < start.length; j++) {
      const share = (label: number): ((at: number) => number) => {
        const weights = this.#weights.subarray(label * all + start[j], label * all + start[j + 1]);
        const total = weights.reduce((sum, weight) => sum + weight, 0) + smoothing * weights.length;
        return (at) => Math.log(weights[at] + smoothing) - Math.log(total);
      };
      const [none, one] = [share(0), share(1)];
      for (let at = start[j]; at < start[j + 1]; at++) labelLogOdds[at] = one(at - start[j]) - none(at - start[j]);
    }
    return { labelStart: start, labelLogOdds };
  }
}
