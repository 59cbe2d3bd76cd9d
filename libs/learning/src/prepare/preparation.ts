import type { Dataset } from '../dataset.ts';
import type { Rows } from '../estimator.ts';
import type { ModelFile, Section } from '../model-file.ts';
import { ModelFileError, uint8Section } from '../model-file.ts';
import type { Pace } from '../pace.ts';
import { rawRows, readAll, type PreparedRows } from '../prepared-rows.ts';
import { imputeMean, signedLog1p, standardize } from './column-steps.ts';
import type { FittedStep, StepFamily, StepInput } from './step.ts';

export type StepName = 'signed_log1p' | 'standardize';

/** One step of a preparation as a definition names it; columns in `except` pass unchanged. */
export interface PrepareStep {
  readonly step: StepName;
  readonly except: readonly string[];
}

/** Steps that a definition may name. */
export const stepFamilies: readonly StepFamily[] = [signedLog1p, standardize];
const knownSteps: readonly StepFamily[] = [...stepFamilies, imputeMean];

/**
 * Fitted preparation of rows, saved within the model so that serving can't prepare differently from training. Rows come in float32, are
 * worked on in float64 from step to step, and leave in float32.
 */
export class Preparation {
  readonly #steps: readonly FittedStep[];
  readonly #buffers: readonly Float64Array[];
  readonly columnCount: number;
  /** Prepared columns' names. */
  readonly names: readonly string[];
  /** The raw feature that each prepared column comes from; undefined when a step mixes features. */
  readonly sourceOf: Int32Array | undefined;

  private constructor(rawNames: readonly string[], steps: readonly FittedStep[]) {
    this.#steps = steps;
    this.#buffers = [new Float64Array(rawNames.length), ...steps.map((step) => new Float64Array(step.names.length))];
    this.names = steps.at(-1)?.names ?? rawNames;
    this.columnCount = this.names.length;
    this.sourceOf = steps.reduce<Int32Array | undefined>(
      (source, step) => source && step.sourceOf && step.sourceOf.map((column) => source[column]!),
      Int32Array.from(rawNames, (_, j) => j),
    );
  }

  /** Learns the steps from `data`, one after the other, each from rows that those before it prepared. */
  static async fit(steps: readonly PrepareStep[], imputesMissing: boolean, data: Dataset, pace: Pace): Promise<{ preparation: Preparation; prepared: PreparedRows }> {
    const wanted = steps.map(({ step, except }) => ({ family: stepFamilies.find(({ kind }) => kind === step)!, except }));
    if (imputesMissing) wanted.push({ family: imputeMean, except: [] });
    const fitted: FittedStep[] = [];
    for (const { family, except } of wanted) {
      const before = new Preparation(data.featureNames, fitted);
      fitted.push(await family.fit(before.#stepInput(data), except, pace));
    }
    const preparation = new Preparation(data.featureNames, fitted);
    return { preparation, prepared: { ...preparation.rows(data.X, data.rowCount), y: data.y, weights: data.weights } };
  }

  static load(file: ModelFile): Preparation {
    const kinds = new TextDecoder().decode(uint8Section(file, 'prepare.steps')).split('\n').filter((kind) => kind !== '');
    let names = file.featureNames;
    const steps = kinds.map((kind, i) => {
      const family = knownSteps.find((known) => known.kind === kind);
      if (family === undefined) throw new ModelFileError('corrupt', `expected a known preparation step, found ${kind}`);
      const prefix = `prepare.${i}.`;
      const sections = Object.fromEntries(Object.entries(file.sections).filter(([name]) => name.startsWith(prefix)).map(([name, data]) => [name.slice(prefix.length), data]));
      const step = family.load({ ...file, featureNames: names, sections });
      names = step.names;
      return step;
    });
    return new Preparation(file.featureNames, steps);
  }

  /** Writes the prepared form of the row at `offset` of `X` to the start of `out`. */
  applyRow(X: Rows, offset: number, out: Float32Array): void {
    const steps = this.#steps;
    const rawCount = this.#buffers[0]!.length;
    if (steps.length === 0) {
      for (let j = 0; j < rawCount; j++) out[j] = X[offset + j]!;
      return;
    }
    const last = this.#transform(X, offset);
    for (let j = 0; j < last.length; j++) out[j] = last[j]!;
  }

  /** Prepared rows of a matrix of raw features, made when read. */
  rows(X: Float32Array, rowCount: number): PreparedRows {
    const rawCount = this.#buffers[0]!.length;
    const { columnCount, names } = this;
    if (this.#steps.length === 0) return rawRows({ rowCount, columnCount, X, y: new Float64Array(0), featureNames: names });
    const read = (start: number, end: number, out: Float32Array): void => {
      for (let row = start; row < end; row++) out.set(this.#transform(X, row * rawCount), (row - start) * columnCount);
    };
    return {
      rowCount, columnCount, names, y: new Float64Array(0), weights: undefined, read,
      matrix: (compute, pace) => readAll({ rowCount, columnCount, read }, compute, pace),
    };
  }

  sections(): Record<string, Section> {
    const steps = this.#steps;
    const named = steps.flatMap((step, i) => Object.entries(step.sections()).map(([name, data]): [string, Section] => [`prepare.${i}.${name}`, data]));
    return { 'prepare.steps': new TextEncoder().encode(steps.map(({ kind }) => kind).join('\n')), ...Object.fromEntries(named) };
  }

  /** The one place that transforms values: fitting and serving both call it, row by row. */
  #transform(X: Rows, offset: number): Float64Array {
    const buffers = this.#buffers;
    const raw = buffers[0]!;
    for (let j = 0; j < raw.length; j++) raw[j] = Math.fround(X[offset + j]!);
    for (let i = 0; i < this.#steps.length; i++) this.#steps[i]!.apply(buffers[i]!, buffers[i + 1]!);
    return buffers[this.#steps.length]!;
  }

  #stepInput(data: Dataset): StepInput {
    const { rowCount, columnCount, X, weights, categories = {} } = data;
    const { names } = this;
    return {
      rowCount, names, weights,
      categories: Object.fromEntries(Object.entries(categories).filter(([name]) => names.includes(name))),
      eachRow: async (visit, pace) => {
        for (let row = 0; row < rowCount; row++) {
          visit(this.#transform(X, row * columnCount), row);
          if (pace.spend(8 * columnCount)) await pace.pause();
        }
      },
    };
  }
}
