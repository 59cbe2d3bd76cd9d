import { strict as assert } from 'node:assert';
import type { Dataset } from '../dataset.ts';
import { InvalidDatasetError } from '../dataset.ts';
import type { Rows } from '../estimator.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { ModelFileError, uint8Section } from '../model-file.ts';
import { rawRows, readAll, type PreparedRows } from '../prepared-rows.ts';
import { defaultImpute } from './impute.ts';
import { MixedReasons } from './mixed-reasons.ts';
import { optionsOf, stepFamilies } from './step-catalog.ts';
import { StepChain } from './step-chain.ts';
import type { FittedStep, PrepareStep, StepContext, StepFamily, StepInput, StepOptions } from './step.ts';

type Labels = Readonly<Record<string, readonly string[]>>;

/**
 * Fitted preparation of rows, saved within the model so that serving can't prepare differently from training. Rows come in float32, are
 * worked on in float64 from step to step, and leave in float32.
 */
export class Preparation {
  readonly #chain: StepChain;
  readonly columnCount: number;
  /** Prepared columns' names. */
  readonly names: readonly string[];
  /** Labels of the prepared columns that still hold categories. */
  readonly categories: Labels;
  /** The raw feature that each prepared column comes from; undefined when a step mixes features. */
  readonly sourceOf: Int32Array | undefined;

  private constructor(rawNames: readonly string[], rawCategories: Labels, steps: readonly FittedStep[]) {
    this.#chain = new StepChain(rawNames.length, steps);
    this.names = steps.at(-1)?.names ?? rawNames;
    this.columnCount = this.names.length;
    this.categories = restrict(rawCategories, this.names);
    this.sourceOf = sourceBehind(rawNames.length, steps);
  }

  /** Learns the steps from `data`, one after the other, each from rows that those before it prepared. */
  static async fit(steps: readonly PrepareStep[], imputesMissing: boolean, data: Dataset, context: StepContext): Promise<{ preparation: Preparation; prepared: PreparedRows }> {
    const fitted: FittedStep[] = [];
    // Training rows skip the steps that leave them as they are, which may spare the copy that a step would need.
    const changing: FittedStep[] = [];
    for (const definition of imputesMissing ? [...steps, defaultImpute] : steps) {
      const family = stepFamilies.find(({ kind }) => kind === definition.step);
      assert(family !== undefined, `expected a checked definition, found the step ${definition.step}`);
      const input = stepInput(data, changing);
      const options = optionsOf(family, definition);
      const step = await family.fit(input, { applies: appliesTo(family, definition, options, input), options }, context);
      fitted.push(step);
      if (step.unchanged !== true) changing.push(step);
    }
    const preparation = new Preparation(data.featureNames, data.categories ?? {}, fitted);
    const training = new Preparation(data.featureNames, data.categories ?? {}, changing);
    return { preparation, prepared: { ...training.rows(data.X, data.rowCount), y: data.y, weights: data.weights } };
  }

  static load(file: ModelFile): Preparation {
    const kinds = new TextDecoder().decode(uint8Section(file, 'prepare.steps')).split('\n').filter((kind) => kind !== '');
    let names = file.featureNames;
    const steps = kinds.map((kind, i) => {
      const family = stepFamilies.find((known) => known.kind === kind);
      if (family === undefined) throw new ModelFileError('corrupt', `expected a known preparation step, found ${kind}`);
      const prefix = `prepare.${i}.`;
      const sections = Object.fromEntries(Object.entries(file.sections).filter(([name]) => name.startsWith(prefix)).map(([name, data]) => [name.slice(prefix.length), data]));
      const step = family.load({ ...file, featureNames: names, categories: restrict(file.categories, names), sections });
      names = step.names;
      return step;
    });
    return new Preparation(file.featureNames, file.categories, steps);
  }

  /** Writes the prepared form of the row at `offset` of `X` to the start of `out`. */
  applyRow(X: Rows, offset: number, out: Float32Array): void {
    this.#chain.prepare(X, offset, 1, out);
  }

  /** Prepared rows of a matrix of raw features, made when read. */
  rows(X: Float32Array, rowCount: number): PreparedRows {
    const { columnCount, names, categories } = this;
    const chain = this.#chain;
    if (chain.steps.length === 0) return rawRows({ rowCount, columnCount, X, y: new Float64Array(0), featureNames: names, categories });
    const read = (start: number, end: number, out: Float32Array): void => chain.read(X, start, end, out);
    const readOnThreads = chain.readOnThreads(X);
    return {
      rowCount, columnCount, names, categories, y: new Float64Array(0), weights: undefined, read, readOnThreads,
      matrix: (compute, pace) => readAll({ rowCount, columnCount, read, readOnThreads }, compute, pace, chain.workPerRow),
    };
  }

  /** Reasons for a margin that is a weighted sum of prepared columns, where a step mixes features; undefined where that can't be read back. */
  mixedReasons(coefficients: Float64Array): MixedReasons | undefined {
    return MixedReasons.of(this.#chain, coefficients);
  }

  sections(): Record<string, Section> {
    const { steps } = this.#chain;
    const named = steps.flatMap((step, i) => Object.entries(step.sections()).map(([name, data]): [string, Section] => [`prepare.${i}.${name}`, data]));
    return { 'prepare.steps': new TextEncoder().encode(steps.map(({ kind }) => kind).join('\n')), ...Object.fromEntries(named) };
  }
}

function restrict(categories: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(Object.entries(categories).filter(([name]) => names.includes(name)));
}

/** Composition of the steps' sources. */
function sourceBehind(rawCount: number, steps: readonly FittedStep[]): Int32Array | undefined {
  return steps.reduce<Int32Array | undefined>(
    (source, step) => source && step.sourceOf && step.sourceOf.map((column) => source[column]),
    Int32Array.from({ length: rawCount }, (_, j) => j),
  );
}

function stepInput({ rowCount, columnCount, X, weights, featureNames, categories = {} }: Dataset, steps: readonly FittedStep[]): StepInput {
  const chain = new StepChain(columnCount, steps);
  const names = steps.at(-1)?.names ?? featureNames;
  return {
    rowCount, names, weights, categories: restrict(categories, names),
    workPerRow: chain.workPerRow,
    readOnThreads: chain.readOnThreads(X),
    read: (start, end, out) => {
      if (steps.length === 0) out.set(X.subarray(start * columnCount, end * columnCount));
      else chain.read(X, start, end, out);
    },
    eachBlock: async (visit, pace) => {
      for (let start = 0; start < rowCount; start += chain.blockRows) {
        const count = Math.min(chain.blockRows, rowCount - start);
        visit(chain.transform(X, start * columnCount, count), start, count);
        if (pace.spend(count * (chain.workPerRow + 2 * chain.width))) await pace.pause();
      }
    },
  };
}

function appliesTo(family: StepFamily, { step, columns, except = [] }: PrepareStep, options: StepOptions, { names, categories }: StepInput): Uint8Array {
  const unknown = [...(columns ?? []), ...except].find((name) => !names.includes(name));
  if (unknown !== undefined) throw new InvalidDatasetError(`expected ${unknown} among the features, found ${names.join(', ')}${step === defaultImpute.step ? '' : ` before ${step}`}`);
  const takesCategories = family.takes === 'categories';
  const unfit = takesCategories || family.mayTakeCategories?.(options) === true ? undefined : columns?.find((name) => Object.hasOwn(categories, name));
  if (unfit !== undefined) throw new InvalidDatasetError(`expected numbers in ${unfit} for ${step}, found categories: prepare it with one_hot`);
  return Uint8Array.from(names, (name) => {
    if (columns !== undefined) return columns.includes(name) ? 1 : 0;
    return except.includes(name) || Object.hasOwn(categories, name) !== takesCategories ? 0 : 1;
  });
}
