import { strict as assert } from 'node:assert';
import type { Dataset } from './dataset.ts';
import { checkRows, datasetProblem, InvalidDatasetError } from './dataset.ts';
import type { Estimator, FitOptions, FittedModel, Task } from './estimator.ts';
import type { Core, Family } from './family.ts';
import { sigmoid } from './linear/log-loss.ts';
import type { ModelFile } from './model-file.ts';
import { encodeModelFile, float64Section } from './model-file.ts';
import { Pace } from './pace.ts';
import type { PrepareStep } from './prepare/preparation.ts';
import { Preparation } from './prepare/preparation.ts';

/** A model as `models.yaml` names it; parameters left out take the method's defaults. */
export interface EstimatorDefinition {
  readonly kind: string;
  readonly task: Task;
  readonly parameters: Readonly<Record<string, number>>;
  /** Applied in order before learning and, from the same saved numbers, before every prediction. */
  readonly prepare: readonly PrepareStep[];
  /** The one column that a `one-feature` model looks at. */
  readonly feature?: string | undefined;
}

/** Joins a family with preparation, checks and bookkeeping; the definition has been checked by the catalog. */
export function createPipelineEstimator(family: Family, definition: EstimatorDefinition): Estimator {
  const defaults = Object.fromEntries(Object.entries(family.parameters).map(([name, rule]) => [name, rule.default]));
  const parameters = Object.freeze({ ...defaults, ...definition.parameters });
  return Object.freeze({
    kind: family.kind,
    task: definition.task,
    parameters,
    fit: (data: Dataset, options: FitOptions) => fitPipeline(family, definition, parameters, data, options),
  });
}

async function fitPipeline(
  family: Family, definition: EstimatorDefinition, parameters: Readonly<Record<string, number>>, data: Dataset, options: FitOptions,
): Promise<FittedModel> {
  options.signal?.throwIfAborted();
  const problem = datasetProblem(data, definition.task) ?? namesProblem(definition, data.featureNames);
  if (problem !== undefined) throw new InvalidDatasetError(problem);
  const pace = new Pace(options.signal, options.yieldToLoop);
  const progress = risingProgress(options.onProgress);
  const featureNames = Object.freeze([...data.featureNames]);
  const { preparation, prepared } = await Preparation.fit(definition.prepare, family.imputesMissing, data, pace);
  const featureIndex = definition.feature === undefined ? 0 : featureNames.indexOf(definition.feature);
  const settings = { task: definition.task, parameters, featureIndex };
  const { core, history } = await family.fit(prepared, settings, { random: options.random, pace, progress });
  progress(1, history.at(-1));
  return new FittedPipeline(family.kind, definition.task, parameters, featureNames, history, preparation, core);
}

function namesProblem(definition: EstimatorDefinition, featureNames: readonly string[]): string | undefined {
  const named = [...definition.prepare.flatMap((step) => step.except), ...(definition.feature === undefined ? [] : [definition.feature])];
  const unknown = named.find((name) => !featureNames.includes(name));
  return unknown === undefined ? undefined : `expected ${unknown} among the features, found ${featureNames.join(', ')}`;
}

function risingProgress(onProgress: FitOptions['onProgress']): (done: number, loss?: number) => void {
  let last = -1;
  return (done, loss) => {
    const share = Math.min(1, Math.max(0, done));
    if (onProgress === undefined || share <= last) return;
    last = share;
    onProgress(share, loss);
  };
}

/** A preparation and what was learned behind it, as one model; keeps one scratch row, so a call must end before the next. */
export class FittedPipeline implements FittedModel {
  readonly kind: string;
  readonly task: Task;
  readonly parameters: Readonly<Record<string, number>>;
  readonly featureNames: readonly string[];
  readonly history: readonly number[];
  readonly #preparation: Preparation;
  readonly #core: Core;
  readonly #scratch: Float64Array;

  constructor(
    kind: string, task: Task, parameters: Readonly<Record<string, number>>, featureNames: readonly string[], history: readonly number[],
    preparation: Preparation, core: Core,
  ) {
    this.kind = kind;
    this.task = task;
    this.parameters = parameters;
    this.featureNames = featureNames;
    this.history = Object.freeze([...history]);
    this.#preparation = preparation;
    this.#core = core;
    this.#scratch = new Float64Array(featureNames.length);
  }

  static load(family: Family, file: ModelFile): FittedPipeline {
    const preparation = Preparation.load(file);
    const history = [...float64Section(file, 'history')];
    const parameters = Object.freeze({ ...file.parameters });
    return new FittedPipeline(file.kind, file.task, parameters, Object.freeze([...file.featureNames]), history, preparation, family.load(file));
  }

  predict(X: Float64Array, rowCount: number, out = new Float64Array(rowCount)): Float64Array {
    assert(out.length >= rowCount, `expected room for ${rowCount} predictions, found ${out.length}`);
    checkRows(X, rowCount, this.featureNames);
    const columnCount = this.featureNames.length;
    for (let row = 0; row < rowCount; row++) out[row] = this.#output(this.#marginAt(X, row * columnCount));
    return out;
  }

  predictRow(x: Float64Array): number {
    checkRows(x, 1, this.featureNames);
    return this.#output(this.#marginAt(x, 0));
  }

  explainRow(x: Float64Array, contributions: Float64Array): number {
    checkRows(x, 1, this.featureNames);
    assert(contributions.length === x.length, `expected room for ${x.length} contributions, found ${contributions.length}`);
    if (this.#preparation.isEmpty) return this.#core.explain(x, contributions);
    this.#preparation.applyRow(x, 0, this.#scratch);
    return this.#core.explain(this.#scratch, contributions);
  }

  assessRow(x: Float64Array, contributions: Float64Array): number {
    checkRows(x, 1, this.featureNames);
    assert(contributions.length === x.length, `expected room for ${x.length} contributions, found ${contributions.length}`);
    let prepared = x;
    if (!this.#preparation.isEmpty) {
      prepared = this.#scratch;
      this.#preparation.applyRow(x, 0, prepared);
    }
    this.#core.explain(prepared, contributions);
    return this.#output(this.#core.margin(prepared, 0));
  }

  save(): Uint8Array {
    const { kind, task, featureNames, parameters } = this;
    const sections = { history: Float64Array.from(this.history), ...this.#preparation.sections(), ...this.#core.sections() };
    return encodeModelFile({ kind, task, featureNames, parameters, sections });
  }

  #marginAt(X: Float64Array, offset: number): number {
    if (this.#preparation.isEmpty) return this.#core.margin(X, offset);
    this.#preparation.applyRow(X, offset, this.#scratch);
    return this.#core.margin(this.#scratch, 0);
  }

  #output(margin: number): number {
    return this.task === 'classification' ? sigmoid(margin) : margin;
  }
}
