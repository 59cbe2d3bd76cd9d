// Goal: both losses are at their true minimum. Method: the primal optimum by Newton's method in float64 (squared hinge) and liblinear run to
// convergence (hinge), objective within 1e-6 relative, coefficients 1e-5; dual descent of Hsieh et al. against the primal objective.
import { describe, expect, it } from 'vitest';
import { flatten, readReference } from '../../../../tools/reference/read-reference.ts';
import { createEstimator } from '../catalog.ts';
import type { Dataset } from '../dataset.ts';
import type { FittedModel } from '../estimator.ts';
import { decodeModelFile, float64Section } from '../model-file.ts';
import { Random } from '../random.ts';

interface Case {
  readonly name: string; readonly l2: number; readonly X: number[][]; readonly y: number[]; readonly weights: number[] | null; readonly balanced: boolean;
  readonly coefficients: number[]; readonly intercept: number; readonly objective: number; readonly hingeObjective: number;
}

const { machines, balancedLogistic } = readReference<{ machines: Case[]; balancedLogistic: Case }>('linear');

function datasetOf({ X, y, weights }: Pick<Case, 'X' | 'y' | 'weights'>): Dataset {
  return {
    rowCount: y.length, columnCount: X[0]!.length, X: Float32Array.from(flatten(X)), y: Float64Array.from(y),
    weights: weights === null ? undefined : Float64Array.from(weights), featureNames: X[0]!.map((_, j) => `x${j}`),
  };
}

const svm = (parameters: Record<string, number | string>): ReturnType<typeof createEstimator> => createEstimator({ kind: 'linear-svm', task: 'classification', parameters, prepare: [] });

function pointOf(model: FittedModel): Float64Array {
  const file = decodeModelFile(model.save());
  return Float64Array.of(...float64Section(file, 'linear.coefficients'), ...float64Section(file, 'linear.intercept'));
}

/** l2 / 2 |(coefficients, intercept)|^2 + sum of weighted losses. */
function objectiveOf({ X, y, weights, l2, balanced }: Case, point: Float64Array, power: 1 | 2): number {
  const positives = y.filter((label) => label === 1).length;
  let sum = (l2 / 2) * point.reduce((squares, w) => squares + w * w, 0);
  X.forEach((row, i) => {
    const margin = row.reduce((m, x, j) => m + x * point[j]!, point.at(-1)!);
    const ofClass = balanced ? y.length / 2 / (y[i] === 1 ? positives : y.length - positives) : 1;
    sum += (weights?.[i] ?? 1) * ofClass * Math.max(0, 1 - (2 * y[i]! - 1) * margin) ** power;
  });
  return sum;
}

describe('linear support vector machine', () => {
  for (const reference of machines) {
    const classWeight = reference.balanced ? 'balanced' : 'none';
    it(`differential: ${reference.name}, squared hinge, is at liblinear's converged fit`, async () => {
      const point = pointOf(await svm({ l2: reference.l2, class_weight: classWeight }).fit(datasetOf(reference), { random: new Random(1) }));
      [...reference.coefficients, reference.intercept].forEach((expected, j) => expect(Math.abs(point[j]! - expected)).toBeLessThan(1e-6));
      expect(Math.abs(objectiveOf(reference, point, 2) / reference.objective - 1)).toBeLessThan(1e-9);
    });

    it(`differential: ${reference.name}, hinge, reaches liblinear's converged objective`, async () => {
      const model = await svm({ l2: reference.l2, class_weight: classWeight, loss: 'hinge', tolerance: 1e-7, max_iterations: 20000 }).fit(datasetOf(reference), { random: new Random(1) });
      const primal = objectiveOf(reference, pointOf(model), 1);
      expect(primal / reference.hingeObjective - 1).toBeLessThan(1e-6);
      // The last of the history is the dual value, turned over: no gap is left.
      const total = (reference.weights ?? reference.y.map(() => 1)).reduce((sum, w) => sum + w, 0);
      expect(Math.abs((-model.history.at(-1)! * total) / primal - 1)).toBeLessThan(1e-5);
    });
  }

  it('balanced classes: logistic regression equals scikit-learn\'s too', async () => {
    const model = await createEstimator({ kind: 'logistic-regression', task: 'classification', parameters: { l2: 2, class_weight: 'balanced' }, prepare: [] }).fit(datasetOf(balancedLogistic), { random: new Random(1) });
    const point = pointOf(model);
    [...balancedLogistic.coefficients, balancedLogistic.intercept].forEach((expected, j) => expect(Math.abs(point[j]! - expected)).toBeLessThan(1e-6));
  });

  it('tells sides, not probabilities', async () => {
    const data = datasetOf(machines[0]!);
    const model = await svm({}).fit(data, { random: new Random(1) });
    expect(model.hasProbability).toBe(false);
    expect(() => model.predictProbability(data.X, data.rowCount)).toThrow(/rank by its score/);
    const scores = model.score(data.X, data.rowCount);
    model.predict(data.X, data.rowCount).forEach((label, i) => expect(label).toBe(scores[i]! > 0 ? 1 : 0));
  });
});
