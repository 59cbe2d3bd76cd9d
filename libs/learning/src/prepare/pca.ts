import { InvalidDatasetError } from '../dataset.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { float64Section, uint8Section } from '../model-file.ts';
import { summarizeColumns } from './column-summaries.ts';
import { covarianceOf } from './covariance.ts';
import type { FittedStep, StepColumns, StepContext, StepFamily, StepInput } from './step.ts';
import { checkDistinct, chosenColumns, flagOption, numberOption } from './step.ts';
import { symmetricEigen } from './symmetric-eigen.ts';

/** The covariance and its vectors take 16 bytes for each pair of columns. */
const mostColumns = 4096;

/**
 * Principal components `pca1`, `pca2`, … of the training rows, by eigenvectors of their weighted covariance (Pearson 1901; Jolliffe,
 * Principal Component Analysis, 2.1). `components` of 1 or more is their number, below 1 the share of the variance that they exceed.
 * Each component's loading of largest size is positive, the first of several, as in scikit-learn. `whiten` divides by the deviation
 * (n - 1 degrees of freedom); a component without variance then becomes 0. A missing value counts as its column's mean. Columns that
 * the step lets pass stand behind the components.
 */
export const pca: StepFamily = {
  kind: 'pca',
  options: {
    components: { default: 10, min: 1e-6, max: mostColumns, integer: false, meaning: 'number of components, or below 1 the share of the variance to keep' },
    whiten: { default: false, meaning: 'gives each component variance 1' },
  },
  takes: 'numbers',
  problem: (options) => {
    const components = numberOption(options, 'components');
    return components < 1 || Number.isInteger(components) ? undefined : `expected components to be a share below 1 or a whole number, found ${components}`;
  },
  fit: fitPca,
  load(file: ModelFile) {
    const applies = uint8Section(file, 'applies', file.featureNames.length);
    const count = chosenColumns(applies).length;
    const variance = float64Section(file, 'variance');
    return components(file.featureNames, applies, {
      center: float64Section(file, 'center', applies.length), loadings: float64Section(file, 'loadings', variance.length * count),
      scale: float64Section(file, 'scale', variance.length), variance, ratio: float64Section(file, 'ratio', variance.length),
    });
  },
};

interface PcaNumbers {
  /** Training mean of every input column. */
  readonly center: Float64Array;
  /** Components x chosen columns, unit rows. */
  readonly loadings: Float64Array;
  /** What each projection is multiplied by: 1, or 1 / deviation. */
  readonly scale: Float64Array;
  /** Variance along each component, with n - 1 degrees of freedom, largest first. */
  readonly variance: Float64Array;
  /** Its share of the variance of all columns. */
  readonly ratio: Float64Array;
}

async function fitPca(input: StepInput, { applies, options }: StepColumns, context: StepContext): Promise<FittedStep> {
  const chosen = chosenColumns(applies);
  const size = chosen.length;
  const wanted = numberOption(options, 'components');
  if (size > mostColumns) throw new InvalidDatasetError(`expected at most ${mostColumns} columns for pca, found ${size}`);
  if (size === 0 || wanted > size) throw new InvalidDatasetError(`expected at least ${Math.max(1, wanted)} columns for pca, found ${size}`);
  const { mean, covariance } = await covarianceOf(input, chosen, context);
  const center = size < input.names.length ? (await summarizeColumns(input, context)).mean : mean;
  chosen.forEach((j, c) => { center[j] = mean[c]; });
  const { values, vectors } = await symmetricEigen(covariance, size, context.pace);
  const variances = values.map((value) => Math.max(value, 0));
  const total = variances.reduce((sum, value) => sum + value, 0);
  const ratios = variances.map((value) => (total > 0 ? value / total : 0));
  const count = wanted >= 1 ? wanted : countForShare(ratios, wanted);
  const loadings = vectors.slice(0, count * size);
  for (let k = 0; k < count; k++) makeLargestPositive(loadings.subarray(k * size, (k + 1) * size));
  const variance = variances.slice(0, count);
  const scale = variance.map((value) => (!flagOption(options, 'whiten') ? 1 : value > 1e-12 * total ? 1 / Math.sqrt(value) : 0));
  return components(input.names, applies, { center, loadings, scale, variance, ratio: ratios.slice(0, count) });
}

/** The fewest components that together exceed the share; all of them where none do. */
function countForShare(ratios: Float64Array, share: number): number {
  let sum = 0;
  const at = ratios.findIndex((ratio) => (sum += ratio) > share);
  return at < 0 ? ratios.length : at + 1;
}

/** Rounding makes loadings of equal size differ in the last bits, so the first within a hair of the largest decides. */
function makeLargestPositive(loading: Float64Array): void {
  const largest = loading.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const deciding = loading.find((value) => Math.abs(value) >= largest * (1 - 1e-12)) ?? 0;
  if (deciding < 0) for (let j = 0; j < loading.length; j++) loading[j] = -loading[j];
}

function components(inputNames: readonly string[], applies: Uint8Array, numbers: PcaNumbers): FittedStep {
  const { center, loadings, scale } = numbers;
  const chosen = chosenColumns(applies);
  const passed = Int32Array.from(inputNames.keys().filter((j) => applies[j] === 0));
  const names = [...Array.from(scale, (_, k) => `pca${k + 1}`), ...Array.from(passed, (j) => inputNames[j])];
  checkDistinct('pca', names);
  const [inputCount, width, count, size] = [inputNames.length, names.length, scale.length, chosen.length];
  const centered = new Float64Array(size);
  return {
    kind: 'pca', names, inputCount, sourceOf: undefined, work: 2 * inputCount + count * size,
    apply(input, rowCount, output) {
      for (let row = 0; row < rowCount; row++) {
        const [offset, to] = [row * inputCount, row * width];
        for (let c = 0; c < size; c++) {
          const x = input[offset + chosen[c]];
          centered[c] = x !== x ? 0 : x - center[chosen[c]];
        }
        // Three sums at a time that do not wait for each other.
        let k = 0;
        for (; k + 3 <= count; k += 3) {
          let [a, b, d] = [0, 0, 0];
          for (let c = 0, first = k * size, second = first + size, third = second + size; c < size; c++) {
            const x = centered[c];
            a += loadings[first + c] * x;
            b += loadings[second + c] * x;
            d += loadings[third + c] * x;
          }
          output[to + k] = a * scale[k];
          output[to + k + 1] = b * scale[k + 1];
          output[to + k + 2] = d * scale[k + 2];
        }
        for (; k < count; k++) {
          let sum = 0;
          for (let c = 0; c < size; c++) sum += loadings[k * size + c] * centered[c];
          output[to + k] = sum * scale[k];
        }
        for (let p = 0; p < passed.length; p++) output[to + count + p] = input[offset + passed[p]];
      }
    },
    linear: {
      center,
      pullBack(weights) {
        const pulled = new Float64Array(inputCount);
        for (let k = 0; k < count; k++) for (let c = 0; c < size; c++) pulled[chosen[c]] += weights[k] * scale[k] * loadings[k * size + c];
        passed.forEach((j, k) => { pulled[j] = weights[count + k]; });
        return pulled;
      },
    },
    sections: (): Record<string, Section> => ({ applies, ...numbers }),
  };
}
