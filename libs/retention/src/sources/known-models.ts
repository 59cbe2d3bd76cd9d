import type { ModelRules } from './model-rules.ts';

/** Kinds of model and steps of preparation that models.yaml may name; model-rules.spec.ts writes this file from what the learning library takes. */
export const MODEL_RULES: ModelRules = {
  kinds: {
    constant: { feature: 'refused', parameters: {} },
    'one-feature': { feature: 'needed', parameters: {} },
    'logistic-regression': { feature: 'refused', parameters: { l2: { min: 0, max: 1000000000000, integer: false }, class_weight: { choices: ['none', 'balanced'] }, max_iterations: { min: 1, max: 1000000, integer: true } } },
    'linear-regression': { feature: 'allowed', parameters: { l2: { min: 0, max: 1000000000000, integer: false } } },
    'linear-svm': { feature: 'refused', parameters: { l2: { min: 1e-12, max: 1000000000000, integer: false }, loss: { choices: ['squared_hinge', 'hinge'] }, class_weight: { choices: ['none', 'balanced'] }, tolerance: { min: 1e-10, max: 1, integer: false }, max_iterations: { min: 1, max: 1000000, integer: true } } },
    perceptron: { feature: 'refused', parameters: { epochs: { min: 1, max: 1000000, integer: true }, average: { choices: ['none', 'steps'] }, class_weight: { choices: ['none', 'balanced'] } } },
    'gradient-boosting': { feature: 'refused', parameters: { trees: { min: 1, max: 10000, integer: true }, learning_rate: { min: 0.000001, max: 1, integer: false }, leaves: { min: 2, max: 4096, integer: true }, max_depth: { min: 0, max: 4096, integer: true }, min_rows_in_leaf: { min: 1, max: 1000000000, integer: true }, min_hessian_in_leaf: { min: 0, max: 1000000000, integer: false }, l1: { min: 0, max: 1000000000000, integer: false }, l2: { min: 0, max: 1000000000000, integer: false }, bins: { min: 2, max: 255, integer: true }, row_share: { min: 0.000001, max: 1, integer: false }, column_share: { min: 0.000001, max: 1, integer: false }, class_weight: { choices: ['none', 'balanced'] }, positive_weight: { min: 0.000001, max: 1000000, integer: false }, patience: { min: 0, max: 10000, integer: true }, held_out_share: { min: 0.000001, max: 0.9, integer: false } } },
    'k-means': { feature: 'refused', parameters: { clusters: { min: 1, max: 1024, integer: true }, starts: { min: 1, max: 1000, integer: true }, seeding: { choices: ['k-means++', 'first-rows'] }, max_iterations: { min: 1, max: 1000000, integer: true }, tolerance: { min: 0, max: 1, integer: false } } },
    agglomerative: { feature: 'refused', parameters: { clusters: { min: 1, max: 1024, integer: true }, most_rows: { min: 1, max: 200000, integer: true } } },
    'rbf-svm': { feature: 'refused', parameters: { c: { min: 1e-9, max: 1000000000, integer: false }, gamma: { min: 0, max: 1000000000, integer: false }, class_weight: { choices: ['none', 'balanced'] }, tolerance: { min: 1e-9, max: 1, integer: false }, max_iterations: { min: 1, max: 1000000000, integer: true }, cache_mb: { min: 0, max: 2000, integer: false } } },
    'fourier-svm': { feature: 'refused', parameters: { c: { min: 1e-9, max: 1000000000, integer: false }, gamma: { min: 0, max: 1000000000, integer: false }, components: { min: 1, max: 16384, integer: true }, class_weight: { choices: ['none', 'balanced'] }, tolerance: { min: 1e-12, max: 1, integer: false }, max_iterations: { min: 1, max: 1000000, integer: true } } },
    'decision-tree': { feature: 'refused', parameters: { max_depth: { min: 0, max: 1000000, integer: true }, min_rows_in_leaf: { min: 1, max: 1000000000, integer: true }, min_rows_to_split: { min: 2, max: 1000000000, integer: true }, criterion: { choices: ['gini', 'entropy'] }, class_weight: { choices: ['none', 'balanced'] }, max_leaves: { min: 0, max: 1000000, integer: true } } },
    'random-forest': { feature: 'refused', parameters: { trees: { min: 1, max: 100000, integer: true }, features_per_split: { min: 0, max: 1000000, integer: false }, bootstrap: { choices: ['yes', 'no'] }, max_depth: { min: 0, max: 1000000, integer: true }, min_rows_in_leaf: { min: 1, max: 1000000000, integer: true }, min_rows_to_split: { min: 2, max: 1000000000, integer: true }, criterion: { choices: ['gini', 'entropy'] }, class_weight: { choices: ['none', 'balanced'] } } },
    'naive-bayes': { feature: 'refused', parameters: { variance_smoothing: { min: 1e-15, max: 1, integer: false }, smoothing: { min: 1e-10, max: 1000000, integer: false } } },
    'multi-layer-perceptron': { feature: 'refused', parameters: { hidden: { min: 1, max: 8192, integer: true, mostItems: 16 }, activation: { choices: ['relu', 'tanh'] }, l2: { min: 0, max: 1000000, integer: false }, batch: { min: 1, max: 65536, integer: true }, epochs: { min: 1, max: 1000000, integer: true }, learning_rate: { min: 1e-9, max: 10, integer: false }, beta_1: { min: 0, max: 0.999999, integer: false }, beta_2: { min: 0, max: 0.999999, integer: false }, epsilon: { min: 1e-12, max: 1, integer: false }, tolerance: { min: 0, max: 1000000, integer: false }, patience: { min: 1, max: 1000000, integer: true }, held_out: { min: 0, max: 0.9, integer: false } } },
  },
  steps: {
    signed_log1p: { keepsNames: true, options: {} },
    standardize: { keepsNames: true, options: {} },
    min_max: { keepsNames: true, options: { low: { min: -1000000000, max: 1000000000, integer: false }, high: { min: -1000000000, max: 1000000000, integer: false } } },
    robust: { keepsNames: true, options: { lower: { min: 0, max: 100, integer: false }, upper: { min: 0, max: 100, integer: false } } },
    impute: { keepsNames: false, options: { strategy: { choices: ['mean', 'median', 'most_frequent', 'constant'] }, value: { min: -3e+38, max: 3e+38, integer: false }, indicator: { flag: true } } },
    one_hot: { keepsNames: false, options: { missing: { choices: ['zeros', 'own_column'] }, order: { choices: ['sorted', 'given'] } } },
    polynomial: { keepsNames: false, options: { degree: { min: 2, max: 3, integer: true }, interaction_only: { flag: true } } },
    pca: { keepsNames: false, options: { components: { min: 0.000001, max: 4096, integer: false }, whiten: { flag: true } } },
  },
};
