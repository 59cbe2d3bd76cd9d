import type { ChoiceRule, FitSettings } from '../family.ts';
import { choiceOf } from '../family.ts';

/** scikit-learn's `class_weight`. */
export const classWeightRule: ChoiceRule = {
  default: 'none', choices: ['none', 'balanced'], meaning: 'balanced: each class counts as much as the other, its rows by total / (2 x weight of the class)',
};

/** What rows of each class count besides their own weight. */
export interface ClassWeights { readonly positive: number; readonly negative: number }

/** Both 1 unless balanced, or where one class alone was seen. */
export function classWeights(settings: FitSettings, y: Float64Array, weights: Float64Array | undefined): ClassWeights {
  let positive = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = weights === undefined ? 1 : weights[i]!;
    total += weight;
    positive += weight * y[i]!;
  }
  const negative = total - positive;
  if (choiceOf(settings.parameters, 'class_weight') === 'none' || !(positive > 0) || !(negative > 0)) return { positive: 1, negative: 1 };
  return { positive: total / (2 * positive), negative: total / (2 * negative) };
}
