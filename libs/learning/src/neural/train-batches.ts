import type { Operation } from '../kernels/compute.ts';
import { sigmoid, softplus } from '../kernels/exponential.ts';
import { gatherRows, passBackward, passForward } from './network-passes.ts';
import { layerOf, planField } from './network-plan.ts';

const { fround, sqrt } = Math;

/** Smaller moments become 0: they move no weight, and numbers below the normal range are slow. */
const leastMoment = fround(1e-36);

type TrainArguments = readonly [
  plan: Int32Array, X: Float32Array, targets: Float32Array, rowWeights: Float32Array, order: Int32Array,
  weights: Float32Array, transposed: Float32Array, momentum: Float32Array, squares: Float32Array,
  gradients: Float32Array, scratch: Float32Array, rates: Float32Array, stepSizes: Float32Array, losses: Float64Array, weightTotals: Float64Array,
];

/**
 * Batches of Adam (Kingma & Ba 2015), one after the other. Each batch is cut into shards of `shardRows` rows; a shard's gradient is
 * summed in float32 in the order of rows, shards' gradients are added in their order. `rates`: beta1, 1 - beta1, beta2, 1 - beta2, epsilon,
 * l2; `stepSizes`: the learning rate with Adam's bias correction, by batch of this run; `scratch`: `scratchLength` for each thread. `losses` and `weightTotals` gather each shard's
 * summed losses and weights over batches.
 */
export const trainBatches: Operation<TrainArguments> = {
  name: 'trainBatches',
  * plain(_thread, _threadCount, ...args) {
    const [plan] = args;
    const [batchRows, shardRows, rowCount] = [plan[planField.batchRows]!, plan[planField.shardRows]!, plan[planField.rowCount]!];
    const [batchStart, batchEnd] = [plan[planField.batchStart]!, plan[planField.batchEnd]!];
    const cells = 3 * plan[planField.weightLength]!;
    for (let batch = batchStart; batch < batchEnd; batch++) {
      const start = batch * batchRows;
      const end = Math.min(start + batchRows, rowCount);
      let shards = 0;
      let total = 0;
      for (let first = start; first < end; first += shardRows) {
        const rows = Math.min(shardRows, end - first);
        total += passShard(args, shards++, first, rows);
        yield 0.25 * rows * cells;
      }
      updateWeights(args, batch - batchStart, shards, total);
      yield 5 * cells;
    }
  },
};

/** Leaves the shard's gradient and returns its rows' weight. */
function passShard(args: TrainArguments, shard: number, first: number, rows: number): number {
  const [plan, X, targets, rowWeights, order, weights, transposed, , , gradients, scratch, , , losses, weightTotals] = args;
  const paddedRows = 4 * Math.ceil(rows / 4);
  gatherRows(plan, X, order, first, rows, paddedRows, scratch, 0);
  passForward(plan, weights, paddedRows, scratch, 0);
  const isWeighted = plan[planField.weighted] === 1;
  const isRegression = plan[planField.regression] === 1;
  const { output } = layerOf(plan, plan[planField.layerCount]! - 1);
  let loss = 0;
  let total = 0;
  for (let i = 0; i < paddedRows; i++) {
    const at = output + 4 * i;
    const margin = scratch[at]!;
    let slope = 0;
    if (i < rows) {
      const row = order[first + i]!;
      const target = targets[row]!;
      const weight = isWeighted ? rowWeights[row]! : 1;
      slope = fround(isRegression ? margin - target : sigmoid(margin) - target);
      slope = fround(slope * weight);
      loss += weight * (isRegression ? (margin - target) * (margin - target) : softplus(margin) - target * margin);
      total += weight;
    }
    scratch[at] = slope;
    scratch[at + 1] = 0;
    scratch[at + 2] = 0;
    scratch[at + 3] = 0;
  }
  losses[shard]! += loss;
  weightTotals[shard]! += total;
  passBackward(plan, transposed, rows, paddedRows, scratch, 0, gradients, shard * plan[planField.weightLength]!);
  return total;
}

/** One step of Adam from the shards' gradients; the penalty leaves biases alone. */
function updateWeights(args: TrainArguments, step: number, shards: number, total: number): void {
  const [plan, , , , , weights, transposed, momentum, squares, gradients, , rates, stepSizes] = args;
  const [beta1, rest1, beta2, rest2, epsilon, l2] = rates as unknown as [number, number, number, number, number, number];
  const stepSize = stepSizes[step]!;
  const inverse = fround(total > 0 ? 1 / total : 0);
  const weightLength = plan[planField.weightLength]!;
  for (let l = 0; l < plan[planField.layerCount]!; l++) {
    const layer = layerOf(plan, l);
    for (let i = 0; i <= layer.inputs; i++) {
      for (let j = 0; j < layer.paddedOutputs; j++) {
        const at = layer.weights + i * layer.paddedOutputs + j;
        const weight = weights[at]!;
        let g = gradients[at]!;
        for (let shard = 1; shard < shards; shard++) g = fround(g + gradients[shard * weightLength + at]!);
        if (i < layer.inputs) g = fround(g + fround(l2 * weight));
        g = fround(g * inverse);
        const m = flushed(fround(fround(beta1 * momentum[at]!) + fround(rest1 * g)));
        const v = flushed(fround(fround(beta2 * squares[at]!) + fround(rest2 * fround(g * g))));
        momentum[at] = m;
        squares[at] = v;
        const moved = fround(weight - fround(fround(stepSize * m) / fround(fround(sqrt(v)) + epsilon)));
        weights[at] = moved;
        if (l > 0) transposed[layer.weights + j * layer.paddedInputs + i] = moved;
      }
    }
  }
}

function flushed(moment: number): number {
  return Math.abs(moment) < leastMoment ? 0 : moment;
}
