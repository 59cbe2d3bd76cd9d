import { laneAddress, laneCount } from '../clusters/row-lanes.ts';
import { shardCount, shardStart } from '../clusters/shards.ts';
import type { Operation } from '../kernels/compute.ts';
import { exp32 } from '../kernels/exponential.ts';

/** Kernel and decision value of one row, with any stride between its columns: float32 kernel, float64 sum in the vectors' order. */
export function rbfDecisionOf(X: Float32Array, offset: number, stride: number, vectors: Float32Array, columnCount: number, coefficients: Float64Array, minusGamma: number, bias: number): number {
  let decision = bias;
  for (let v = 0; v < coefficients.length; v++) {
    let sum = 0;
    for (let j = 0, at = offset, other = v * columnCount; j < columnCount; j++, at += stride, other++) {
      const difference = Math.fround(X[at]! - vectors[other]!);
      sum = Math.fround(sum + Math.fround(difference * difference));
    }
    decision += coefficients[v]! * exp32(Math.fround(minusGamma * sum));
  }
  return decision;
}

/** Decision values of many rows, given in blocks of eight; `vectors` are row-major. */
export const rbfDecision: Operation<[lanes: Float32Array, columnCount: number, rowCount: number, vectors: Float32Array, vectorCount: number, coefficients: Float64Array, minusGamma: number, bias: number, out: Float64Array]> = {
  name: 'rbfDecision',
  *plain(thread, threadCount, lanes, columnCount, rowCount, vectors, vectorCount, coefficients, minusGamma, bias, out) {
    // Shards of whole blocks.
    const blockCount = Math.ceil(rowCount / laneCount);
    for (let shard = thread; shard < shardCount; shard += threadCount) {
      const end = Math.min(rowCount, shardStart(shard + 1, blockCount) * laneCount);
      for (let row = shardStart(shard, blockCount) * laneCount; row < end; row++) {
        out[row] = rbfDecisionOf(lanes, laneAddress(row, columnCount), laneCount, vectors, columnCount, coefficients, minusGamma, bias);
        yield vectorCount * (columnCount + 8);
      }
    }
  },
};
