/**
 * How models learn and are judged: pure computation on typed arrays, importing nothing outside itself.
 *
 * - An estimator is configuration; `fit` leaves it and the data alone and returns an immutable model. Time, randomness and the right to
 *   pause are handed in, so the same data, seed and parameters give the same model bytes (invariant I6).
 * - Rows are row-major and read in float32, NaN is a missing value, infinity is refused. Preparation is part of the model and saved with it.
 * - Contributions and base value add up to the margin (log-odds, or the value).
 * - A new method is one `Family` in `catalog.ts`; `estimator.checks.ts` then holds it to what every estimator promises.
 *
 * Start reading at `estimator.ts`, then `pipeline.ts`, then a family: `linear/`, `trees/`, `baseline/`.
 */
export type { Arithmetic, Estimator, FitOptions, FittedModel, Parameters, ParameterValue, Rows, Task } from './estimator.ts';
export { NoProbabilityError, NoReasonsError } from './estimator.ts';
export type { BackendFacts, Compute, ComputeOptions, KernelArgument, KernelArray, Kernels, Operation } from './kernels/compute.ts';
export { KernelMemoryError, kernelVersion } from './kernels/compute.ts';
export { plainKernels } from './kernels/plain-kernels.ts';
export type { KernelChoice, KernelSupply, KernelsWanted } from './kernels/choose-kernels.ts';
export { chooseKernels, KernelsUnavailableError } from './kernels/choose-kernels.ts';
export type { GpuDevice, GpuKernelsOptions } from './kernels/gpu-kernels.ts';
export { createGpuKernels } from './kernels/gpu-kernels.ts';
export type { ProbeMeasurement, ProbeOptions, ProbeReport, ProbeTrial } from './kernels/probe.ts';
export { gpuTrials, probeKernels } from './kernels/probe.ts';
export type { WasmKernelsOptions } from './kernels/wasm-kernels.ts';
export { createWasmKernels } from './kernels/wasm-kernels.ts';
export type { AttachedModule, CallControl, WorkerPool } from './kernels/worker-pool.ts';
export type { Dataset } from './dataset.ts';
export { datasetProblem, InvalidDatasetError, takeRows } from './dataset.ts';
export type { RowsOfOptions } from './rows-of.ts';
export { rowsOf } from './rows-of.ts';
export { Random } from './random.ts';
export { catalog, createEstimator, definitionProblems, EstimatorDefinitionError, loadModel } from './catalog.ts';
export type { Family, ParameterRule } from './family.ts';
export type { EstimatorDefinition } from './pipeline.ts';
export type { FlagRule, PrepareStep, StepFamily, StepOption, StepRule } from './prepare/step.ts';
export { stepFamilies } from './prepare/step-catalog.ts';
export type { CalibrationMethod } from './calibration/calibrated-core.ts';
export type { ModelFileProblem } from './model-file.ts';
export { ModelFileError } from './model-file.ts';
export type { CalibrationBin, Confusion } from './metrics/classification.ts';
export { accuracy, balancedAccuracy, brier, calibrationBins, calibrationError, confusion, f1, logLoss, prAuc, precision, recall, rocAuc } from './metrics/classification.ts';
export type { GainStep } from './metrics/gain.ts';
export { gainTable } from './metrics/gain.ts';
export { mae, mape, r2, rmse } from './metrics/regression.ts';
export type { Interval, PairedDifference } from './metrics/delong.ts';
export { delongInterval, delongPaired } from './metrics/delong.ts';
export type { BootstrapOptions } from './metrics/bootstrap.ts';
export { bootstrap, bootstrapAll, bootstrapPaired } from './metrics/bootstrap.ts';
export { correctedResampledT } from './metrics/resampled-t.ts';
export type { Split } from './model-selection/splits.ts';
export { holdoutSplit, splitByFold, stratifiedFolds, timeSplit } from './model-selection/splits.ts';
export type { CrossValidation } from './model-selection/cross-validate.ts';
export { crossValidate } from './model-selection/cross-validate.ts';
export { groupedFolds } from './model-selection/grouped-folds.ts';
export type { OverlapReport } from './model-selection/overlap.ts';
export { overlapReport } from './model-selection/overlap.ts';
export type { FeatureImportance, ImportanceOptions, ScoreMetric } from './model-selection/permutation-importance.ts';
export { permutationImportance } from './model-selection/permutation-importance.ts';
export type { HalvingOptions, SearchOptions, SearchRange, SearchResult, SearchSpace, Trial } from './model-selection/search.ts';
export { searchAtRandom, searchByHalving } from './model-selection/search.ts';
export type { WalkForwardOptions } from './model-selection/walk-forward.ts';
export { walkForwardSplits } from './model-selection/walk-forward.ts';
export { exportOnnx } from './onnx/export-onnx.ts';
export { OnnxExportError } from './onnx/onnx-export-error.ts';
export type { Bounds, ComparedModel, Comparison, JudgedModel } from './report/comparison.ts';
export { compareModels, describeBounds } from './report/comparison.ts';
export type { ComparisonFacts } from './report/comparison-page.ts';
export { comparisonHtml, comparisonMarkdown } from './report/comparison-page.ts';
export type { ModelCardFacts } from './report/model-card.ts';
export { modelCard } from './report/model-card.ts';
