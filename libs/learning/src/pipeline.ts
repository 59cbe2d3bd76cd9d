import { strict as assert } from 'node:assert';
import { CalibratedCore, fitCalibration, type Calibration, type CalibrationMethod } from './calibration/calibrated-core.ts';
import { calibrationFolds, outOfFoldValues } from './calibration/out-of-fold.ts';
import type { Dataset } from './dataset.ts';
import { checkRows, datasetProblem, InvalidDatasetError } from './dataset.ts';
import type { Arithmetic, Estimator, FitOptions, FittedModel, Parameters, Rows, Task } from './estimator.ts';
import { NoProbabilityError, NoReasonsError } from './estimator.ts';
import type { Core, Family, MarginScale } from './family.ts';
import { plainKernels } from './kernels/plain-kernels.ts';
import { sigmoid } from './linear/log-loss.ts';
import type { ModelFile } from './model-file.ts';
import { encodeModelFile, float64Section } from './model-file.ts';
import { Pace } from './pace.ts';
import type { MixedReasons } from './prepare/mixed-reasons.ts';
import { Preparation } from './prepare/preparation.ts';
import type { PreparedRows } from './prepared-rows.ts';
import type { PrepareStep } from './prepare/step.ts';

/** A model as `models.yaml` names it; parameters left out take the method's defaults. */
export interface EstimatorDefinition {
  readonly kind: string;
  readonly task: Task;
  readonly parameters: Parameters;
  /** Applied in order before learning and, from the same saved numbers, before every prediction. */
  readonly prepare: readonly PrepareStep[];
  /** The one column that a `one-feature` model looks at. */
  readonly feature?: string | undefined;
  /** Turns a classifier's decision values into probabilities, learned from rows that it was not fitted to. */
  readonly calibrate?: CalibrationMethod | undefined;
}

/** Joins a family with preparation, checks and bookkeeping; the definition has been checked by the catalog. */
export function createPipelineEstimator(family: Family, definition: EstimatorDefinition): Estimator {
  const defaults = Object.fromEntries(Object.entries(family.parameters).map(([name, rule]) => [name, rule.default]));
  const parameters = Object.freeze({ ...defaults, ...definition.parameters });
  return Object.freeze({
    kind: family.kind,
    task: definition.task,
    parameters,
    fit: (data: Dataset, options: FitOptions) => (definition.calibrate === undefined ? fitPipeline : fitCalibrated)(family, definition, parameters, data, options),
  });
}

async function fitPipeline(family: Family, definition: EstimatorDefinition, parameters: Parameters, data: Dataset, options: FitOptions): Promise<FittedPipeline> {
  options.signal?.throwIfAborted();
  const problem = datasetProblem(data, definition.task);
  if (problem !== undefined) throw new InvalidDatasetError(problem);
  const pace = new Pace(options.signal, options.yieldToLoop);
  const progress = risingProgress(options.onProgress);
  const compute = await (options.kernels ?? plainKernels).open(options);
  try {
    const { preparation, prepared } = await Preparation.fit(definition.prepare, family.imputesMissing, data, { compute, pace });
    const unfit = preparedProblem(family, definition.feature, prepared);
    if (unfit !== undefined) throw new InvalidDatasetError(unfit);
    const featureIndex = definition.feature === undefined ? -1 : prepared.names.indexOf(definition.feature);
    const settings = { task: definition.task, parameters, featureIndex };
    const { core, history, heldOutHistory = [] } = await family.fit(prepared, settings, { random: options.random, compute, pace, progress });
    progress(1, history.at(-1));
    const { kernelVersion, backend, adapter } = compute.facts;
    const arithmetic = { kernelVersion, exact: backend !== 'gpu', ...(backend === 'gpu' && { adapter }) };
    const { featureNames, categories = {} } = data;
    return new FittedPipeline({ family, task: definition.task, parameters, featureNames: [...featureNames], categories, arithmetic, history, heldOutHistory, preparation, core });
  } finally {
    compute.close();
  }
}

/** What keeps a family from learning from prepared columns: its feature is gone, or there are categories that it can't read. */
function preparedProblem(family: Family, feature: string | undefined, { names, categories = {} }: PreparedRows): string | undefined {
  if (feature !== undefined && !names.includes(feature)) return `expected ${feature} among the features, found ${names.join(', ')}`;
  if (family.takesCategories === true) return undefined;
  const unread = Object.keys(categories).find((name) => feature === undefined || feature === name);
  return unread === undefined ? undefined : `expected numbers in every column that ${family.kind} reads, found categories in ${unread}: prepare it with one_hot`;
}

/**
 * Fits the model to all rows, and the calibration to what models of the other folds say of each row: scikit-learn's
 * `CalibratedClassifierCV` with `ensemble=False`.
 */
async function fitCalibrated(family: Family, definition: EstimatorDefinition, parameters: Parameters, data: Dataset, options: FitOptions): Promise<FittedPipeline> {
  options.signal?.throwIfAborted();
  const problem = datasetProblem(data, definition.task);
  if (problem !== undefined) throw new InvalidDatasetError(problem);
  const folds = calibrationFolds(data, options.random);
  const progress = risingProgress(options.onProgress);
  const fit = (rows: Dataset, part: number): Promise<FittedPipeline> =>
    fitPipeline(family, definition, parameters, rows, { ...options, onProgress: (done, loss) => progress((part + done) / (folds.length + 1), loss) });
  const values = await outOfFoldValues(data, folds, fit, options);
  const calibration = fitCalibration(definition.calibrate!, values, data.y, data.weights);
  return (await fit(data, folds.length)).calibratedBy(calibration);
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

interface PipelineParts {
  readonly family: Family;
  readonly task: Task;
  readonly parameters: Parameters;
  readonly featureNames: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly arithmetic: Arithmetic;
  readonly history: readonly number[];
  readonly heldOutHistory: readonly number[];
  readonly preparation: Preparation;
  readonly core: Core;
}

type BatchOptions = Pick<FitOptions, 'kernels' | 'signal' | 'yieldToLoop'>;

/** A preparation and what was learned behind it, as one model; keeps one scratch row, so a call must end before the next. */
export class FittedPipeline implements FittedModel {
  readonly kind: string;
  readonly task: Task;
  readonly parameters: Parameters;
  readonly featureNames: readonly string[];
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly arithmetic: Arithmetic;
  readonly history: readonly number[];
  readonly heldOutHistory: readonly number[];
  readonly hasProbability: boolean;
  readonly hasReasons: boolean;
  readonly calibration: CalibrationMethod | 'none';
  readonly #scale: MarginScale | 'value';
  readonly #preparation: Preparation;
  readonly #core: Core;
  readonly #mixedReasons: MixedReasons | undefined;
  readonly #parts: PipelineParts;
  readonly #scratch: Float32Array;
  readonly #preparedContributions: Float64Array;

  constructor(parts: PipelineParts) {
    const { family, task, preparation, core } = parts;
    this.kind = family.kind;
    this.task = task;
    this.parameters = parts.parameters;
    this.featureNames = Object.freeze([...parts.featureNames]);
    this.categories = parts.categories;
    this.arithmetic = parts.arithmetic;
    this.history = Object.freeze([...parts.history]);
    this.heldOutHistory = Object.freeze([...parts.heldOutHistory]);
    this.#parts = parts;
    this.#scale = task === 'regression' ? 'value' : core instanceof CalibratedCore ? core.scale : (family.scale ?? 'log-odds');
    this.calibration = core instanceof CalibratedCore ? core.calibration.method : 'none';
    this.hasProbability = this.#scale === 'log-odds' || this.#scale === 'probability';
    this.#mixedReasons = core.coefficients === undefined ? undefined : preparation.mixedReasons(core.coefficients);
    this.hasReasons = core.explain !== undefined && (preparation.sourceOf !== undefined || this.#mixedReasons !== undefined);
    this.#preparation = preparation;
    this.#core = core;
    this.#scratch = new Float32Array(preparation.columnCount);
    this.#preparedContributions = new Float64Array(preparation.columnCount);
  }

  static load(family: Family, file: ModelFile): FittedPipeline {
    const { task, featureNames, categories, arithmetic } = file;
    const preparation = Preparation.load(file);
    const learned = family.load({ ...file, featureNames: preparation.names, categories: preparation.categories });
    const core = CalibratedCore.load(learned, file) ?? learned;
    const parameters = Object.freeze({ ...file.parameters });
    const heldOutHistory = Object.hasOwn(file.sections, 'heldOutHistory') ? [...float64Section(file, 'heldOutHistory')] : [];
    return new FittedPipeline({ family, task, parameters, featureNames, categories, arithmetic, history: [...float64Section(file, 'history')], heldOutHistory, preparation, core });
  }

  /** This model behind a calibration. */
  calibratedBy(calibration: Calibration): FittedPipeline {
    return new FittedPipeline({ ...this.#parts, core: new CalibratedCore(this.#core, calibration) });
  }

  predict(X: Rows, rowCount: number, out = new Float64Array(rowCount)): Float64Array {
    const side = this.#scale === 'distance' ? 0 : 0.5;
    this.score(X, rowCount, out);
    if (this.task === 'classification') for (let row = 0; row < rowCount; row++) out[row] = out[row]! > side ? 1 : 0;
    return out;
  }

  predictProbability(X: Rows, rowCount: number, out = new Float64Array(rowCount)): Float64Array {
    if (!this.hasProbability) throw new NoProbabilityError(`expected a classifier with probabilities, found ${this.kind} (${this.task}): rank by its score, or calibrate it`);
    return this.score(X, rowCount, out);
  }

  score(X: Rows, rowCount: number, out = new Float64Array(rowCount)): Float64Array {
    this.#check(X, rowCount, out);
    const columnCount = this.featureNames.length;
    for (let row = 0; row < rowCount; row++) out[row] = this.#output(this.#marginAt(X, row * columnCount));
    return out;
  }

  scoreRow(x: Rows): number {
    checkRows(x, 1, this.featureNames);
    return this.#output(this.#marginAt(x, 0));
  }

  async scoreInBatch(X: Float32Array, rowCount: number, options: BatchOptions): Promise<Float64Array> {
    const out = await this.decisionValues(X, rowCount, options);
    for (let row = 0; row < rowCount; row++) out[row] = this.#output(out[row]!);
    return out;
  }

  /** `scoreInBatch` before any link: log-odds, probabilities or distances as the method gives them, which is what a calibration reads. */
  async decisionValues(X: Float32Array, rowCount: number, options: BatchOptions): Promise<Float64Array> {
    const out = new Float64Array(rowCount);
    this.#check(X, rowCount, out);
    const columnCount = this.featureNames.length;
    const core = this.#core;
    const pace = new Pace(options.signal, options.yieldToLoop);
    if (core.margins === undefined) {
      for (let row = 0; row < rowCount; row++) {
        out[row] = this.#marginAt(X, row * columnCount);
        if (pace.spend(400)) await pace.pause();
      }
      return out;
    }
    const compute = await (options.kernels ?? plainKernels).open(options);
    try {
      // Blocks bound the memory: prepared rows are made, scored and forgotten.
      for (let start = 0; start < rowCount; start += batchRows) {
        const end = Math.min(start + batchRows, rowCount);
        const mark = compute.mark();
        const block = this.#preparation.rows(X.subarray(start * columnCount, end * columnCount), end - start);
        const margins = compute.float64(end - start);
        await core.margins(await block.matrix(compute, pace), end - start, compute, margins);
        out.set(margins, start);
        compute.release(mark);
        if (pace.spend(20 * (end - start))) await pace.pause();
      }
      return out;
    } finally {
      compute.close();
    }
  }

  explainRow(x: Rows, contributions: Float64Array): number {
    return this.#explainPrepared(this.#prepare(x, contributions), contributions);
  }

  assessRow(x: Rows, contributions: Float64Array): number {
    const prepared = this.#prepare(x, contributions);
    this.#explainPrepared(prepared, contributions);
    return this.#output(this.#core.margin(prepared, 0));
  }

  save(): Uint8Array {
    const { kind, task, featureNames, categories, arithmetic, parameters } = this;
    const heldOut = this.heldOutHistory.length > 0 && { heldOutHistory: Float64Array.from(this.heldOutHistory) };
    const sections = { history: Float64Array.from(this.history), ...heldOut, ...this.#preparation.sections(), ...this.#core.sections() };
    return encodeModelFile({ kind, task, featureNames, categories, arithmetic, parameters, sections });
  }

  #check(X: Rows, rowCount: number, out: Float64Array): void {
    assert(out.length >= rowCount, `expected room for ${rowCount} predictions, found ${out.length}`);
    checkRows(X, rowCount, this.featureNames);
  }

  #prepare(x: Rows, contributions: Float64Array): Float32Array {
    if (!this.hasReasons) throw new NoReasonsError(`expected a model that gives reasons, found ${this.kind}${this.#core.explain === undefined ? '' : ' behind a preparation that mixes features'}`);
    checkRows(x, 1, this.featureNames);
    assert(contributions.length === this.featureNames.length, `expected room for ${this.featureNames.length} contributions, found ${contributions.length}`);
    this.#preparation.applyRow(x, 0, this.#scratch);
    return this.#scratch;
  }

  /** A feature that became several columns is credited with the sum of theirs; `prepared` is the row that was prepared last. */
  #explainPrepared(prepared: Float32Array, contributions: Float64Array): number {
    const parts = this.#preparedContributions;
    const base = this.#core.explain!(prepared, parts);
    if (this.#mixedReasons !== undefined) {
      this.#mixedReasons.explain(contributions, parts.reduce((sum, part) => sum + part, 0));
      return base;
    }
    const sourceOf = this.#preparation.sourceOf!;
    contributions.fill(0);
    for (let j = 0; j < parts.length; j++) contributions[sourceOf[j]!]! += parts[j]!;
    return base;
  }

  #marginAt(X: Rows, offset: number): number {
    this.#preparation.applyRow(X, offset, this.#scratch);
    return this.#core.margin(this.#scratch, 0);
  }

  #output(margin: number): number {
    return this.#scale === 'log-odds' ? sigmoid(margin) : margin;
  }
}

const batchRows = 65_536;
