import { InvalidDatasetError } from '../dataset.ts';
import type { Compute, Operation } from '../kernels/compute.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { int32Section, ModelFileError, uint8Section } from '../model-file.ts';
import type { FittedStep, StepFamily } from './step.ts';
import { checkDistinct, chosenColumns, flagOption, numberOption } from './step.ts';

/** More columns than this are a mistake rather than a model. */
const mostColumns = 100_000;

/**
 * All products of up to `degree` columns, in the order and with the names of scikit-learn's `PolynomialFeatures` without its bias column:
 * a, b, a^2, a b, b^2, …; `interaction_only` leaves out products with a repeated column. Columns that the step lets pass stand behind.
 * A missing value makes every product that it enters missing.
 */
export const polynomial: StepFamily = {
  kind: 'polynomial',
  options: {
    degree: { default: 2, min: 2, max: 3, integer: true, meaning: 'factors of a product at most' },
    interaction_only: { default: false, meaning: 'leaves out products with a repeated column' },
  },
  takes: 'numbers',
  fit: (input, { applies, options }) => Promise.resolve(products(input.names, applies, numberOption(options, 'degree'), flagOption(options, 'interaction_only'))),
  load(file: ModelFile) {
    const [degree, interactionOnly] = int32Section(file, 'terms', 2);
    if (degree !== 2 && degree !== 3) throw new ModelFileError('corrupt', `expected a polynomial of degree 2 or 3, found ${degree}`);
    return products(file.featureNames, uint8Section(file, 'applies', file.featureNames.length), degree, interactionOnly === 1);
  },
};

/**
 * Writes rows of `width` products, as the step orders them, of rows of `inputCount` numbers. A product of two float32 numbers is exact in float64, so
 * rounding it to float32 is what multiplying in float32 gives; those of three are rounded to float64 in between, (a b) c. WASM: all numbers i32.
 */
export const polynomialRows: Operation<[
  raw: Float32Array, rowCount: number, inputCount: number, chosen: Int32Array, count: number, passed: Int32Array, passedCount: number, degree: number, skip: number,
  out: Float32Array, width: number,
]> = {
  name: 'polynomialRows',
  *plain(thread, _threadCount, raw, rowCount, inputCount, chosen, count, passed, passedCount, degree, skip, out, width) {
    if (thread > 0) return;
    const terms = { inputCount, chosen: chosen.subarray(0, count), passed: passed.subarray(0, passedCount), degree, skip, x: new Float64Array(count) };
    for (let row = 0; row < rowCount; row += 64) {
      const rows = Math.min(64, rowCount - row);
      writeProducts(terms, raw.subarray(row * inputCount), rows, out.subarray(row * width));
      yield 4 * rows * width;
    }
  },
};

interface Terms {
  readonly inputCount: number;
  readonly chosen: Int32Array;
  readonly passed: Int32Array;
  readonly degree: number;
  /** 1 where no column is multiplied with itself. */
  readonly skip: number;
  /** Room for the chosen numbers of a row. */
  readonly x: Float64Array;
}

function writeProducts({ inputCount, chosen, passed, degree, skip, x }: Terms, input: Float64Array | Float32Array, rowCount: number, output: Float64Array | Float32Array): void {
  const count = chosen.length;
  let to = 0;
  for (let row = 0; row < rowCount; row++) {
    const offset = row * inputCount;
    for (let a = 0; a < count; a++) output[to++] = x[a] = input[offset + chosen[a]];
    for (let a = 0; a < count; a++) {
      const xa = x[a];
      for (let b = a + skip; b < count; b++) output[to++] = xa * x[b];
    }
    if (degree === 3) {
      for (let a = 0; a < count; a++) {
        for (let b = a + skip; b < count; b++) {
          const xab = x[a] * x[b];
          for (let c = b + skip; c < count; c++) output[to++] = xab * x[c];
        }
      }
    }
    for (let k = 0; k < passed.length; k++) output[to++] = input[offset + passed[k]];
  }
}

function products(inputNames: readonly string[], applies: Uint8Array, degree: number, interactionOnly: boolean): FittedStep {
  const chosen = chosenColumns(applies);
  const passed = Int32Array.from(inputNames.keys().filter((j) => applies[j] === 0));
  const names = [...productNames(Array.from(chosen, (j) => inputNames[j]), degree, interactionOnly), ...Array.from(passed, (j) => inputNames[j])];
  checkDistinct('polynomial', names);
  const skip = interactionOnly ? 1 : 0;
  const terms: Terms = { inputCount: inputNames.length, chosen, passed, degree, skip, x: new Float64Array(chosen.length) };
  return {
    kind: 'polynomial', names, inputCount: terms.inputCount, sourceOf: undefined,
    apply: (input, rowCount, output) => { writeProducts(terms, input, rowCount, output); },
    applyOnThreads: async (raw: Float32Array, rowCount: number, output: Float32Array, compute: Compute) => {
      const [own, others] = [compute.adopt(chosen), compute.adopt(passed)];
      await compute.run(polynomialRows, raw, rowCount, terms.inputCount, own, chosen.length, others, passed.length, degree, skip, output, names.length);
    },
    sections: (): Record<string, Section> => ({ applies, terms: Int32Array.of(degree, interactionOnly ? 1 : 0) }),
  };
}

function productNames(names: readonly string[], degree: number, interactionOnly: boolean): string[] {
  const made: string[] = [...names];
  const skip = interactionOnly ? 1 : 0;
  const refuse = (): never => { throw new InvalidDatasetError(`expected at most ${mostColumns} columns behind polynomial, found ${names.length} columns to degree ${degree}`); };
  for (let a = 0; a < names.length; a++) {
    for (let b = a + skip; b < names.length; b++) made.push(nameOf([names[a], names[b]]));
    if (made.length > mostColumns) refuse();
  }
  if (degree === 2) return made;
  for (let a = 0; a < names.length; a++) {
    for (let b = a + skip; b < names.length; b++) {
      for (let c = b + skip; c < names.length; c++) made.push(nameOf([names[a], names[b], names[c]]));
      if (made.length > mostColumns) refuse();
    }
  }
  return made;
}

/** Equal factors stand side by side: a a b is `a^2 b`. */
function nameOf(factors: readonly string[]): string {
  const distinct = [...new Set(factors)];
  return distinct.map((name) => {
    const power = factors.filter((factor) => factor === name).length;
    return power > 1 ? `${name}^${power}` : name;
  }).join(' ');
}
