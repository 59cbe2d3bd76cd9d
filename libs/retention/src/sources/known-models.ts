import type { ModelRules } from './model-rules.ts';

/** Kinds of model and steps of preparation that models.yaml may name; model-rules.spec.ts writes this file from what the learning library takes. */
export const MODEL_RULES: ModelRules = {
  kinds: {
    constant: { feature: 'refused', parameters: {} },
    'one-feature': { feature: 'needed', parameters: {} },
    'logistic-regression': { feature: 'refused', parameters: { 'l2': { min: 0, max: 1000000000000, integer: false }, max_iterations: { min: 1, max: 1000000, integer: true } } },
    'gradient-boosting': { feature: 'refused', parameters: { trees: { min: 1, max: 10000, integer: true }, learning_rate: { min: 0.000001, max: 1, integer: false }, leaves: { min: 2, max: 4096, integer: true }, min_rows_in_leaf: { min: 1, max: 1000000000, integer: true }, min_hessian_in_leaf: { min: 0, max: 1000000000, integer: false }, 'l2': { min: 0, max: 1000000000000, integer: false }, bins: { min: 2, max: 255, integer: true } } },
    'naive-bayes': { feature: 'refused', parameters: { variance_smoothing: { min: 1e-15, max: 1, integer: false }, smoothing: { min: 1e-10, max: 1000000, integer: false } } },
  },
  steps: {
    'signed_log1p': { 'keepsNames': true, options: {} },
    standardize: { 'keepsNames': true, options: {} },
    min_max: { 'keepsNames': true, options: { low: { min: -1000000000, max: 1000000000, integer: false }, high: { min: -1000000000, max: 1000000000, integer: false } } },
    robust: { 'keepsNames': true, options: { lower: { min: 0, max: 100, integer: false }, upper: { min: 0, max: 100, integer: false } } },
    impute: { 'keepsNames': false, options: { strategy: { choices: ['mean', 'median', 'most_frequent', 'constant'] }, value: { min: -3e+38, max: 3e+38, integer: false }, indicator: { flag: true } } },
    one_hot: { 'keepsNames': false, options: { missing: { choices: ['zeros', 'own_column'] }, order: { choices: ['sorted', 'given'] } } },
    polynomial: { 'keepsNames': false, options: { degree: { min: 2, max: 3, integer: true }, interaction_only: { flag: true } } },
    pca: { 'keepsNames': false, options: { components: { min: 0.000001, max: 4096, integer: false }, whiten: { flag: true } } },
  },
};
