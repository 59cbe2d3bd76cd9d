import type { Family, FitContext, FitSettings } from '../family.ts';
import { numberOf } from '../family.ts';
import { hasOneClass, logLossOfMargin, priorLogOdds } from '../linear/log-loss.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { classMoments, momentCells, momentShards } from './class-moments.ts';
import { LabelCounts } from './label-counts.ts';
import { NaiveBayesCore, type Evidence } from './naive-bayes-core.ts';

/**
 * Naive Bayes: within a class each column stands by itself, a normal variable or, where it holds categories, a categorical one with
 * additive smoothing. Variances get `variance_smoothing` times the largest variance of any column on top, as in scikit-learn's
 * `GaussianNB`; `smoothing` is the alpha of its `CategoricalNB`. Missing values and labels that training did not know are left out of the
 * product, and so is a column that a class never showed. Weights count as repeats, in the priors too. Reasons are the columns' own
 * log-likelihood ratios; the base value is the prior log-odds.
 */
export const naiveBayes: Family = {
  kind: 'naive-bayes',
  tasks: ['classification'],
  parameters: {
    variance_smoothing: { default: 1e-9, min: 1e-15, max: 1, integer: false, meaning: 'share of the largest variance that is added to all' },
    smoothing: { default: 1, min: 1e-10, max: 1e6, integer: false, meaning: 'rows added to each label of a column of categories' },
  },
  imputesMissing: false,
  needsFeature: false,
  takesCategories: true,
  orderTolerance: 1e-8,
  fit: fitNaiveBayes,
  load: (file) => NaiveBayesCore.load(file),
};

/** Rows handed to the kernels at once: a few megabytes, so that no copy of the data is needed. */
const chunkCells = 1 << 21;
/** Training rows, evenly spaced, that the loss in the history is taken over. */
const lossRows = 20_000;

async function fitNaiveBayes(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<{ core: NaiveBayesCore; history: readonly number[] }> {
  const prior = priorLogOdds(prepared.y, prepared.weights);
  const core = hasOneClass(prepared.y, prepared.weights)
    ? new NaiveBayesCore(prior, noEvidence(prepared.columnCount))
    : new NaiveBayesCore(prior, await gatherEvidence(prepared, settings, context));
  return { core, history: [await trainingLoss(prepared, core, context)] };
}

function noEvidence(columnCount: number): Evidence {
  return { speaks: new Uint8Array(columnCount), mean: new Float64Array(2 * columnCount), variance: new Float64Array(2 * columnCount).fill(1), labelStart: new Int32Array(columnCount + 1), labelLogOdds: new Float64Array(0) };
}

async function gatherEvidence(prepared: PreparedRows, settings: FitSettings, context: FitContext): Promise<Evidence> {
  const { columnCount, names, categories = {} } = prepared;
  const counts = new LabelCounts(names.map((name) => categories[name]?.length ?? 0));
  const reader = new ChunkReader(prepared, context);
  let moments = momentsOf(await reader.sums(await firstValues(prepared, context), counts), columnCount);
  context.progress(0.6);
  // A shift far from the mean, by an outlier in the first row, would drown the variance in rounding.
  if (moments.some(({ count, sum, square }) => count > 0 && sum * sum > 1e4 * Math.max(square * count - sum * sum, 0) && sum !== 0)) {
    moments = momentsOf(await reader.sums(Float64Array.from(moments, ({ mean }) => mean), undefined), columnCount);
  }
  const isNumber = names.map((name) => !Object.hasOwn(categories, name));
  const variance = Float64Array.from(moments, ({ count, square, sum }) => (count > 0 ? Math.max(square / count - (sum / count) ** 2, 0) : 0));
  const smoothing = numberOf(settings.parameters, 'variance_smoothing') * largestVariance(moments, variance, columnCount, isNumber);
  const speaks = Uint8Array.from({ length: columnCount }, (_, j) => (moments[j].count > 0 && moments[columnCount + j].count > 0 && (smoothing > 0 || !isNumber[j]) ? 1 : 0));
  return {
    speaks, mean: Float64Array.from(moments, ({ mean }) => mean),
    variance: variance.map((value) => (value + smoothing > 0 ? value + smoothing : 1)),
    ...counts.logOdds(numberOf(settings.parameters, 'smoothing')),
  };
}

/** Of one column within one class; sums are those of value - shift. */
interface Moments { readonly count: number; readonly sum: number; readonly square: number; readonly mean: number }

function momentsOf({ sums, shifts }: { readonly sums: Float64Array; readonly shifts: Float64Array }, columnCount: number): readonly Moments[] {
  const width = 3 * columnCount;
  const total = new Float64Array(2 * width);
  for (let shard = 0; shard < momentShards; shard++) for (let at = 0; at < total.length; at++) total[at] += sums[shard * total.length + at];
  return Array.from({ length: 2 * columnCount }, (_, at) => {
    const from = Math.floor(at / columnCount) * width + (at % columnCount);
    const [count, sum, square] = [total[from], total[from + columnCount], total[from + 2 * columnCount]];
    return { count, sum, square, mean: shifts[at] + (count > 0 ? sum / count : 0) };
  });
}

/** Population variance over both classes, of the column where it is largest. */
function largestVariance(moments: readonly Moments[], variance: Float64Array, columnCount: number, isNumber: readonly boolean[]): number {
  let largest = 0;
  for (let j = 0; j < columnCount; j++) {
    const [none, one] = [moments[j], moments[columnCount + j]];
    const total = none.count + one.count;
    if (!isNumber[j] || total === 0) continue;
    const within = (none.count * variance[j] + one.count * variance[columnCount + j]) / total;
    const between = none.count > 0 && one.count > 0 ? ((none.count * one.count) / (total * total)) * (one.mean - none.mean) ** 2 : 0;
    largest = Math.max(largest, within + between);
  }
  return largest;
}

/** First present value of each column within each class, among the first rows: near enough to the mean to keep sums short. */
async function firstValues(prepared: PreparedRows, { pace }: FitContext): Promise<Float64Array> {
  const { columnCount, rowCount, y } = prepared;
  const count = Math.min(rowCount, 256);
  const X = new Float32Array(count * columnCount);
  prepared.read(0, count, X);
  const shifts = new Float64Array(2 * columnCount).fill(NaN);
  for (let at = 0; at < X.length; at++) {
    const to = y[Math.floor(at / columnCount)] * columnCount + (at % columnCount);
    if (shifts[to] !== shifts[to]) shifts[to] = X[at];
  }
  if (pace.spend(4 * X.length)) await pace.pause();
  return shifts.map((value) => (value === value ? value : 0));
}

/** Reads prepared rows into the kernels' memory, chunk by chunk. */
class ChunkReader {
  readonly #prepared: PreparedRows;
  readonly #context: FitContext;

  constructor(prepared: PreparedRows, context: FitContext) {
    this.#prepared = prepared;
    this.#context = context;
  }

  /** Sums of all rows about `shifts`; counts labels too when told. */
  async sums(shifts: Float64Array, counts: LabelCounts | undefined): Promise<{ sums: Float64Array; shifts: Float64Array }> {
    const { rowCount, columnCount, y, weights } = this.#prepared;
    const { compute, pace } = this.#context;
    const mark = compute.mark();
    const chunkRows = Math.min(rowCount, Math.max(1, Math.floor(chunkCells / columnCount)));
    const X = compute.float32(chunkRows * columnCount);
    const classes = compute.uint8(chunkRows);
    const weightOf = compute.float64(weights === undefined ? 1 : chunkRows);
    const about = compute.adopt(shifts);
    const sums = compute.float64(momentCells(columnCount));
    for (let start = 0; start < rowCount; start += chunkRows) {
      const count = Math.min(chunkRows, rowCount - start);
      this.#prepared.read(start, start + count, X);
      for (let i = 0; i < count; i++) classes[i] = y[start + i];
      if (weights !== undefined) weightOf.set(weights.subarray(start, start + count));
      counts?.add(X, count, classes, weights === undefined ? undefined : weightOf);
      if (pace.spend(2 * count * columnCount)) await pace.pause();
      await compute.run(classMoments, count, columnCount, X, classes, weights === undefined ? 0 : 1, weightOf, about, sums);
    }
    const found = { sums: sums.slice(), shifts: shifts.slice() };
    compute.release(mark);
    return found;
  }
}

/** Mean log loss over evenly spaced training rows. */
async function trainingLoss(prepared: PreparedRows, core: NaiveBayesCore, { pace }: FitContext): Promise<number> {
  const { rowCount, columnCount, y, weights } = prepared;
  const row = new Float32Array(columnCount);
  const step = Math.max(1, Math.ceil(rowCount / lossRows));
  let [loss, total] = [0, 0];
  for (let i = 0; i < rowCount; i += step) {
    prepared.read(i, i + 1, row);
    const weight = weights === undefined ? 1 : weights[i];
    loss += weight * logLossOfMargin(y[i], core.margin(row, 0));
    total += weight;
    if (pace.spend(8 * columnCount)) await pace.pause();
  }
  return total > 0 ? loss / total : 0;
}
