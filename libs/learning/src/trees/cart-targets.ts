import type { Task } from '../estimator.ts';
import type { PreparedRows } from '../prepared-rows.ts';
import { orderFreeMean, powerOfTwoAbove, quantizeWeights } from './quantize.ts';

/** What trees are grown on: numbers whose sums over any rows, drawn as often as there are rows, are exact in float64. */
export interface CartTargets {
  /** The target of each row, 0 or 1 or its distance to `center`; with weights then all targets x weight, then all weights. */
  readonly values: Float64Array;
  readonly isWeighted: boolean;
  /** Weighted mean of the targets in regression, 0 in classification. */
  readonly center: number;
  readonly totalWeight: number;
  /** Class weights multiply sums by class, after they were added. */
  readonly classWeights: readonly [number, number];
}

/** `balanced` weighs each class as much as the other, as scikit-learn does: rows / (2 x rows of the class). */
export function cartTargets({ rowCount, y, weights }: PreparedRows, task: Task, isBalanced: boolean, bootstrap: boolean): CartTargets {
  const quantized = weights === undefined ? undefined : quantizeWeights(weights).weights;
  const totalWeight = quantized === undefined ? rowCount : quantized.reduce((sum, weight) => sum + weight, 0);
  const values = new Float64Array(quantized === undefined ? rowCount : 3 * rowCount);
  const center = task === 'regression' ? orderFreeMean(y, quantized) : 0;
  const quantum = task === 'regression' ? quantumOf(y, center, quantized, bootstrap, totalWeight) : 0;
  let ones = 0;
  for (let row = 0; row < rowCount; row++) {
    const target = y[row]! - center;
    values[row] = quantum === 0 ? target : Math.round(target / quantum) * quantum;
    if (quantized === undefined) ones += target;
    else {
      const product = values[row]! * quantized[row]!;
      values[rowCount + row] = quantum === 0 ? product : Math.round(product / quantum) * quantum;
      values[2 * rowCount + row] = quantized[row]!;
      ones += target * quantized[row]!;
    }
  }
  const classWeights = isBalanced && task === 'classification' ? [totalWeight / (2 * (totalWeight - ones)), totalWeight / (2 * ones)] as const : [1, 1] as const;
  return { values, isWeighted: quantized !== undefined, center, totalWeight, classWeights };
}

/** A power of two so small that rounding to its multiples hardly shows, so large that no sum of them needs more than 53 bits. */
function quantumOf(y: Float64Array, center: number, weights: Float64Array | undefined, bootstrap: boolean, totalWeight: number): number {
  let distance = 0;
  let heaviest = 1;
  for (let row = 0; row < y.length; row++) {
    if (weights?.[row] === 0) continue;
    distance = Math.max(distance, Math.abs(y[row]! - center));
    if (weights !== undefined) heaviest = Math.max(heaviest, weights[row]!);
  }
  return (powerOfTwoAbove(distance) * powerOfTwoAbove(bootstrap ? y.length * heaviest : totalWeight)) / 2 ** 51;
}

/** Mean of squared targets by weight, the same for any order of rows; the sums of the leaves then give the loss of the trees. */
export function meanSquare({ values, isWeighted, totalWeight }: CartTargets): number {
  const rowCount = isWeighted ? values.length / 3 : values.length;
  const weightOf = (row: number): number => (isWeighted ? values[2 * rowCount + row]! : 1);
  let largest = 0;
  for (let row = 0; row < rowCount; row++) if (weightOf(row) > 0) largest = Math.max(largest, Math.abs(values[row]!));
  const quantum = (powerOfTwoAbove(largest * largest) * powerOfTwoAbove(totalWeight)) / 2 ** 52;
  let sum = 0;
  for (let row = 0; row < rowCount; row++) sum += weightOf(row) * (Math.round((values[row]! * values[row]!) / quantum) * quantum);
  return sum / totalWeight;
}
