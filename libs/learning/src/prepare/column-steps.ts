import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, uint8Section } from '../model-file.ts';
import { eachDistribution, quantile } from './column-distribution.ts';
import { summarizeColumns } from './column-summaries.ts';
import type { FittedStep, StepColumns, StepContext, StepFamily, StepInput } from './step.ts';
import { chosenColumns, numberOption } from './step.ts';

/** sign(x) ln(1 + |x|). */
export const signedLog1p: StepFamily = {
  kind: 'signed_log1p',
  options: {},
  takes: 'numbers',
  fit: (input, { applies }) => Promise.resolve(logarithms(input.names, applies)),
  load: (file) => logarithms(file.featureNames, uint8Section(file, 'applies', file.featureNames.length)),
};

function logarithms(names: readonly string[], applies: Uint8Array): FittedStep {
  const width = names.length;
  return {
    kind: 'signed_log1p', names, inputCount: width,
    sourceOf: Int32Array.from(names.keys()),
    apply(input, rowCount, output) {
      for (let at = 0, j = 0; at < rowCount * width; at++) {
        const x = input[at];
        output[at] = applies[j] === 0 ? x : x < 0 ? -Math.log1p(-x) : Math.log1p(x);
        if (++j === width) j = 0;
      }
    },
    sections: () => ({ applies }),
  };
}

/** (x - mean) / population deviation over the training rows, weighted; 0 in a column that was constant in training. */
export const standardize: StepFamily = affineStep('standardize', {}, async (input, _columns, context) => {
  const { mean, variance } = await summarizeColumns(input, context);
  return { center: mean, scale: variance.map((v) => (v > 0 ? 1 / Math.sqrt(v) : 0)), shift: new Float64Array(variance.length) };
});

/** Training range onto [low, high]; a column that was constant in training becomes `low`. Other values may leave the range. */
export const minMax: StepFamily = {
  ...affineStep('min_max', {
    low: { default: 0, min: -1e9, max: 1e9, integer: false, meaning: 'what the least training value becomes' },
    high: { default: 1, min: -1e9, max: 1e9, integer: false, meaning: 'what the greatest training value becomes' },
  }, async (input, { options }, context) => {
    const { mean, low, high } = await summarizeColumns(input, context);
    const [from, to] = [numberOption(options, 'low'), numberOption(options, 'high')];
    return {
      center: low.map((value, j) => (value < high[j] ? value : mean[j])),
      scale: low.map((value, j) => (value < high[j] ? (to - from) / (high[j] - value) : 0)),
      shift: new Float64Array(mean.length).fill(from),
    };
  }),
  problem: (options) => (numberOption(options, 'low') < numberOption(options, 'high') ? undefined : `expected low below high, found ${String(options['low'])} and ${String(options['high'])}`),
};

/**
 * (x - median) / (upper - lower quantile) over the training rows, weighted; divided by 1 where the quantiles are equal but the column
 * is not constant, as scikit-learn does; 0 in a column that was constant in training.
 */
export const robust: StepFamily = {
  ...affineStep('robust', {
    lower: { default: 25, min: 0, max: 100, integer: false, meaning: 'lower quantile in percent' },
    upper: { default: 75, min: 0, max: 100, integer: false, meaning: 'upper quantile in percent' },
  }, async (input, { applies, options }, { pace }) => {
    const [lower, upper] = [numberOption(options, 'lower') / 100, numberOption(options, 'upper') / 100];
    const numbers = { center: new Float64Array(applies.length), scale: new Float64Array(applies.length), shift: new Float64Array(applies.length) };
    await eachDistribution(input, chosenColumns(applies), pace, (distribution, column) => {
      const range = quantile(distribution, upper) - quantile(distribution, lower);
      numbers.center[column] = quantile(distribution, 0.5);
      numbers.scale[column] = distribution.values.length < 2 ? 0 : range > 0 ? 1 / range : 1;
    });
    return numbers;
  }),
  problem: (options) => (numberOption(options, 'lower') < numberOption(options, 'upper') ? undefined : `expected lower below upper, found ${String(options['lower'])} and ${String(options['upper'])}`),
};

/** Output j is (x_j - center_j) scale_j + shift_j. */
interface AffineNumbers { readonly center: Float64Array; readonly scale: Float64Array; readonly shift: Float64Array }

type LearnAffine = (input: StepInput, columns: StepColumns, context: StepContext) => Promise<AffineNumbers>;

function affineStep(kind: string, options: StepFamily['options'], learn: LearnAffine): StepFamily {
  return {
    kind, options, takes: 'numbers',
    async fit(input, columns, context) {
      const { center, scale, shift } = await learn(input, columns, context);
      columns.applies.forEach((applies, j) => {
        if (applies === 1) return;
        center[j] = shift[j] = 0;
        scale[j] = 1;
      });
      return affine(kind, input.names, { center, scale, shift });
    },
    load(file: ModelFile) {
      const count = file.featureNames.length;
      return affine(kind, file.featureNames, { center: float64Section(file, 'center', count), scale: float64Section(file, 'scale', count), shift: float64Section(file, 'shift', count) });
    },
  };
}

function affine(kind: string, names: readonly string[], { center, scale, shift }: AffineNumbers): FittedStep {
  const width = names.length;
  return {
    kind, names, inputCount: width,
    sourceOf: Int32Array.from(names.keys()),
    apply(input, rowCount, output) {
      for (let at = 0, j = 0; at < rowCount * width; at++) {
        output[at] = (input[at] - center[j]) * scale[j] + shift[j];
        if (++j === width) j = 0;
      }
    },
    linear: { pullBack: (weights) => weights.map((weight, j) => weight * scale[j]) },
    sections: (): Record<string, Section> => ({ center, scale, shift }),
  };
}
