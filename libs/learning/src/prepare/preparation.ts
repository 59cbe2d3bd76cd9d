import type { Dataset } from '../dataset.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, int32Section, ModelFileError, uint8Section } from '../model-file.ts';
import type { Pace } from '../pace.ts';

export type StepName = 'signed_log1p' | 'standardize';

/** One step of a preparation as a definition names it; columns in `except` pass unchanged. */
export interface PrepareStep {
  readonly step: StepName;
  readonly except: readonly string[];
}

/** Also the code of each kind of step in a model file, so the order is fixed. */
const stepKinds = ['signed_log1p', 'standardize', 'impute_mean'] as const;
type StepKind = (typeof stepKinds)[number];

interface FittedStep {
  readonly kind: StepKind;
  /** 1 for columns the step applies to. */
  readonly applies: Uint8Array;
  /** Training mean by column, of the values as this step receives them; zeros where unused. */
  readonly mean: Float64Array;
  /** 1 / population standard deviation by column, 0 for a constant column. */
  readonly inverseDeviation: Float64Array;
}

/**
 * Fitted preparation of rows, saved within the model so that serving can't prepare differently from training.
 * `signed_log1p`: sign(x) ln(1 + |x|). `standardize`: (x - mean) / population deviation, and 0 in a column that was constant in
 * training. `impute_mean`: a missing value becomes the training mean (0 in a column that was never present).
 */
export class Preparation {
  readonly #steps: readonly FittedStep[];
  readonly isEmpty: boolean;

  private constructor(steps: readonly FittedStep[]) {
    this.#steps = steps;
    this.isEmpty = steps.length === 0;
  }

  /** Learns the steps from `data` (means and deviations are weighted) and returns the data prepared; `data` itself if no step. */
  static async fit(steps: readonly PrepareStep[], imputesMissing: boolean, data: Dataset, pace: Pace): Promise<{ preparation: Preparation; prepared: Dataset }> {
    const kinds: { kind: StepKind; except: readonly string[] }[] = steps.map(({ step, except }) => ({ kind: step, except }));
    if (imputesMissing) kinds.push({ kind: 'impute_mean', except: [] });
    if (kinds.length === 0) return { preparation: new Preparation([]), prepared: data };
    const prepared: Dataset = { ...data, X: data.X.slice() };
    const fitted: FittedStep[] = [];
    for (const { kind, except } of kinds) {
      const applies = Uint8Array.from(data.featureNames, (name) => (except.includes(name) ? 0 : 1));
      const moments = await momentsFor(kind, prepared, pace);
      const step: FittedStep = { kind, applies, ...moments };
      fitted.push(step);
      for (let row = 0; row < data.rowCount; row++) {
        applyStep(step, prepared.X, row * data.columnCount);
        if (pace.spend(4 * data.columnCount)) await pace.pause();
      }
    }
    return { preparation: new Preparation(fitted), prepared };
  }

  static load(file: ModelFile): Preparation {
    const columnCount = file.featureNames.length;
    const codes = int32Section(file, 'prepare.kinds');
    const applies = uint8Section(file, 'prepare.applies', codes.length * columnCount);
    const mean = float64Section(file, 'prepare.mean', codes.length * columnCount);
    const inverseDeviation = float64Section(file, 'prepare.inverseDeviation', codes.length * columnCount);
    const steps = Array.from(codes, (code, i): FittedStep => {
      const kind = stepKinds[code];
      if (kind === undefined) throw new ModelFileError('corrupt', `expected a known preparation step, found code ${code}`);
      const [start, end] = [i * columnCount, (i + 1) * columnCount];
      return { kind, applies: applies.slice(start, end), mean: mean.slice(start, end), inverseDeviation: inverseDeviation.slice(start, end) };
    });
    return new Preparation(steps);
  }

  /** Writes the prepared form of the row at `offset` of `X` to the start of `out`. */
  applyRow(X: Float64Array, offset: number, out: Float64Array): void {
    for (let j = 0; j < out.length; j++) out[j] = X[offset + j]!;
    for (const step of this.#steps) applyStep(step, out, 0);
  }

  sections(): Record<string, Section> {
    const steps = this.#steps;
    return {
      'prepare.kinds': Int32Array.from(steps, (step) => stepKinds.indexOf(step.kind)),
      'prepare.applies': Uint8Array.from(steps.flatMap((step) => [...step.applies])),
      'prepare.mean': Float64Array.from(steps.flatMap((step) => [...step.mean])),
      'prepare.inverseDeviation': Float64Array.from(steps.flatMap((step) => [...step.inverseDeviation])),
    };
  }
}

/** The one place that transforms values: fitting and serving both call it, row by row, in place. */
function applyStep(step: FittedStep, X: Float64Array, offset: number): void {
  const { kind, applies, mean, inverseDeviation } = step;
  for (let j = 0; j < applies.length; j++) {
    if (applies[j] === 0) continue;
    const x = X[offset + j]!;
    if (kind === 'signed_log1p') X[offset + j] = x < 0 ? -Math.log1p(-x) : Math.log1p(x);
    else if (kind === 'standardize') X[offset + j] = (x - mean[j]!) * inverseDeviation[j]!;
    else if (x !== x) X[offset + j] = mean[j]!;
  }
}

interface Moments { readonly mean: Float64Array; readonly inverseDeviation: Float64Array }

/** Only what the step needs of the values it will receive; zeros elsewhere. */
async function momentsFor(kind: StepKind, data: Dataset, pace: Pace): Promise<Moments> {
  const none = new Float64Array(data.columnCount);
  if (kind === 'signed_log1p') return { mean: none, inverseDeviation: none };
  if (kind === 'impute_mean') return { mean: (await weightedColumnMean(data, pace, (x) => x)).mean, inverseDeviation: none };
  return columnMoments(data, pace);
}

/** Weighted mean and 1 / population deviation of the present values of each column, in two passes. */
async function columnMoments(data: Dataset, pace: Pace): Promise<Moments> {
  const first = await weightedColumnMean(data, pace, (x) => x);
  const { low, high } = first;
  // Rounding may move the mean of equal values off them, so a constant column is told by its range.
  const mean = first.mean.map((m, j) => (low[j] === high[j] ? low[j]! : m));
  const variance = (await weightedColumnMean(data, pace, (x, j) => (x - mean[j]!) ** 2)).mean;
  const inverseDeviation = variance.map((v) => (v > 0 ? 1 / Math.sqrt(v) : 0));
  return { mean, inverseDeviation };
}

interface ColumnMeans { readonly mean: Float64Array; readonly low: Float64Array; readonly high: Float64Array }

async function weightedColumnMean(data: Dataset, pace: Pace, value: (x: number, column: number) => number): Promise<ColumnMeans> {
  const { rowCount, columnCount, X, weights } = data;
  const sums = new Float64Array(columnCount);
  const totals = new Float64Array(columnCount);
  const low = new Float64Array(columnCount).fill(Infinity);
  const high = new Float64Array(columnCount).fill(-Infinity);
  for (let row = 0; row < rowCount; row++) {
    const weight = weights === undefined ? 1 : weights[row]!;
    if (weight === 0) continue;
    for (let j = 0; j < columnCount; j++) {
      const x = X[row * columnCount + j]!;
      if (x !== x) continue;
      sums[j]! += weight * value(x, j);
      totals[j]! += weight;
      if (x < low[j]!) low[j] = x;
      if (x > high[j]!) high[j] = x;
    }
    if (pace.spend(columnCount)) await pace.pause();
  }
  return { mean: sums.map((sum, j) => (totals[j]! > 0 ? sum / totals[j]! : 0)), low, high };
}
