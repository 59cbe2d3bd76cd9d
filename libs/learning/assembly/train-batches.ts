import { exp64x2, log64x2 } from './exponential';
import { gatherRows, passBackward, passForward } from './network-passes';
import {
  at, batchEndField, batchRowsField, batchStartField, field, inputs, layerCountField, ofLayer, outputAt, paddedInputs, paddedOutputs, regressionField, rowCountField, scratchLengthField,
  shardRowsField, weightedField, weightLengthField, weightsAt,
} from './network-plan';
import { barrier, shareStart } from './threads';

const leastMoment: f32 = 1e-36;

export function trainBatches(
  thread: i32, threads: i32, plan: usize, X: usize, targets: usize, rowWeights: usize, order: usize, weights: usize, transposed: usize, momentum: usize, squares: usize,
  gradients: usize, scratch: usize, rates: usize, stepSizes: usize, losses: usize, weightTotals: usize,
): void {
  const batchRows = field(plan, batchRowsField);
  const shardRows = field(plan, shardRowsField);
  const batchStart = field(plan, batchStartField);
  const batchEnd = field(plan, batchEndField);
  const weightLength = field(plan, weightLengthField);
  const own = at(scratch, thread * field(plan, scratchLengthField));
  for (let batch = batchStart; batch < batchEnd; batch++) {
    const start = batch * batchRows;
    const count = min(batchRows, field(plan, rowCountField) - start);
    const shards = (count + shardRows - 1) / shardRows;
    for (let shard = thread; shard < shards; shard += threads) {
      const first = start + shard * shardRows;
      const rows = min(shardRows, start + count - first);
      const paddedRows = (rows + 3) & ~3;
      gatherRows(plan, X, order, first, rows, paddedRows, own);
      passForward(plan, weights, paddedRows, own);
      judgeRows(plan, targets, rowWeights, at(order, first), rows, paddedRows, own, losses + (<usize>shard << 3), weightTotals + (<usize>shard << 3));
      passBackward(plan, transposed, rows, paddedRows, own, at(gradients, shard * weightLength));
    }
    if (!barrier(thread, threads)) return;
    const total = weightOf(plan, rowWeights, at(order, start), count, shardRows);
    const inverse: f32 = total > 0 ? <f32>(1 / total) : 0;
    updateWeights(thread, threads, plan, weights, transposed, momentum, squares, gradients, rates, load<f32>(at(stepSizes, batch - batchStart)), inverse, shards);
    if (!barrier(thread, threads)) return;
  }
}

/** Losses of a shard's rows, and in their margins' place the derivatives; rows beyond the shard's have margins too, so pairs may reach over its end. */
function judgeRows(plan: usize, targets: usize, rowWeights: usize, order: usize, rows: i32, paddedRows: i32, scratch: usize, losses: usize, weightTotals: usize): void {
  const isWeighted = field(plan, weightedField) === 1;
  const isRegression = field(plan, regressionField) === 1;
  const output = at(scratch, ofLayer(plan, field(plan, layerCountField) - 1, outputAt));
  const one = f64x2.splat(1);
  let loss: f64 = 0;
  let total: f64 = 0;
  for (let i = 0; i < rows; i += 2) {
    const m = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(at(output, 4 * i))), 1, <f64>load<f32>(at(output, 4 * i + 4)));
    let p = one;
    let softplus = one;
    if (!isRegression) {
      // The steps of sigmoid and softplus, their exponential shared.
      const e = exp64x2(v128.or(m, f64x2.splat(-0.0)));
      const sum = f64x2.add(one, e);
      p = f64x2.div(v128.bitselect(e, one, f64x2.lt(m, f64x2.splat(0))), sum);
      const large = f64x2.add(log64x2(sum), f64x2.div(f64x2.sub(e, f64x2.sub(sum, one)), sum));
      softplus = f64x2.add(v128.bitselect(m, f64x2.splat(0), f64x2.gt(m, f64x2.splat(0))), v128.bitselect(e, large, f64x2.eq(sum, one)));
    }
    for (let lane = 0; lane < min(2, rows - i); lane++) {
      const row = load<i32>(at(order, i + lane));
      const margin = lane === 0 ? f64x2.extract_lane(m, 0) : f64x2.extract_lane(m, 1);
      const target = <f64>load<f32>(at(targets, row));
      const weight: f32 = isWeighted ? load<f32>(at(rowWeights, row)) : 1;
      const distance = margin - target;
      const slope = <f32>(isRegression ? distance : (lane === 0 ? f64x2.extract_lane(p, 0) : f64x2.extract_lane(p, 1)) - target);
      loss += <f64>weight * (isRegression ? distance * distance : (lane === 0 ? f64x2.extract_lane(softplus, 0) : f64x2.extract_lane(softplus, 1)) - target * margin);
      total += <f64>weight;
      v128.store(at(output, 4 * (i + lane)), f32x4.replace_lane(f32x4.splat(0), 0, slope * weight));
    }
  }
  for (let i = rows; i < paddedRows; i++) v128.store(at(output, 4 * i), f32x4.splat(0));
  store<f64>(losses, load<f64>(losses) + loss);
  store<f64>(weightTotals, load<f64>(weightTotals) + total);
}

/** Weight of a batch, by shards as the shards themselves add it; every thread computes it for itself. */
function weightOf(plan: usize, rowWeights: usize, order: usize, count: i32, shardRows: i32): f64 {
  if (field(plan, weightedField) !== 1) return <f64>count;
  let total: f64 = 0;
  for (let start = 0; start < count; start += shardRows) {
    let part: f64 = 0;
    for (let i = start; i < min(start + shardRows, count); i++) part += <f64>load<f32>(at(rowWeights, load<i32>(at(order, i))));
    total += part;
  }
  return total;
}

function updateWeights(
  thread: i32, threads: i32, plan: usize, weights: usize, transposed: usize, momentum: usize, squares: usize, gradients: usize, rates: usize, stepSize: f32, inverse: f32, shards: i32,
): void {
  const shardBytes = <usize>field(plan, weightLengthField) << 2;
  const beta1 = v128.load32_splat(rates), rest1 = v128.load32_splat(rates, 4), beta2 = v128.load32_splat(rates, 8), rest2 = v128.load32_splat(rates, 12);
  const epsilon = v128.load32_splat(rates, 16), l2 = v128.load32_splat(rates, 20);
  const least = f32x4.splat(leastMoment), steps = f32x4.splat(stepSize), inverses = f32x4.splat(inverse);
  const layerCount = field(plan, layerCountField);
  for (let l = 0; l < layerCount; l++) {
    const width = ofLayer(plan, l, paddedOutputs);
    const inputCount = ofLayer(plan, l, inputs);
    const leadIn = ofLayer(plan, l, paddedInputs);
    const end = shareStart(thread + 1, threads, inputCount + 1, 1);
    for (let i = shareStart(thread, threads, inputCount + 1, 1); i < end; i++) {
      const isPenalised = i < inputCount;
      const row = ofLayer(plan, l, weightsAt) + i * width;
      const turned = at(transposed, ofLayer(plan, l, weightsAt) + i);
      for (let j = 0; j < width; j += 4) {
        const place = <usize>(row + j) << 2;
        const w = v128.load(weights + place);
        let g = v128.load(gradients + place);
        for (let shard = 1; shard < shards; shard++) g = f32x4.add(g, v128.load(gradients + place + <usize>shard * shardBytes));
        if (isPenalised) g = f32x4.add(g, f32x4.mul(l2, w));
        g = f32x4.mul(g, inverses);
        let m = f32x4.add(f32x4.mul(beta1, v128.load(momentum + place)), f32x4.mul(rest1, g));
        m = v128.andnot(m, f32x4.lt(f32x4.abs(m), least));
        let v = f32x4.add(f32x4.mul(beta2, v128.load(squares + place)), f32x4.mul(rest2, f32x4.mul(g, g)));
        v = v128.andnot(v, f32x4.lt(f32x4.abs(v), least));
        v128.store(momentum + place, m);
        v128.store(squares + place, v);
        const moved = f32x4.sub(w, f32x4.div(f32x4.mul(steps, m), f32x4.add(f32x4.sqrt(v), epsilon)));
        v128.store(weights + place, moved);
        if (l > 0) {
          store<f32>(at(turned, j * leadIn), f32x4.extract_lane(moved, 0));
          store<f32>(at(turned, (j + 1) * leadIn), f32x4.extract_lane(moved, 1));
          store<f32>(at(turned, (j + 2) * leadIn), f32x4.extract_lane(moved, 2));
          store<f32>(at(turned, (j + 3) * leadIn), f32x4.extract_lane(moved, 3));
        }
      }
    }
  }
}
