import { float64Section, uint8Section, type ModelFile, type Section } from '../model-file.ts';
import type { Pace } from '../pace.ts';
import type { FittedStep, StepFamily, StepInput } from './step.ts';

/** sign(x) ln(1 + |x|). */
export const signedLog1p: StepFamily = columnStep('signed_log1p', noNumbers, (x) => (x < 0 ? -Math.log1p(-x) : Math.log1p(x)));

/** (x - mean) / population deviation over the training rows, weighted; 0 in a column that was constant in training. */
export const standardize: StepFamily = columnStep('standardize', fitMoments, (x, mean, inverseDeviation) => (x - mean) * inverseDeviation);

/** A missing value becomes the weighted training mean, 0 in a column that was never present. */
export const imputeMean: StepFamily = columnStep('impute_mean', fitMeans, (x, mean) => (x !== x ? mean : x));

/** Two learned numbers per column; zeros where a step needs none. */
interface ColumnNumbers { readonly first: Float64Array; readonly second: Float64Array }

type Transform = (x: number, first: number, second: number) => number;

/** A step that turns each column into one column by a function of its value and two learned numbers. */
function columnStep(kind: string, learn: (input: StepInput, pace: Pace) => Promise<ColumnNumbers>, transform: Transform): StepFamily {
  const fitted = (names: readonly string[], applies: Uint8Array, { first, second }: ColumnNumbers): FittedStep => ({
    kind, names, inputCount: names.length,
    sourceOf: Int32Array.from(names, (_, j) => j),
    apply(input, output) {
      for (let j = 0; j < applies.length; j++) output[j] = applies[j] === 0 ? input[j]! : transform(input[j]!, first[j]!, second[j]!);
    },
    sections: (): Record<string, Section> => ({ applies, first, second }),
  });
  return {
    kind,
    async fit(input, except, pace) {
      const applies = Uint8Array.from(input.names, (name) => (except.includes(name) || Object.hasOwn(input.categories, name) ? 0 : 1));
      return fitted(input.names, applies, await learn(input, pace));
    },
    load(file: ModelFile) {
      const count = file.featureNames.length;
      return fitted(file.featureNames, uint8Section(file, 'applies', count), { first: float64Section(file, 'first', count), second: float64Section(file, 'second', count) });
    },
  };
}

function noNumbers({ names }: StepInput): Promise<ColumnNumbers> {
  return Promise.resolve({ first: new Float64Array(names.length), second: new Float64Array(names.length) });
}

async function fitMeans(input: StepInput, pace: Pace): Promise<ColumnNumbers> {
  return { first: (await columnMeans(input, pace, (x) => x)).mean, second: new Float64Array(input.names.length) };
}

/** Weighted mean and 1 / population deviation of the present values of each column, in two passes. */
async function fitMoments(input: StepInput, pace: Pace): Promise<ColumnNumbers> {
  const { mean: sums, low, high } = await columnMeans(input, pace, (x) => x);
  // Rounding may move the mean of equal values off them, so a constant column is told by its range.
  const mean = sums.map((m, j) => (low[j] === high[j] ? low[j]! : m));
  const variance = (await columnMeans(input, pace, (x, j) => (x - mean[j]!) ** 2)).mean;
  return { first: mean, second: variance.map((v) => (v > 0 ? 1 / Math.sqrt(v) : 0)) };
}

interface ColumnMeans { readonly mean: Float64Array; readonly low: Float64Array; readonly high: Float64Array }

async function columnMeans(input: StepInput, pace: Pace, value: (x: number, column: number) => number): Promise<ColumnMeans> {
  const count = input.names.length;
  const { weights } = input;
  const sums = new Float64Array(count);
  const totals = new Float64Array(count);
  const low = new Float64Array(count).fill(Infinity);
  const high = new Float64Array(count).fill(-Infinity);
  await input.eachRow((row, index) => {
    const weight = weights === undefined ? 1 : weights[index]!;
    if (weight === 0) return;
    for (let j = 0; j < count; j++) {
      const x = row[j]!;
      if (x !== x) continue;
      sums[j]! += weight * value(x, j);
      totals[j]! += weight;
      if (x < low[j]!) low[j] = x;
      if (x > high[j]!) high[j] = x;
    }
  }, pace);
  return { mean: sums.map((sum, j) => (totals[j]! > 0 ? sum / totals[j]! : 0)), low, high };
}
