import type { Dataset } from '../dataset.ts';
import { asDataset, rawRows } from '../prepared-rows.ts';
import type { Core, Family, FitContext, FitSettings } from '../family.ts';
import { logisticRegression } from '../linear/logistic-regression.ts';
import { LinearCore } from '../linear/linear-core.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, int32Section, ModelFileError } from '../model-file.ts';
import { columnDistribution, rowsToRead } from '../weighted-distribution.ts';
import { weightedMean } from './constant.ts';
import { RankScale } from './rank-scale.ts';

/**
 * One feature alone, the score that a real model has to beat. Classification: logistic regression on the feature's rank share, so
 * the model orders rows exactly as the feature does, up or down: its slope has the sign of the training AUC's distance from
 * one half, outliers can't turn it, and its ROC AUC is the feature's own. Regression: least squares on the raw feature.
 */
export const oneFeature: Family = {
  kind: 'one-feature',
  tasks: ['classification', 'regression'],
  parameters: {},
  imputesMissing: true,
  needsFeature: true,
  orderTolerance: 1e-8,
  fit: async (prepared, settings, context) => {
    const data = await asDataset(prepared, context);
    return settings.task === 'classification' ? fitRanks(data, settings, context) : fitLine(data, settings, context);
  },
  load: (file) => OneFeatureCore.load(file),
};

class OneFeatureCore implements Core {
  readonly #column: number;
  /** Undefined for regression, which looks at the value itself. */
  readonly #scale: RankScale | undefined;
  readonly #slope: number;
  readonly #intercept: number;
  /** Training mean of what the slope multiplies. */
  readonly #mean: number;

  constructor(column: number, scale: RankScale | undefined, slope: number, intercept: number, mean: number) {
    this.#column = column;
    this.#scale = scale;
    this.#slope = slope;
    this.#intercept = intercept;
    this.#mean = mean;
  }

  static load(file: ModelFile): OneFeatureCore {
    const column = int32Section(file, 'feature.column', 1)[0]!;
    if (column < 0 || column >= file.featureNames.length) throw new ModelFileError('corrupt', `expected a column below ${file.featureNames.length}, found ${column}`);
    const knots = float64Section(file, 'feature.knots');
    const shares = float64Section(file, 'feature.shares', knots.length);
    const [slope, intercept, mean] = float64Section(file, 'feature.line', 3);
    return new OneFeatureCore(column, knots.length === 0 ? undefined : new RankScale(knots, shares), slope!, intercept!, mean!);
  }

  margin(X: Float32Array, offset: number): number {
    return this.#intercept + this.#slope * this.#input(X[offset + this.#column]!);
  }

  explain(x: Float32Array, contributions: Float64Array): number {
    contributions.fill(0);
    contributions[this.#column] = this.#slope * (this.#input(x[this.#column]!) - this.#mean);
    return this.#intercept + this.#slope * this.#mean;
  }

  sections(): Record<string, Section> {
    return {
      'feature.column': Int32Array.of(this.#column),
      'feature.line': Float64Array.of(this.#slope, this.#intercept, this.#mean),
      'feature.knots': this.#scale?.knots ?? new Float64Array(0),
      'feature.shares': this.#scale?.shares ?? new Float64Array(0),
    };
  }

  #input(value: number): number {
    return this.#scale === undefined ? value : this.#scale.at(value);
  }
}

function columnOf(data: Dataset, column: number): Float64Array {
  return Float64Array.from({ length: data.rowCount }, (_, i) => data.X[i * data.columnCount + column]!);
}

async function fitRanks(data: Dataset, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }> {
  const column = settings.featureIndex;
  const values = columnOf(data, column);
  const rows = rowsToRead(data.rowCount, context.random);
  const scale = RankScale.of(await columnDistribution(data, column, rows, context.pace));
  for (let i = 0; i < values.length; i++) {
    values[i] = scale.at(values[i]!);
    if (context.pace.spend(16)) await context.pace.pause();
  }
  const ranked = { ...data, columnCount: 1, X: Float32Array.from(values), featureNames: [data.featureNames[column]!] };
  const line = { task: settings.task, parameters: { l2: 1, class_weight: 'none', max_iterations: 1000 }, featureIndex: 0 };
  const { core, history } = await logisticRegression.fit(rawRows(ranked), line, context);
  if (!(core instanceof LinearCore)) throw new TypeError('expected logistic regression to fit a linear core');
  return { core: new OneFeatureCore(column, scale, core.coefficients[0]!, core.intercept, weightedMean(values, data.weights)), history };
}

async function fitLine(data: Dataset, settings: FitSettings, context: FitContext): Promise<{ core: Core; history: readonly number[] }> {
  const { y, weights } = data;
  const values = columnOf(data, settings.featureIndex);
  const mean = weightedMean(values, weights);
  const meanOfTarget = weightedMean(y, weights);
  const covariance = weightedMean(values.map((x, i) => (x - mean) * (y[i]! - meanOfTarget)), weights);
  const variance = weightedMean(values.map((x) => (x - mean) ** 2), weights);
  if (context.pace.spend(20 * data.rowCount)) await context.pace.pause();
  const slope = variance > 0 ? covariance / variance : 0;
  const intercept = meanOfTarget - slope * mean;
  const loss = weightedMean(values.map((x, i) => (intercept + slope * x - y[i]!) ** 2), weights);
  return { core: new OneFeatureCore(settings.featureIndex, undefined, slope, intercept, mean), history: [loss] };
}
