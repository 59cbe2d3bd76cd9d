import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, int32Section, ModelFileError } from '../model-file.ts';
import { eachDistribution, mostFrequent, quantile } from './column-distribution.ts';
import { summarizeColumns } from './column-summaries.ts';
import type { FittedStep, StepColumns, StepContext, StepFamily, StepInput } from './step.ts';
import { checkDistinct, chosenColumns, flagOption, numberOption, wordOption } from './step.ts';

/**
 * A missing value becomes what the step learned of its column from the training rows, weighted: mean, median, most frequent value (the
 * smallest of several), or a constant; but for the constant, 0 in a column that was never present. With `indicator` each column that had
 * missing values in training gets a second one, `<name> missing`, 1 where it was missing. The most frequent value also fills columns of
 * categories, where `columns` names them.
 */
export const impute: StepFamily = {
  kind: 'impute',
  options: {
    strategy: { default: 'mean', choices: ['mean', 'median', 'most_frequent', 'constant'], meaning: 'what a missing value becomes' },
    value: { default: 0, min: -3e38, max: 3e38, integer: false, meaning: 'the constant' },
    indicator: { default: false, meaning: 'adds a column that tells where a value was missing' },
  },
  takes: 'numbers',
  mayTakeCategories: (options) => options['strategy'] === 'most_frequent',
  fit: fitImpute,
  load(file: ModelFile) {
    const count = file.featureNames.length;
    const indicated = int32Section(file, 'indicated');
    if (!indicated.every((j) => j >= 0 && j < count)) throw new ModelFileError('corrupt', `expected indicated columns below ${count}, found ${indicated.join(', ')}`);
    return imputed(file.featureNames, { fill: float64Section(file, 'fill', count), indicated, isMean: int32Section(file, 'mean', 1)[0] === 1 }, false);
  },
};

/** What families that can't read missing values get behind all other steps. */
export const defaultImpute = { step: 'impute' } as const;

async function fitImpute(input: StepInput, { applies, options }: StepColumns, context: StepContext): Promise<FittedStep> {
  const width = input.names.length;
  const strategy = wordOption(options, 'strategy');
  const { mean, gaps } = await summarizeColumns(input, context);
  // NaN fills nothing: a column that the step leaves alone keeps its gaps.
  const fill = new Float64Array(width).fill(NaN);
  if (strategy === 'mean') {
    for (const j of chosenColumns(applies)) fill[j] = mean[j];
  } else if (strategy === 'constant') {
    for (const j of chosenColumns(applies)) fill[j] = numberOption(options, 'value');
  } else {
    const learn = strategy === 'median' ? (distribution: Parameters<typeof quantile>[0]): number => quantile(distribution, 0.5) : mostFrequent;
    await eachDistribution(input, chosenColumns(applies), context.pace, (distribution, column) => { fill[column] = learn(distribution); });
  }
  const indicated = flagOption(options, 'indicator') ? chosenColumns(applies).filter((j) => gaps[j] === 2) : new Int32Array(0);
  return imputed(input.names, { fill, indicated, isMean: strategy === 'mean' }, chosenColumns(applies).every((j) => gaps[j] === 0));
}

interface ImputeNumbers {
  /** By input column, NaN for those left alone. */
  readonly fill: Float64Array;
  /** Input columns with an indicator. */
  readonly indicated: Int32Array;
  readonly isMean: boolean;
}

function imputed(inputNames: readonly string[], { fill, indicated, isMean }: ImputeNumbers, unchanged: boolean): FittedStep {
  const inputCount = inputNames.length;
  const names = [...inputNames, ...Array.from(indicated, (j) => `${inputNames[j]} missing`)];
  checkDistinct('impute', names);
  return {
    kind: 'impute', names, inputCount, unchanged,
    sourceOf: Int32Array.from([...inputNames.keys(), ...indicated]),
    apply(input, rowCount, output) {
      let to = 0;
      for (let from = 0; from < rowCount * inputCount; from += inputCount) {
        for (let j = 0; j < inputCount; j++) {
          const x = input[from + j];
          output[to++] = x !== x ? fill[j] : x;
        }
        for (let k = 0; k < indicated.length; k++) {
          const x = input[from + indicated[k]];
          output[to++] = x !== x ? 1 : 0;
        }
      }
    },
    // A mean adds as little as the missing value that it stands for; another filling would have to be credited to somebody.
    ...(isMean && indicated.length === 0 ? { linear: { pullBack: (weights: Float64Array): Float64Array => weights } } : {}),
    sections: (): Record<string, Section> => ({ fill, indicated, mean: Int32Array.of(isMean ? 1 : 0) }),
  };
}
