import { calibrationMethods } from './calibration/calibrated-core.ts';
import { constantBaseline } from './baseline/constant.ts';
import { oneFeature } from './baseline/one-feature.ts';
import { naiveBayes } from './bayes/naive-bayes.ts';
import { agglomerative } from './clusters/agglomerative.ts';
import { kMeans } from './clusters/k-means.ts';
import type { Estimator, FittedModel, ParameterValue } from './estimator.ts';
import type { Family } from './family.ts';
import { linearRegression } from './linear/linear-regression.ts';
import { linearSvm } from './linear/linear-svm.ts';
import { logisticRegression } from './linear/logistic-regression.ts';
import { perceptron } from './linear/perceptron.ts';
import { decodeModelFile, ModelFileError } from './model-file.ts';
import { ruleProblem } from './parameter-rules.ts';
import type { EstimatorDefinition } from './pipeline.ts';
import { createPipelineEstimator, FittedPipeline } from './pipeline.ts';
import { multiLayerPerceptron } from './neural/multi-layer-perceptron.ts';
import { stepProblems } from './prepare/step-catalog.ts';
import { fourierSvm } from './support-vectors/fourier-svm.ts';
import { rbfSvm } from './support-vectors/rbf-svm.ts';
import { decisionTree } from './trees/decision-tree.ts';
import { gradientBoosting } from './trees/gradient-boosting.ts';
import { randomForest } from './trees/random-forest.ts';

/** Every method there is; a family added here can be created, loaded, and is put through all estimator checks. */
export const catalog: readonly Family[] = [
  constantBaseline,
  oneFeature,
  logisticRegression,
  linearRegression,
  linearSvm,
  perceptron,
  gradientBoosting,
  kMeans,
  agglomerative,
  rbfSvm,
  fourierSvm,
  decisionTree,
  randomForest,
  naiveBayes,
  multiLayerPerceptron,
];

/** A definition that names no estimator; the message lists each problem. */
export class EstimatorDefinitionError extends Error {
  override readonly name = 'EstimatorDefinitionError';
}

/** All that is wrong with a definition, as messages; empty when `createEstimator` takes it. */
export function definitionProblems(definition: EstimatorDefinition): readonly string[] {
  const family = catalog.find(({ kind }) => kind === definition.kind);
  if (family === undefined) return [`expected a kind of model among ${catalog.map(({ kind }) => kind).join(', ')}, found ${definition.kind}`];
  const problems: string[] = [];
  if (!family.tasks.includes(definition.task)) problems.push(`expected a task that ${family.kind} can do (${family.tasks.join(', ')}), found ${definition.task}`);
  for (const [name, value] of Object.entries(definition.parameters)) {
    const problem = parameterProblem(family, name, value);
    if (problem !== undefined) problems.push(problem);
  }
  problems.push(...definition.prepare.flatMap(stepProblems));
  if (definition.calibrate !== undefined) {
    if (!calibrationMethods.includes(definition.calibrate)) problems.push(`expected a calibration among ${calibrationMethods.join(', ')}, found ${String(definition.calibrate)}`);
    if (definition.task !== 'classification') problems.push(`expected calibration of a classifier only, found ${definition.task}`);
  }
  if (family.needsFeature && definition.feature === undefined) problems.push(`expected the feature that ${family.kind} looks at, found none`);
  if (!family.needsFeature && family.takesFeature !== true && definition.feature !== undefined) problems.push(`expected no single feature for ${family.kind}, found ${definition.feature}`);
  return problems;
}

function parameterProblem(family: Family, name: string, value: ParameterValue): string | undefined {
  const rule = Object.hasOwn(family.parameters, name) ? family.parameters[name] : undefined;
  if (rule === undefined) return `expected a parameter of ${family.kind} (${Object.keys(family.parameters).join(', ') || 'it has none'}), found ${name}`;
  return ruleProblem(`${name} of ${family.kind}`, rule, value);
}

/** An unfitted estimator for the definition; throws `EstimatorDefinitionError` for one that `definitionProblems` objects to. */
export function createEstimator(definition: EstimatorDefinition): Estimator {
  const problems = definitionProblems(definition);
  if (problems.length > 0) throw new EstimatorDefinitionError(problems.join('; '));
  return createPipelineEstimator(catalog.find(({ kind }) => kind === definition.kind)!, definition);
}

/** The model that `save` wrote, equal to it bit for bit; throws `ModelFileError` for anything else, and executes nothing. */
export function loadModel(bytes: Uint8Array): FittedModel {
  const file = decodeModelFile(bytes);
  const family = catalog.find(({ kind }) => kind === file.kind);
  if (family === undefined) throw new ModelFileError('unknown-kind', `expected a kind of model among ${catalog.map(({ kind }) => kind).join(', ')}, found ${file.kind}`);
  if (!family.tasks.includes(file.task)) throw new ModelFileError('corrupt', `expected a task of ${family.kind}, found ${file.task}`);
  return FittedPipeline.load(family, file);
}
