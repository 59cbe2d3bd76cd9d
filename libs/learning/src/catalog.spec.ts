// Goal: a definition is taken or refused with every reason; what it leaves out has the method's defaults.
import { describe, expect, it } from 'vitest';
import { catalog, createEstimator, definitionProblems } from './catalog.ts';
import type { EstimatorDefinition } from './pipeline.ts';

const definition: EstimatorDefinition = { kind: 'gradient-boosting', task: 'classification', parameters: { trees: 60 }, prepare: [] };

describe('catalog', () => {
  it('fills in defaults, those of scikit-learn for boosting', () => {
    expect(definitionProblems({ ...definition, kind: 'oracle' })).toEqual([`expected a kind of model among ${catalog.map(({ kind }) => kind).join(', ')}, found oracle`]);
  });

  it('names each kind once, with defaults within their own bounds', () => {
    expect(new Set(catalog.map(({ kind }) => kind)).size).toBe(catalog.length);
    for (const { kind, parameters, tasks, needsFeature } of catalog) {
      const defaults = Object.fromEntries(Object.entries(parameters).map(([name, rule]) => [name, rule.default]));
      for (const task of tasks) expect(definitionProblems({ kind, task, parameters: defaults, prepare: [], ...(needsFeature ? { feature: 'a' } : {}) })).toEqual([]);
    }
  });

  it('says everything that is wrong', () => {
    expect(definitionProblems({ ...definition, kind: 'oracle' })).toEqual([`expected a kind of model among ${catalog.map(({ kind }) => kind).join(', ')}, found oracle`]);
    expect(definitionProblems({
      kind: 'logistic-regression', task: 'regression', parameters: { l2: -1, toString: 1, max_iterations: 1.5 },
      prepare: [{ step: 'square', except: [] }], feature: 'a',
    })).toEqual([
      'expected a task that logistic-regression can do (classification), found regression',
      'expected l2 of logistic-regression to be a number in [0, 1000000000000], found -1',
      'expected a parameter of logistic-regression (l2, class_weight, max_iterations), found toString',
      'expected max_iterations of logistic-regression to be an integer in [1, 1000000], found 1.5',
      'expected a preparation step among signed_log1p, standardize, min_max, robust, impute, one_hot, polynomial, pca, found square',
      'expected no single feature for logistic-regression, found a',
    ]);
    expect(definitionProblems({ ...definition, kind: 'one-feature', parameters: { l2: NaN } })).toEqual([
      'expected a parameter of one-feature (it has none), found l2', 'expected the feature that one-feature looks at, found none',
    ]);
    expect(() => createEstimator({ ...definition, parameters: { learning_rate: 2 } })).toThrow(/learning_rate of gradient-boosting to be a number in \[0.000001, 1\], found 2/);
  });
});
