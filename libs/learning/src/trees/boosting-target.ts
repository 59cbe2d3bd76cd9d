import type { FitSettings } from '../family.ts';
import { choiceOf, numberOf } from '../family.ts';
import { priorLogOdds } from '../linear/log-loss.ts';
import { orderFreeMean, powerOfTwoAbove, quantizeWeights, rounderFor } from './quantize.ts';

/** What boosting aims at: targets, what each row's loss weighs, and the constant before the first tree. */
export interface BoostingTarget {
  /** Exact summands; undefined when every row weighs 1. */
  readonly weights: Float64Array | undefined;
  /** True when rows need records with room for weights. */
  readonly wide: boolean;
  /** Factors of the weight in the loss, by class. */
  readonly negativeFactor: number;
  readonly positiveFactor: number;
  /** Rounds a weight times its factor; see `rounderFor`. */
  readonly rounder: number;
  /** Sum of the weights times their factors over the rows that train, and over those held out. */
  readonly trainedWeight: number;
  readonly heldOutWeight: number;
  /** Log-odds of the prior, or the mean. */
  readonly bias: number;
  /** The largest distance of a target from the bias. */
  readonly largestResidual: number;
}

/** Studies the targets of all rows; the first `trained` are learned from, the others held out. */
export function studyTarget(y: Float64Array, rowWeights: Float64Array | undefined, trained: number, { task, parameters }: FitSettings): BoostingTarget {
  const weights = rowWeights === undefined ? undefined : quantizeWeights(rowWeights).weights;
  const trainedWeights = weights?.subarray(0, trained);
  const { negativeFactor, positiveFactor } = classFactors(y.subarray(0, trained), trainedWeights, task === 'classification', choiceOf(parameters, 'class_weight') === 'balanced', numberOf(parameters, 'positive_weight'));
  const equal = negativeFactor === 1 && positiveFactor === 1;
  const quantized = equal && weights === undefined ? undefined : quantizeWeights(y.map((label, i) => (weights?.[i] ?? 1) * (label === 1 ? positiveFactor : negativeFactor)));
  const lossWeights = quantized?.weights.subarray(0, trained);
  const bias = task === 'classification' ? priorLogOdds(y.subarray(0, trained), lossWeights) : orderFreeMean(y.subarray(0, trained), lossWeights);
  let largestResidual = 0;
  for (let i = 0; i < trained; i++) if (weights?.[i] !== 0) largestResidual = Math.max(largestResidual, Math.abs(bias - y[i]!));
  const sum = (from: number, to: number): number => quantized?.weights.subarray(from, to).reduce((total, weight) => total + weight, 0) ?? to - from;
  return {
    weights, wide: quantized !== undefined || numberOf(parameters, 'row_share') < 1, negativeFactor, positiveFactor,
    rounder: quantized?.rounder ?? rounderFor(1), trainedWeight: sum(0, trained), heldOutWeight: sum(trained, y.length), bias, largestResidual,
  };
}

/** The factor of each class; balanced ones give both half of the total weight, as scikit-learn's do. */
function classFactors(y: Float64Array, weights: Float64Array | undefined, isClassification: boolean, balanced: boolean, positiveWeight: number): { negativeFactor: number; positiveFactor: number } {
  if (!isClassification) return { negativeFactor: 1, positiveFactor: 1 };
  if (!balanced) return { negativeFactor: 1, positiveFactor: positiveWeight };
  let positive = 0;
  let total = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = weights?.[i] ?? 1;
    positive += weight * y[i]!;
    total += weight;
  }
  if (positive === 0 || positive === total) return { negativeFactor: 1, positiveFactor: positiveWeight };
  return { negativeFactor: total / (2 * (total - positive)), positiveFactor: (total / (2 * positive)) * positiveWeight };
}

/** The scale that residuals of a squared error are rounded by, given the largest of them before one more tree. */
export function scaleOf(squaredError: boolean, largestResidual: number): number {
  return squaredError ? powerOfTwoAbove(largestResidual) : 1;
}
