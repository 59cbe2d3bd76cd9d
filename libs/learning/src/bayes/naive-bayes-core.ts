import type { Core } from '../family.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, int32Section, ModelFileError, uint8Section } from '../model-file.ts';

/** What naive Bayes learned of its columns. */
export interface Evidence {
  /** 0 for columns that say nothing. */
  readonly speaks: Uint8Array;
  /** Mean and variance of the columns of numbers: all columns within class 0, then within class 1. */
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  /** First label of each column, and one past the last; a column of numbers has none. */
  readonly labelStart: Int32Array;
  /** Log of how much more often each label shows within class 1. */
  readonly labelLogOdds: Float64Array;
}

/** Prior log-odds plus one log-likelihood ratio a column. */
export class NaiveBayesCore implements Core {
  readonly prior: number;
  readonly evidence: Evidence;
  /** log of deviation 0 / deviation 1, by column; 0 with no precision below for a column of numbers that says nothing. */
  readonly #logScale: Float64Array;
  /** 1 / (2 variance), laid out as the variances. */
  readonly #halfPrecision: Float64Array;
  readonly #hasLabels: boolean;

  constructor(prior: number, evidence: Evidence) {
    const { speaks, variance, labelStart } = evidence;
    this.prior = prior;
    this.evidence = evidence;
    this.#logScale = Float64Array.from(speaks, (says, j) => (says === 0 ? 0 : 0.5 * (Math.log(variance[j]) - Math.log(variance[speaks.length + j]))));
    this.#halfPrecision = variance.map((value, at) => (speaks[at % speaks.length] === 0 ? 0 : 0.5 / value));
    this.#hasLabels = labelStart[speaks.length] > 0;
  }

  static load(file: ModelFile): NaiveBayesCore {
    const count = file.featureNames.length;
    const labelStart = int32Section(file, 'bayes.labelStart', count + 1);
    const known = file.featureNames.every((name, j) => [0, file.categories[name]?.length ?? 0].includes(labelStart[j + 1] - labelStart[j]));
    if (labelStart[0] !== 0 || !known) throw new ModelFileError('corrupt', `expected the labels of ${count} columns, found starts ${labelStart.join(', ')}`);
    return new NaiveBayesCore(float64Section(file, 'bayes.prior', 1)[0], {
      speaks: uint8Section(file, 'bayes.speaks', count), mean: float64Section(file, 'bayes.mean', 2 * count), variance: float64Section(file, 'bayes.variance', 2 * count),
      labelStart, labelLogOdds: float64Section(file, 'bayes.labelLogOdds', labelStart[count]),
    });
  }

  margin(X: Float32Array, offset: number): number {
    const { speaks, mean } = this.evidence;
    const [logScale, halfPrecision, columnCount] = [this.#logScale, this.#halfPrecision, speaks.length];
    let margin = this.prior;
    if (this.#hasLabels) {
      for (let j = 0; j < columnCount; j++) margin += this.#ratio(j, X[offset + j]);
      return margin;
    }
    for (let j = 0; j < columnCount; j++) {
      const x = X[offset + j];
      const [none, one] = [x - mean[j], x - mean[columnCount + j]];
      const ratio = logScale[j] + (none * none * halfPrecision[j] - one * one * halfPrecision[columnCount + j]);
      if (ratio === ratio) margin += ratio;
    }
    return margin;
  }

  explain(x: Float32Array, contributions: Float64Array): number {
    for (let j = 0; j < contributions.length; j++) contributions[j] = this.#ratio(j, x[j]);
    return this.prior;
  }

  /** log P(x | 1) - log P(x | 0) of one column. */
  #ratio(j: number, x: number): number {
    const { speaks, mean, labelStart, labelLogOdds } = this.evidence;
    if (speaks[j] === 0 || x !== x) return 0;
    const start = labelStart[j];
    if (labelStart[j + 1] > start) return x >= 0 && x < labelStart[j + 1] - start && Number.isInteger(x) ? labelLogOdds[start + x] : 0;
    const [none, one] = [x - mean[j], x - mean[speaks.length + j]];
    return this.#logScale[j] + (none * none * this.#halfPrecision[j] - one * one * this.#halfPrecision[speaks.length + j]);
  }

  sections(): Record<string, Section> {
    const { speaks, mean, variance, labelStart, labelLogOdds } = this.evidence;
    return {
      'bayes.prior': Float64Array.of(this.prior), 'bayes.speaks': speaks, 'bayes.mean': mean, 'bayes.variance': variance,
      'bayes.labelStart': labelStart, 'bayes.labelLogOdds': labelLogOdds,
    };
  }
}
